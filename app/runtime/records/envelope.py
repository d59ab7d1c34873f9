"""Envelope of a changelog record: its fields besides the profile.

A profile is written together with how far it has come (`Reached`) and with its user's own changes of that batch. So
a worker that finds it again knows which records the profile has seen, and can send the changes once more if nobody
knows whether they were sent. The position of a partition is one more record, under a key that no user can have.

Layout of a value, big-endian: format (1 byte), flags (1), input offset (8), clock in ms (8), commit number (8), length
of the changes (4), changes (MessagePack), then the profile, or what the core calls its position. Format 2 is that of a
profile with link records: a pair of changes and link records stands where the changes stand otherwise.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from app.errors import UserError

FORMAT = 1
WITH_LINKS = 2
POSITION_KEY = b"\xffposition"
"""Users are UTF-8, and no UTF-8 text has a byte 0xFF."""

_MARK = bytes([FORMAT])
_HEAD = struct.Struct(">BBqqqI")
_POSITION = struct.Struct(">qqq")
_FORGOTTEN = 1


class Reached(NamedTuple):
    """Progress of a partition or of one profile: next input offset, clock (ms), number of the commit.

    Reached values of one partition only grow, in this order: a micro-batch of records moves the offset, an idle move
    only the clock, and a slice of the evaluation under a new catalog neither. The clock is the one up to which all
    timers have fired: while some are overdue it stays behind that of the partition, which the core's own position has.
    """

    offset: int
    clock_ms: int
    number: int = 0


class StoredProfile(NamedTuple):
    """A value of the changelog. `changes`: the user's own, encoded. `profile` None: the user was forgotten.

    links: link records that the user's key sent, each with the key that it is for.
    """

    reached: Reached
    changes: Sequence[bytes]
    profile: bytes | None
    links: Sequence[tuple[str, bytes]] = ()


class StoredPosition(NamedTuple):
    """The position record.

    The anchor says what the idle clock goes on from: the clock that the last record left, and when that record was
    first read (ms of the wall clock); -1, -1 without one. Journal entries before `journal_offset` are done with.
    `position` is the core's own.
    """

    reached: Reached
    anchor_clock_ms: int
    anchor_wall_ms: int
    journal_offset: int
    position: bytes


_encode_changes = msgspec.msgpack.Encoder().encode
_decode_changes = msgspec.msgpack.Decoder(list[bytes]).decode
_decode_pair = msgspec.msgpack.Decoder(tuple[list[bytes], list[tuple[str, bytes]]]).decode


def plain_prefix(reached: Reached) -> bytes:
    """Returns the bytes before each profile of a batch whose user has no change: one concatenation a profile."""
    return _HEAD.pack(FORMAT, 0, *reached, 0)


def encode_profile(
    reached: Reached, changes: Sequence[bytes], profile: bytes | None, links: Sequence[tuple[str, bytes]] = ()
) -> bytes:
    """A value of the changelog."""
    said = (changes, links) if links else changes
    packed = _encode_changes(said) if said else b""
    flags = _FORGOTTEN if profile is None else 0
    return _HEAD.pack(WITH_LINKS if links else FORMAT, flags, *reached, len(packed)) + packed + (profile or b"")


def decode_profile(value: bytes) -> StoredProfile:
    """The reverse; UserError for a format that this version does not know."""
    flags, reached, length = _head(value)
    end = _HEAD.size + length
    profile = None if flags & _FORGOTTEN else value[end:]
    if value[0] == WITH_LINKS:
        changes, links = _decode_pair(value[_HEAD.size : end])
        return StoredProfile(reached, changes, profile, links)
    changes = _decode_changes(value[_HEAD.size : end]) if length else []
    return StoredProfile(reached, changes, profile)


def encode_position(stored: StoredPosition) -> bytes:
    """The value of the position record."""
    head = _HEAD.pack(FORMAT, 0, *stored.reached, 0)
    numbers = _POSITION.pack(stored.anchor_clock_ms, stored.anchor_wall_ms, stored.journal_offset)
    return head + numbers + stored.position


def decode_position(value: bytes) -> StoredPosition:
    """The reverse; UserError for a format that this version does not know."""
    _, reached, _ = _head(value)
    clock_ms, wall_ms, journal_offset = _POSITION.unpack_from(value, _HEAD.size)
    return StoredPosition(reached, clock_ms, wall_ms, journal_offset, value[_HEAD.size + _POSITION.size :])


def reached_of(value: bytes) -> Reached:
    """Returns the progress of a value's profile, or of a position, without decoding the rest."""
    return _head(value)[1]


def is_further(value: bytes, known: bytes) -> bool:
    """True if a value has come at least as far as another; asked for every record of a changelog that is read back."""
    if value[:1] == _MARK == known[:1] and not (value[2] | known[2] | value[10] | known[10]) & 0x80:
        return value[2:26] >= known[2:26]  # big-endian, none negative: bytes compare as numbers do
    return reached_of(value) >= reached_of(known)


def _head(value: bytes) -> tuple[int, Reached, int]:
    """Flags, how far it has come, length of the changes."""
    if not value or value[0] not in (FORMAT, WITH_LINKS):
        raise UserError(
            f"the profiles' changelog holds format {value[0] if value else 'nothing'}, this version knows {FORMAT}",
            hint="run the version that wrote it, or a newer one",
        )
    _, flags, offset, clock_ms, number, length = _HEAD.unpack_from(value)
    return flags, Reached(offset, clock_ms, number), length
