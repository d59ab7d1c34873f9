"""Instants as text."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_MS: Final = 3_600_000
_SECONDS: Final = [f"{second // 60:02d}:{second % 60:02d}." for second in range(3_600)]
_MILLIS: Final = [f"{millis:03d}Z" for millis in range(1_000)]
_HOURS_MAX: Final = 10_000
_hours: dict[int, str] = {}


def iso_text(instant_ms: int) -> str:
    """An instant in ISO 8601, with milliseconds and `Z`; OverflowError outside of the years 1 to 9999.

    >>> iso_text(1470035121239)
    '2016-08-01T07:05:21.239Z'
    """
    hour = instant_ms // _HOUR_MS
    text = _hours.get(hour)
    if text is None:
        if len(_hours) >= _HOURS_MAX:
            _hours.clear()
        text = _hours[hour] = (_EPOCH + timedelta(hours=hour)).isoformat()[: len("YYYY-MM-DDThh:")]
    rest = instant_ms - hour * _HOUR_MS
    second = rest // 1_000
    return text + _SECONDS[second] + _MILLIS[rest - second * 1_000]


iso: Callable[[int], str]
"""`iso_text`, through the C extension where it was built: there are two instants in every change."""
try:
    from app.events._instants import iso as _compiled_iso
except ImportError:  # no C compiler where this was installed
    iso = iso_text
else:
    iso = _compiled_iso
