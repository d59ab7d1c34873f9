"""Texts that are too long to be remembered whole: their beginning, `…` and 16 hex digits of the SHA-256 of all of them.

So different texts stay different, and a whole text still equals what is remembered of it. See docs/exact-meaning.md,
"Numbers and texts".
"""

import re
from collections import Counter
from collections.abc import Container
from hashlib import sha256
from typing import Final

from tables.counted import TEXT_SHORTENED, Counted

TEXT_BYTES_MATCHED_MAX: Final = 64
"""Of a text that is only compared (`once per`, `matching`), or one of a list."""
TEXT_BYTES_KEY_MAX: Final = 256
"""Of a text that counts for itself and may be shown (`per`, `distinct`, products of the cart); earlier versions: 64."""
TEXT_BYTES_VALUE_MAX: Final = 1024
"""Of a text that is remembered as a value; earlier versions: 256."""
TEXT_BYTES_SURE_MAX: Final = 60
"""A text of so many bytes was never cut, and is not what is left of a longer one."""

_LIMITS: Final = (TEXT_BYTES_MATCHED_MAX, TEXT_BYTES_KEY_MAX, TEXT_BYTES_VALUE_MAX)
_CHARACTER_BYTES_MAX: Final = 4
_MARK: Final = "…"
_DIGITS: Final = 16
_END: Final = len(_MARK) + _DIGITS
_END_BYTES: Final = len(_MARK.encode()) + _DIGITS
_HEX: Final = re.compile(r"[0-9a-f]{16}")


BYTES_LEFT_MIN: Final = TEXT_BYTES_MATCHED_MAX - _END_BYTES - _CHARACTER_BYTES_MAX + 1
"""So many bytes are left of every text that is cut."""
LENGTH_SURE_MAX: Final = TEXT_BYTES_MATCHED_MAX // _CHARACTER_BYTES_MAX
"""A key of so many characters was never cut by any version."""


def bounded_text(text: str, counted: Counted, *, bytes_max: int) -> str:
    """The text, or its longest beginning with `…` and 16 hex digits of its SHA-256 that fits.

    >>> bounded_text('a' * 65, Counted(), bytes_max=64)[-17:]
    '…635361c48bb9eab1'
    """
    if len(text) * _CHARACTER_BYTES_MAX <= bytes_max or (len(text) <= bytes_max and text.isascii()):
        return text
    raw = text.encode(errors="replace")
    if len(raw) <= bytes_max:
        return text
    counted[TEXT_SHORTENED] += 1
    return raw[: bytes_max - _END_BYTES].decode(errors="ignore") + _MARK + _digits(raw)


def beginning_of(text: str) -> str | None:
    """The beginning that is left of a text that was cut; None of a whole one."""
    if text[-_END : 1 - _END] != _MARK or _HEX.fullmatch(text, len(text) - _DIGITS) is None:
        return None
    size = len(text.encode(errors="replace"))
    cut = any(limit - _CHARACTER_BYTES_MAX < size <= limit for limit in _LIMITS)
    return text[:-_END] if cut else None


def what_is_left(text: str) -> str:
    """The beginning of a text that was cut; a whole one."""
    beginning = beginning_of(text)
    return text if beginning is None else beginning


def same_text(one: str, other: str) -> bool:
    """True if two texts are equal, or one is what is remembered of the other, or both of a third."""
    return one == other or _is_left_of(one, other) or _is_left_of(other, one)


def known_as(key: str, known: Container[str]) -> str:
    """The key, or what an earlier version left of it, where only that is known.

    Profiles may hold keys that were cut at 64 bytes; such a value goes on under the key that it has.
    """
    if key in known or (len(key) <= TEXT_BYTES_MATCHED_MAX and key.isascii()):
        return key
    room = TEXT_BYTES_MATCHED_MAX - _END_BYTES
    beginning = beginning_of(key)
    if beginning is None:
        former = bounded_text(key, Counter(), bytes_max=TEXT_BYTES_MATCHED_MAX)
    else:
        former = beginning.encode(errors="replace")[:room].decode(errors="ignore") + key[-_END:]
    return former if former in known else key


def _is_left_of(cut: str, text: str) -> bool:
    beginning = beginning_of(cut)
    if beginning is None or not text.startswith(beginning):
        return False
    return cut[-_DIGITS:] == (_digits(text.encode(errors="replace")) if beginning_of(text) is None else text[-_DIGITS:])


def _digits(raw: bytes) -> str:
    return sha256(raw).hexdigest()[:_DIGITS]
