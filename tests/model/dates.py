"""Instants and days of the year in data, read digit by digit, with the clock of a zone asked instant by instant."""

import math
from calendar import isleap, monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from tests.model.plain import Moment, Value, is_number

DAY_MS = 86_400_000
ZONES = available_timezones() - {"localtime"}
NUMBER_OF_SECONDS_BELOW = 10**11
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def day_ms(year: int, month: int, day: int) -> int:
    """Midnight of a day on a clock that shows UTC."""
    return (date(year, month, day) - EPOCH.date()).days * DAY_MS


FIRST_MS = day_ms(1000, 1, 1)
LAST_MS = day_ms(9000, 1, 1)


@cache
def offset_ms(zone: str, at_ms: int) -> int:
    """Offset of a clock in a zone ahead of UTC at an instant."""
    found = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).utcoffset()
    assert found is not None
    return round(found.total_seconds() * 1_000)


def shown(zone: str, at_ms: int) -> datetime:
    """Date and time that a clock in a zone shows."""
    return EPOCH + timedelta(milliseconds=at_ms + offset_ms(zone, at_ms))


def read(zone: str, clock_ms: int) -> int:
    """The first instant at which a clock shows a time (given as if it were UTC); one that it leaves out is counted on
    from the last that it shows before."""
    around = {offset_ms(zone, clock_ms + days * DAY_MS) for days in (-2, -1, 0, 1, 2)}
    fits = [clock_ms - offset for offset in around if offset_ms(zone, clock_ms - offset) == offset]
    return min(fits) if fits else clock_ms - offset_ms(zone, clock_ms - 2 * DAY_MS)


def day_start(zone: str, year: int, month: int, day: int) -> int:
    """The instant at which a day begins."""
    return read(zone, day_ms(year, month, day))


def digits(text: str, *lengths: int) -> list[int] | None:
    """Numbers of so many digits, with one sign between two of them."""
    found, at = [], 0
    for number, length in enumerate(lengths):
        part = text[at : at + length]
        if len(part) < length or not (part.isascii() and part.isdigit()):
            return None
        found.append(int(part))
        at += length + (number < len(lengths) - 1)
    return found if at == len(text) else None


