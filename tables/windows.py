"""Aggregates: what is kept of the events that a definition counts, sums or looks for.

Each kind is a small object (one an aggregate, shared by all users) that works on plain state:

    add(state, t, item, now) -> state     state None: nothing yet; returns the state to keep
    value(state, now)                     None: missing
    until(state, now) -> instant          the value holds until then if no event comes (FOREVER: always)
    forget(state, t) -> state             everything at or before t (`since last Q`)
    merge(state, other, now) -> state     those of two users who are one: what `other` keeps comes now, in its order,
                                          after all that `state` keeps; neither is used any more
    size(), words(pattern, path)          bytes and limits of its state, and what that remembers in words

A large state that is used often is kept in a form with an index until the profile is encoded: `tables.in_hand`. Every
kind takes both forms.

Windows are half-open, `now - W < t <= now`; events never lie after `now`. What `item` is depends on the kind:
None, a list of keys, a list of millionths, a remembered value, points.
"""

from bisect import bisect_right, insort_right
from collections.abc import Set
from typing import Any, Protocol, runtime_checkable

from tables.counted import EVENT_DROPPED, Counted
from tables.state_size import (
    A_VALUE,
    AN_INSTANT,
    NUMBER,
    TYPICAL_EVENTS,
    Size,
    StateSize,
    items_limit,
)
from tables.values import from_micros

FOREVER = 1 << 62
EVENTS_MAX = 1_000
EVENTS_LIMIT = f"{EVENTS_MAX:,} events"
INT64_MAX = 2**63 - 1


class Kind(Protocol):
    """Interface of every kind of aggregate."""

    def add(self, state: Any, t: int, item: Any, now: int) -> Any: ...
    def value(self, state: Any, now: int) -> Any: ...
    def until(self, state: Any, now: int) -> int: ...
    def forget(self, state: Any, t: int) -> Any: ...
    def merge(self, state: Any, other: Any, now: int) -> Any: ...
    def size(self) -> StateSize: ...
    def words(self, pattern: str, path: str) -> str: ...


@runtime_checkable
class TakesOut(Protocol):
    """A kind of which single events can be taken out again (`once per`, when two users are one)."""

    def without(self, state: Any, instants: Set[int]) -> Any:
        """Returns the state without the events of these instants."""


class Windowed:
    """`within_ms` None: all time, or since the last Q."""

    __slots__ = ("within_ms",)

    def __init__(self, within_ms: int | None) -> None:
        self.within_ms = within_ms

    def start(self, now: int) -> int:
        """Events at or before this instant are outside."""
        return -FOREVER if self.within_ms is None else now - self.within_ms


class Latest(Windowed):
    """The instant of the last event: `exists`, `never`, `since`. State: an int."""

    __slots__ = ()

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize(AN_INSTANT)

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"when the last of {pattern} was"

    def add(self, state: int | None, t: int, item: None, now: int) -> int | None:
        if t <= self.start(now):
            return state
        return t if state is None or t > state else state

    def value(self, state: int | None, now: int) -> int | None:
        return None if state is None or state <= self.start(now) else state

    def until(self, state: int | None, now: int) -> int:
        if self.within_ms is None or state is None or state <= now - self.within_ms:
            return FOREVER
        return state + self.within_ms

    def forget(self, state: int | None, t: int) -> int | None:
        return None if state is None or state <= t else state

    def merge(self, state: int | None, other: int | None, now: int) -> int | None:
        return other if state is None else state if other is None else max(state, other)


class LatestN(Windowed):
    """The `instants_max` latest instants: `count` in a window or since Q. State: instants, ascending.

    `instants_max` None: the 1,000 latest; what goes beyond them is counted.
    """

    __slots__ = ("counted", "instants_max", "limited")

    def __init__(self, within_ms: int | None, instants_max: int | None, counted: Counted) -> None:
        super().__init__(within_ms)
        self.limited = instants_max is None
        self.instants_max = EVENTS_MAX if instants_max is None else instants_max
        self.counted = counted

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        limits = (EVENTS_LIMIT,) if self.instants_max == EVENTS_MAX else ()
        return StateSize(AN_INSTANT.times(min(self.instants_max, TYPICAL_EVENTS), self.instants_max), limits)

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        if self.instants_max == 1:
            return f"when the last of {pattern} was"
        return f"when the last {self.instants_max:,} of {pattern} were"

    def add(self, state: list[int] | None, t: int, item: None, now: int) -> list[int] | None:
        start = self.start(now)
        if t <= start:
            return state
        if state is None:
            return [t]
        if state[-1] <= t:
            state.append(t)
        else:
            insort_right(state, t)
        if len(state) > self.instants_max:
            if self.limited and state[0] > start:
                self.counted[EVENT_DROPPED] += 1
            del state[0]
        if state[0] <= start:
            del state[: bisect_right(state, start)]
        return state

    def value(self, state: list[int] | None, now: int) -> int:
        return 0 if not state else len(state) - bisect_right(state, self.start(now))

    def until(self, state: list[int] | None, now: int) -> int:
        if self.within_ms is None or not state or state[-1] <= now - self.within_ms:
            return FOREVER
        return state[bisect_right(state, now - self.within_ms)] + self.within_ms

    def full_until(self, state: list[int] | None, now: int) -> int:
        """All `instants_max` instants are visible until this instant; FOREVER also if they are not."""
        if (
            self.within_ms is None
            or state is None
            or len(state) < self.instants_max
            or state[0] <= now - self.within_ms
        ):
            return FOREVER
        return state[0] + self.within_ms

    def forget(self, state: list[int] | None, t: int) -> list[int] | None:
        if state is None:
            return None
        return state[bisect_right(state, t) :] or None

    def merge(self, state: list[int] | None, other: list[int] | None, now: int) -> list[int] | None:
        united = sorted([*(state or ()), *(other or ())])
        outside = bisect_right(united, self.start(now))
        beyond = max(0, len(united) - outside - self.instants_max)
        if beyond and self.limited:
            self.counted[EVENT_DROPPED] += beyond
        return united[outside + beyond :] or None

    def without(self, state: list[int] | None, instants: Set[int]) -> list[int] | None:
        return None if state is None else [t for t in state if t not in instants] or None


