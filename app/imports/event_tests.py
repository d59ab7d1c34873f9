"""Conditions on the events of a user, and on their traits, with events that satisfy them and that do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from app.imports.conditions import EVENTS_MAX, Done, Events, Leaf
from app.imports.gaps import Untranslatable, shown
from app.imports.parentheses import in_and
from app.imports.value_tests import DAY_MS, MISSING, UNKNOWN, ValueTest, literal
from app.segments.language.canonical import number_text, path_text
from app.segments.language.durations import format_duration
from app.segments.language.syntax import Path

LONG_AGO_MS: Final = 365 * DAY_MS
EVER: Final = 0
"""The window of all time, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which events count: from `from_ms` (0: ever) before now until `until_ms` before now, or a fixed span.

    `first`, `end`: the dates of a fixed span, in ISO 8601; `end` is empty for an open one.
    """

    from_ms: int = EVER
    until_ms: int = 0
    first: str = ""
    end: str = ""

    @property
    def written(self) -> str:
        """The window as the language writes it, up to now."""
        if self.first:
            return f" from {literal(self.first)}" + (f" to {literal(self.end)}" if self.end else "")
        return f" within {format_duration(self.from_ms)}" if self.from_ms else ""

    def fixed_ms(self) -> int | None:
        """An instant inside a fixed span; None for another window."""
        if not self.first:
            return None
        first_ms = max(0, instant_of(self.first))
        return max(first_ms, instant_of(self.end) - DAY_MS) if self.end else first_ms

    @property
    def older_ms(self) -> int:
        """A time before now that is inside, but near the beginning."""
        return (self.from_ms or self.until_ms + LONG_AGO_MS) * 9 // 10


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A filter of events. `message`: what an event that it lets through has, None if that is not known."""

    text: str
    message: dict[str, Any] | None


def instant_of(date: str) -> int:
    """The milliseconds of a date in ISO 8601; UTC where it names no zone."""
    try:
        instant = datetime.fromisoformat(date)
    except ValueError:
        raise Untranslatable(shown(date), "no date in ISO 8601") from None
    if not 1970 <= instant.year < 9000:
        raise Untranslatable(shown(date), "the times of events are between 1970 and 9000")
    whole = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return int(whole.timestamp() * 1000)


def event(name: str) -> str:
    """An event by its name, as the language writes it; page views and screens have words of their own."""
    return name if name in ("page", "screen", "identify") else literal(name)


def pattern(name: str, filters: Sequence[EventFilter]) -> str:
    """The pattern of events with a name that all filters let through."""
    where = " and ".join(each.text if len(filters) == 1 else in_and(each.text) for each in filters)
    return event(name) + (f" where {where}" if where else "")


def message(name: str, filters: Sequence[EventFilter]) -> dict[str, Any] | None:
    """An event that the pattern selects; None if none is known."""
    made: dict[str, Any] = {"type": name} if name in ("page", "screen", "identify") else {"event": name}
    for each in filters:
        if each.message is None:
            return None
        _merge(made, each.message)
    return made


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def nested(path: Path, value: Any) -> dict[str, Any]:
    """An object with a value at a path.

    >>> nested(("device", "type"), "mobile")
    {'device': {'type': 'mobile'}}
    """
    first, *rest = path
    return {first: nested(tuple(rest), value) if rest else value}


def on_property(path: Path, test: ValueTest) -> EventFilter:
    """A filter on a property; `test` is about `property_subject(path)`."""
    return EventFilter(test.text, _with("properties", path, test.yes))


def on_context(path: Path, test: ValueTest) -> EventFilter:
    """A filter on the context of an event; `test` is about `context_subject(path)`."""
    return EventFilter(test.text, _with("context", path, test.yes))


def _with(kind: str, path: Path, value: Any) -> dict[str, Any] | None:
    return None if value is UNKNOWN else {} if value is MISSING else {kind: nested(path, value)}


def property_subject(path: Path) -> str:
    """The name of a property as the language writes it."""
    return path_text(_named(path))


def context_subject(path: Path) -> str:
    """The name of a value of the context as the language writes it."""
    return path_text(_named(path), "context")


def trait_subject(path: Path) -> str:
    """The name of a trait as the language writes it."""
    return path_text(_named(path), "traits")


def _named(path: Path) -> Path:
    for key in path:
        literal(key)
    return path


def on_trait(path: Path, test: ValueTest) -> Leaf:
    """A comparison of a trait; `test` is about `trait_subject(path)`."""

    def events(value: Any) -> Events | None:
        if value is UNKNOWN:
            return None
        return () if value is MISSING else (Done({"type": "identify", "traits": nested(path, value)}),)

    return Leaf(test.text, events(test.yes), events(test.no))


def on_list(name: str) -> Leaf:
    """The membership of a static list."""
    return Leaf(f"list({literal(name)})", (Done({"on_list": name}),), ())


