"""Values of command line options: durations as in definitions, instants in ISO 8601, numbers above zero."""

from datetime import UTC, datetime
from typing import Final

from app.errors import UserError
from app.events.message import instant_ms
from app.segments.language.durations import DurationError, parse_duration

_INSTANT_EXAMPLE: Final = "2026-01-05T08:00:00Z"


def read_duration_ms(text: str, *, option: str) -> int:
    """Milliseconds of a duration such as `60s`, above zero; UserError that names the option."""
    try:
        duration_ms = parse_duration(text)
    except DurationError as error:
        raise UserError(f"{option}: {error.message}", hint=error.hint or None) from None
    if duration_ms <= 0:
        raise UserError(f"{option} is {text}", hint="a duration above zero, such as 60s or 5m")
    return duration_ms


def read_instant_ms(text: str, *, option: str) -> int:
    """Milliseconds since the epoch of an ISO 8601 text, UTC where it names no zone; UserError."""
    try:
        return instant_ms(text)
    except ValueError:
        raise UserError(f"{option} is {text!r}", hint=f"an instant in ISO 8601, such as {_INSTANT_EXAMPLE}") from None


def show_instant(at_ms: int) -> str:
    """An instant for people: to the second, UTC.

    >>> show_instant(1_795_429_800_017)
    '2026-11-23 10:30:00'
    """
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"


def check_above_zero(value: float, *, option: str) -> None:
    """UserError unless the value is a number above zero."""
    if not 0 < value < float("inf"):
        raise UserError(f"{option} is {value:g}", hint="a number above zero")
