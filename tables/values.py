"""Values as they are remembered: exact numbers, bounded texts, keys of maps.

A *key* stands for a JSON scalar in a map: a text is its own key; a number or boolean is NUL and its JSON text. So
values of different types never meet, and 1 and 1.0 are one. A joined key is NUL, `k` and a JSON list of keys. See
docs/exact-meaning.md, "Numbers and texts".
"""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

from tables.counted import LIST_SHORTENED, NO_NUMBER, NUMBER_OUT_OF_RANGE, Counted
from tables.cut_texts import TEXT_BYTES_KEY_MAX, TEXT_BYTES_MATCHED_MAX, TEXT_BYTES_VALUE_MAX, bounded_text

Scalar: TypeAlias = str | int | float | bool

MICROS = 1_000_000
NUMBER_MAX = 10**12
SCALED_SURE = 2**40  # below, a double times MICROS is less than TIE_NEAR off
TIE_NEAR = 1e-3
LIST_ITEMS_MAX = 20
INT64_MAX = 2**63 - 1
_JOINED = "\x00k"
_FIRST = json.JSONDecoder()
"""Reads the first item behind the bracket of a list, and not the others."""
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def micros(number: int | float) -> int | None:
    """Whole millionths, half to even of the number as it is written; None beyond +-10^12.

    >>> micros(0.1), micros(2), micros(1e13), micros(1.0000005)
    (100000, 2000000, None, 1000000)
    """
    if not -NUMBER_MAX <= number <= NUMBER_MAX:
        return None
    if number.__class__ is int:
        return number * MICROS
    scaled = number * MICROS
    whole = round(scaled)
    if abs(scaled) < SCALED_SURE and abs(abs(scaled - whole) - 0.5) > TIE_NEAR:
        return whole
    # A double is not exactly at most decimal ties: its shortest decimal form shows the text of the sender.
    return round(Decimal(repr(number)).scaleb(6))


def from_micros(value: int) -> int | float:
    """The number: whole where it is whole, else the nearest double.

    >>> from_micros(2_000_000), from_micros(61_500_000)
    (2, 61.5)
    """
    whole, rest = divmod(value, MICROS)
    return whole if not rest else value / MICROS


def plain_number(number: int | float) -> int | float:
    """A double that is whole as a whole number."""
    if number.__class__ is float and number.is_integer() and abs(number) < 2**53:
        return int(number)
    return number


def bounded_integer(value: int) -> int | float | None:
    """The number, as a double beyond 64 bits; None beyond what a double holds."""
    if -INT64_MAX <= value <= INT64_MAX:
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def key_of(value: Any, counted: Counted, *, bytes_max: int = TEXT_BYTES_KEY_MAX) -> str | None:
    """The key of a scalar; None for anything else (null, list, object)."""
    kind = value.__class__
    if kind is str:
        if value[:1] == "\x00":
            value = "\x00s" + value
        return bounded_text(value, counted, bytes_max=bytes_max)
    if kind is bool:
        return "\x00true" if value else "\x00false"
    if kind is int:
        number = bounded_integer(value)
        if number is None:
            counted[NUMBER_OUT_OF_RANGE] += 1
            return None
        return f"\x00{number}"
    if kind is float:
        return f"\x00{plain_number(value)}"
    return None


def key_value(key: str) -> Scalar:
    """The scalar that a key stands for."""
    if key[:1] != "\x00":
        return key
    text = key[1:]
    if text[:1] == "s":
        return text[1:]
    if text == "true":
        return True
    if text == "false":
        return False
    try:
        return int(text)
    except ValueError:
        return float(text)


def joined_key(keys: list[str | None]) -> str:
    """One key out of several, of which all but the first may be missing."""
    return _JOINED + json.dumps(keys, separators=(",", ":"))


def first_of_key(key: str) -> str:
    """The first of the keys of which this one was joined; any other key itself."""
    return str(_FIRST.raw_decode(key, len(_JOINED) + 1)[0]) if key.startswith(_JOINED) else key


def may_be_joined(keys: Iterable[str]) -> bool:
    """False if none of the keys was joined out of several; looks at all of them at once, as most carts have none."""
    return _JOINED in "".join(keys)


def key_order(key: str) -> tuple[str, bool]:
    """Sorts keys by the JSON text of their values, numbers and booleans before texts."""
    if key[:1] != "\x00":
        return key, True
    return (key[2:], True) if key[1:2] == "s" else (key[1:], False)


