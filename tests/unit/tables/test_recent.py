"""The values that go beyond the limit do not depend on how they are kept; many take no more time than few."""

import sys
from collections.abc import Callable
from random import Random
from types import FrameType
from typing import Any

import msgspec
import pytest

from tables.counted import VALUE_DROPPED, Counted
from tables.in_hand import plain
from tables.recent import VALUES_MAX, Recent, in_order, learn
from tables.running_tally import RunningTally
from tables.tallies import Distinct, Tally
from tables.tally_in_hand import TallyInHand
from tables.values import key_of, key_order

WINDOW_MS = 10_000


def plainly(latest: dict[str, int], key: str, t: int, start: int, counted: Counted) -> None:
    """As docs/limits.md has it: all are looked at, each time."""
    latest[key] = max(latest.get(key, t), t)
    if len(latest) > VALUES_MAX:
        for old in [old for old, at in latest.items() if at <= start]:
            del latest[old]
    while len(latest) > VALUES_MAX:
        del latest[min(latest, key=lambda key: (latest[key], key_order(key)))]
        counted[VALUE_DROPPED] += 1


def some_key(chance: Random, values: int) -> str:
    number = chance.randrange(values)
    key = key_of(number if chance.random() < 0.3 else str(number), Counted())
    assert key is not None
    return key


def stored(state: Any) -> Any:
    """As a profile keeps it, and gives it back."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state, enc_hook=plain))


@pytest.mark.parametrize("seed", range(12))
def test_the_same_values_stay_whatever_came_late_and_however_often_they_were_stored(seed: int) -> None:
    chance = Random(seed)
    values, step_ms, late_ms = chance.choice((90, 110, 400)), chance.choice((0, 3, 200)), chance.choice((0, 50, 20_000))
    known: dict[str, int] = {}
    wanted: dict[str, int] = {}
    now, counted, counted_plainly = 1_000_000, Counted(), Counted()
    for _ in range(1_500):
        now += chance.randrange(step_ms + 1)
        t, key = now - chance.randrange(late_ms + 1), some_key(chance, values)
        if t <= now - WINDOW_MS:
            continue
        known = learn(known, key, t, now - WINDOW_MS, counted)
        plainly(wanted, key, t, now - WINDOW_MS, counted_plainly)
        assert known == wanted
        if chance.random() < 0.02:
            known = stored(known)
    assert counted == counted_plainly
    assert list(in_order(known).items()) == sorted(known.items(), key=lambda item: (item[1], key_order(item[0])))


def test_distinct_says_the_same_of_values_in_order_and_in_any_order() -> None:
    kind, chance = Distinct(WINDOW_MS, Counted()), Random(1)
    state: dict[str, int] | None = None
    for step in range(3_000):
        state = kind.add(state, 100 * step - chance.randrange(500), [f"v{chance.randrange(400)}"], 100 * step)
        assert state is not None
        for later in (0, 3_000, WINDOW_MS, 2 * WINDOW_MS):
            now = 100 * step + later
            assert kind.value(state, now) == kind.value(dict(state), now)
            assert kind.until(state, now) == kind.until(dict(state), now)


@pytest.mark.parametrize("seed", range(6))
def test_an_all_time_tally_lets_the_same_values_go(seed: int) -> None:
    chance, kind = Random(seed), RunningTally(Counted())
    state: dict[str, list[int]] | None = None
    wanted: dict[str, list[int]] = {}
    dropped = 0
    for step in range(2_000):
        t, key = 10 * step - chance.randrange(60), some_key(chance, 150)
        state = kind.add(state, t, [key], 10 * step)
        entry = wanted.setdefault(key, [0, t])
        entry[:] = entry[0] + 1, max(entry[1], t)
        if len(wanted) > VALUES_MAX:
            del wanted[min(wanted, key=lambda key: (wanted[key][1], key_order(key)))]
            dropped += 1
        assert state == wanted
        if chance.random() < 0.02:
            state = stored(state)
    assert kind.counted == {VALUE_DROPPED: dropped}
    assert kind.value(state, 0) == max(count for count, _ in wanted.values())


def lines_executed(work: Callable[[], object]) -> int:
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def test_a_value_beyond_the_limit_is_as_much_work_as_one_before_it() -> None:
    kind = Distinct(None, Counted())
    state = kind.add(None, 0, [f"v{number}" for number in range(VALUES_MAX + 1)], 0)
    assert isinstance(state, Recent)
    assert lines_executed(lambda: kind.add(state, 1, ["new"], 1)) < 60


class PlainTally:
    """`Tally`, said as docs/limits.md has it: all events are looked at, each time."""

    def __init__(self, instants_max: int | None) -> None:
        self.events: list[tuple[int, int, str]] = []
        self.instants_max = instants_max
        self.dropped = 0

    def add(self, t: int, arrival: int, key: str, now: int) -> None:
        events = sorted(event for event in [*self.events, (t, arrival, key)] if event[0] > now - WINDOW_MS)
        own = [event for event in events if event[2] == key]
        if self.instants_max is not None and len(own) > self.instants_max:
            events.remove(own[0])
        latest = {name: at for at, _, name in events}
        while len(latest) > VALUES_MAX:
            gone = min(latest, key=lambda name: (latest[name], key_order(name)))
            del latest[gone]
            events = [event for event in events if event[2] != gone]
            self.dropped += 1
        self.events = events[-1_000:]

    def counts(self) -> dict[str, int]:
        names = [name for _, _, name in self.events]
        return {name: names.count(name) for name in names}


@pytest.mark.parametrize("instants_max", [None, 1, 3])
@pytest.mark.parametrize("seed", range(8))
def test_a_tally_lets_the_same_values_go(seed: int, instants_max: int | None) -> None:
    chance, counted, wanted = Random(seed), Counted(), PlainTally(instants_max)
    kind, now = Tally(WINDOW_MS, instants_max, counted), 1_000_000
    state: Any = None
    values, step_ms, late_ms = chance.choice((90, 130, 10_000)), chance.choice((0, 3, 200)), chance.choice((0, 50))
    full, until = False, 0
    for step in range(600):
        now += chance.randrange(step_ms + 1)
        t, key = now - chance.randrange(late_ms + 1), some_key(chance, values)
        state = kind.add(state, t, [key], now)
        wanted.add(t, step, key, now)
        assert state is not None
        assert kind.counts(state, now) == wanted.counts()
        assert [at for at, _, _ in wanted.events] == (state.plain() if isinstance(state, TallyInHand) else state)[0]
        if instants_max is not None:
            decided = isinstance(state, TallyInHand) or len(state[1]) >= kind.decisive
            decided = decided and kind.decides(state, t, [key])
            before = full, until
            most, until = kind.value_until(state, now)
            full = most >= instants_max
            assert decided or (before[0] and now >= before[1]) or before == (full, until) or not (full or before[0])
        if chance.random() < 0.02:
            state = stored(state)
    assert counted[VALUE_DROPPED] == wanted.dropped