class Running:
    """An all-time `count`. State: an int."""

    __slots__ = ()

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize(Size(1, NUMBER))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"how many of {pattern}"

    def add(self, state: int | None, t: int, item: None, now: int) -> int:
        return 1 if state is None else state + 1

    def value(self, state: int | None, now: int) -> int:
        return state or 0

    def until(self, state: int | None, now: int) -> int:
        return FOREVER

    def forget(self, state: int | None, t: int) -> int | None:
        raise AssertionError("a running count has no beginning to forget")

    def merge(self, state: int | None, other: int | None, now: int) -> int | None:
        return (state or 0) + (other or 0) or None

    def without(self, state: int | None, instants: Set[int]) -> int | None:
        """One event less for each instant."""
        return max(0, (state or 0) - len(instants)) or None


def _pack(total: int) -> int | str:
    return total if -INT64_MAX <= total <= INT64_MAX else str(total)


class RunningNumber:
    """All-time `sum avg min max`. State: [sum or extreme in millionths, how many]."""

    __slots__ = ("function",)

    def __init__(self, function: str) -> None:
        self.function = function

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize(Size(10, 40 + NUMBER))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"{self.function} of {path} of {pattern}"

    def add(self, state: list[Any] | None, t: int, item: list[int], now: int) -> list[Any] | None:
        if not item:
            return state
        if self.function in ("min", "max"):
            best = min(item) if self.function == "min" else max(item)
            if state is not None:
                best = min(best, state[0]) if self.function == "min" else max(best, state[0])
            return [best, 1]
        if state is None:
            return [_pack(sum(item)), len(item)]
        return [_pack(int(state[0]) + sum(item)), state[1] + len(item)]

    def value(self, state: list[Any] | None, now: int) -> int | float | None:
        if state is None:
            return 0 if self.function == "sum" else None
        if self.function == "avg":
            return from_micros(round_half_even(int(state[0]), state[1]))
        return from_micros(int(state[0]))

    def until(self, state: list[Any] | None, now: int) -> int:
        return FOREVER

    def forget(self, state: list[Any] | None, t: int) -> list[Any] | None:
        raise AssertionError("a running value has no beginning to forget")

    def merge(self, state: list[Any] | None, other: list[Any] | None, now: int) -> list[Any] | None:
        if state is None or other is None:
            return state or other
        if self.function in ("min", "max"):
            return [min(state[0], other[0]) if self.function == "min" else max(state[0], other[0]), 1]
        return [_pack(int(state[0]) + int(other[0])), state[1] + other[1]]


def round_half_even(numerator: int, denominator: int) -> int:
    """The nearest whole number, half to even.

    >>> round_half_even(5, 2), round_half_even(7, 2), round_half_even(-5, 2)
    (2, 4, -2)
    """
    quotient, rest = divmod(numerator, denominator)
    double = 2 * rest
    return quotient + (double > denominator or (double == denominator and quotient % 2 == 1))


class FirstEver:
    """All-time `first`. State: [t, value]."""

    __slots__ = ()

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize(AN_INSTANT + A_VALUE + Size(1, 1), (items_limit(),))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"the first {path} of {pattern}"

    def add(self, state: list[Any] | None, t: int, item: Any, now: int) -> list[Any] | None:
        if item is None or (state is not None and state[0] <= t):
            return state
        return [t, item]

    def value(self, state: list[Any] | None, now: int) -> Any:
        return None if state is None else state[1]

    def until(self, state: list[Any] | None, now: int) -> int:
        return FOREVER

    def forget(self, state: list[Any] | None, t: int) -> list[Any] | None:
        raise AssertionError("the first event ever is not forgotten")

    def merge(self, state: list[Any] | None, other: list[Any] | None, now: int) -> list[Any] | None:
        if state is None or other is None:
            return state or other
        return other if other[0] < state[0] else state


class Last(Windowed):
    """`last`: only the last is ever asked for. State: [t, value]."""

    __slots__ = ()

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize(AN_INSTANT + A_VALUE + Size(1, 1), (items_limit(),))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"the last {path} of {pattern}"

    def add(self, state: list[Any] | None, t: int, item: Any, now: int) -> list[Any] | None:
        if item is None or t <= self.start(now) or (state is not None and state[0] > t):
            return state
        return [t, item]

    def value(self, state: list[Any] | None, now: int) -> Any:
        return None if state is None or state[0] <= self.start(now) else state[1]

    def until(self, state: list[Any] | None, now: int) -> int:
        if self.within_ms is None or state is None or state[0] <= now - self.within_ms:
            return FOREVER
        return int(state[0]) + self.within_ms

    def forget(self, state: list[Any] | None, t: int) -> list[Any] | None:
        return None if state is None or state[0] <= t else state

    def merge(self, state: list[Any] | None, other: list[Any] | None, now: int) -> list[Any] | None:
        if state is None or other is None:
            return state or other
        return other if other[0] >= state[0] else state