def date_of(text: str) -> tuple[int, int, int] | None:
    """`2026-11-27`, `20261127`."""
    if len(text) == 8:
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    found = digits(text, 4, 2, 2)
    if found is None or text[4] != "-" or text[7] != "-":
        return None
    year, month, day = found
    if not (900 <= year <= 9100 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        return None
    return year, month, day


def zone_of(text: str) -> tuple[str, int | None] | None:
    """The text before an offset, and the offset in milliseconds; None: none is written."""
    if text[-1:] in ("Z", "z"):
        return text[:-1], 0
    at = max(text.rfind("+"), text.rfind("-"))
    if at < 0:
        return text, None
    said = text[at + 1 :].replace(":", "") if text[at + 1 :].count(":") <= 1 else "?"
    if ":" in text[at + 1 :] and len(said) != 4:
        return None
    found = digits(said, *([2] if len(said) == 2 else [4]))
    if found is None:
        return None
    hours, minutes = (found[0], 0) if len(said) == 2 else divmod(found[0], 100)
    if hours > 23 or minutes > 59:
        return None
    ahead = (hours * 60 + minutes) * 60_000
    return text[:at], -ahead if text[at] == "-" else ahead


def time_of(text: str) -> Fraction | None:
    """`10:00`, `10:00:30`, `10:00:30.25` in milliseconds since midnight."""
    clock, _, part = text.replace(",", ".").partition(".")
    found = digits(clock, *([2, 2, 2] if len(clock) > 5 else [2, 2]))
    if found is None or clock[2] != ":" or clock[5:6] not in ("", ":"):
        return None
    if text != clock and not (len(clock) == 8 and part.isascii() and part.isdigit()):
        return None
    hour, minute, second = (*found, 0)[:3]
    if hour > 23 or minute > 59 or second > 59:
        return None
    return ((hour * 60 + minute) * 60 + second) * 1_000 + Fraction(int(part or 0), 10 ** len(part)) * 1_000


def number_of(value: object) -> int | float | None:
    """A number, or a text of 9 digits or more."""
    if not isinstance(value, str):
        return value if is_number(value) else None
    whole, point, part = value.removeprefix("-").partition(".")
    if not (whole.isascii() and whole.isdigit() and 9 <= len(whole) <= 15):
        return None
    if point and not (part.isascii() and part.isdigit()):
        return None
    return float(value) if point else int(value)


def instant(value: Value, zone: str) -> int | None:
    """The instant that a value of the data names."""
    found: int | Fraction | None = None
    number = number_of(value)
    if number is not None:
        if not math.isfinite(number):
            return None
        found = math.floor(number * 1_000 if abs(number) < NUMBER_OF_SECONDS_BELOW else number)
    elif isinstance(value, str):
        found = instant_of_text(value, zone)
    return None if found is None or not FIRST_MS <= found <= LAST_MS else math.floor(found)


def instant_of_text(text: str, zone: str) -> int | Fraction | None:
    at = 8 if text[:8].isdigit() and text[:8].isascii() else 10
    day, rest = date_of(text[:at]), text[at:]
    if day is None:
        return None
    if not rest:
        return day_start(zone, *day)
    found = zone_of(rest[1:])
    if rest[0] not in "Tt " or found is None:
        return None
    clock, ahead = found
    since_midnight = time_of(clock.removesuffix(" ") if ahead is not None else clock)
    if since_midnight is None:
        return None
    clock_ms = day_ms(*day) + math.floor(since_midnight)
    return read(zone, clock_ms) if ahead is None else clock_ms - ahead


def day_of_year(value: Value, zone: str) -> tuple[int, int] | None:
    """The month and day that a value of the data names."""
    if isinstance(value, str):
        text = value.removeprefix("--")
        if len(text) == 5 and text[2] == "-":
            day = date_of(f"2000-{text}")
            return None if day is None else day[1:]
        day = date_of(value)
        if day is not None and instant(value, zone) is not None:
            return day[1:]
    at = instant(value, zone)
    if at is None:
        return None
    clock = shown(zone, at)
    return clock.month, clock.day


def anniversaries(day: tuple[int, int], zone: str, now: int) -> Iterator[tuple[int, int]]:
    """The days of some years around now with this month and day, as [beginning, end)."""
    year = shown(zone, now).year
    for each in range(year - 1, year + 3):
        month, number = day if day != (2, 29) or isleap(each) else (3, 1)
        start = day_start(zone, each, month, number)
        after = date(each, month, number) + timedelta(days=1)
        end = day_start(zone, after.year, after.month, after.day)
        if start < end:
            yield start, end


def anniversary(value: Value, zone: str, now: int) -> tuple[int, int] | None:
    """The first of them that is not over."""
    day = day_of_year(value, zone)
    if day is None:
        return None
    return next(span for span in anniversaries(day, zone, now) if now < span[1])


# ---- clocks

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def zone_or(value: Value, common: str) -> str:
    """The zone of that name; `common` if there is none."""
    return value if isinstance(value, str) and value in ZONES else common


def reading(name: str, zone: str, at_ms: int) -> Value:
    """The reading of a clock."""
    clock = shown(zone, at_ms)
    monday = clock.date() - timedelta(days=clock.weekday())
    thursday = monday + timedelta(days=3)  # a week belongs to the year of its Thursday
    readings: dict[str, Value] = {
        "hour_of_day": clock.hour,
        "day_of_week": DAYS[clock.weekday()],
        "day_of_month": clock.day,
        "month": clock.month,
        "week_of_year": (thursday - date(thursday.year, 1, 1)).days // 7 + 1,
        "date": f"{clock.year:04d}-{clock.month:02d}-{clock.day:02d}",
    }
    return readings[name]


def moment(text: str, zone: str) -> Value:
    """A fixed date of a definition, beside an instant."""
    at_ms = instant(text, zone)
    assert at_ms is not None
    return Moment(at_ms)
