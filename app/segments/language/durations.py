"""Durations as people write them: `90s`, `30m`, `1h30m`, `7d`. Everywhere else they are whole milliseconds."""

import re
from itertools import pairwise

UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""Units from the largest to the smallest."""

DURATION_MS_MAX = 3_650 * UNITS_MS["d"]
"""Ten years: longer than anything a profile remembers; what is longer is a slip of the keyboard."""

_PART = re.compile(r"(\d+)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:ms|s|m|h|d))+", re.ASCII)
_LOOSE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]+)\.?", re.IGNORECASE)
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE)

UNIT_WORDS_MS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1_000),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60_000),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600_000),
    **dict.fromkeys(("d", "day", "days"), 86_400_000),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 7 * 86_400_000),
    **dict.fromkeys(("mo", "mon", "month", "months"), 30 * 86_400_000),
    **dict.fromkeys(("y", "yr", "year", "years"), 365 * 86_400_000),
}
"""Unit words that people write, for suggestions only: the language knows `ms s m h d`."""


class DurationError(ValueError):
    """A text that is no duration. `hint` says what was probably meant, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def parse_duration(text: str) -> int:
    """The milliseconds of a duration such as `1h30m`: whole numbers, units d h m s ms, largest first, each once.

    Raises DurationError.

    >>> parse_duration("1h30m")
    5400000
    """
    if not _WHOLE.fullmatch(text):
        raise DurationError(f"{text} is not a duration" if text else "a duration is missing", duration_hint(text))
    parts = [(int(number), UNITS_MS[unit]) for number, unit in _PART.findall(text)]
    total_ms = sum(number * unit_ms for number, unit_ms in parts)
    sizes = [unit_ms for _, unit_ms in parts]
    if any(later >= earlier for earlier, later in pairwise(sizes)):
        raise DurationError(
            f"{text}: the units of a duration go from the largest to the smallest, each once",
            f"write {format_duration(total_ms)}",
        )
    if total_ms > DURATION_MS_MAX:
        raise DurationError(f"{text} is too long", f"the longest duration is {format_duration(DURATION_MS_MAX)}")
    return total_ms


def format_duration(ms: int) -> str:
    """The one spelling of a duration: largest unit first, parts that are zero left out; `0s` for none.

    >>> format_duration(1_799_000), format_duration(86_400_000), format_duration(1_500)
    ('29m59s', '1d', '1s500ms')
    """
    if ms < 0:
        return "-" + format_duration(-ms)
    parts = []
    for unit, unit_ms in UNITS_MS.items():
        number, ms = divmod(ms, unit_ms)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def is_duration(text: str) -> bool:
    """True if a text is written as a duration.

    >>> is_duration("1h30m"), is_duration("2026-12-24")
    (True, False)
    """
    return _WHOLE.fullmatch(text) is not None


def duration_hint(text: str) -> str:
    """Returns a hint for `30 minutes`, `1.5h`, `2w` or `30`; empty if there is none."""
    ms = _meant_ms(text.strip())
    if ms is not None and 0 < ms <= DURATION_MS_MAX:
        return f"write {format_duration(ms)}"
    number = text.strip()
    if number.isascii() and number.isdigit():
        return f"a duration has a unit: {number}s, {number}m, {number}h or {number}d"
    return "durations look like 90s, 30m, 24h, 7d, 1h30m"


def _meant_ms(text: str) -> int | None:
    if (match := _LOOSE.fullmatch(text)) and (unit_ms := UNIT_WORDS_MS.get(match[2].lower())) is not None:
        return round(float(match[1].replace(",", ".")) * unit_ms)
    parts = _LOOSE.findall(text)
    rest = re.sub(r"\band\b|[\s,]", "", _LOOSE.sub("", text))
    if parts and not rest and all(unit.lower() in UNIT_WORDS_MS for _, unit in parts):
        return sum(round(float(n.replace(",", ".")) * UNIT_WORDS_MS[unit.lower()]) for n, unit in parts)
    if (match := _ISO.fullmatch(text)) and any(match.groups()):
        sizes = (86_400_000, 3_600_000, 60_000, 1_000)
        return sum(int(n or 0) * size for n, size in zip(match.groups(), sizes, strict=True))
    return None
