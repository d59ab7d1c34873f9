"""Readings of clocks in time zones, and until when a comparison with one stays true."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.segments.language.syntax import ClockReading
from app.segments.language.zones import is_zone
from tables.dates import local, start_of_day
from tables.windows import FOREVER

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_HORIZON_MS: Final[dict[ClockReading, int]] = {"hour_of_day": 8 * _DAY_MS, "day_of_week": 8 * _DAY_MS}
"""Every hour and every day of the week comes within it."""
_YEAR_MS: Final = 400 * _DAY_MS
_AROUND_MS: Final = 36 * _HOUR_MS


def hour_of_day(zone: ZoneInfo, instant_ms: int) -> int:
    """0 to 23."""
    return local(zone, instant_ms).hour


def day_of_week(zone: ZoneInfo, instant_ms: int) -> str:
    """`monday` to `sunday`."""
    return DAYS[local(zone, instant_ms).weekday()]


def day_of_month(zone: ZoneInfo, instant_ms: int) -> int:
    """1 to 31."""
    return local(zone, instant_ms).day


def month(zone: ZoneInfo, instant_ms: int) -> int:
    """1 to 12."""
    return local(zone, instant_ms).month


def week_of_year(zone: ZoneInfo, instant_ms: int) -> int:
    """1 to 53, by ISO 8601."""
    return local(zone, instant_ms).isocalendar().week


def date_text(zone: ZoneInfo, instant_ms: int) -> str:
    """The date, such as `2026-11-27`."""
    return local(zone, instant_ms).date().isoformat()


READINGS: Final[dict[ClockReading, Callable[[ZoneInfo, int], Any]]] = {
    "hour_of_day": hour_of_day,
    "day_of_week": day_of_week,
    "day_of_month": day_of_month,
    "month": month,
    "week_of_year": week_of_year,
    "date": date_text,
}


@cache
def zone_named(name: str) -> ZoneInfo:
    """The zone of a name."""
    return ZoneInfo(name)


class Zones:
    """Zones by the texts of users; for any other value that of the catalog."""

    __slots__ = ("_common",)

    def __init__(self, common: str) -> None:
        self._common = zone_named(common)

    def named(self, value: Any) -> ZoneInfo:
        """The zone of that name."""
        return zone_named(value) if value.__class__ is str and is_zone(value) else self._common


class ClockComparison:
    """A comparison that depends on nothing but a clock, remembered for the stretch in which it stays the same.

    `dates`: the fixed dates with which `date()` is compared.
    """

    __slots__ = ("_dates", "_holds", "_known", "_reading")

    def __init__(self, holds: Callable[[ZoneInfo, int], bool], reading: ClockReading, dates: tuple[str, ...]) -> None:
        self._holds = holds
        self._reading = reading
        self._dates = dates
        self._known: dict[str, tuple[int, int, bool]] = {}

    def at(self, now: int, zone: ZoneInfo) -> tuple[bool, int]:
        """Returns the truth at `now`, and the first later instant at which it may change."""
        since_ms, until_ms, truth = self._known.get(zone.key, (1, 0, False))
        if not since_ms <= now < until_ms:
            holds = self._holds
            truth, until_ms = clock_crossing(lambda n: holds(zone, n), now, zone, self._reading, self._dates)
            self._known[zone.key] = now, until_ms, truth
        return truth, until_ms


def clock_crossing(
    holds: Callable[[int], bool], now: int, zone: ZoneInfo, reading: ClockReading, dates: tuple[str, ...] = ()
) -> tuple[bool, int]:
    """The truth at `now`, and the first later instant at which it is another, or at which to look again.

    Looks at each instant at which the reading changes: of `date()` those around the fixed dates, of hours and days of
    the week those of eight days, of the others those of more than a year.
    """
    truth = holds(now)
    if dates:
        return truth, next((at for at in _around(zone, now, dates) if holds(at) != truth), FOREVER)
    horizon_ms = now + _HORIZON_MS.get(reading, _YEAR_MS)
    for instant in _changes(zone, now, _HOUR_MS if reading == "hour_of_day" else _DAY_MS):
        if holds(instant) != truth:
            return truth, instant
        if instant > horizon_ms:
            break
    return truth, FOREVER if reading in _HORIZON_MS else instant


def _around(zone: ZoneInfo, now: int, dates: tuple[str, ...]) -> Iterator[int]:
    """The instants after `now` at which the date changes, about the beginning and the end of each of some days."""
    for text in sorted(dates):
        day = date.fromisoformat(text)
        start_ms, end_ms = start_of_day(zone, day), start_of_day(zone, day + timedelta(days=1))
        if now < end_ms + _AROUND_MS:
            for instant in _changes(zone, max(now, start_ms - _AROUND_MS), _DAY_MS):
                if instant > end_ms + _AROUND_MS:
                    break
                yield instant


def _changes(zone: ZoneInfo, now: int, step_ms: int) -> Iterator[int]:
    """Each instant after `now` at which an hour or a day of a clock begins, or the clock is put to another time.

    `step_ms`: of an hour, or of a day. Midnight, or the full hour, lies where the offset of now would have it, unless
    the clock is changed before.
    """
    instant = now
    while True:
        offset_ms = _offset_ms(zone, instant)
        turn_ms = instant + step_ms - (instant + offset_ms) % step_ms
        instant = turn_ms if _offset_ms(zone, turn_ms) == offset_ms else _shift(zone, instant, turn_ms, offset_ms)
        yield instant


def _offset_ms(zone: ZoneInfo, instant_ms: int) -> int:
    offset = local(zone, instant_ms).utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


def _shift(zone: ZoneInfo, before_ms: int, after_ms: int, offset_ms: int) -> int:
    """The first instant with another offset: after one, at or before the other."""
    while after_ms - before_ms > 1:
        middle = (before_ms + after_ms) // 2
        if _offset_ms(zone, middle) == offset_ms:
            before_ms = middle
        else:
            after_ms = middle
    return after_ms
