"""`median` and `percentile`: the state."""

from statistics import median_low

import pytest

from tables.counted import EVENT_DROPPED, Counted
from tables.percentiles import Percentile
from tables.windows import EVENTS_MAX, FOREVER


def value(rank: float, numbers: list[int], *, within_ms: int | None = None) -> float | None:
    """The percentile of whole numbers that come one after the other."""
    kind = Percentile(rank, within_ms, Counted())
    state = None
    for t, number in enumerate(numbers, start=1):
        state = kind.add(state, t, [number * 1_000_000], len(numbers))
    return kind.value(state, len(numbers))


@pytest.mark.parametrize("count", range(1, 12))
def test_the_median_is_the_lower_one_of_two(count: int) -> None:
    numbers = [number * 7 % 11 for number in range(count)]
    assert value(50, numbers) == median_low(numbers)


@pytest.mark.parametrize(
    ("rank", "expected"),
    [(1, 1), (10, 1), (10.1, 2), (30, 3), (33.3, 4), (90, 9), (90.000001, 10), (99.9, 10), (100, 10)],
)
def test_the_place_of_a_percentile_is_rounded_up(rank: float, expected: int) -> None:
    assert value(rank, [3, 1, 10, 2, 9, 4, 8, 5, 7, 6]) == expected


def test_the_percentile_of_nothing_is_missing() -> None:
    assert value(90, []) is None
    kind = Percentile(90, 10, Counted())
    state = kind.add(None, 1, [5_000_000], 1)
    assert (kind.value(state, 10), kind.until(state, 10)) == (5, 11)
    assert (kind.value(state, 11), kind.until(state, 11)) == (None, FOREVER)


def test_the_latest_thousand_values_count_also_without_a_window() -> None:
    kind = Percentile(1, None, Counted())
    state = None
    for t in range(EVENTS_MAX + 50):
        state = kind.add(state, t, [t * 1_000_000], t)
    assert kind.value(state, EVENTS_MAX + 50) == 59
    assert kind.counted == {EVENT_DROPPED: 50}
