"""Cleaning of the properties of an event, as `cleaning.yaml` says, before a handler reads them."""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any

from app.segments.definitions.cleaning_rules import CleaningRule, Scalar, with_steps
from tables.counted import Counted

Path = tuple[str, ...]


class Cleaner:
    """Cleans what the handler of one event has decoded. `cleaned` counts the values that each rule has changed.

    Only a property that the handler asks for is there to be cleaned: nobody could see a difference in another one.
    """

    __slots__ = ("_cleaned", "_rules")

    def __init__(self, event: str, fields: list[str], rules: Iterable[CleaningRule], cleaned: Counted) -> None:
        """`fields`: the properties asked for, in the order of their attributes."""
        self._cleaned = cleaned
        self._rules = [
            (f"f{fields.index(rule.path[0])}", rule, rule_name(event, rule)) for rule in rules if rule.path[0] in fields
        ]

    @property
    def is_needed(self) -> bool:
        """True if a rule can change something that the handler reads."""
        return bool(self._rules)

    def clean(self, properties: Any) -> Any:
        """The properties, cleaned. Those that stand for none are shared by all events, so a copy is changed."""
        made = properties
        for attribute, rule, name in self._rules:
            before = getattr(made, attribute)
            after, changes = cleaned_at(before, rule.path[1:], rule)
            if changes:
                if made is properties:
                    made = copy(properties)
                setattr(made, attribute, after)
                self._cleaned[name] += changes
        return made


def rule_name(event: str, rule: CleaningRule) -> str:
    """The name of a rule in counts."""
    return f"{event}: {rule.property}"


def cleaned_at(value: Any, path: Path, rule: CleaningRule) -> tuple[Any, int]:
    """The value with what stands at a path in it cleaned, and how many values changed. Of a list, each item."""
    if value.__class__ is list:
        items = [cleaned_at(item, path, rule) for item in value]
        changes = sum(count for _, count in items)
        return ([item for item, _ in items], changes) if changes else (value, 0)
    if path:
        if value.__class__ is not dict:
            return value, 0
        after, changes = cleaned_at(value.get(path[0]), path[1:], rule)
        return (value | {path[0]: after}, changes) if changes else (value, 0)
    made = cleaned_value(value, rule.steps, rule.map, rule.default)
    is_same = made is value or (made.__class__ is value.__class__ and made == value)
    return (value, 0) if is_same else (made, 1)


def cleaned_value(value: Any, steps: tuple[str, ...], places: Mapping[str, Scalar], default: Scalar | None) -> Any:
    """One value: a text after the steps and the map; the default for one that is missing, null or an empty text."""
    if value.__class__ is str:
        value = with_steps(value, steps)
        value = places.get(value, value)
    if default is not None and (value is None or (value.__class__ is str and not value)):
        return default
    return value
