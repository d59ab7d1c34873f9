"""Aggregates: what is kept of the events that a definition counts, sums or looks for.

Each kind is a small object (one an aggregate, shared by all users) that works on plain state:

    add(state, t, item, now) -> state     state None: nothing yet; returns the state to keep
    value(state, now)                     None: missing
    until(state, now) -> instant          the value holds until then if no event comes (FOREVER: always)
    forget(state, t) -> state             everything at or before t (`since last Q`)

Windows are half-open, `now - W < t <= now`; events never lie after `now`. What `item` is depends on the kind:
None, a list of keys, a list of millionths, a remembered value, points.
"""

from bisect import bisect_right, insort_right
from typing import Any, Protocol

from tables.values import from_micros, key_order, key_value

FOREVER = 1 << 62
EVENTS_MAX = 1_000
VALUES_MAX = 100
INT64_MAX = 2**63 - 1


class Kind(Protocol):
    """What every kind of aggregate can do."""

    def add(self, state: Any, t: int, item: Any, now: int) -> Any: ...
    def value(self, state: Any, now: int) -> Any: ...
    def until(self, state: Any, now: int) -> int: ...
    def forget(self, state: Any, t: int) -> Any: ...


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


class Places(Windowed):
    """The `places` latest instants: `count` in a window or since Q. State: instants, ascending."""

    __slots__ = ("places",)

    def __init__(self, within_ms: int | None, places: int = EVENTS_MAX) -> None:
        super().__init__(within_ms)
        self.places = places

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
        if len(state) > self.places:
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
        """All places are visible until this instant; FOREVER also if they are not."""
        if self.within_ms is None or state is None or len(state) < self.places or state[0] <= now - self.within_ms:
            return FOREVER
        return state[0] + self.within_ms

    def forget(self, state: list[int] | None, t: int) -> list[int] | None:
        if state is None:
            return None
        return state[bisect_right(state, t) :] or None


class Running:
    """An all-time `count`. State: an int."""

    __slots__ = ()

    def add(self, state: int | None, t: int, item: None, now: int) -> int:
        return 1 if state is None else state + 1

    def value(self, state: int | None, now: int) -> int:
        return state or 0

    def until(self, state: int | None, now: int) -> int:
        return FOREVER

    def forget(self, state: int | None, t: int) -> int | None:
        raise AssertionError("a running count has no beginning to forget")


def _pack(total: int) -> int | str:
    return total if -INT64_MAX <= total <= INT64_MAX else str(total)


class RunningNumber:
    """All-time `sum avg min max`. State: [sum or extreme in millionths, how many]."""

    __slots__ = ("function",)

    def __init__(self, function: str) -> None:
        self.function = function

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


def round_half_even(numerator: int, denominator: int) -> int:
    """The nearest whole number, half to even.

    >>> round_half_even(5, 2), round_half_even(7, 2), round_half_even(-5, 2)
    (2, 4, -2)
    """
    quotient, rest = divmod(numerator, denominator)
    double = 2 * rest
    return quotient + (double > denominator or (double == denominator and quotient % 2 == 1))


class Pairs(Windowed):
    """Instants with values, ordered by (t, arrival). State: [instants, values], the 1,000 latest."""

    __slots__ = ()

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
        drop = max(bisect_right(instants, start), len(instants) - EVENTS_MAX)
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

    def forget(self, state: list[list[Any]] | None, t: int) -> list[list[Any]] | None:
        if state is None:
            return None
        where = bisect_right(state[0], t)
        return [state[0][where:], state[1][where:]] if where < len(state[0]) else None


class Numbers(Pairs):
    """`sum avg min max` in a window or since Q; values in millionths."""

    __slots__ = ("function",)

    def __init__(self, function: str, within_ms: int | None) -> None:
        super().__init__(within_ms)
        self.function = function

    def add(self, state: list[list[int]] | None, t: int, item: list[int], now: int) -> list[list[int]] | None:
        for number in item:
            state = self.insert(state, t, number, now)
        return state

    def value(self, state: list[list[int]] | None, now: int) -> int | float | None:
        numbers = self.visible(state, now)
        if self.function == "sum":
            return from_micros(sum(numbers))
        if not numbers:
            return None
        if self.function == "avg":
            return from_micros(round_half_even(sum(numbers), len(numbers)))
        return from_micros(min(numbers) if self.function == "min" else max(numbers))


