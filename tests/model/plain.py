"""The values that expressions have, and how they compare, order and print.

A value is a number, a text, a boolean, a `Length` (a duration), a `Moment` (an instant), or a tuple (a list).
`None` is missing.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, TypeAlias, TypeGuard

SHORT_TEXT_BYTES_MAX = 64
TEXT_BYTES_MAX = 256
LONG_TEXT_BYTES_MAX = 1_024
LIMITS = (SHORT_TEXT_BYTES_MAX, TEXT_BYTES_MAX, LONG_TEXT_BYTES_MAX)
LIST_VALUES_MAX = 20
NUMBER_MAX = 10**12
WHOLE_MAX = 2**63
MILLION = 10**6
LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Length:
    """A duration in milliseconds."""

    ms: int | float


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in milliseconds since the epoch."""

    ms: int | float


Scalar: TypeAlias = int | float | str | bool
Single: TypeAlias = Scalar | Length | Moment
Value: TypeAlias = Single | tuple[Single, ...] | None


def is_number(value: object) -> TypeGuard[int | float]:
    """True and false are never numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind(value: Single) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return type(value).__name__


def each(value: Value) -> tuple[Single, ...]:
    """The values of a list, or the value itself; of a missing value none."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def as_number(value: object) -> int | float | None:
    """A number, or the number that a text is wholly as JSON; None for anything else, and beyond a double."""
    if isinstance(value, str):
        if value[:1] not in ("-", *"0123456789") or value != value.strip():
            return None
        try:
            value = json.loads(value, parse_constant=lambda name: name)
        except ValueError:
            return None
    return value if is_number(value) and abs(value) <= LARGEST else None


def counted_as(value: Single) -> Single:
    """A text that is a number as that number; anything else as it is."""
    number = as_number(value) if isinstance(value, str) else None
    return value if number is None else number


def alike(left: Single, right: Single) -> tuple[Any, Any]:
    """Both sides, a text beside a number as the number that it is."""
    if {kind(left), kind(right)} == {"number", "text"}:
        return as_number(left), as_number(right)
    return left, right


def equal(left: Single, right: Single) -> bool:
    """A boolean is equal to booleans only; a text beside a number counts as the number that it is."""
    a, b = alike(left, right)
    if isinstance(a, str) and isinstance(b, str):
        return same_text(a, b)
    return a is not None and b is not None and kind(a) == kind(b) and bool(a == b)


def difference(left: Value, right: Value) -> int | None:
    """-1, 0 or 1 as `left` is below, equal to or above `right`; None where they have no order."""
    if left is None or right is None or isinstance(left, tuple) or isinstance(right, tuple):
        return None
    a, b = alike(left, right)
    if a is None or b is None or kind(a) != kind(b) or kind(a) == "boolean":
        return None
    if isinstance(a, str) and isinstance(b, str) and same_text(a, b):
        return 0
    a, b = (side.ms if isinstance(side, Length | Moment) else side for side in (a, b))
    return int(a > b) - int(a < b)


# ---- numbers that are remembered: whole millionths


def millionths(value: object) -> int | None:
    """A number, or a text that is one, as whole millionths, half to even as written; None for anything else and beyond
    +-10^12."""
    value = as_number(value)
    if value is None or not abs(value) <= NUMBER_MAX:
        return None
    return round(Fraction(repr(value)) * MILLION)


def number(exact: Fraction) -> int | float:
    """A whole number where it is one, else the nearest double."""
    return int(exact) if exact.denominator == 1 else float(exact)


def tidy(value: Scalar) -> Scalar:
    """A whole number and the same number with `.0` are one value."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


# ---- texts


def shortened(text: str, bytes_max: int) -> str:
    """A text of at most `bytes_max` bytes: a longer one is its beginning, an ellipsis, 16 digits of its SHA-256."""
    if len(text.encode()) <= bytes_max:
        return text
    end = "…" + hashlib.sha256(text.encode()).hexdigest()[:16]
    beginning = text
    while len((beginning + end).encode()) > bytes_max:
        beginning = beginning[:-1]
    return beginning + end


def is_cut(text: str) -> bool:
    """True for what `shortened` leaves of a longer text."""
    size = len(text.encode())
    is_full = any(limit - 4 < size <= limit for limit in LIMITS)
    return is_full and re.fullmatch("…[0-9a-f]{16}", text[-17:]) is not None


def beginning(text: str) -> str:
    """The part of a text that is known: all of it, or what is in front of the ellipsis."""
    return text[:-17] if is_cut(text) else text


def same_text(left: str, right: str) -> bool:
    """True for equal texts, also where one or both of them are cut."""
    long, short = sorted((left, right), key=lambda text: (not is_cut(text), len(text)), reverse=True)
    if is_cut(long):  # both are
        return long[-16:] == short[-16:] and long.startswith(beginning(short))
    return long == short or any(shortened(long, most) == short for most in LIMITS)


def remembered(value: Scalar, bytes_max: int = TEXT_BYTES_MAX) -> Scalar:
    """A value as it is kept; a whole number beyond 64 bits is taken as a double."""
    if isinstance(value, str):
        return shortened(value, bytes_max)
    kept = tidy(value)
    return float(kept) if isinstance(kept, int) and not -WHOLE_MAX <= kept < 2 * WHOLE_MAX else kept


def remembered_list(values: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """A list as it is kept: its first 20 values, texts shorter than by themselves."""
    return tuple(remembered(value, SHORT_TEXT_BYTES_MAX) for value in values)[:LIST_VALUES_MAX]


def size(value: Value) -> int:
    """The bytes that a value counts for: a text its UTF-8 and 3, a list its values and 3, anything else 9."""
    if isinstance(value, tuple):
        return sum(map(size, value)) + 3
    return len(value.encode()) + 3 if isinstance(value, str) else 9


Name: TypeAlias = tuple[str, int]


def name_of(value: Scalar) -> Name:
    """Returns a text that tells values apart (1 and true are two, 1 and 1.0 are one), in the order of 'smallest text':
    by JSON text, by code point; a number comes before the same text."""
    return (value, 1) if isinstance(value, str) else (json.dumps(tidy(value)), 0)


def different(value: Value, bytes_max: int = TEXT_BYTES_MAX) -> dict[Name, Scalar]:
    """Each different value of a list, or the value itself, as it is kept, in order of text."""
    kept = [remembered(item, bytes_max) for item in each(value) if isinstance(item, int | float | str)]
    return dict(sorted(((name_of(item), item) for item in kept), key=lambda named: named[0]))


# ---- results


def duration_text(ms: int | float) -> str:
    """A duration as in definitions: `1d`, `1h30m`, `29m59s`, `1s500ms`, `0s`."""
    sign, rest = ("-", -ms) if ms < 0 else ("", ms)
    whole = int(rest)
    parts = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        if whole >= size:
            parts += f"{whole // size}{unit}"
            whole %= size
    return sign + (parts or "0s")


def instant_text(ms: int | float) -> str:
    """ISO 8601 with milliseconds and Z."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def seen(value: Value) -> Any:
    """A value as JSON shows it."""
    if isinstance(value, tuple):
        return [seen(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    plain = value.ms if isinstance(value, Length | Moment) else value
    if not -LARGEST <= plain <= LARGEST:
        return None
    if isinstance(value, Length):
        return duration_text(value.ms)
    if isinstance(value, Moment):
        return instant_text(value.ms)
    return remembered(value)
