"""The state of `days`, `weeks` and `months`."""

import pytest

from app.events.message import instant_ms
from tables.calendar_days import DAY_MS, HOUR_MS, Unit
from tables.counted import VALUE_DROPPED, Counted
from tables.days import DAYS_MAX, Days
from tables.windows import FOREVER

START_MS = instant_ms("2026-01-05T00:00:00Z")  # a Monday


def fed(kind: Days, *instants: int) -> dict[int, int] | None:
    state = None
    now = 0
    for t in instants:
        now = max(now, t)
        state = kind.add(state, t, None, now)
    return state


def test_a_day_of_a_zone_with_half_an_hour_begins_at_its_midnight() -> None:
    midnight_ms = instant_ms("2026-01-05T18:30:00Z")
    for zone, days in (("Asia/Kolkata", 2), ("UTC", 1)):
        kind = Days("day", None, zone, Counted())
        assert kind.value(fed(kind, midnight_ms - 1, midnight_ms), midnight_ms) == days


def test_a_day_counts_until_its_last_event_leaves_the_window() -> None:
    kind = Days("day", DAY_MS, "UTC", Counted())
    late = START_MS + 20 * HOUR_MS
    state = fed(kind, START_MS, late, START_MS + 10 * HOUR_MS)
    assert kind.until(state, late) == late + DAY_MS
    assert kind.value(state, late + DAY_MS - 1) == 1
    assert kind.value(state, late + DAY_MS) == 0
    assert kind.until(state, late + DAY_MS) == FOREVER


@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_the_latest_four_hundred_stay(unit: Unit) -> None:
    kind = Days(unit, None, "UTC", Counted())
    instants = [START_MS + number * 31 * DAY_MS for number in range(DAYS_MAX + 3)]
    state = fed(kind, *instants[3:], *instants[:3])
    assert state is not None
    assert sorted(state.values()) == instants[3:]
    assert kind.value(state, instants[-1]) == DAYS_MAX
    assert kind.counted == {VALUE_DROPPED: 3}


def test_what_has_left_the_window_is_not_kept_and_not_counted_as_dropped() -> None:
    kind = Days("day", 7 * DAY_MS, "UTC", Counted())
    state = fed(kind, *(START_MS + number * DAY_MS for number in range(500)))
    assert state is not None
    assert len(state) == 7
    assert not kind.counted
