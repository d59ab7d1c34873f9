"""Learns a tracking plan from messages: the properties of each event, their types, and which are always there.

What it claims is what it saw often: a property is required if it was in every one of at least 20 events; texts with at
most ten different values, each seen 20 times on average, are a list of values; a number that was never below 0 has
that as its minimum. It looks at properties, not into objects and lists below them.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from app.offline.heard_message import EventKey, heard_message, values_of
from app.offline.tracking.plan import TYPES, Schema, TrackingPlan

EVENTS_MAX: Final = 2_000
"""Different events, and different properties of one event."""
SURE_AT: Final = 20
VALUES_MAX: Final = 10
VALUE_LENGTH_MAX: Final = 60
_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def type_of(value: object) -> str:
    """The name that JSON Schema has for the type of a decoded JSON value."""
    return "null" if value is None else _TYPES[value.__class__]


@dataclass(slots=True)
class _Property:
    """Values of one property. `texts` None: they are too many, or too long, for a list."""

    seen: int = 0
    types: set[str] = field(default_factory=set)
    least: float | None = None
    texts: set[str] | None = field(default_factory=set)

    def hear(self, value: Any) -> None:
        self.seen += 1
        self.types.add(type_of(value))
        if isinstance(value, str):
            if self.texts is not None:
                self.texts.add(value)
                if len(self.texts) > VALUES_MAX or len(value) > VALUE_LENGTH_MAX:
                    self.texts = None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self.least = value if self.least is None else min(self.least, value)

    def schema(self) -> Schema:
        types = sorted(self.types - {"integer"} if "number" in self.types else self.types)
        found: Schema = {"type": types[0] if len(types) == 1 else types}
        if self.least is not None and self.least >= 0 and self.seen >= SURE_AT:
            found["minimum"] = 0
        if types == ["string"] and self.texts and self.seen >= SURE_AT * len(self.texts):
            found["enum"] = sorted(self.texts)
        return found


class PlanLearner:
    """Hears messages; then `plan` is that of what it heard."""

    def __init__(self) -> None:
        self._events: dict[EventKey, int] = {}
        self._properties: dict[EventKey, dict[str, _Property]] = {}
        self.left_out = 0
        """Events and properties that are not in the plan, since there are too many."""

    def hear(self, message: bytes) -> None:
        """One more message; what is none, or has no name, says nothing."""
        read = heard_message(message)
        if read is None or (read.key.name is None and read.type not in TYPES):
            return
        key = read.key
        if key not in self._events and len(self._events) >= EVENTS_MAX:
            self.left_out += 1
            return
        self._events[key] = self._events.get(key, 0) + 1
        properties = self._properties.setdefault(key, {})
        for name, value in values_of(read.own).items():
            known = properties.get(name)
            if known is None:
                if len(properties) >= EVENTS_MAX:
                    self.left_out += 1
                    continue
                known = properties[name] = _Property()
            known.hear(value)

    def plan(self) -> TrackingPlan:
        """The plan of a shop that goes on like this."""
        return TrackingPlan({key: self._schema(key, events) for key, events in self._events.items()})

    def _schema(self, key: EventKey, events: int) -> Schema:
        properties = self._properties[key]
        found: Schema = {
            "type": "object",
            "properties": {name: properties[name].schema() for name in sorted(properties)},
        }
        always = [name for name in sorted(properties) if properties[name].seen == events]
        if always and events >= SURE_AT:
            found["required"] = always
        return found
