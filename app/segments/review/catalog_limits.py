"""Problems of a catalog under the limits of a worker.

Windows longer than users are remembered; silences that never come, since the visit is over or the user forgotten by
then; a profile that could grow too large. What does not depend on the rules is checked by `catalog_checks`.
"""

from collections.abc import Iterator

from app.segments.definitions.definition import Catalog, Definition, Segment
from app.segments.definitions.definition_file import DefinitionFile
from app.segments.definitions.dependencies import expressions
from app.segments.definitions.deployed_model import read_any_definition
from app.segments.definitions.problem import CatalogError, Problem
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.errors import LanguageError
from app.segments.language.walk import walk
from app.segments.review.footprint import PROFILE_BYTES_MAX, Footprint, footprints, profile_size

_LARGEST_TOLD = 3
_FLIPPED: dict[str, str] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def check_catalog(catalog: Catalog, rules: TimeRules) -> None:
    """Raises CatalogError with all that is wrong."""
    definitions: list[Definition] = [*catalog.definitions]
    problems = [
        problem
        for definition in definitions
        if not (isinstance(definition, Segment) and definition.status == "retired")
        for problem in _of_definition(definition, rules)
    ]
    problems += _too_large(catalog, rules)
    if problems:
        raise CatalogError(problems)


def _of_definition(definition: Definition, rules: TimeRules) -> Iterator[Problem]:
    within_ms = None if isinstance(definition, Segment) else definition.within_ms
    too_long = within_ms is not None and within_ms > rules.retention_ms
    if not too_long and not any(_errors(node, rules) for node in expressions(definition)):
        return
    file = read_any_definition(definition.path, definition.text)  # once more, for the places
    if too_long:
        assert file.fields is not None
        assert within_ms is not None
        node = file.fields.get("within") or file.fields.node
        error = _too_long("within", within_ms, rules, s.NOWHERE)
        start, end = node.start_mark.index, node.end_mark.index
        yield file.source.problem(start, end, error.message, error.hint, error.detail)
    for expression in file.expressions:
        yield from map(expression.placed.problem, _errors(expression.placed.node, rules))
    for pattern in file.patterns:
        yield from map(pattern.problem, _errors(pattern.node, rules))


def _errors(expression: s.Node, rules: TimeRules) -> list[LanguageError]:
    return [error for node in walk(expression) for error in _of_node(node, rules)]


def _of_node(node: s.Node, rules: TimeRules) -> Iterator[LanguageError]:
    match node:
        case s.Aggregate(within_ms=int(within_ms)) | s.SegmentMark(within_ms=int(within_ms)) if (
            within_ms > rules.retention_ms
        ):
            yield _too_long("within", within_ms, rules, node.span)
        case s.Sequence(within_ms=within_ms, absent_ms=absent_ms):
            if within_ms is not None and within_ms > rules.retention_ms:
                yield _too_long("within", within_ms, rules, node.span)
            if absent_ms is not None and absent_ms > rules.retention_ms:
                yield _too_long("for", absent_ms, rules, node.span)
        case s.Comparison():
            yield from _silence(node, rules)
        case _:
            pass


def _too_long(word: str, duration_ms: int, rules: TimeRules, span: s.Span) -> LanguageError:
    duration, retention = format_duration(duration_ms), format_duration(rules.retention_ms)
    return LanguageError(
        f"{word} {duration} is longer than users are remembered",
        span,
        f"write at most {word} {retention}, or set SHOAL_RETENTION to {duration}",
        f"a user without an event for {retention} is forgotten, with all that was counted",
    )


def _silence(node: s.Comparison, rules: TimeRules) -> Iterator[LanguageError]:
    """A silence that is asked for, but never comes."""
    sign: str = node.operator
    idle, bound = node.left, node.right
    if isinstance(idle, s.Duration):
        sign, idle, bound = _FLIPPED.get(sign, sign), bound, idle
    if not isinstance(bound, s.Duration) or sign not in (">", ">=", "="):
        return
    least_ms = bound.ms + (sign == ">")
    wanted = format_duration(bound.ms)
    if isinstance(idle, s.SessionField) and idle.name == "idle" and least_ms >= rules.session_gap_ms:
        gap = format_duration(rules.session_gap_ms)
        yield LanguageError(
            f"session.idle never reaches {wanted}",
            node.span,
            f"for a user who has been silent so long, write user.idle {sign} {wanted}",
            f"a visit is over {gap} after its last event (SHOAL_SESSION_GAP), and then session.idle is missing",
        )
    if isinstance(idle, s.UserField) and idle.name == "idle" and least_ms >= rules.retention_ms:
        retention = format_duration(rules.retention_ms)
        yield LanguageError(
            f"user.idle never reaches {wanted}",
            node.span,
            f"write less than {retention}, or set SHOAL_RETENTION to more than {wanted}",
            f"a user without an event for {retention} is forgotten, and leaves every segment",
        )


# ---- the size of a profile


def _too_large(catalog: Catalog, rules: TimeRules) -> Iterator[Problem]:
    found = footprints(catalog, rules)
    most = profile_size(catalog, found).most
    if most <= PROFILE_BYTES_MAX:
        return
    definitions: list[Definition] = [*catalog.definitions]
    live = [each for each in definitions if not (isinstance(each, Segment) and each.status == "draft")]
    largest = max(live, key=lambda definition: found[definition.name].size.most)
    file = read_any_definition(largest.path, largest.text)
    yield file.source.problem(
        *_name_of(file),
        f"a user's profile could grow to {most // 1024} KB; {PROFILE_BYTES_MAX // 1024} KB is the most",
        "a count(...) against a fixed number keeps no more events than it needs; without a window, or without per,"
        " less is kept",
        f"most of it: {_largest_things(live, found)}",
    )


def _name_of(file: DefinitionFile) -> tuple[int, int]:
    """The place of the name of a definition; of a model the beginning."""
    if file.fields is None or file.kind is None:
        return 0, 0
    node = file.fields.get(file.kind) or file.fields.node
    return node.start_mark.index, node.end_mark.index


def _largest_things(definitions: list[Definition], found: dict[str, Footprint]) -> str:
    """Describes what takes the most bytes."""
    things = {kept.id: kept for definition in definitions for kept in found[definition.name].kept}
    largest = sorted(things.values(), key=lambda kept: -kept.size.most)[:_LARGEST_TOLD]
    return "; ".join(f"{kept.words} ({kept.size.most // 1024} KB)" for kept in largest)
