"""Events held against a tracking plan, one at a time."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.offline.heard_message import EventKey
from app.offline.tracking.learning import type_of
from app.offline.tracking.plan import TRACK, TYPES, Schema, TrackingPlan, shown

BLANKS: Final = frozenset({"", "undefined", "null", "nan", "none", "[object object]"})
BLANK_CHARACTERS_MAX: Final = 40
UNPLANNED: Final = "not in the plan"
_BROKEN: Final = {
    "enum": "not among the values",
    "const": "not the value",
    "minimum": "too small",
    "exclusiveMinimum": "too small",
    "maximum": "too large",
    "exclusiveMaximum": "too large",
    "minLength": "too short",
    "maxLength": "too long",
    "pattern": "of another form",
    "additionalProperties": "with a property that is not in the plan",
}
_FOR_PEOPLE: Final = frozenset({"title", "description", "$schema", "examples"})
_CLASSES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is wrong with an event. `property`: its path; `breaks`: it is against the schema of the plan."""

    event: str
    property: str
    problem: str
    value: Any = None
    breaks: bool = True


class PlanCheck:
    """Holds events against a plan. It needs jsonschema."""

    def __init__(self, plan: TrackingPlan) -> None:
        from jsonschema import Draft202012Validator

        self._validators: dict[EventKey, Any] = {
            key: Draft202012Validator(schema) for key, schema in plan.schemas.items()
        }
        self._required = {key: tuple(schema.get("required", ())) for key, schema in plan.schemas.items()}
        self._quick = {key: quick for key, schema in plan.schemas.items() if (quick := _quick_check(schema))}

    def deviations(self, key: EventKey, values: Mapping[str, Any]) -> list[Deviation]:
        """All that is wrong with an event that has these properties (an `identify`: traits), in no order."""
        if key.kind == TRACK and key.name is None:
            return [Deviation(TRACK, "event", "has no name", breaks=False)]
        if key.kind != TRACK and key.kind not in TYPES:
            return []
        quick = self._quick.get(key)
        if quick is not None and quick(values):
            return []
        event = shown(key)
        validator = self._validators.get(key)
        found = []
        if validator is None:
            found.append(Deviation(event, "", UNPLANNED, breaks=False))
        else:
            found += [Deviation(event, name, "missing") for name in self._required[key] if name not in values]
            found += self._broken(event, validator, values)
        found += [
            Deviation(event, name, "blank", value, breaks=False) for name, value in values.items() if _is_blank(value)
        ]
        return found

    def _broken(self, event: str, validator: Any, values: Mapping[str, Any]) -> list[Deviation]:
        try:
            errors = list(validator.iter_errors(values))
        except (re.error, RecursionError) as error:  # a pattern of the plan, or values that are too deep
            return [Deviation(event, "", f"cannot be checked: {type(error).__name__}", breaks=False)]
        found = []
        for breach in errors:
            if breach.validator == "required" and not breach.absolute_path:
                continue
            where = ".".join("[]" if isinstance(step, int) else step for step in breach.absolute_path)
            found.append(Deviation(event, where, _problem(breach), breach.instance))
        return found


def _is_blank(value: Any) -> bool:
    return (value.__class__ is str and len(value) <= BLANK_CHARACTERS_MAX and value.strip().casefold() in BLANKS) or (
        value.__class__ is str and value.isspace()
    )


def _problem(error: Any) -> str:
    """The breach of a schema (jsonschema.ValidationError) in a few words."""
    if error.validator == "type":
        wanted = error.validator_value
        names = wanted if isinstance(wanted, str) else " or ".join(map(str, wanted))
        return f"{type_of(error.instance)} in place of {names}"
    return _BROKEN.get(str(error.validator), f"against {error.validator}")


def _quick_check(schema: Schema) -> Callable[[Mapping[str, Any]], bool] | None:
    """A check that is true only of values with which nothing is wrong; None for a schema that asks more than
    `shoal tracking learn` writes.

    It spares the validator, which takes many times as long, for nearly all events.
    """
    if set(schema) - _FOR_PEOPLE - {"type", "properties", "required"} or schema.get("type") != "object":
        return None
    parts: dict[str, tuple[tuple[type, ...] | None, frozenset[str] | None, float | None]] = {}
    for name, part in schema.get("properties", {}).items():
        if not isinstance(part, dict) or set(part) - _FOR_PEOPLE - {"type", "enum", "minimum"}:
            return None
        classes = _CLASSES.get(part["type"]) if isinstance(part.get("type"), str) else None
        values = part.get("enum")
        if ("type" in part and classes is None) or (values is not None and not all(type(v) is str for v in values)):
            return None
        parts[name] = (classes, None if values is None else frozenset(values), part.get("minimum"))
    required = tuple(schema.get("required", ()))

    def is_right(values: Mapping[str, Any]) -> bool:
        for name in required:
            if name not in values:
                return False
        for name, value in values.items():
            if _is_blank(value):
                return False
            part = parts.get(name)
            if part is None:
                continue
            classes, among, minimum = part
            if classes is not None and value.__class__ not in classes:
                return False
            if among is not None and (value.__class__ is not str or value not in among):
                return False
            if minimum is not None and (value.__class__ not in (int, float) or not value >= minimum):
                return False
        return True

    return is_right
