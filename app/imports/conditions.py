"""Translated conditions: their text, and events of a user for whom they are true, or false."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeAlias

from app.imports.parentheses import in_and, in_not

CANDIDATES_MAX: Final = 40
EVENTS_MAX: Final = 60
"""More events than this make no test that anybody reads."""


@dataclass(frozen=True, slots=True)
class InstantAgo:
    """A value of an event: the instant that is so long before the check of the test; below 0: after it."""

    ms: int


@dataclass(frozen=True, slots=True)
class Done:
    """An event of a test: a message without its time, so long before the check, or at a fixed instant."""

    message: Mapping[str, Any]
    ago_ms: int = 0
    at_ms: int | None = None


Events: TypeAlias = tuple[Done, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition of one comparison or function. `yes`, `no`: events that make it true, false; None: not known.

    `older`: other events that make it true, longer ago.
    """

    text: str
    yes: Events | None = None
    no: Events | None = ()
    older: Events | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The membership of another translated segment."""

    name: str
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class Every:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Opposite:
    part: "Condition"


Condition: TypeAlias = Leaf | Reference | Every | Either | Opposite


def every(parts: Sequence[Condition]) -> Condition:
    """All of one or more."""
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def either(parts: Sequence[Condition]) -> Condition:
    """At least one of one or more."""
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def opposite(part: Condition) -> Condition:
    """The opposite, without two `not` in a row."""
    return part.part if isinstance(part, Opposite) else Opposite(part)


def text(condition: Condition) -> str:
    """The expression."""
    match condition:
        case Leaf():
            return condition.text
        case Reference():
            return f"segment('{condition.name}')"
        case Every():
            return " and ".join(in_and(text(part)) for part in condition.parts)
        case Either():
            return " or ".join(map(text, condition.parts))
        case Opposite():
            return f"not {in_not(text(condition.part))}"


def references(condition: Condition) -> Iterator[str]:
    """The names of the segments that it asks for."""
    match condition:
        case Reference():
            yield condition.name
        case Every() | Either():
            for part in condition.parts:
                yield from references(part)
        case Opposite():
            yield from references(condition.part)


def candidates(condition: Condition, *, wanted: bool) -> Iterator[Events]:
    """Yields events that should make it true, or false, a few of the possible ones."""
    for events in islice(_candidates(condition, wanted=wanted), CANDIDATES_MAX):
        if len(events) <= EVENTS_MAX:
            yield events


def _candidates(condition: Condition, *, wanted: bool) -> Iterator[Events]:
    match condition:
        case Leaf():
            events = condition.yes if wanted else condition.no
            if events is not None:
                yield events
            if wanted and condition.older is not None:
                yield condition.older
        case Reference():
            yield from _candidates(condition.condition, wanted=wanted)
        case Opposite():
            yield from _candidates(condition.part, wanted=not wanted)
        case Every() | Either():
            if isinstance(condition, Every) == wanted:
                yield from _together(condition.parts, wanted=wanted)
            else:
                yield from _one_of_them(condition.parts, wanted=wanted)


def _together(parts: Sequence[Condition], *, wanted: bool) -> Iterator[Events]:
    """All parts have the wanted value."""
    first, *rest = parts
    for events in islice(_candidates(first, wanted=wanted), 4):
        if not rest:
            yield events
        for others in islice(_together(rest, wanted=wanted), 4) if rest else ():
            yield (*events, *others)


def _one_of_them(parts: Sequence[Condition], *, wanted: bool) -> Iterator[Events]:
    """One part has the wanted value; the others have the other one if that can be, so that it decides."""
    for index, part in enumerate(parts):
        others = [other for at, other in enumerate(parts) if at != index]
        for events in islice(_candidates(part, wanted=wanted), 4):
            if others:
                for more in islice(_together(others, wanted=not wanted), 4):
                    yield (*events, *more)
            yield events


@dataclass(slots=True)
class Translated:
    """The translation of one definition. `condition` is None where nothing of it could be translated."""

    name: str
    title: str
    description: str
    path: str
    condition: Condition | None
    draft: bool = False
    left_out: list[str] = field(default_factory=list)
