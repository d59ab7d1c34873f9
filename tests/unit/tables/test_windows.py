"""Aggregates over windows: half-open, in the order (t, arrival), exact at their edges."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.counted import EVENT_DROPPED, Counted
from tables.pairs import FIRST_BYTES_MAX, First, Numbers
from tables.values import remembered_bytes
from tables.windows import (
    EVENTS_MAX,
    FOREVER,
    FirstEver,
    Last,
    Latest,
    LatestN,
    Running,
    RunningNumber,
    round_half_even,
)

HOUR_MS = 3_600_000


def fed(kind: Any, *events: tuple[int, Any], now: int | None = None) -> Any:
    """The state after these (t, item), each at the latest t so far."""
    state, latest = None, 0
    for t, item in events:
        latest = max(latest, t)
        state = kind.add(state, t, item, latest if now is None else now)
    return state


def latest_n(count: int | None = None, within_ms: int | None = HOUR_MS) -> LatestN:
    return LatestN(within_ms, count, Counted())


# ---- the edges of a window


@pytest.mark.parametrize(
    ("kind", "item", "inside", "outside"),
    [
        (latest_n(), None, 1, 0),
        (Latest(HOUR_MS), None, 1_000, None),
        (Numbers("sum", HOUR_MS, Counted()), [5_000_000], 5, 0),
        (Numbers("max", HOUR_MS, Counted()), [5_000_000], 5, None),
        (First(HOUR_MS, Counted()), "a", "a", None),
        (Last(HOUR_MS), "a", "a", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_counts_until_just_before_its_window_is_over(kind: Any, item: Any, inside: Any, outside: Any) -> None:
    state = fed(kind, (1_000, item))
    end = 1_000 + HOUR_MS
    assert kind.value(state, end - 1) == inside
    assert kind.value(state, end) == outside
    assert kind.until(state, 1_000) == end
    assert kind.until(state, end) == FOREVER


@pytest.mark.parametrize(
    "kind",
    [latest_n(), Latest(HOUR_MS), Numbers("sum", HOUR_MS, Counted()), First(HOUR_MS, Counted()), Last(HOUR_MS)],
)
def test_an_event_that_is_outside_when_it_arrives_is_never_there(kind: Any) -> None:
    item = [1] if isinstance(kind, Numbers) else "a"
    assert kind.add(None, 1_000, item, 1_000 + HOUR_MS) is None
    assert kind.add(None, 1_001, item, 1_000 + HOUR_MS) is not None


@pytest.mark.parametrize("kind", [Latest(None), latest_n(within_ms=None), Last(None), First(None, Counted())])
def test_without_a_window_nothing_ends(kind: Any) -> None:
    state = fed(kind, (1, "a"))
    assert kind.until(state, 10**15) == FOREVER
    assert kind.value(state, 10**15)


@pytest.mark.parametrize(
    "kind",
    [latest_n(), Latest(HOUR_MS), Last(HOUR_MS), First(HOUR_MS, Counted()), Numbers("sum", HOUR_MS, Counted())],
)
def test_a_reset_forgets_what_is_at_or_before_it_and_nothing_else(kind: Any) -> None:
    item = [1_000_000] if isinstance(kind, Numbers) else "a"
    state = fed(kind, (1, item), (2, item), (3, item))
    assert kind.forget(state, 3) is None
    assert kind.value(kind.forget(state, 2), 3) == kind.value(fed(kind, (3, item)), 3)
    assert kind.forget(None, 5) is None


# ---- the latest instants


def test_a_threshold_keeps_as_many_instants_as_it_needs_in_whatever_order_they_come() -> None:
    kind = latest_n(3)
    assert fed(kind, (5, None), (1, None), (4, None), (2, None), (3, None)) == [3, 4, 5]
    assert not kind.counted


def test_all_places_are_full_until_the_oldest_leaves() -> None:
    kind = latest_n(3)
    state = fed(kind, (1, None), (2, None), (3, None))
    assert kind.full_until(state, 3) == 1 + HOUR_MS
    assert kind.full_until(state, 1 + HOUR_MS) == FOREVER
    assert kind.full_until(fed(kind, (1, None)), 3) == FOREVER


def test_of_more_than_a_thousand_the_latest_stay_and_the_rest_are_counted() -> None:
    kind = latest_n()
    state = fed(kind, *((t, None) for t in range(EVENTS_MAX + 5)))
    assert state == list(range(5, EVENTS_MAX + 5))
    assert kind.counted == {EVENT_DROPPED: 5}


def test_what_has_left_the_window_is_pruned_with_the_next_event() -> None:
    assert fed(latest_n(), (1, None), (2, None), (2 + HOUR_MS, None)) == [2 + HOUR_MS]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20))), st.integers(1, 30), st.sampled_from([None, 1, 2, 4])
)
def test_places_say_what_a_list_of_all_instants_says(
    events: list[tuple[int, int]], within_ms: int, count: int | None
) -> None:
    kind = LatestN(within_ms, count, Counted())
    state, now = None, 0
    seen: list[int] = []
    for t, wait in events:
        now = max(now + wait, t)
        if t > now - within_ms:
            seen.append(t)
        state = kind.add(state, t, None, now)
        for later in (now, kind.until(state, now) - 1, kind.until(state, now)):
            visible = [t for t in seen if later - within_ms < t]
            assert kind.value(state, later) == min(len(visible), count or EVENTS_MAX)


# ---- numbers


def test_sums_are_exact_in_millionths() -> None:
    kind = Numbers("sum", HOUR_MS, Counted())
    assert kind.value(fed(kind, *((t, [100_000]) for t in range(10))), 9) == 1


def test_an_average_is_rounded_half_to_even_at_six_places() -> None:
    kind = Numbers("avg", HOUR_MS, Counted())
    assert kind.value(fed(kind, (1, [1]), (2, [2])), 2) == 0.000002
    assert kind.value(fed(kind, (1, [2]), (2, [3])), 2) == 0.000002
    running = RunningNumber("avg")
    assert running.value(fed(running, (1, [2]), (2, [3])), 2) == 0.000002


@pytest.mark.parametrize(("function", "value"), [("sum", 6), ("avg", 2), ("min", 1), ("max", 3)])
@pytest.mark.parametrize("make", [lambda name: Numbers(name, HOUR_MS, Counted()), RunningNumber])
def test_each_function_over_a_window_and_over_all_time(make: Callable[[str], Any], function: str, value: int) -> None:
    kind = make(function)
    assert kind.value(fed(kind, (1, [3_000_000]), (2, [1_000_000, 2_000_000]), (3, [])), 3) == value


@pytest.mark.parametrize(("function", "nothing"), [("sum", 0), ("avg", None), ("min", None), ("max", None)])
def test_of_nothing_a_sum_is_zero_and_the_rest_is_missing(function: str, nothing: int | None) -> None:
    assert Numbers(function, HOUR_MS, Counted()).value(None, 1) == nothing
    assert RunningNumber(function).value(None, 1) == nothing


def test_a_running_sum_grows_beyond_64_bits() -> None:
    kind = RunningNumber("sum")
    state = fed(kind, *((t, [10**18]) for t in range(100)))
    assert isinstance(state[0], str)
    assert kind.value(state, 100) == 10**14
    assert kind.value(fed(kind, *((t, [-(10**18)]) for t in range(100))), 100) == -(10**14)


def test_each_value_of_a_list_takes_a_place_among_the_thousand() -> None:
    kind = Numbers("sum", HOUR_MS, Counted())
    state = fed(kind, (1, [1_000_000] * 600), (2, [2_000_000] * 600))
    assert kind.value(state, 2) == 400 + 1200
    assert kind.counted == {EVENT_DROPPED: 200}


@pytest.mark.parametrize(("numerator", "denominator", "nearest"), [(1, 3, 0), (5, 3, 2), (-1, 2, 0), (-3, 2, -2)])
def test_rounding_is_to_the_nearest_and_half_to_even(numerator: int, denominator: int, nearest: int) -> None:
    assert round_half_even(numerator, denominator) == nearest


# ---- first and last


def test_of_one_instant_the_first_to_arrive_is_first_and_the_last_is_last() -> None:
    events: Sequence[tuple[int, Any]] = [(5, "a"), (5, "b"), (5, "c")]
    for first in (First(HOUR_MS, Counted()), FirstEver()):
        assert first.value(fed(first, *events), 5) == "a"
    assert Last(HOUR_MS).value(fed(Last(HOUR_MS), *events), 5) == "c"


def test_an_older_event_that_arrives_later_is_first_and_not_last() -> None:
    events: Sequence[tuple[int, Any]] = [(5, "a"), (3, "b")]
    for first in (First(HOUR_MS, Counted()), FirstEver()):
        assert first.value(fed(first, *events), 5) == "b"
    assert Last(HOUR_MS).value(fed(Last(HOUR_MS), *events), 5) == "a"


@pytest.mark.parametrize("kind", [First(HOUR_MS, Counted()), FirstEver(), Last(HOUR_MS)])
def test_an_event_without_the_value_is_none(kind: Any) -> None:
    assert kind.value(fed(kind, (1, None), (2, "a"), (3, None)), 3) == "a"


def test_the_next_becomes_first_when_the_first_leaves_the_window() -> None:
    kind = First(HOUR_MS, Counted())
    state = fed(kind, (1, "a"), (2, "b"))
    assert kind.value(state, HOUR_MS) == "a"
    assert kind.until(state, 2) == 1 + HOUR_MS
    assert kind.value(state, 1 + HOUR_MS) == "b"


def test_a_first_keeps_as_many_values_as_take_64_kilobytes() -> None:
    kind = First(None, Counted())
    value = ["x" * 60] * 20
    state = None
    for t in range(60):
        state = kind.add(state, t, value, t)
        assert state is not None
        assert state[2] == sum(map(remembered_bytes, state[1])) <= FIRST_BYTES_MAX
    assert state is not None
    kept = FIRST_BYTES_MAX // remembered_bytes(value)
    assert state[0] == list(range(60 - kept, 60))
    assert kind.counted == {EVENT_DROPPED: 60 - kept}
    rest = kind.forget(state, 57)
    assert rest is not None
    assert rest[0] == [58, 59]
    assert rest[2] == 2 * remembered_bytes(value)


def test_an_old_value_that_does_not_fit_is_itself_what_goes() -> None:
    kind = First(None, Counted())
    state = fed(kind, *((t, "x" * 256) for t in range(10, 263)))
    after = kind.add(state, 5, "y" * 256, 300)
    assert after is not None
    assert after[0][0] == 10


# ---- all time


def test_a_running_count_counts() -> None:
    assert Running().value(fed(Running(), (1, None), (5, None), (3, None)), 5) == 3
    assert Running().value(None, 5) == 0
    assert Running().until(3, 5) == FOREVER


@pytest.mark.parametrize("kind", [Running(), RunningNumber("sum"), FirstEver()])
def test_what_runs_over_all_time_cannot_forget(kind: Any) -> None:
    with pytest.raises(AssertionError):
        kind.forget(None, 1)


def test_the_latest_instant_is_the_highest_in_whatever_order_they_come() -> None:
    assert fed(Latest(HOUR_MS), (5, None), (9, None), (7, None)) == 9
