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


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"])
@pytest.mark.parametrize(("year", "is_leap"), [(2027, False), (2028, True), (2100, False)])
def test_29_february_is_1_march_only_where_there_is_none(zone: str, year: int, *, is_leap: bool) -> None:
    month_and_day = (2, 29) if is_leap else (3, 1)
    for text in ("1988-02-29", "--02-29", "02-29"):
        check(
            "until_anniversary(traits.day) <= 0s",
            zone,
            f"{year}-02-27T12:00:00Z",
            by_clock(lambda clock: (clock.month, clock.day) == month_and_day),
            traits={"day": text},
        )


def members_of_pages(
    conditions: Mapping[str, str], zone: str, pages_ms: list[int], end_ms: int
) -> dict[str, list[int]]:
    """The minutes, from the first of these pages on, at which each condition is true of their user."""
    files = {
        f"{name}.yaml": f"segment: {name}\nwhen: {msgspec.json.encode(condition).decode()}\n"
        for name, condition in conditions.items()
    }
    rules = TimeRules(disorder_ms=0)
    partition = Partition(compile_catalog(load_catalog(files | {"catalog.yaml": f"zone: {zone}\n"}), rules), rules)
    messages = [{"type": "page", "userId": "u", "timestamp": iso(t)} for t in pages_ms]
    records = [PipedRecord(n, -1, b"u", msgspec.json.encode(message)) for n, message in enumerate(messages)]
    changes = partition.process(records).changes + partition.advance(end_ms).changes
    found: dict[str, list[int]] = {}
    for name in conditions:
        turns = [instant_ms(change.at) for change in changes if change.segment == name] + [end_ms]
        found[name] = [
            minute for a, b in zip(turns[::2], turns[1::2], strict=False) for minute in range(a, b, MINUTE_MS)
        ]
    return found


@pytest.mark.parametrize(("zone", "start"), CASES)
def test_a_filter_and_a_span_take_the_pages_of_their_time(zone: str, start: str) -> None:
    """A page each quarter of an hour counts for as long: so the condition is true while each of the pages that it takes
    is the latest one."""
    quarter_ms, first_ms = 15 * MINUTE_MS, instant_ms(start)
    pages_ms = list(range(first_ms, first_ms + 4 * DAY_MS, quarter_ms))
    one, two = (day(start, later).date() for later in (1, 2))
    minutes = range(first_ms, first_ms + 4 * DAY_MS, MINUTE_MS)
    begin, end = (next(at for at in minutes if dates.shown(zone, at).date() >= date) for date in (one, two))
    week = two.isocalendar()[:2]
    filters: dict[str, Callable[[datetime], bool]] = {
        "hour_of_day() in [0, 2, 23]": lambda clock: clock.hour in (0, 2, 23),
        f"day_of_week() = '{dates.DAYS[two.weekday()]}'": lambda clock: clock.weekday() == two.weekday(),
        f"date() > '{one}' and day_of_month() != {one.day}": lambda clock: clock.date() > one,
        f"month() = {two.month}": lambda clock: clock.month == two.month,
        f"week_of_year() = {week[1]}": lambda clock: clock.isocalendar()[:2] == week,
    }
    taken = {
        f"exists(page where {text} within 15m)": [t for t in pages_ms if is_taken(dates.shown(zone, t))]
        for text, is_taken in filters.items()
    }
    inside = [t for t in pages_ms if begin <= t < end]
    taken[f"exists(page where timestamp >= '{one}' and timestamp < '{two}' within 15m)"] = inside
    taken[f"since(page from '{one}' to '{two}') < 15m"] = inside
    taken[f"since(page from '{two}') < 15m"] = [t for t in pages_ms if t >= end]
    names = {f"s{number}": condition for number, condition in enumerate(taken)}
    found = members_of_pages(names, zone, pages_ms, first_ms + 5 * DAY_MS)
    for name, condition in names.items():
        expected = [minute for t in taken[condition] for minute in range(t, t + quarter_ms, MINUTE_MS)]
        assert found[name] == expected, condition


@pytest.mark.parametrize(("zone", "start"), CASES)
@pytest.mark.parametrize("gap_minutes", [1_380, 1_441, 1_500])
def test_days_and_streaks_are_those_on_the_wall_at_each_minute(zone: str, start: str, gap_minutes: int) -> None:
    first_ms = instant_ms(start)
    pages_ms = [first_ms + number * gap_minutes * MINUTE_MS for number in range(4)]
    end_ms = first_ms + 7 * DAY_MS
    conditions = {
        "streak": "streak(page) >= 3",
        "days": "days(page within 50h) >= 3",
        "week": "weeks(page within 3d) = 2",
    }
    found = members_of_pages(conditions, zone, pages_ms, end_ms)
    expected: dict[str, list[int]] = {name: [] for name in conditions}
    for minute in range(first_ms, end_ms, MINUTE_MS):
        today = dates.shown(zone, minute).date()
        seen = [(t, dates.shown(zone, t).date()) for t in pages_ms if t <= minute]
        known = {date for _, date in seen}
        last = today if today in known else today - timedelta(days=1)
        if all(last - timedelta(days=back) in known for back in range(3)):
            expected["streak"].append(minute)
        if len({date for t, date in seen if t > minute - 50 * 60 * MINUTE_MS}) >= 3:
            expected["days"].append(minute)
        if len({date.isocalendar()[:2] for t, date in seen if t > minute - 3 * DAY_MS}) == 2:
            expected["week"].append(minute)
    for name in conditions:
        assert found[name] == expected[name], name
