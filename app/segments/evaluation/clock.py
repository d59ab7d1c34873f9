"""Calendar values of an instant in a time zone, and until when a comparison with them stays true."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.segments.evaluation.time_rules import DAY_MS, MINUTE_MS
from tables.windows import FOREVER

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER_MS = 15 * MINUTE_MS  # every zone's offset since 1970 is a multiple of a quarter of an hour


def _local(zone: ZoneInfo, instant_ms: int) -> datetime:
    return (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(zone)


def hour_of_day(zone: ZoneInfo, instant_ms: int) -> int:
    """0 to 23."""
    return _local(zone, instant_ms).hour


def day_of_week(zone: ZoneInfo, instant_ms: int) -> str:
    """`monday` to `sunday`."""
    return DAYS[_local(zone, instant_ms).weekday()]


class ClockComparison:
    """A comparison that depends on nothing but the calendar, remembered for the stretch in which it stays the same."""

    __slots__ = ("_from_ms", "_holds", "_truth", "_until_ms")

    def __init__(self, holds: Callable[[int], bool]) -> None:
        self._holds = holds
        self._from_ms = 1
        self._until_ms = 0
        self._truth = False

    def at(self, now: int) -> tuple[bool, int]:
        """Returns the truth at `now`, and the first later instant at which it changes."""
        if not self._from_ms <= now < self._until_ms:
            self._truth, self._until_ms = clock_crossing(self._holds, now)
            self._from_ms = now
        return self._truth, self._until_ms


def clock_crossing(holds: Callable[[int], bool], now: int) -> tuple[bool, int]:
    """Looks at each quarter of an hour of the next eight days."""
    truth = holds(now)
    instant = now - now % _QUARTER_MS
    for _ in range(8 * DAY_MS // _QUARTER_MS):
        instant += _QUARTER_MS
        if holds(instant) != truth:
            return truth, instant
    return truth, FOREVER
