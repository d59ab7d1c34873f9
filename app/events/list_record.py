"""List records: a user is put on a static list, or taken off it, in the clickstream, beside the events.

A command writes them at the key of the user; a worker reads them in the order of the log. See docs/lists.md.
"""

import re
from typing import Final

import msgspec

from app.events.message import MessageError

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class ListRecord(msgspec.Struct, kw_only=True, frozen=True, rename={"name": "list", "on": "is_on"}, tag="list"):
    """One list record; its key is the user.

    app: the `app_id` of the workers that it is for; others pass it over.
    name: of the list. on: the user is on it from here on, or is not. at_ms: when it was written, milliseconds since the
        epoch.
    """

    app: str
    name: str
    on: bool
    at_ms: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ListRecord).decode


def write_list_record(record: ListRecord) -> bytes:
    """The value of a list record.

    >>> write_list_record(ListRecord(app="shop", name="vip", on=True, at_ms=5))
    b'{"type":"list","app":"shop","list":"vip","is_on":true,"at_ms":5}'
    """
    return _encode(record)


def read_list_record(value: bytes) -> ListRecord:
    """The reverse. MessageError for a value that is no list record."""
    try:
        record = _decode(value)
    except msgspec.DecodeError as error:
        raise MessageError("invalid-list", f"not a list record: {error}") from None
    if not is_list_name(record.name):
        raise MessageError("invalid-list", f"{record.name!r:.80} is no name of a list")
    return record


def is_list_name(name: str) -> bool:
    """True if a list may have this name: at most 64 small letters, digits and hyphens, none of these at its ends."""
    return _NAME.fullmatch(name) is not None
