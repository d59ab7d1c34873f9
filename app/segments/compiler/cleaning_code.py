"""Code that cleans the properties of an event at the beginning of its handler, as `cleaning.yaml` says."""

from collections.abc import Iterable

from app.segments.compiler.event_code import HandlerWriter
from app.segments.definitions.cleaning_rules import CleaningRule
from app.segments.evaluation.cleaning import Cleaner
from tables.counted import Counted


def cleaning_lines(writer: HandlerWriter, rules: Iterable[CleaningRule], cleaned: Counted) -> list[str]:
    """The lines that stand before those that load properties; none if no rule is about one that is read.

    Asked when all that the handler reads is known.
    """
    kind, name = writer.key
    if kind != "track" or name is None:
        return []
    cleaner = Cleaner(name, writer.fields, (rule for rule in rules if name in rule.events), cleaned)
    return [f"q = {writer.code.bind('f', cleaner.clean)}(q)"] if cleaner.is_needed else []
