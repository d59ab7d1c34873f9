"""Calendar days, weeks and months of a time zone, as numbers; and when the next day begins."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

Unit: TypeAlias = Literal["day", "week", "month"]

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_SHIFT_MS: Final = 3 * HOUR_MS
"""No clock is put forward by more."""

_SHORTEST_MS: Final[dict[Unit, int]] = {"day": DAY_MS, "week": 7 * DAY_MS, "month": 28 * DAY_MS}


def most_units(unit: Unit, within_ms: int) -> int:
    """The most different days, weeks or months that a window can touch.

    >>> most_units("day", 14 * DAY_MS), most_units("day", HOUR_MS), most_units("month", 30 * DAY_MS)
    (16, 2, 3)
    """
    return (within_ms + _SHIFT_MS) // _SHORTEST_MS[unit] + 2


class CalendarDays:
    """The calendar of one zone.

    Days are numbered from 0001-01-01; a week begins on Monday, and has the number of all its days divided by seven; a
    month has that of its year, times twelve. No two instants of different days, weeks or months share a number.
    """

    __slots__ = ("_zone",)

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def numbers(self, unit: Unit) -> Callable[[int], int]:
        """The function from an instant to the number of its day, week or month."""
        return {"day": self.day, "week": self.week, "month": self.month}[unit]

    def day(self, instant_ms: int) -> int:
        """The number of the local day."""
        return datetime.fromtimestamp(instant_ms // 1_000, self._zone).toordinal()

    def week(self, instant_ms: int) -> int:
        """The number of the local week."""
        return (self.day(instant_ms) - 1) // 7

    def month(self, instant_ms: int) -> int:
        """The number of the local month."""
        local = datetime.fromtimestamp(instant_ms // 1_000, self._zone)
        return local.year * 12 + local.month

    def next_day_ms(self, instant_ms: int) -> int:
        """The first instant after this one at which the local day is another.

        Mostly midnight. A clock that is put forward at midnight begins the day later; one that is put back after it
        comes to the day before once more.
        """
        day = self.day(instant_ms)
        while True:
            offset_ms = self._offset_ms(instant_ms)
            midnight_ms = instant_ms + DAY_MS - (instant_ms + offset_ms) % DAY_MS
            if self._offset_ms(midnight_ms - 1) == offset_ms:
                instant_ms = midnight_ms
            else:
                instant_ms = self._next_shift_ms(instant_ms, midnight_ms - 1, offset_ms)
            if self.day(instant_ms) != day:
                return instant_ms

    def _offset_ms(self, instant_ms: int) -> int:
        offset = datetime.fromtimestamp(instant_ms // 1_000, self._zone).utcoffset()
        assert offset is not None
        return (offset.days * 86_400 + offset.seconds) * 1_000

    def _next_shift_ms(self, before_ms: int, after_ms: int, offset_ms: int) -> int:
        """The instant at which the clock is put to another offset: after one, at or before the other."""
        while after_ms - before_ms > 1:
            middle_ms = (before_ms + after_ms) // 2
            if self._offset_ms(middle_ms) == offset_ms:
                before_ms = middle_ms
            else:
                after_ms = middle_ms
        return after_ms
