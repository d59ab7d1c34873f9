"""Names of events, properties, traits and context values that definitions ask for, and that files never have.

Every message is decoded as far as its type and name. Further only while something is sought that has not been met: its
properties until each sought one of that event was there, its traits and context likewise. What was met is not sought
again, so a file that has everything costs little.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from msgspec import UnsetType

from app.offline.heard_message import EventKey, heard_message, values_of
from app.segments.definitions.definition import Catalog, Definition
from app.segments.definitions.dependencies import expressions
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.suggestions import closest
from app.segments.language.walk import walk
from tables.values import at_path

EVENTS_MAX: Final = 10_000
"""Names of events, and names of properties of one event, that are counted."""


class Missing(NamedTuple):
    """Something that never occurs: in words, with the nearest that does; and the definitions that ask for it."""

    text: str
    definitions: tuple[str, ...]


@dataclass(slots=True)
class _Sought:
    """Paths below one root that have not been met, and how often each name below that root was there meanwhile."""

    paths: dict[s.Path, set[str]] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def hear(self, value: Any) -> None:
        """One more object at the root."""
        self.messages += 1
        for path in [path for path in self.paths if at_path(value, path) is not None]:
            del self.paths[path]
        depth = max(map(len, self.paths), default=0)
        for name in set(_dotted(value, depth)):
            if name in self.names or len(self.names) < EVENTS_MAX:
                self.names[name] += 1


class NameCensus:
    """Hears messages, and says what of the names that a catalog asks for was not among them."""

    def __init__(self, catalog: Catalog) -> None:
        self._events: Counter[EventKey] = Counter()
        self._asked: dict[EventKey, set[str]] = {}
        self._patterns: dict[tuple[tuple[EventKey, ...], s.Path], set[str]] = {}
        self._properties: dict[EventKey, _Sought] = {}
        self._traits, self._context = _Sought(), _Sought()
        self._cart_events = (*catalog.settings.cart.add, *catalog.settings.cart.replace)
        definitions: list[Definition] = [each for each in catalog.segments if each.status != "retired"]
        definitions += (*catalog.models, *catalog.scores)
        for definition in definitions:
            for expression in expressions(definition):
                self._seek(expression, definition.name)

    def hear(self, message: bytes) -> None:
        """One more message of a file; what is none says nothing."""
        read = heard_message(message)
        if read is None:
            return
        key = read.key
        if key in self._events or len(self._events) < EVENTS_MAX:
            self._events[key] += 1
        sought = self._properties.get(key)
        if sought is not None and sought.paths:
            values = values_of(read.own)
            if "name" not in values and read.type in ("page", "screen"):
                values["name"] = read.name
            sought.hear(values)
        if self._traits.paths and read.type == "identify":
            self._traits.hear(values_of(read.traits))
        if not isinstance(read.context, UnsetType) and (
            self._context.paths or (self._traits.paths and b'"traits"' in message)
        ):
            self._hear_context(values_of(read.context))

    def missing(self) -> list[Missing]:
        """The names that never occurred, events first, in order."""
        found = [*self._missing_events(), *self._missing_properties()]
        found += _missing_below("traits", "no message has the trait", self._traits)
        found += _missing_below("context", "no message has", self._context)
        return found

    # ---- names in definitions

    def _seek(self, expression: s.Node, definition: str) -> None:
        for node in walk(expression):
            match node:
                case s.Aggregate():
                    paths = [path for path in (*_paths_of(node.of), node.per) if path is not None]
                    self._seek_properties(node.pattern, paths, definition)
                case s.Pattern():
                    self._seek_pattern(node, definition)
                case s.CartField() | s.CartLineField():
                    for name in self._cart_events:
                        self._asked.setdefault(EventKey("track", name), set()).add(definition)
                case s.Trait(path=path):
                    self._traits.paths.setdefault(path, set()).add(definition)
                case s.ContextValue(path=path) | s.EventContext(path=path):
                    self._context.paths.setdefault(path, set()).add(definition)
                case _:
                    pass

    def _seek_pattern(self, pattern: s.Pattern, definition: str) -> None:
        paths = [node.path for node in walk(pattern.where) if isinstance(node, s.Property)] if pattern.where else []
        if pattern.once_per is not None:
            paths.append(pattern.once_per)
        self._seek_properties(pattern, paths, definition)
        if isinstance(pattern.source, s.Sequence):
            if pattern.source.matching is not None:
                for step in pattern.source.steps:
                    self._seek_properties(step, [pattern.source.matching], definition)
            return
        for name in pattern.source:
            self._asked.setdefault(EventKey(name.kind, name.name), set()).add(definition)

    def _seek_properties(self, pattern: s.Pattern, paths: Iterable[s.Path], definition: str) -> None:
        keys = keys_of_pattern(pattern)
        for path in paths:
            self._patterns.setdefault((keys, path), set()).add(definition)
            for key in keys:
                self._properties.setdefault(key, _Sought()).paths.setdefault(path, set()).add(definition)

    # ---- names in events

    def _hear_context(self, context: dict[str, Any]) -> None:
        if self._context.paths:
            self._context.hear(context)
        if self._traits.paths and isinstance(traits := context.get("traits"), dict):
            self._traits.hear(traits)

    # ---- missing names

    def _missing_events(self) -> Iterator[Missing]:
        named = {key.name: count for key, count in self._events.items() if key.kind == "track" and key.name is not None}
        for key, users in sorted(self._asked.items(), key=str):
            if self._events[key]:
                continue
            if key.name is None:
                yield Missing(f"no message is of type {key.kind}", tuple(sorted(users)))
                continue
            text = f"{shown_name(key.name)} does not occur"
            if (near := closest(key.name, named)) is not None:
                text += f"; {shown_name(near)} occurs {_times(named[near])}"
            yield Missing(text, tuple(sorted(users)))

    def _missing_properties(self) -> Iterator[Missing]:
        for (keys, path), users in sorted(self._patterns.items(), key=str):
            seekers = [self._properties[key] for key in keys]
            if not any(each.messages for each in seekers) or any(path not in each.paths for each in seekers):
                continue
            names = sum((each.names for each in seekers), Counter[str]())
            events = " or ".join(key.kind if key.name is None else shown_name(key.name) for key in keys)
            text = f"no {events} has the property {canonical.path_text(path)}"
            yield Missing(text + _nearest(path, names), tuple(sorted(users)))


def keys_of_pattern(pattern: s.Pattern) -> tuple[EventKey, ...]:
    """The events whose properties a pattern has: of a sequence those of the step that completes it."""
    if isinstance(pattern.source, s.Sequence):
        return keys_of_pattern(pattern.source.steps[-1])
    return tuple(EventKey(name.kind, name.name) for name in pattern.source)


def _missing_below(root: str, words: str, sought: _Sought) -> Iterator[Missing]:
    for path, users in sorted(sought.paths.items()):
        name = canonical.path_text(path, root)
        yield Missing(f"{words} {name}" + _nearest(path, sought.names), tuple(sorted(users)))


def _nearest(path: s.Path, names: Counter[str]) -> str:
    near = closest(".".join(path), names)
    return f"; {_printable(near)} is there {_times(names[near])}" if near is not None else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _dotted(value: Any, depth: int) -> Iterator[str]:
    """The names of the values in an object, down to a depth, joined with points; of lists those of their items."""
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, dict) or depth <= 0:
            continue
        for name, inner in item.items():
            if isinstance(inner, dict | list) and depth > 1:
                yield from (f"{name}.{below}" for below in _dotted(inner, depth - 1))
            if not isinstance(inner, dict):
                yield name


def shown_name(name: str) -> str:
    """A name out of a file between quotes, without anything that a terminal would obey."""
    return canonical.quoted(_printable(name))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _paths_of(of: s.Path | s.Arithmetic | None) -> list[s.Path]:
    """The properties that an aggregate takes of an event."""
    if isinstance(of, s.Arithmetic):
        return [node.path for node in walk(of) if isinstance(node, s.Property)]
    return [] if of is None else [of]
