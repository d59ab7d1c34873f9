"""Conditions on dates and clocks turn at the right minute around changes of a clock: against each minute of days."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.events.instants import iso
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord
from tests.model import dates
from tests.model.messages import instant_ms

MINUTE_MS = 60_000
DAY_MS = 1_440 * MINUTE_MS
Holds = Callable[[str, int], bool]

SPANS = {
    "Europe/Berlin": ("2026-03-27T12:00:00Z", "2026-10-23T12:00:00Z"),
    "America/New_York": ("2026-03-06T12:00:00Z", "2026-10-30T12:00:00Z"),
    "America/St_Johns": ("2026-03-06T12:00:00Z", "2010-11-05T12:00:00Z"),  # 2010: from 00:01 back to 23:01
    "America/Havana": ("2026-03-06T12:00:00Z", "2026-10-30T12:00:00Z"),  # midnight is left out, and comes twice
    "Asia/Beirut": ("2026-03-27T12:00:00Z", "2026-10-23T12:00:00Z"),
    "Australia/Lord_Howe": ("2026-04-03T12:00:00Z", "2026-10-02T12:00:00Z"),  # by half an hour
    "Asia/Kathmandu": ("2026-03-27T12:00:00Z", "2028-02-27T12:00:00Z"),  # 5:45 ahead; a leap day
    "Pacific/Apia": ("2011-12-28T12:00:00Z", "2026-12-30T12:00:00Z"),  # 30 December 2011 is left out
    "UTC": ("2026-12-30T12:00:00Z", "2027-02-26T12:00:00Z"),
}
CASES = [(zone, start) for zone, starts in SPANS.items() for start in starts]


def members(condition: str, zone: str, start: str, days: int, traits: Mapping[str, Any]) -> list[bool]:
    """Membership of somebody with these traits at each minute of some days, by the engine."""
    files = {
        "s.yaml": f"segment: s\nwhen: {msgspec.json.encode(condition).decode()}\n",
        "catalog.yaml": f"zone: {zone}\n",
    }
    rules = TimeRules(disorder_ms=0)
    partition = Partition(compile_catalog(load_catalog(files), rules), rules)
    message = {"type": "identify", "userId": "u", "timestamp": start, "traits": traits}
    changes = partition.process([PipedRecord(0, -1, b"u", msgspec.json.encode(message))]).changes
    start_ms = instant_ms(start)
    changes += partition.advance(start_ms + days * DAY_MS).changes
    turns = [(instant_ms(change.at), change.change == "entered") for change in changes]
    inside, found = False, []
    for minute in range(start_ms, start_ms + days * DAY_MS, MINUTE_MS):
        while turns and turns[0][0] <= minute:
            inside = turns.pop(0)[1]
        found.append(inside)
    return found


def check(
    condition: str, zone: str, start: str, holds: Holds, *, days: int = 4, traits: Mapping[str, Any] | None = None
) -> None:
    start_ms = instant_ms(start)
    found = members(condition, zone, start, days, traits or {"a": 1})
    expected = [holds(zone, minute) for minute in range(start_ms, start_ms + days * DAY_MS, MINUTE_MS)]
    wrong = [number for number, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]
    assert not wrong, f"{condition} in {zone}: {len(wrong)} minutes, first at {iso(start_ms + wrong[0] * MINUTE_MS)}"


def from_minute(first: int) -> Holds:
    """True from a minute on."""
    return lambda _, now: now >= first


def by_clock(is_true: Callable[[datetime], bool], other: str | None = None) -> Holds:
    """True of what a clock shows, in the zone of the catalog or in another."""
    return lambda zone, now: is_true(dates.shown(other or zone, now))


def day(start: str, later: int) -> datetime:
    """Midnight of a day after the start, by a clock."""
    return datetime.fromisoformat(start[:10]) + timedelta(days=later)


@pytest.mark.parametrize(("zone", "start"), CASES)
def test_the_time_since_and_until_a_date_is_that_to_its_first_minute(zone: str, start: str) -> None:
    date = day(start, 2).date()
    first_minute = next(
        minute
        for minute in range(instant_ms(start), instant_ms(start) + 4 * DAY_MS, MINUTE_MS)
        if dates.shown(zone, minute).date() >= date
    )
    traits = {"day": date.isoformat()}
    check("since(traits.day) >= 0s", zone, start, lambda _, now: now >= first_minute, traits=traits)
    check("until(traits.day) <= 3h", zone, start, lambda _, now: first_minute - now <= 180 * MINUTE_MS, traits=traits)
    check(
        "until(traits.day) < 3h and since(traits.day) < 1h30m",
        zone,
        start,
        lambda _, now: -90 * MINUTE_MS < first_minute - now < 180 * MINUTE_MS,
        traits=traits,
    )


@pytest.mark.parametrize(("zone", "start"), CASES)
def test_a_local_time_is_the_first_minute_at_which_the_clock_shows_it(zone: str, start: str) -> None:
    for clock in ("00:30", "02:30", "23:30"):
        text = f"{day(start, 2).date()}T{clock}"
        minutes = range(instant_ms(start), instant_ms(start) + 4 * DAY_MS, MINUTE_MS)
        shown = [minute for minute in minutes if dates.shown(zone, minute).isoformat()[:16] == text]
        if shown:
            check(
                "since(traits.day) >= 0s",
                zone,
                start,
                from_minute(shown[0]),
                traits={"day": text},
            )


@pytest.mark.parametrize(("zone", "start"), CASES)
def test_an_anniversary_lasts_as_long_as_its_day(zone: str, start: str) -> None:
    born = day(start, 2)
    traits = {"day": f"1988-{born:%m-%d}"}

    minutes = range(instant_ms(start), instant_ms(start) + 4 * DAY_MS, MINUTE_MS)
    begins, ends = (
        next(minute for minute in minutes if (dates.shown(zone, minute) - later).date() >= born.date())
        for later in (timedelta(0), timedelta(days=1))
    )
    if begins == ends:  # the day is left out, and the next one is not the same
        begins = ends = instant_ms(start) + 400 * DAY_MS
    check("until_anniversary(traits.day) <= 0s", zone, start, lambda _, now: begins <= now < ends, traits=traits)
    check(
        "until_anniversary(traits.day) > 0s and until_anniversary(traits.day) <= 6h",
        zone,
        start,
        lambda _, now: 0 < begins - now <= 360 * MINUTE_MS,
        traits=traits,
    )


@pytest.mark.parametrize(("zone", "start"), CASES)
def test_each_reading_of_a_clock_turns_at_its_minute(zone: str, start: str) -> None:
    middle = day(start, 2)
    holds: dict[str, Callable[[datetime], bool]] = {
        "hour_of_day() = 0": lambda clock: clock.hour == 0,
        "hour_of_day() in [1, 23]": lambda clock: clock.hour in (1, 23),
        f"day_of_week() = '{dates.DAYS[middle.weekday()]}'": lambda clock: clock.weekday() == middle.weekday(),
        f"day_of_month() = {middle.day}": lambda clock: clock.day == middle.day,
        f"month() > {(middle - timedelta(days=1)).month}": lambda clock: (
            clock.month > (middle - timedelta(days=1)).month
        ),
        f"week_of_year() = {middle.isocalendar().week}": lambda clock: (
            clock.isocalendar().week == middle.isocalendar().week
        ),
        f"date() >= '{middle.date()}'": lambda clock: clock.date() >= middle.date(),
        f"date() in ['{middle.date()}', '2020-01-01']": lambda clock: clock.date() == middle.date(),
        f"date() != '{middle.date()}'": lambda clock: clock.date() != middle.date(),
        f"date() starts with '{middle:%Y-%m}'": lambda clock: (clock.year, clock.month) == (middle.year, middle.month),
    }
    for condition, is_true in holds.items():
        check(f"{condition} and user.age >= 0s", zone, start, by_clock(is_true))


@pytest.mark.parametrize(("zone", "start"), CASES)
def test_a_clock_goes_by_the_zone_of_the_user(zone: str, start: str) -> None:
    for value, meant in ((zone, zone), ("Mars", "Asia/Kolkata"), (7, "Asia/Kolkata")):
        traits = {"zone": value}
        condition = "hour_of_day(traits.zone) < 3 and user.age >= 0s"
        check(condition, "Asia/Kolkata", start, by_clock(lambda clock: clock.hour < 3, meant), traits=traits)


def test_a_clock_turns_when_the_zone_of_its_user_changes() -> None:
    files = {"s.yaml": "segment: s\nwhen: exists(page) and hour_of_day(context.timezone) >= 18\n"}
    rules = TimeRules(disorder_ms=0)
    partition = Partition(compile_catalog(load_catalog(files), rules), rules)
    told = []
    for number, (at, zone) in enumerate(
        [
            ("2026-06-01T12:00:00Z", "Europe/Berlin"),  # there it is 18:00 at 16:00Z
            ("2026-06-01T16:30:00Z", "America/New_York"),  # there it is 12:30
            ("2026-06-01T20:00:00Z", "Mars"),  # 20:00 by the clock of the catalog
        ]
    ):
        message = {"type": "page", "userId": "u", "timestamp": at, "context": {"timezone": zone}}
        told += partition.process([PipedRecord(number, -1, b"u", msgspec.json.encode(message))]).changes
    told += partition.advance(instant_ms("2026-06-02T12:00:00Z")).changes
    assert [(change.change, change.at[5:16]) for change in told] == [
        ("entered", "06-01T16:00"),
        ("exited", "06-01T16:30"),
        ("entered", "06-01T20:00"),
        ("exited", "06-02T00:00"),
    ]


@pytest.mark.parametrize(
    "condition", ["week_of_year() = 53", "date() >= '2032-02-29'", "month() = 2 and day_of_month() = 29"]
)
def test_what_comes_years_later_is_not_missed(condition: str) -> None:
    first = {"week_of_year() = 53": "2032-12-27", "date() >= '2032-02-29'": "2032-02-29"}.get(condition, "2028-02-29")
    files = {"s.yaml": f"segment: s\nwhen: exists(page) and {condition}\n"}
    rules = TimeRules(disorder_ms=0, retention_ms=10_000 * DAY_MS)
    partition = Partition(compile_catalog(load_catalog(files), rules), rules)
    message = {"type": "page", "userId": "u", "timestamp": "2027-03-01T12:00:00Z"}
    changes = partition.process([PipedRecord(0, -1, b"u", msgspec.json.encode(message))]).changes
    changes += partition.advance(instant_ms("2034-01-01T00:00:00Z")).changes
    assert changes[0].at == f"{first}T00:00:00.000Z"
