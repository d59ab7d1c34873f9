"""Aggregates by value: what is kept of each, who goes at the limits, and what it takes to say so."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.counted import EVENT_DROPPED, VALUE_DROPPED, Counted
from tables.in_hand import plain
from tables.recent import VALUES_MAX
from tables.running_tally import RunningTally
from tables.tallies import Decay, Distinct, Tally
from tables.tally_in_hand import TallyInHand
from tables.windows import EVENTS_MAX, FOREVER

HOUR_MS = 3_600_000
Events: TypeAlias = Sequence[tuple[int, str]]
State: TypeAlias = list[list[Any]] | TallyInHand


def tally(events: Events, *, within_ms: int | None = HOUR_MS, instants_max: int | None = None) -> tuple[Tally, State]:
    """A tally after these (t, value), each at its own instant or at the latest before it."""
    kind = Tally(within_ms, instants_max, Counted())
    state, now = None, 0
    for t, value in events:
        now = max(now, t)
        state = kind.add(state, t, [value], now)
    assert state is not None
    return kind, state


def test_the_highest_count_is_that_of_one_value() -> None:
    kind, state = tally([(1, "a"), (2, "b"), (3, "a")])
    assert kind.value(state, 3) == 2
    assert kind.key(state, 3) == "a"
    assert kind.counts(state, 3) == {"a": 2, "b": 1}


def test_of_equal_counts_the_value_of_the_latest_event_is_the_key_then_the_smallest_text() -> None:
    kind, state = tally([(1, "b"), (2, "a")])
    assert kind.key(state, 2) == "a"
    kind, state = tally([(1, "a"), (2, "b")])
    assert kind.key(state, 2) == "b"
    kind, state = tally([(2, "b"), (2, "a")])
    assert kind.key(state, 2) == "a"


def test_an_event_leaves_a_window_at_exactly_its_end() -> None:
    kind, state = tally([(1_000, "a"), (2_000, "a")])
    assert kind.value(state, 1_000 + HOUR_MS - 1) == 2
    assert kind.value(state, 1_000 + HOUR_MS) == 1
    assert kind.until(state, 2_000) == 1_000 + HOUR_MS
    assert kind.until(state, 1_000 + HOUR_MS) == 2_000 + HOUR_MS
    assert kind.until(state, 2_000 + HOUR_MS) == FOREVER


def test_a_value_is_full_until_the_oldest_of_its_places_leaves() -> None:
    kind, state = tally([(1, "a"), (2, "b"), (3, "a"), (4, "a")], instants_max=2)
    assert kind.value(state, 4) == 2
    assert kind.value_until(state, 4)[1] == 3 + HOUR_MS
    assert kind.value_until(state, 3 + HOUR_MS)[1] == FOREVER


def test_of_several_full_values_the_longest_counts() -> None:
    kind, state = tally([(1, "a"), (2, "a"), (3, "b"), (4, "b")], instants_max=2)
    assert kind.value_until(state, 4)[1] == 3 + HOUR_MS


def test_each_different_value_takes_its_bytes_once() -> None:
    _, state = tally([(number, "x" * 60 + str(number % 3)) for number in range(1_000)])
    assert len(msgspec.msgpack.encode(state, enc_hook=plain)) < 11_000


def test_values_that_left_the_window_take_no_place_and_no_bytes() -> None:
    events = [(number * HOUR_MS, f"p{number}") for number in range(150)]
    kind, state = tally(events)
    assert kind.counts(state, 149 * HOUR_MS) == {"p149": 1}
    assert len(msgspec.msgpack.encode(state)) < 30
    assert not kind.counted


def test_the_hundred_and_first_value_removes_the_one_whose_latest_event_is_oldest() -> None:
    events = [(number, f"p{number:03}") for number in range(VALUES_MAX)]
    kind, state = tally([*events, (200, "p000"), (201, "new")])
    counts = kind.counts(state, 201)
    assert len(counts) == VALUES_MAX
    assert "p001" not in counts
    assert counts["p000"] == 2
    assert kind.counted == {VALUE_DROPPED: 1}


def test_the_hundred_and_first_value_may_be_the_one_to_go() -> None:
    events = [(number, f"p{number:03}") for number in range(10, 10 + VALUES_MAX)]
    kind, state = tally([*events, (5, "old")])
    assert "old" not in kind.counts(state, 200)
    assert kind.counted == {VALUE_DROPPED: 1}


def test_of_values_equally_old_the_smallest_text_goes() -> None:
    kind = Tally(HOUR_MS, None, Counted())
    state = kind.add(None, 1, [f"p{number:03}" for number in range(VALUES_MAX + 2)], 1)
    assert "p000" not in kind.counts(state, 1)
    assert "p001" not in kind.counts(state, 1)
    assert len(kind.counts(state, 1)) == VALUES_MAX


def test_a_value_that_went_for_good_begins_anew() -> None:
    events = [(number, f"p{number:03}") for number in range(VALUES_MAX + 1)]
    kind, state = tally([*events, (300, "p000")])
    assert kind.counts(state, 300)["p000"] == 1


def test_the_latest_thousand_events_stay_over_all_values() -> None:
    kind, state = tally([(number, "ab"[number % 2]) for number in range(EVENTS_MAX + 10)])
    assert kind.counts(state, 2_000) == {"a": 500, "b": 500}
    assert kind.counted == {EVENT_DROPPED: 10}
    assert "c" not in kind.counts(kind.add(state, 3, ["c"], 2_000), 2_000)


def test_a_reset_forgets_what_is_at_or_before_it() -> None:
    kind, state = tally([(1, "a"), (2, "b"), (3, "c")], within_ms=None)
    assert kind.forget(state, 3) is None
    rest = kind.forget(state, 2)
    assert kind.counts(rest, 10) == {"c": 1}
    assert kind.key(rest, 10) == "c"


def test_a_threshold_is_looked_at_when_a_value_reaches_its_places() -> None:
    kind, state = tally([(1, "a")], instants_max=2)
    assert not kind.decides(state, 1, ["a"])
    kind, state = tally([(1, "a"), (2, "a")], instants_max=2)
    assert kind.decides(state, 2, ["a"])
    assert kind.decides(state, 1, ["a"])
    assert not kind.decides(state, 1, ["b"])
    assert kind.decides(state, 2, ["a", "b"])


def test_a_threshold_that_a_late_event_reaches_is_looked_at() -> None:
    kind, state = tally([(2, "a"), (3, "b"), (1, "a")], instants_max=2)
    assert kind.decides(state, 1, ["a"])
    assert not kind.decides(state, 3, ["b"])


@pytest.mark.parametrize(("instants_max", "decisive"), [(1, 1), (4, 4), (150, VALUES_MAX)])
def test_fewer_events_than_are_decisive_are_not_looked_at(instants_max: int, decisive: int) -> None:
    assert Tally(HOUR_MS, instants_max, Counted()).decisive == decisive


times = st.integers(1, 40)
values = st.sampled_from(["a", "b", "c", "\x007", "7"])


@given(
    st.lists(st.tuples(times, st.lists(values, min_size=1, max_size=3, unique=True).map(sorted), st.integers(0, 30))),
    st.sampled_from([None, 10, 25]),
    st.sampled_from([None, 1, 2, 3]),
)
def test_a_tally_says_what_a_list_of_all_events_says(
    events: list[tuple[int, list[str], int]], within_ms: int | None, instants_max: int | None
) -> None:
    kind = Tally(within_ms, instants_max, Counted())
    state, now = None, 0
    seen: list[tuple[int, str]] = []
    for t, item, wait in events:
        now = max(now + wait // 10, t)
        state = kind.add(state, t, item, now)
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
        if within_ms is None or t > now - within_ms:
            seen += [(t, value) for value in item]
        visible = [(t, value) for t, value in seen if within_ms is None or t > now - within_ms]
        counts = {value: sum(other == value for _, other in visible) for _, value in visible}
        if instants_max is not None:
            counts = {value: min(count, instants_max) for value, count in counts.items()}
        assert kind.counts(state, now) == counts
        assert kind.value(state, now) == max(counts.values(), default=0)


def test_an_all_time_tally_keeps_counts_and_not_events() -> None:
    kind = RunningTally(Counted())
    state = None
    for number in range(2_000):
        state = kind.add(state, number, ["ab"[number % 2]], number)
    assert kind.value(state, 2_000) == 1_000
    assert kind.key(state, 2_000) == "b"
    assert kind.until(state, 2_000) == FOREVER


def test_distinct_values_end_one_by_one() -> None:
    kind = Distinct(HOUR_MS, Counted())
    state = None
    for t, value in ((1_000, "a"), (2_000, "b"), (3_000, "a")):
        state = kind.add(state, t, [value], t)
    assert kind.value(state, 3_000) == 2
    assert kind.until(state, 3_000) == 2_000 + HOUR_MS
    assert kind.value(state, 2_000 + HOUR_MS) == 1
    assert kind.value(state, 3_000 + HOUR_MS) == 0
    assert kind.until(state, 3_000 + HOUR_MS) == FOREVER


def test_an_older_event_does_not_shorten_the_life_of_a_distinct_value() -> None:
    kind = Distinct(HOUR_MS, Counted())
    state = kind.add(kind.add(None, 2_000, ["a"], 2_000), 1_000, ["a"], 2_000)
    assert kind.until(state, 2_000) == 2_000 + HOUR_MS


def test_distinct_values_outside_the_window_make_room_before_a_limit_bites() -> None:
    kind = Distinct(HOUR_MS, Counted())
    state = None
    for number in range(VALUES_MAX):
        state = kind.add(state, number, [f"p{number}"], number)
    state = kind.add(state, 2 * HOUR_MS, ["new"], 2 * HOUR_MS)
    assert state == {"new": 2 * HOUR_MS}
    assert not kind.counted


def test_a_score_halves_in_a_half_life_and_takes_an_older_event_already_decayed() -> None:
    kind = Decay(1_000)
    state = kind.add(None, 5_000, 8, 5_000)
    assert kind.value(state, 6_000) == 4
    state = kind.add(state, 4_000, 8, 6_000)
    assert kind.value(state, 5_000) == pytest.approx(12)
    state = kind.add(state, 6_000, 1, 6_000)
    assert kind.value(state, 6_000) == pytest.approx(7)
