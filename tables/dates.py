"""Instants and days of the year in data, and when the days of a time zone begin. See docs/exact-meaning.md, "Dates".

An instant in data is a text in ISO 8601 or a number of seconds or milliseconds since 1970. A text without an offset is
that of a clock in a zone. A time that this clock shows twice is the first of the two; one that it leaves out is as
long after the change as it lies behind it, so midnight that is left out is the instant of the change.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from math import floor, isfinite
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from tables.counted import NO_INSTANT, Counted
from tables.windows import FOREVER

SECONDS_BELOW: Final = 10**11
"""A number is one of seconds if it is nearer to 0 than this, else of milliseconds."""
INSTANT_MS_MIN: Final = -30_610_224_000_000
"""The year 1000."""
INSTANT_MS_MAX: Final = 221_845_392_000_000
"""The year 9000, as for events."""
KNOWN_MAX: Final = 10_000

DayOfYear: TypeAlias = tuple[int, int]
"""A month and a day."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_TEXT: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)-(?P<day>\d\d)|(?P<m>\d\d)(?P<d>\d\d))"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d+))?)?"
    r" ?(?P<offset>[Zz]|[-+]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"-?\d{9,15}(?:\.\d+)?", re.ASCII)
_DAY_OF_YEAR: Final = re.compile(r"(?:--)?(\d\d)-(\d\d)", re.ASCII)
_LEAP_YEAR: Final = 2_000


def local(zone: ZoneInfo, instant_ms: int) -> datetime:
    """The date and time that a clock in the zone shows."""
    return (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(zone)


def instant_at(moment: datetime) -> int:
    """The milliseconds of a date and time with a zone; fractions are cut."""
    return (moment - _EPOCH) // _MS


def start_of_day(zone: ZoneInfo, day: date) -> int:
    """The instant at which a day begins: its first midnight, or the change of the clock that leaves that out."""
    return instant_at(datetime(day.year, day.month, day.day, tzinfo=zone))


def is_date(text: str) -> bool:
    """True if a text is a date alone, as `date()` gives one.

    >>> is_date("2026-11-27"), is_date("2026-02-29"), is_date("2026-11-27T10:00Z")
    (True, False, False)
    """
    return len(text) == len("2026-11-27") and is_instant(text)


def is_instant(text: str) -> bool:
    """True if a text is a date, with a time or without; no number.

    >>> is_instant("2026-11-27"), is_instant("2026-11-27T10:00Z"), is_instant("1795734000")
    (True, True, False)
    """
    return _TEXT.fullmatch(text) is not None and instant_in(text, "UTC") is not None


def instant_in(text: str, zone: str) -> int | None:
    """The instant that a text names, in milliseconds; None for any other text.

    >>> instant_in("2026-11-27", "Europe/Berlin"), instant_in("2026-11-26T23:00:00Z", "UTC"), instant_in("soon", "UTC")
    (1795734000000, 1795734000000, None)
    """
    if _NUMBER.fullmatch(text) is not None:
        return _instant_of_number(float(text) if "." in text else int(text))
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime(
            int(found["year"]),
            int(found["month"] or found["m"]),
            int(found["day"] or found["d"]),
            int(found["hour"] or 0),
            int(found["minute"] or 0),
            int(found["second"] or 0),
            int((found["part"] or "")[:6].ljust(6, "0")),
            tzinfo=_offset(found["offset"]) or _zone(zone),
        )
        return _bounded(instant_at(moment))
    except (ValueError, OverflowError):  # no such day, hour or offset, or one before the first year
        return None


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        raise ValueError(text)
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if text[0] == "-" else ahead)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _instant_of_number(number: int | float) -> int | None:
    if not isfinite(number):
        return None
    return _bounded(floor(number * 1_000 if -SECONDS_BELOW < number < SECONDS_BELOW else number))


