"""The state of `days`, `weeks` and `months`."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.events.message import instant_ms
from tables.calendar_days import DAY_MS, HOUR_MS, Unit
from tables.counted import VALUE_DROPPED, Counted
from tables.days import DAYS_MAX, Days, Streak
from tables.windows import FOREVER


def wall(zone: str, instant: int) -> date:
    """The date on the wall."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone)).date()


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


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", "2026-03-27T22:00:00Z"),
        ("Europe/Berlin", "2026-03-27T22:59:00Z"),
        ("Europe/Berlin", "2026-10-23T21:00:00Z"),
        ("Asia/Kolkata", "2026-03-27T18:29:00Z"),
        ("Australia/Lord_Howe", "2026-04-03T12:00:00Z"),
        ("America/Sao_Paulo", "2018-11-02T12:00:00Z"),
        ("Africa/Cairo", "2026-10-28T20:59:00Z"),
        ("America/Havana", "2026-10-30T12:00:00Z"),
        ("America/Goose_Bay", "2009-10-30T12:00:00Z"),
        ("Pacific/Apia", "2011-12-28T12:00:00Z"),
    ],
)
def test_a_streak_is_that_of_each_minute_until_the_instant_that_is_said(zone: str, first: str) -> None:
    """Around a change of the clock, against the dates on the wall."""
    kind = Streak(zone, Counted())
    start_ms = instant_ms(first)
    events = [start_ms, start_ms + 25 * HOUR_MS, start_ms + 44 * HOUR_MS]
    state = fed(kind, *events)
    dates = {wall(zone, t).toordinal() for t in events}
    length, until = kind.value(state, events[-1]), kind.until(state, events[-1])
    for at in range(events[-1], events[-1] + 4 * DAY_MS, 60_000):
        if at >= until:
            length, until = kind.value(state, at), kind.until(state, at)
        today = wall(zone, at).toordinal()
        day = today if today in dates else today - 1
        expected = sum(1 for back in range(4) if all(day - nearer in dates for nearer in range(back + 1)))
        assert length == expected, wall(zone, at)


def test_a_streak_that_is_over_asks_for_no_timer() -> None:
    kind = Streak("UTC", Counted())
    state = fed(kind, START_MS)
    assert kind.until(state, START_MS) == START_MS + 2 * DAY_MS
    assert kind.value(state, START_MS + 2 * DAY_MS - 1) == 1
    assert kind.value(state, START_MS + 2 * DAY_MS) == 0
    assert kind.until(state, START_MS + 2 * DAY_MS) == FOREVER
    assert kind.until(None, START_MS) == FOREVER


def test_a_late_event_closes_the_gap_of_a_streak() -> None:
    kind = Streak("UTC", Counted())
    state = fed(kind, START_MS, START_MS + 2 * DAY_MS)
    assert kind.value(state, START_MS + 2 * DAY_MS) == 1
    state = kind.add(state, START_MS + DAY_MS, None, START_MS + 2 * DAY_MS)
    assert kind.value(state, START_MS + 2 * DAY_MS) == 3
