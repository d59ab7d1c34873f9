"""Instants as text."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso_text(instant_ms: int) -> str:
    """An instant in ISO 8601, with milliseconds and `Z`; at most the year 9999.

    >>> iso_text(1470035121239)
    '2016-08-01T07:05:21.239Z'
    """
    minutes, rest_ms = divmod(instant_ms, 60_000)
    return f"{_minute(minutes)}{rest_ms // 1000:02d}.{rest_ms % 1000:03d}Z"


@lru_cache(maxsize=1_000)
def _minute(minutes: int) -> str:
    return f"{_EPOCH + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:}"