def _bounded(instant_ms: int) -> int | None:
    return instant_ms if INSTANT_MS_MIN <= instant_ms <= INSTANT_MS_MAX else None


def day_of_year_in(text: str, zone: str) -> DayOfYear | None:
    """The month and day that a text names: `--05-17`, `05-17`, a date, or those of an instant in the zone.

    >>> day_of_year_in("--05-17", "UTC"), day_of_year_in("1990-02-29", "UTC")
    ((5, 17), None)
    """
    found = _DAY_OF_YEAR.fullmatch(text) or (_TEXT.fullmatch(text) if _NUMBER.fullmatch(text) is None else None)
    if found is not None and found.re is _DAY_OF_YEAR:
        try:
            day = date(_LEAP_YEAR, int(found[1]), int(found[2]))
        except ValueError:
            return None
        return day.month, day.day
    instant_ms = instant_in(text, zone)
    if instant_ms is None:
        return None
    if found is not None and found["hour"] is None:  # a date is its own, also where its midnight is left out
        return int(found["month"] or found["m"]), int(found["day"] or found["d"])
    return _day_of_year(instant_ms, zone)


def _day_of_year(instant_ms: int, zone: str) -> DayOfYear:
    shown = local(_zone(zone), instant_ms)
    return shown.month, shown.day


class DataInstants:
    """Reads instants and days of the year out of values of a profile; counts what is there and is none.

    What texts mean is remembered, as a text is looked at again at each evaluation of its user.
    """

    __slots__ = ("_counted", "_days", "_instants", "_zone")

    def __init__(self, zone: str, counted: Counted) -> None:
        self._zone = zone
        self._counted = counted
        self._instants: dict[str, int | None] = {}
        self._days: dict[str, DayOfYear | None] = {}

    def instant(self, value: Any) -> int | None:
        """The instant in milliseconds; None where there is none."""
        kind = value.__class__
        if value is None:
            return None
        found = None
        if kind is str:
            found = _known(self._instants, value, self._zone, instant_in)
        elif kind is int or kind is float:
            found = _instant_of_number(value)
        if found is None:
            self._counted[NO_INSTANT] += 1
        return found

    def day(self, value: Any) -> DayOfYear | None:
        """The month and day; None where there is none."""
        kind = value.__class__
        if value is None:
            return None
        found = None
        if kind is str:
            found = _known(self._days, value, self._zone, day_of_year_in)
        elif (kind is int or kind is float) and (instant_ms := _instant_of_number(value)) is not None:
            found = _day_of_year(instant_ms, self._zone)
        if found is None:
            self._counted[NO_INSTANT] += 1
        return found

    def anniversary(self, value: Any, now: int) -> tuple[int | None, int]:
        """The beginning of the day that is now or comes next with this month and day, and the end of that day.

        None and FOREVER where the value names no day of the year.
        """
        day = self.day(value)
        return (None, FOREVER) if day is None else next_anniversary(_zone(self._zone), day, now)


def _known(known: dict[str, Any], text: str, zone: str, read: Callable[[str, str], Any]) -> Any:
    if text in known:
        return known[text]
    if len(known) >= KNOWN_MAX:
        known.clear()
    found = known[text] = read(text, zone)
    return found


def next_anniversary(zone: ZoneInfo, day: DayOfYear, now: int) -> tuple[int, int]:
    """The beginning of the first such day that is not over at `now`, and its end. 29 February is 1 March elsewhen.

    >>> next_anniversary(ZoneInfo("UTC"), (2, 29), instant_in("2026-11-27", "UTC"))
    (1803859200000, 1803945600000)
    """
    year = local(zone, now).year - 1
    while True:
        try:
            named = date(year, *day)
        except ValueError:
            named = date(year, 3, 1)
        start, end = start_of_day(zone, named), start_of_day(zone, named + timedelta(days=1))
        if start < end and now < end:  # a zone can leave a whole day out
            return start, end
        year += 1