def counted(name: str, filters: Sequence[EventFilter], window: Window, operator: str, bound: int | float) -> Leaf:
    """The number of events in a window, compared with a number."""
    written, one = pattern(name, filters), message(name, filters)
    need, other = _numbers(operator, bound)
    yes, no = (_times(one, number, window.until_ms, window.fixed_ms()) for number in (need, other))
    older = _times(one, need, window.older_ms, window.fixed_ms())
    if window.until_ms:
        farther = window.written
        nearer = f"count({written} within {format_duration(window.until_ms)})"
        return Leaf(f"count({written}{farther}) - {nearer} {operator} {number_text(bound)}", yes, no, older)
    within = window.written
    if (operator, bound) in ((">=", 1), (">", 0)):
        return Leaf(f"exists({written}{within})", yes, no, older)
    if (operator, bound) in (("=", 0), ("<", 1), ("<=", 0)):
        return Leaf(f"not exists({written}{within})", yes, no, older)
    return Leaf(f"count({written}{within}) {operator} {number_text(bound)}", yes, no, older)


def _numbers(operator: str, bound: int | float) -> tuple[int, int]:
    """Numbers of events with which a comparison is true, and false."""
    whole = int(bound)
    match operator:
        case ">=":
            return whole if whole == bound else whole + 1, 0
        case ">":
            return whole + 1, 0
        case "=":
            return whole, whole + 1 if whole == 0 else 0
        case "!=":
            return whole + 1, whole
        case "<":
            return 0, whole if whole == bound else whole + 1
        case _:
            return 0, whole + 1


def _times(one: dict[str, Any] | None, number: int, ago_ms: int, at_ms: int | None) -> Events | None:
    if not number:
        return ()
    return None if one is None or number > EVENTS_MAX else (Done(one, ago_ms, at_ms),) * number


def aggregated(
    path: Path,
    name: str,
    filters: Sequence[EventFilter],
    window: Window,
    test: ValueTest,
) -> Leaf:
    """A sum, average, extreme, first or last value; `test` is about `aggregate_subject` of the same."""
    one = message(name, filters)
    yes: Events | None = None
    if one is not None and test.yes not in (UNKNOWN, MISSING):
        made: dict[str, Any] = {}
        _merge(made, one)
        _merge(made, {"properties": nested(path, test.yes)})
        yes = (Done(made, window.until_ms, window.fixed_ms()),)
    return Leaf(test.text, yes, ())


def aggregate_subject(function: str, path: Path, name: str, filters: Sequence[EventFilter], window: Window) -> str:
    """The aggregate as the language writes it."""
    written = f"{property_subject(path)} of {pattern(name, filters)}"
    if window.until_ms:
        nearest = f"{function}({written} within {format_duration(window.from_ms or window.until_ms)})"
        raise Untranslatable(f"{function} between two times ago", "a window ends now", nearest)
    return f"{function}({written}{window.written})"


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One event of a funnel; `happens` False: it must not happen between its neighbours."""

    name: str
    filters: Sequence[EventFilter] = ()
    happens: bool = True


def followed(steps: Sequence[FunnelStep], *, longest_ms: int, window: Window) -> Leaf:
    """Events one after the other, the whole within `longest_ms` (0: any time), the last in the window.

    A last step that must not happen is missing for `longest_ms` after the one before it.
    """
    if window.until_ms:
        raise Untranslatable("a sequence between two times ago", "a window ends now", "within the longer time")
    happening = [step for step in steps if step.happens]
    closes = bool(steps) and not steps[-1].happens
    if not steps or not steps[0].happens or len(steps) < 2:
        raise Untranslatable("a funnel", "a sequence begins with an event, and has two steps or more")
    if closes and (not longest_ms or not steps[-2].happens):
        raise Untranslatable(
            "a funnel whose last step does not happen",
            "the time for which it must be missing is not said",
            "exists(sequence('A' then no 'B' for 1d) within 30d)",
        )
    written = [("" if step.happens else "no ") + pattern(step.name, step.filters) for step in steps]
    chain = " then ".join(written) + (f" for {format_duration(longest_ms)}" if closes else "")
    inner = f" within {format_duration(longest_ms)}" if longest_ms and happening[1:] else ""
    messages = [message(step.name, step.filters) for step in happening]
    # A minute apart where there is time for it.
    gap_ms = min(60_000, longest_ms // len(happening)) if longest_ms else 60_000
    yes: Events | None = None
    if None not in messages:
        last = len(messages) - 1
        fixed_ms = window.fixed_ms()
        since_ms = longest_ms if closes else 0
        ages_ms = [since_ms + (last - at) * gap_ms for at in range(len(messages))]
        yes = tuple(
            Done(one, age_ms, None if fixed_ms is None else fixed_ms - age_ms)
            for one, age_ms in zip(messages, ages_ms, strict=True)
            if one is not None
        )
    return Leaf(f"exists(sequence({chain}{inner}){window.written})", yes, ())
