"""Reads JSON that holds several events, so that a value that is none costs only the event that it stands in.

Numbers that cannot be held become null, as in a record of the clickstream. NaN, Infinity, half of a surrogate pair and
bytes that are no UTF-8 stay recognizable: `encode` refuses an event that has one.
"""

import codecs
import json
from typing import Any, Final

import msgspec

from app.events.message import MessageError, finite, whole

_decode: Final = msgspec.json.Decoder().decode


class NoJson:
    """A word that stands where JSON has a value, such as NaN."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def decode(data: bytes) -> Any:
    """The value of a text; a byte order mark before it is left out.

    Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError for what is not JSON even so.

    >>> decode(b'[1, NaN, 1e999]')
    [1, NaN, None]
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            text = data.decode("utf-8", "surrogateescape")
            return json.loads(text, parse_float=finite, parse_int=whole, parse_constant=NoJson)
        except (ValueError, RecursionError):
            pass
        raise


def _refuse(value: Any) -> Any:
    raise MessageError("invalid-json", f"{value!r:.40} is not JSON")


_encode: Final = msgspec.json.Encoder(enc_hook=_refuse).encode


def encode(value: Any) -> bytes:
    """The JSON of a value; MessageError for one with something that cannot be written as such."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        detail = "a text has half of a surrogate pair in it, or a byte that is no UTF-8"
        raise MessageError("invalid-json", detail) from None
    except RecursionError:
        raise MessageError("invalid-json", "nested too deeply to be written as JSON") from None