class First(Pairs):
    """`first` in a window or since Q."""

    __slots__ = ()

    def add(self, state: list[list[Any]] | None, t: int, item: Any, now: int) -> list[list[Any]] | None:
        return state if item is None else self.insert(state, t, item, now)

    def value(self, state: list[list[Any]] | None, now: int) -> Any:
        visible = self.visible(state, now)
        return visible[0] if visible else None


class FirstEver:
    """All-time `first`. State: [t, value]."""

    __slots__ = ()

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


class Last(Windowed):
    """`last`: only the last is ever asked for. State: [t, value]."""

    __slots__ = ()

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


def drop_values_beyond_limit(latest: dict[str, int]) -> list[str]:
    """The keys that go while there are more than 100: latest event oldest, then smallest text."""
    excess = len(latest) - VALUES_MAX
    if excess <= 0:
        return []
    return sorted(latest, key=lambda key: (latest[key], key_order(key)))[:excess]


class Distinct(Windowed):
    """`distinct`. State: key -> latest t."""

    __slots__ = ()

    def add(self, state: dict[str, int] | None, t: int, item: list[str], now: int) -> dict[str, int] | None:
        start = self.start(now)
        if t <= start or not item:
            return state
        if state is None:
            state = {}
        for key in item:
            if state.get(key, -1) < t:
                state[key] = t
            if len(state) > VALUES_MAX:
                for old in [old for old, at in state.items() if at <= start]:
                    del state[old]
                for old in drop_values_beyond_limit(state):
                    del state[old]
        return state

    def value(self, state: dict[str, int] | None, now: int) -> int:
        if not state:
            return 0
        if self.within_ms is None:
            return len(state)
        start = now - self.within_ms
        return sum(1 for t in state.values() if t > start)

    def until(self, state: dict[str, int] | None, now: int) -> int:
        if self.within_ms is None or not state:
            return FOREVER
        start = now - self.within_ms
        return min((t for t in state.values() if t > start), default=FOREVER - self.within_ms) + self.within_ms

    def forget(self, state: dict[str, int] | None, t: int) -> dict[str, int] | None:
        return None if state is None else {key: at for key, at in state.items() if at > t} or None


