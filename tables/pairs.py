"""Aggregates that keep values with their instants: `sum`, `first` and others in a window or since Q.

The contract: `tables.windows`.
"""

from bisect import bisect_right
from collections.abc import Set
from operator import itemgetter
from typing import Any

from tables import in_hand
from tables.counted import EVENT_DROPPED, Counted
from tables.numbers_in_hand import NumbersInHand
from tables.state_size import AN_INSTANT, HEADER, NUMBER, TYPICAL_EVENTS, VALUE_TYPICAL, Size, StateSize, items_limit
from tables.values import from_micros, remembered_bytes
from tables.windows import EVENTS_LIMIT, EVENTS_MAX, FOREVER, Windowed, round_half_even

FIRST_BYTES_MAX = 64 * 1024


class Pairs(Windowed):
    """Instants with values, ordered by (t, arrival). State: [instants, values], the 1,000 latest."""

    __slots__ = ("counted",)

    def __init__(self, within_ms: int | None, counted: Counted) -> None:
        super().__init__(within_ms)
        self.counted = counted

    def insert(self, state: list[list[Any]] | None, t: int, value: Any, now: int) -> list[list[Any]] | None:
        start = self.start(now)
        if t <= start:
            return state
        if state is None:
            return [[t], [value]]
        instants, values = state
        where = bisect_right(instants, t)
        instants.insert(where, t)
        values.insert(where, value)
        drop = bisect_right(instants, start)
        if len(instants) - drop > EVENTS_MAX:
            self.counted[EVENT_DROPPED] += len(instants) - drop - EVENTS_MAX
            drop = len(instants) - EVENTS_MAX
        if drop:
            del instants[:drop]
            del values[:drop]
        return state

    def visible(self, state: list[list[Any]] | None, now: int) -> list[Any]:
        if state is None:
            return []
        return state[1] if self.within_ms is None else state[1][bisect_right(state[0], self.start(now)) :]

    def until(self, state: list[list[Any]] | None, now: int) -> int:
        if self.within_ms is None or state is None:
            return FOREVER
        where = bisect_right(state[0], now - self.within_ms)
        return state[0][where] + self.within_ms if where < len(state[0]) else FOREVER

    def forget(self, state: list[Any] | None, t: int) -> list[Any] | None:
        if state is None:
            return None
        where = bisect_right(state[0], t)
        return self.kept(state[0][where:], state[1][where:])

    def kept(self, instants: list[int], values: list[Any]) -> list[Any] | None:
        """The state that keeps these, None for none."""
        return [instants, values] if instants else None

    def merge(self, state: list[Any] | None, other: list[Any] | None, now: int) -> list[Any] | None:
        pairs = [pair for each in (state, other) if each is not None for pair in zip(each[0], each[1], strict=True)]
        start = self.start(now)
        united = [pair for pair in sorted(pairs, key=itemgetter(0)) if pair[0] > start]
        drop = self.beyond_limit([value for _, value in united])
        if drop:
            self.counted[EVENT_DROPPED] += drop
        return self.kept([t for t, _ in united[drop:]], [value for _, value in united[drop:]])

    def beyond_limit(self, values: list[Any]) -> int:
        """Returns how many of these values, oldest first, have to go."""
        return max(0, len(values) - EVENTS_MAX)

    def without(self, state: list[Any] | None, instants: Set[int]) -> list[Any] | None:
        if state is None:
            return None
        left = [where for where, t in enumerate(state[0]) if t not in instants]
        return self.kept([state[0][where] for where in left], [state[1][where] for where in left])


class Numbers(Pairs):
    """`sum avg min max` in a window or since Q; values in millionths. A large state is `NumbersInHand`."""

    __slots__ = ("_sign", "function")

    def __init__(self, function: str, within_ms: int | None, counted: Counted) -> None:
        super().__init__(within_ms, counted)
        self.function = function
        self._sign = {"max": 1, "min": -1}.get(function, 0)

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize((AN_INSTANT + Size(5, NUMBER)).times(TYPICAL_EVENTS, EVENTS_MAX), (EVENTS_LIMIT,))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"{path} and instant of each of {pattern}"

    def add(self, state: list[list[int]] | None, t: int, item: list[int], now: int) -> list[list[int]] | None:
        if isinstance(state, NumbersInHand):
            start = self.start(now)
            if t > start and state.use(start):
                for number in item:
                    state.put(t, number, self.counted)
                return state
        for number in item:
            state = self.insert(state, t, number, now)
        if state is not None and len(state[0]) >= in_hand.LARGE and not isinstance(state, NumbersInHand):
            return NumbersInHand(state, sign=self._sign)
        return state

    def value(self, state: list[list[int]] | None, now: int) -> int | float | None:
        if isinstance(state, NumbersInHand) and state.move(self.start(now)):
            return self._value_in_hand(state)
        numbers = self.visible(state, now)
        if self.function == "sum":
            return from_micros(sum(numbers))
        if not numbers:
            return None
        if self.function == "avg":
            return from_micros(round_half_even(sum(numbers), len(numbers)))
        return from_micros(min(numbers) if self.function == "min" else max(numbers))

    def _value_in_hand(self, state: NumbersInHand) -> int | float | None:
        if self.function == "sum":
            return from_micros(state.total)
        if not state.size:
            return None
        return from_micros(state.extreme() if self._sign else round_half_even(state.total, state.size))

    def forget(self, state: list[Any] | None, t: int) -> list[Any] | None:
        if isinstance(state, NumbersInHand) and state.is_built:
            return state.forget(t)
        return super().forget(state, t)


class First(Pairs):
    """`first` in a window or since Q: of the latest events as many as take 64 KB together.

    State: [instants, values, bytes of the values].
    """

    __slots__ = ()

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        values = Size(TYPICAL_EVENTS * VALUE_TYPICAL, FIRST_BYTES_MAX) + Size(4, HEADER + 6)
        return StateSize(AN_INSTANT.times(TYPICAL_EVENTS, EVENTS_MAX) + values, (EVENTS_LIMIT, items_limit()))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"{path} and instant of each of {pattern}"

    def add(self, state: list[Any] | None, t: int, item: Any, now: int) -> list[Any] | None:
        start = self.start(now)
        if item is None or t <= start:
            return state
        if state is None:
            return [[t], [item], remembered_bytes(item)]
        instants, values, size = state
        where = bisect_right(instants, t)
        instants.insert(where, t)
        values.insert(where, item)
        drop = outside = bisect_right(instants, start)
        size += remembered_bytes(item) - sum(map(remembered_bytes, values[:outside]))
        while len(instants) - drop > EVENTS_MAX or size > FIRST_BYTES_MAX:
            size -= remembered_bytes(values[drop])
            drop += 1
        if drop > outside:
            self.counted[EVENT_DROPPED] += drop - outside
        if drop:
            del instants[:drop]
            del values[:drop]
        state[2] = size
        return state

    def kept(self, instants: list[int], values: list[Any]) -> list[Any] | None:
        return [instants, values, sum(map(remembered_bytes, values))] if instants else None

    def beyond_limit(self, values: list[Any]) -> int:
        drop = super().beyond_limit(values)
        size = sum(map(remembered_bytes, values[drop:]))
        while size > FIRST_BYTES_MAX:
            size -= remembered_bytes(values[drop])
            drop += 1
        return drop

    def value(self, state: list[list[Any]] | None, now: int) -> Any:
        if state is None:
            return None
        where = bisect_right(state[0], self.start(now))
        return state[1][where] if where < len(state[1]) else None
