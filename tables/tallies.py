"""Aggregates by value in a window: `distinct`, `count(... per p)`; the score that decays. See `tables.windows`."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Set
from itertools import takewhile
from operator import itemgetter
from typing import Any, TypeAlias

from tables import in_hand
from tables.counted import EVENT_DROPPED, VALUE_DROPPED, Counted
from tables.cut_texts import LENGTH_SURE_MAX, TEXT_BYTES_MATCHED_MAX, known_as
from tables.recent import VALUES_MAX, Recent, learn, united
from tables.state_size import A_KEY, AN_INSTANT, NUMBER, TYPICAL_EVENTS, Size, StateSize
from tables.tally_in_hand import TallyInHand
from tables.values import key_order, key_value
from tables.windows import EVENTS_LIMIT, EVENTS_MAX, FOREVER, Windowed

VALUES_LIMIT = f"{VALUES_MAX} values"


def drop_values_beyond_limit(latest: dict[str, int]) -> list[str]:
    """The keys that go while there are more than 100: latest event oldest, then smallest text."""
    excess = len(latest) - VALUES_MAX
    if excess <= 0:
        return []
    return sorted(latest, key=lambda key: (latest[key], key_order(key)))[:excess]


class Distinct(Windowed):
    """`distinct`. State: key -> latest t."""

    __slots__ = ("counted",)

    def __init__(self, within_ms: int | None, counted: Counted) -> None:
        super().__init__(within_ms)
        self.counted = counted

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize((A_KEY + AN_INSTANT).times(TYPICAL_EVENTS, VALUES_MAX), (VALUES_LIMIT,))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"the different {path} of {pattern}"

    def add(self, state: dict[str, int] | None, t: int, item: list[str], now: int) -> dict[str, int] | None:
        start = self.start(now)
        if t <= start or not item:
            return state
        if state is None:
            state = {}
        for key in item:
            state = learn(state, key, t, start, self.counted)
        return state

    def value(self, state: dict[str, int] | None, now: int) -> int:
        if not state:
            return 0
        if self.within_ms is None:
            return len(state)
        start = now - self.within_ms
        if isinstance(state, Recent):
            return len(state) - sum(1 for _ in takewhile(start.__ge__, state.values()))
        return sum(1 for t in state.values() if t > start)

    def until(self, state: dict[str, int] | None, now: int) -> int:
        if self.within_ms is None or not state:
            return FOREVER
        start = now - self.within_ms
        visible = (t for t in state.values() if t > start)
        if isinstance(state, Recent):
            return next(visible, FOREVER - self.within_ms) + self.within_ms
        return min(visible, default=FOREVER - self.within_ms) + self.within_ms

    def forget(self, state: dict[str, int] | None, t: int) -> dict[str, int] | None:
        return None if state is None else {key: at for key, at in state.items() if at > t} or None

    def merge(self, state: dict[str, int] | None, other: dict[str, int] | None, now: int) -> dict[str, int] | None:
        return united(state, other, self.start(now), self.counted)


class _Used(list[list[Any]]):
    """The lists of a large `Tally`, with how often they have been used since the profile was decoded."""

    __slots__ = ("uses",)

    def __init__(self, state: list[list[Any]]) -> None:
        super().__init__(state)
        self.uses = 0


TallyState: TypeAlias = list[list[Any]] | TallyInHand


class Tally(Windowed):
    """`count(... per p)` in a window or since Q; `instants_max`: kept per value if only thresholds read it.

    State: [instants, numbers, keys], ordered by (t, arrival): the n-th event was of `keys[numbers[n]]`. A large one
    that is used often is a `TallyInHand`.
    """

    __slots__ = ("_lost", "counted", "instants_max")

    def __init__(self, within_ms: int | None, instants_max: int | None, counted: Counted) -> None:
        super().__init__(within_ms)
        self.instants_max = instants_max
        self.counted = counted
        self._lost = False  # True if the last `add` removed a value that had `instants_max` instants

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        most = EVENTS_MAX if self.instants_max is None else min(EVENTS_MAX, self.instants_max * VALUES_MAX)
        limits = (VALUES_LIMIT,) if most < EVENTS_MAX else (VALUES_LIMIT, EVENTS_LIMIT)
        events = (AN_INSTANT + Size(1, 1)).times(TYPICAL_EVENTS, most)
        return StateSize(events + A_KEY.times(TYPICAL_EVENTS, VALUES_MAX), limits)

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        if self.instants_max is None:
            return f"{path} and instant of each of {pattern}"
        return f"{path} and instant of {pattern}, the last {self.instants_max:,} of each {path}"

    def add(self, state: TallyState | None, t: int, item: list[str], now: int) -> TallyState | None:
        start = -FOREVER if self.within_ms is None else now - self.within_ms
        self._lost = False
        if t <= start:
            return state
        if isinstance(state, TallyInHand):
            if state.move(start):
                state.lost = False
                for key in item:
                    state.add(t, key, self.counted)
                return state
            state = state.plain()
        state = self._add(state, t, item, start)
        return state if state is None or len(state[0]) < in_hand.LARGE else self._used(state)

    def _used(self, state: list[list[Any]]) -> TallyState:
        """A large state after one more use."""
        if not isinstance(state, _Used):
            state = _Used(state)
        state.uses += 1
        if state.uses < in_hand.OFTEN:
            return state
        held = TallyInHand(state, self.instants_max)
        held.lost = self._lost or len(state[0]) >= EVENTS_MAX
        return held

    def _add(self, state: list[list[Any]] | None, t: int, item: list[str], start: int) -> list[list[Any]] | None:
        instants_max = self.instants_max
        for key in item:
            if state is None:
                state = [[t], [0], [key]]
                continue
            instants, numbers, keys = state
            if len(key) > LENGTH_SURE_MAX:
                key = _known_by_event(key, state, start)
            if key in keys:
                number = keys.index(key)
            else:
                number = len(keys)
                keys.append(key)
            if t >= instants[-1]:
                instants.append(t)
                numbers.append(number)
            else:
                where = bisect_right(instants, t)
                instants.insert(where, t)
                numbers.insert(where, number)
            if instants[0] <= start:
                drop = bisect_right(instants, start)
                del instants[:drop]
                del numbers[:drop]
            if instants_max is not None and len(numbers) > instants_max and numbers.count(number) > instants_max:
                old = numbers.index(number)
                del instants[old]
                del numbers[old]
            kept = len(instants)
            if len(keys) > VALUES_MAX:
                self._drop_one_value(state)
            elif len(keys) > kept:
                self._drop_values(state)
            if kept > EVENTS_MAX and len(instants) > EVENTS_MAX:
                self.counted[EVENT_DROPPED] += len(instants) - EVENTS_MAX
                del instants[: len(instants) - EVENTS_MAX]
                del numbers[: len(numbers) - EVENTS_MAX]
        return state

    def _drop_one_value(self, state: list[list[Any]]) -> None:
        """Drops the value beyond the limit; the one that was added last takes its number.

        Nearly always the oldest event is the only one of its value. Values without an event go first.
        """
        instants, numbers, keys = state
        added = len(keys) - 1
        victim = numbers[0]
        if numbers.count(victim) > 1 or instants[0] == instants[1] or len(set(numbers)) < len(keys):
            latest = dict(zip(numbers, instants, strict=True))
            if len(latest) <= VALUES_MAX:
                self._drop_values(state)
                return
            oldest = min(latest.values())
            victim = min((number for number, t in latest.items() if t == oldest), key=lambda n: key_order(keys[n]))
        count = numbers.count(victim)
        self._lost |= count == self.instants_max
        for _ in range(count):
            old = numbers.index(victim)
            del instants[old]
            del numbers[old]
        if victim != added:
            keys[victim] = keys[added]
            numbers[numbers.index(added)] = victim
        keys.pop()
        self.counted[VALUE_DROPPED] += 1

    def _drop_values(self, state: list[list[Any]]) -> None:
        """Values without an event, and those beyond the limit."""
        instants, numbers, keys = state
        latest = {keys[number]: t for t, number in zip(instants, numbers, strict=True)}
        for gone in drop_values_beyond_limit(latest):
            del latest[gone]
            self.counted[VALUE_DROPPED] += 1
        instants_max = {key: place for place, key in enumerate(latest)}
        kept = [(t, keys[number]) for t, number in zip(instants, numbers, strict=True) if keys[number] in instants_max]
        instants[:] = [t for t, _ in kept]
        numbers[:] = [instants_max[key] for _, key in kept]
        keys[:] = instants_max

    def decides(self, state: TallyState, t: int, item: list[str]) -> bool:
        """True if the last `add` may have changed whether some value has `instants_max` instants.

        Never with fewer than `decisive` events.
        """
        if isinstance(state, TallyInHand):
            return state.decides(item)
        instants, numbers, keys = state
        if self._lost or len(numbers) >= EVENTS_MAX:
            return True
        if instants[-1] == t and len(item) == 1:  # nearly always: the event added last is the latest
            return numbers.count(numbers[-1]) == self.instants_max
        known = (_known_by_event(key, state, -FOREVER) for key in item)
        return any(key in keys and numbers.count(keys.index(key)) == self.instants_max for key in known)

    @property
    def decisive(self) -> int:
        """With fewer events no value has `instants_max` instants, nor is a limit near."""
        return VALUES_MAX if self.instants_max is None else min(self.instants_max, VALUES_MAX)

    def until(self, state: TallyState | None, now: int) -> int:
        if self.within_ms is None or state is None:
            return FOREVER
        if isinstance(state, TallyInHand):
            if state.move(now - self.within_ms):
                return min(FOREVER, state.first_ms() + self.within_ms)
            state = state.plain()
        where = bisect_right(state[0], now - self.within_ms)
        return int(state[0][where]) + self.within_ms if where < len(state[0]) else FOREVER

    def forget(self, state: TallyState | None, t: int) -> TallyState | None:
        if state is None:
            return None
        if isinstance(state, TallyInHand):
            return state.forget(t)
        where = bisect_right(state[0], t)
        if where == len(state[0]):
            return None
        rest = [state[0][where:], state[1][where:], state[2]]
        self._drop_values(rest)
        return rest

    def merge(self, state: TallyState | None, other: TallyState | None, now: int) -> list[list[Any]] | None:
        start = self.start(now)
        events = sorted([*_events(state), *_events(other)], key=itemgetter(0))
        return self._kept(event for event in events if event[0] > start)

    def without(self, state: TallyState | None, instants: Set[int]) -> list[list[Any]] | None:
        return self._kept(event for event in _events(state) if event[0] not in instants)

    def _kept(self, events: Iterable[tuple[int, str]]) -> list[list[Any]] | None:
        """The state of what the limits leave of these events, oldest first."""
        left = list(events)
        if len(left) <= self.decisive:  # no limit can be reached
            return _numbered(left)
        counts: Counter[str] = Counter()
        kept: list[tuple[int, str]] = []
        for t, key in reversed(left):
            counts[key] += 1
            if self.instants_max is None or counts[key] <= self.instants_max:
                kept.append((t, key))
        kept.reverse()
        left = kept
        gone = set(drop_values_beyond_limit({key: t for t, key in left}))
        left = [(t, key) for t, key in left if key not in gone]
        beyond = max(0, len(left) - EVENTS_MAX)
        if gone:
            self.counted[VALUE_DROPPED] += len(gone)
        if beyond:
            self.counted[EVENT_DROPPED] += beyond
            del left[:beyond]
        return _numbered(left)

    def _visible(self, state: list[list[Any]], now: int) -> int:
        """Returns the index of the first event inside the window."""
        return 0 if self.within_ms is None else bisect_right(state[0], now - self.within_ms)

    def _counts(self, state: list[list[Any]], now: int) -> dict[int, int]:
        return Counter(state[1][self._visible(state, now) :])

    def counts(self, state: TallyState | None, now: int) -> dict[str, int]:
        """Number of visible events of each value."""
        if state is None:
            return {}
        if isinstance(state, TallyInHand):
            if state.move(self.start(now)):
                return state.counts()
            state = state.plain()
        return {state[2][number]: count for number, count in self._counts(state, now).items()}

    def value(self, state: TallyState | None, now: int) -> int:
        if state is None:
            return 0
        if isinstance(state, TallyInHand):
            if state.move(self.start(now)):
                return state.most
            state = state.plain()
        return max(self._counts(state, now).values(), default=0)

    def key(self, state: TallyState | None, now: int) -> Any:
        """The value with the highest count, then the latest event, then the smallest text."""
        if state is None:
            return None
        if isinstance(state, TallyInHand):
            if state.move(self.start(now)):
                held = state.key()
                return None if held is None else key_value(held)
            state = state.plain()
        numbered = self._counts(state, now)
        if not numbered:
            return None
        most = max(numbered.values())
        first = [number for number, count in numbered.items() if count == most]
        if len(first) == 1:
            return key_value(state[2][first[0]])
        counts = {state[2][number]: most for number in first}
        latest = {state[2][number]: t for t, number in zip(state[0], state[1], strict=True)}
        return key_value(min(counts, key=lambda key: (-counts[key], -latest[key], key_order(key))))

    def value_until(self, state: TallyState | None, now: int) -> tuple[int, int]:
        """The value, and until when some value of `p` keeps `instants_max` instants; FOREVER also if none has them."""
        if state is None:
            return 0, FOREVER
        if isinstance(state, TallyInHand):
            if state.move(self.start(now)):
                most = state.most
                if self.within_ms is None or self.instants_max is None or most < self.instants_max:
                    return most, FOREVER
                return most, state.full_since_ms() + self.within_ms
            state = state.plain()
        counts = self._counts(state, now)
        most = max(counts.values(), default=0)
        if self.within_ms is None or self.instants_max is None or most < self.instants_max:
            return most, FOREVER
        where = self._visible(state, now)
        ends = [
            state[0][state[1].index(number, where)] for number, count in counts.items() if count >= self.instants_max
        ]
        return most, int(max(ends)) + self.within_ms


def _known_by_event(key: str, state: list[list[Any]], start: int) -> str:
    """`known_as` among the values with an event after `start`; one without may be kept, or dropped already."""
    if len(key) <= TEXT_BYTES_MATCHED_MAX and key.isascii():
        return key
    instants, numbers, keys = state
    return known_as(key, {keys[number] for number in numbers[bisect_right(instants, start) :]})


def _numbered(events: list[tuple[int, str]]) -> list[list[Any]] | None:
    """The state of a `Tally` with these events, oldest first; None without any."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(key for _, key in events))}
    return [[t for t, _ in events], [numbers[key] for _, key in events], list(numbers)] if events else None


def _events(state: TallyState | None) -> list[tuple[int, str]]:
    """The (t, key) of the events of a `Tally`, oldest first."""
    if state is None:
        return []
    if isinstance(state, TallyInHand):
        state = state.plain()
    return [(t, state[2][number]) for t, number in zip(state[0], state[1], strict=True)]


class Decay:
    """A score with a half-life: v = v * 2^(-dt / half_life) + add. State: [v, t]. The value here is not rounded."""

    __slots__ = ("half_life_ms",)

    def __init__(self, half_life_ms: int) -> None:
        self.half_life_ms = half_life_ms

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        return StateSize(AN_INSTANT + Size(NUMBER + 1, NUMBER + 1))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"points for {pattern}"

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

    def merge(self, state: list[Any] | None, other: list[Any] | None, now: int) -> list[Any] | None:
        if state is None or other is None:
            return state or other
        return self.add(state, other[1], other[0], now)