class Tally(Pairs):
    """`count(... per p)` in a window or since Q. State: [instants, keys]; `places` a key where a threshold is asked."""

    __slots__ = ("places",)

    def __init__(self, within_ms: int | None, places: int | None) -> None:
        super().__init__(within_ms)
        self.places = places

    def add(self, state: list[list[Any]] | None, t: int, item: list[str], now: int) -> list[list[Any]] | None:
        for key in item:
            state = self._add(state, t, key, now)
        return state

    def _add(self, state: list[list[Any]] | None, t: int, key: str, now: int) -> list[list[Any]] | None:
        start = self.start(now)
        if t <= start:
            return state
        if state is None:
            return [[t], [key]]
        instants, keys = state
        where = bisect_right(instants, t)
        instants.insert(where, t)
        keys.insert(where, key)
        if instants[0] <= start:
            drop = bisect_right(instants, start)
            del instants[:drop]
            del keys[:drop]
        if self.places is not None and keys.count(key) > self.places:
            old = keys.index(key)
            del instants[old]
            del keys[old]
        if len(keys) > VALUES_MAX:
            self._drop_beyond_limits(instants, keys)
        return state

    def _drop_beyond_limits(self, instants: list[int], keys: list[str]) -> None:
        for gone in drop_values_beyond_limit(dict(zip(keys, instants, strict=True))):
            kept = [i for i, key in enumerate(keys) if key != gone]
            instants[:] = [instants[i] for i in kept]
            keys[:] = [keys[i] for i in kept]
        if len(keys) > EVENTS_MAX:
            del instants[: len(keys) - EVENTS_MAX]
            del keys[: len(keys) - EVENTS_MAX]

    def counts(self, state: list[list[Any]] | None, now: int) -> dict[str, int]:
        counts: dict[str, int] = {}
        for key in self.visible(state, now):
            counts[key] = counts.get(key, 0) + 1
        return counts

    def value(self, state: list[list[Any]] | None, now: int) -> int:
        return max(self.counts(state, now).values(), default=0)

    def key(self, state: list[list[Any]] | None, now: int) -> Any:
        """The value with the highest count, then the latest event, then the smallest text."""
        if state is None:
            return None
        counts = self.counts(state, now)
        if not counts:
            return None
        latest = dict(zip(state[1], state[0], strict=True))
        return key_value(min(counts, key=lambda key: (-counts[key], -latest[key], key_order(key))))

    def full_until(self, state: list[list[Any]] | None, now: int) -> int:
        """Some value keeps all its places until this instant; FOREVER also if none has them."""
        if self.within_ms is None or state is None or self.places is None:
            return FOREVER
        oldest: dict[str, int] = {}
        counts: dict[str, int] = {}
        where = bisect_right(state[0], now - self.within_ms)
        for t, key in zip(state[0][where:], state[1][where:], strict=True):
            oldest.setdefault(key, t)
            counts[key] = counts.get(key, 0) + 1
        ends = [oldest[key] for key, count in counts.items() if count >= self.places]
        return max(ends) + self.within_ms if ends else FOREVER


class RunningTally:
    """All-time `count(... per p)`. State: key -> [count, latest t]."""

    __slots__ = ()

    def add(self, state: dict[str, list[int]] | None, t: int, item: list[str], now: int) -> dict[str, list[int]] | None:
        if not item:
            return state
        if state is None:
            state = {}
        for key in item:
            entry = state.get(key)
            if entry is None:
                state[key] = [1, t]
                if len(state) > VALUES_MAX:
                    for old in drop_values_beyond_limit({key: latest for key, (_, latest) in state.items()}):
                        del state[old]
            else:
                entry[0] += 1
                entry[1] = max(entry[1], t)
        return state

    def value(self, state: dict[str, list[int]] | None, now: int) -> int:
        return max((count for count, _ in state.values()), default=0) if state else 0

    def key(self, state: dict[str, list[int]] | None, now: int) -> Any:
        """The value with the highest count, then the latest event, then the smallest text."""
        if not state:
            return None
        return key_value(min(state, key=lambda key: (-state[key][0], -state[key][1], key_order(key))))

    def until(self, state: dict[str, list[int]] | None, now: int) -> int:
        return FOREVER

    def forget(self, state: dict[str, list[int]] | None, t: int) -> dict[str, list[int]] | None:
        raise AssertionError("a running tally has no beginning to forget")


class Decay:
    """A score with a half-life: v = v * 2^(-dt / half_life) + add. State: [v, t]. The value here is not rounded."""

    __slots__ = ("half_life_ms",)

    def __init__(self, half_life_ms: int) -> None:
        self.half_life_ms = half_life_ms

    def add(self, state: list[Any] | None, t: int, item: float, now: int) -> list[Any]:
        if state is None:
            return [float(item), t]
        value, last = state
        if t >= last:
            return [value * 2.0 ** (-(t - last) / self.half_life_ms) + item, t]
        return [value + item * 2.0 ** (-(last - t) / self.half_life_ms), last]

    def value(self, state: list[Any] | None, now: int) -> float:
        if state is None:
            return 0.0
        return float(state[0] * 2.0 ** (-(now - state[1]) / self.half_life_ms))

    def until(self, state: list[Any] | None, now: int) -> int:
        return FOREVER

    def forget(self, state: list[Any] | None, t: int) -> list[Any] | None:
        raise AssertionError("a score does not forget by events")