def keys_of(value: Any, counted: Counted, *, bytes_max: int = TEXT_BYTES_KEY_MAX) -> list[str]:
    """The different keys of a scalar or of a list's items, in order of text."""
    if value.__class__ is list:
        found = {key for item in value if (key := key_of(item, counted, bytes_max=bytes_max)) is not None}
        return sorted(found, key=key_order) if len(found) > 1 else list(found)
    key = key_of(value, counted, bytes_max=bytes_max)
    return [] if key is None else [key]


def keys_to_match(value: Any, counted: Counted) -> list[str]:
    """Keys that are only compared with each other."""
    return keys_of(value, counted, bytes_max=TEXT_BYTES_MATCHED_MAX)


def number_in(text: str) -> int | float | None:
    """The number that a text is wholly, by the grammar of JSON; None for any other text, and beyond a double.

    >>> number_in("19.99"), number_in("2"), number_in("$19.99"), number_in(" 2"), number_in("1e999")
    (19.99, 2, None, None, None)
    """
    if _JSON_NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    if not isfinite(number):
        return None
    return int(text) if text.lstrip("-").isdigit() else plain_number(number)


def number_of(value: Any, counted: Counted) -> int | None:
    """A number, or a text that is one, in millionths; None for anything else, and beyond +-10^12."""
    if value.__class__ is str and (said := number_in(value)) is not None:
        value = said
    if value.__class__ is int or value.__class__ is float:
        number = micros(value)
        if number is None:
            counted[NUMBER_OUT_OF_RANGE] += 1
        return number
    if value is not None:
        counted[NO_NUMBER] += 1
    return None


def numbers_of(value: Any, counted: Counted) -> list[int]:
    """The numbers of a scalar or of a list's items, in millionths; anything else is left out."""
    if value.__class__ is list:
        return [number for item in value if (number := number_of(item, counted)) is not None]
    number = number_of(value, counted)
    return [] if number is None else [number]


def _remembered_scalar(value: Any, counted: Counted, *, bytes_max: int) -> Any:
    kind = value.__class__
    if kind is str:
        return bounded_text(value, counted, bytes_max=bytes_max)
    if kind is int:
        number = bounded_integer(value)
        if number is None:
            counted[NUMBER_OUT_OF_RANGE] += 1
        return number
    if kind is bool:
        return value
    return plain_number(value) if kind is float else None


def remembered(value: Any, counted: Counted) -> Any:
    """A scalar, or a list of at most 20 scalars, as `first`, `last`, traits and context keep it; else None.

    A text has at most 1,024 bytes, in a list 64.
    """
    if value.__class__ is str and len(value) <= TEXT_BYTES_VALUE_MAX and value.isascii():  # nearly all values
        return value
    if value.__class__ is list:
        scalars = (_remembered_scalar(item, counted, bytes_max=TEXT_BYTES_MATCHED_MAX) for item in value)
        items = [kept for kept in scalars if kept is not None]
        if len(items) > LIST_ITEMS_MAX:
            counted[LIST_SHORTENED] += 1
            del items[LIST_ITEMS_MAX:]
        return items or None
    return _remembered_scalar(value, counted, bytes_max=TEXT_BYTES_VALUE_MAX)


def remembered_bytes(value: Any) -> int:
    """Most bytes of an encoded value: a text its bytes and 3, a number or boolean 9, a list all of it.

    >>> remembered_bytes("shoes"), remembered_bytes(1.5), remembered_bytes(["shoes", 1.5])
    (8, 9, 20)
    """
    if value.__class__ is str:
        return (len(value) if value.isascii() else len(value.encode(errors="replace"))) + 3
    if value.__class__ is list:
        return sum(map(remembered_bytes, value)) + 3
    return 9


def at_path(value: Any, path: tuple[str, ...]) -> Any:
    """Returns the value at the path: a scalar, a list of scalars (a path into a list gives each item's), or None."""
    for depth, name in enumerate(path):
        if value.__class__ is dict:
            value = value.get(name)
        elif value.__class__ is list:
            found: list[Any] = []
            for item in value:
                if item.__class__ is dict:
                    inner = at_path(item, path[depth:])
                    if inner.__class__ is list:
                        found.extend(inner)
                    elif inner is not None:
                        found.append(inner)
            return found or None
        else:
            return None
    kind = value.__class__
    if kind is list:
        return [item for item in value if item.__class__ in (str, int, float, bool)] or None
    return None if kind is dict else value
