"""A message of a file, decoded as far as a census looks: its type and name, and what is below as it stands."""

import codecs
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType


class EventKey(NamedTuple):
    """A type of message, and the name of a `track`."""

    kind: str
    name: str | None


class HeardMessage(msgspec.Struct, gc=False):
    """One message. What stands at the roots is decoded by `values_of` only where something is sought there."""

    type: str
    event: Any = None
    name: Any = None
    properties: Raw | UnsetType = UNSET
    traits: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET

    @property
    def key(self) -> EventKey:
        """The type, and the name if it is a `track`."""
        return EventKey(self.type, self.event if self.type == "track" and self.event.__class__ is str else None)

    @property
    def own(self) -> Raw | UnsetType:
        """The properties of the event, as an aggregate reads them: the traits of an `identify`."""
        return self.traits if self.type == "identify" else self.properties


_decode: Final = msgspec.json.Decoder(HeardMessage).decode
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def heard_message(message: bytes) -> HeardMessage | None:
    """The message; None for bytes that are none. A byte order mark before it is left out, as a worker does."""
    try:
        return _decode(message.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def values_of(raw: Raw | UnsetType) -> dict[str, Any]:
    """The object at a root; empty if there is none."""
    if isinstance(raw, UnsetType):
        return {}
    try:
        return _decode_object(raw)
    except (msgspec.DecodeError, RecursionError):
        return {}
