"""Rules that clean values of events before definitions read them. `cleaning.yaml` says them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from app.segments.definitions.cleaning_format import (
    CLEANED_EVENT,
    CLEANED_PROPERTY,
    CLEANING_DEFAULT,
    CLEANING_DO,
    CLEANING_MAP,
    CLEANING_MAP_MAX,
    CLEANING_RULE,
    CLEANING_RULES,
    CLEANING_STEPS,
)
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_values import scalar_value
from app.segments.language.suggestions import did_you_mean, listed

Scalar = str | int | float | bool
NUMBER_MAX: Final = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningRule:
    """A rule for one property of some `track` events: the steps in their order, then `map`, then `default`.

    path: of the property, below `properties`. map: text -> what stands in its place. default: what stands for a value
    that is missing, null or an empty text; None: it stays as it is.
    """

    events: tuple[str, ...]
    path: tuple[str, ...]
    steps: tuple[str, ...] = ()
    map: Mapping[str, Scalar] = field(default_factory=dict)
    default: Scalar | None = None

    @property
    def property(self) -> str:
        """The property as it is written."""
        return ".".join(self.path)


def read_cleaning(fields: Fields) -> tuple[CleaningRule, ...]:
    """The rules of a file, in their order. Problems are added to the file's."""
    found = (_read_rule(CLEANING_RULE.fields(fields.source, node)) for node in CLEANING_RULES.read(fields))
    return tuple(rule for rule in found if rule is not None)


def _read_rule(fields: Fields) -> CleaningRule | None:
    problems = len(fields.source.problems)
    events = CLEANED_EVENT.read(fields)
    if CLEANED_EVENT.name in fields and not (events and all(events)):
        fields.wrong(CLEANED_EVENT.name, "event is empty", "write the name of a track event")
    path = tuple(CLEANED_PROPERTY.read(fields).split("."))
    if CLEANED_PROPERTY.name in fields and not all(path):
        fields.wrong(CLEANED_PROPERTY.name, "property has an empty part", "write category, or products.category")
    rule = CleaningRule(
        events=events,
        path=path,
        steps=_steps(fields),
        map=_map(fields),
        default=_scalar(fields, CLEANING_DEFAULT.name, CLEANING_DEFAULT.read(fields)),
    )
    if len(fields.source.problems) > problems:
        return None
    if not rule.steps and not rule.map and rule.default is None:
        fields.source.wrong(fields.node, "the rule does nothing", "give it do: [trim, lower], map or default")
        return None
    _check_map(fields, rule)
    return rule


def _steps(fields: Fields) -> tuple[str, ...]:
    steps = []
    for node in CLEANING_DO.read(fields):
        if node.value not in CLEANING_STEPS:
            message = f"unknown step {node.value}: there are {listed(CLEANING_STEPS)}"
            fields.source.wrong(node, message, did_you_mean(node.value, CLEANING_STEPS))
        steps.append(node.value)
    return tuple(steps)


def _map(fields: Fields) -> dict[str, Scalar]:
    node = CLEANING_MAP.read(fields)
    if node is None:
        return {}
    if not 0 < len(node.value) <= CLEANING_MAP_MAX:
        fields.wrong(CLEANING_MAP.name, f"map has {len(node.value):,} values", f"write one to {CLEANING_MAP_MAX:,}")
    found: dict[str, Scalar] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            fields.source.wrong(key, "a value to be replaced is a text", "write map: {tees: t-shirt}")
        elif key.value in found:
            fields.source.wrong(key, f"{key.value} appears twice", "leave one of them out")
        elif fields.source.visit(value) and (made := _scalar(fields, f"what replaces {key.value}", value)) is not None:
            found[key.value] = made
    return found


def _scalar(fields: Fields, what: str, node: yaml.Node | None) -> Scalar | None:
    """A text, a number, true or false. None if there is none, or after a problem."""
    if node is None:
        return None
    value = scalar_value(node) if isinstance(node, yaml.ScalarNode) else None
    is_large = isinstance(value, int | float) and not abs(value) <= NUMBER_MAX
    if value is None or is_large:
        fields.source.wrong(
            node, f"{what} must be one value", "write a text, a number of at most 15 digits, true or false"
        )
        return None
    found: Scalar = value
    return found


def _check_map(fields: Fields, rule: CleaningRule) -> None:
    """A text to be replaced that no value can be, after the steps, is a mistake."""
    for text in rule.map:
        if (cleaned := with_steps(text, rule.steps)) != text:
            fields.wrong(
                CLEANING_MAP.name,
                f"no value is {text!r:.80} after {listed(rule.steps)}",
                f"write {cleaned!r:.80}: map comes after do",
            )
            return


def with_steps(text: str, steps: tuple[str, ...]) -> str:
    """A text after the steps of a rule.

    >>> with_steps("  T-Shirt ", ("trim", "lower"))
    't-shirt'
    """
    for step in steps:
        text = text.strip() if step == "trim" else text.lower()
    return text


def cleaning_meaning(rules: tuple[CleaningRule, ...]) -> list[Any]:
    """All that makes rules what they are, in their order."""
    return [
        [list(rule.events), list(rule.path), list(rule.steps), sorted(rule.map.items()), rule.default] for rule in rules
    ]


def cleaning_text(rules: tuple[CleaningRule, ...]) -> str:
    """Rules for people, in one line."""
    return ", ".join(f"{rule.property} of {listed(rule.events)}" for rule in rules)
