"""Calendar days of time zones, against a look at every minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.events.message import instant_ms
from tables.calendar_days import DAY_MS, HOUR_MS, CalendarDays, Unit, most_units

MINUTE_MS = 60_000
CLOCK_CHANGES = (
    ("UTC", "2026-03-29T00:00:00Z"),
    ("Europe/Berlin", "2026-03-28T12:00:00Z"),
    ("Europe/Berlin", "2026-10-24T12:00:00Z"),
    ("America/New_York", "2026-10-31T12:00:00Z"),
    ("Asia/Kolkata", "2026-03-29T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"),  # by half an hour
    ("America/Sao_Paulo", "2018-11-03T12:00:00Z"),  # forward at midnight: no first hour
    ("Africa/Cairo", "2026-10-29T12:00:00Z"),  # back at midnight: the last hour twice
    ("America/Havana", "2026-10-31T12:00:00Z"),  # back to midnight: the first hour twice
    ("America/Goose_Bay", "2009-10-31T12:00:00Z"),  # back a minute after midnight, into the day before
    ("Pacific/Apia", "2011-12-29T12:00:00Z"),  # a day that never was
)
by_change = pytest.mark.parametrize(("zone", "start"), CLOCK_CHANGES)


def wall(zone: str, instant: int) -> datetime:
    """The clock on the wall."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone))


@by_change
def test_the_next_day_begins_where_the_date_on_the_wall_changes(zone: str, start: str) -> None:
    calendar, first = CalendarDays(zone), instant_ms(start)
    minutes = range(first, first + 3 * DAY_MS, MINUTE_MS)
    changes = [at for at in minutes if wall(zone, at).date() != wall(zone, at - 1).date() and at > first]
    for number, at in enumerate(minutes):
        ahead = next((change for change in changes if change > at), None)
        if ahead is not None and (number % 30 == 0 or ahead - at <= 2 * MINUTE_MS):
            assert calendar.next_day_ms(at) == ahead
            assert calendar.next_day_ms(ahead - 1) == ahead


@by_change
def test_two_instants_have_one_number_if_the_calendar_has_one_day_week_or_month(zone: str, start: str) -> None:
    calendar, first = CalendarDays(zone), instant_ms(start)
    day, week, month = (calendar.numbers(unit) for unit in ("day", "week", "month"))
    for at in range(first - 40 * DAY_MS, first + 40 * DAY_MS, 7 * HOUR_MS):
        before, here = wall(zone, at - HOUR_MS), wall(zone, at)
        assert (day(at) == day(at - HOUR_MS)) is (before.date() == here.date())
        assert (week(at) == week(at - HOUR_MS)) is (before.isocalendar()[:2] == here.isocalendar()[:2])
        assert (month(at) == month(at - HOUR_MS)) is ((before.year, before.month) == (here.year, here.month))


@by_change
@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("within_ms", [HOUR_MS, 23 * HOUR_MS, DAY_MS, 7 * DAY_MS, 31 * DAY_MS])
def test_a_window_touches_no_more_than_is_said(zone: str, start: str, unit: Unit, within_ms: int) -> None:
    number = CalendarDays(zone).numbers(unit)
    for end in range(instant_ms(start), instant_ms(start) + 3 * DAY_MS, 5 * HOUR_MS):
        step = max(MINUTE_MS * 10, within_ms // 200)
        touched = {number(at) for at in (*range(end - within_ms + 1, end, step), end)}
        assert len(touched) <= most_units(unit, within_ms)
