"""All that is remembered of one user, and its encoding.

Encoded: the timer (8 bytes) and the catalog's epoch (4 bytes), big-endian, so that they can be read without decoding;
then MessagePack of the fields in their order. `FORMAT` grows with every change of their meaning, also of what is inside
`aggregates`, `cart` and the like; older formats are read, and written anew when touched; newer ones are refused.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tables.formats import DamagedError, UnknownFormatError, format_of
from tables.identity import Identity, claimed
from tables.in_hand import plain
from tables.waiting import Waiting

FORMAT: Final = 3
FORMAT_OF_ONE_KEY: Final = 2
"""The format of a profile without an identity: that of the version before, which can read it."""
TIMER_BYTES: Final = 8
HEADER_BYTES: Final = 12
NOT_BEGUN: Final = -1

# A membership: [inside, since, times, true since, out at, sent]. `since` is the instant of the last entry; `true since`
# when the enter condition became true while out (for `for`); `out at` when the user last left (for `cooldown`); `sent`
# the attached values last sent. None where there is none. One of a user in a group of an experiment has a seventh
# element, `told`: the groups that its changes tell (`tables.exposures`).
Membership = list[Any]
INSIDE, SINCE, TIMES, TRUE_SINCE, OUT_AT, SENT, TOLD = range(7)


class Profile(msgspec.Struct, array_like=True, gc=False):
    """One user. All instants in milliseconds since the epoch.

    watched: a bit for each segment that read, when it was last evaluated, what every event changes (visit, last seen).
    waiting: events whose turn has not come. A user of whom nothing else is known has not `begun`: `highest_ms` is
        NOT_BEGUN, and no other field says anything.
    identity: the other keys of the same person. A key that has moved to another has not `begun`; of it only
        `sequence`, `message_ids` and `identity` say something.
    links: hashes of the claims in `identity` that hold, as `claimed` gives them.
    """

    format: int
    highest_ms: int
    fired_ms: int
    sequence: int
    first_seen_ms: int
    identified: bool
    aggregates: dict[int, Any]
    members: dict[int, Membership]
    due: dict[int, int]
    session: list[Any] | None
    cart: list[Any] | None
    leaves: dict[int, list[Any]]
    message_ids: bytearray
    watched: int
    waiting: Waiting | None = None
    identity: Identity | None = None
    links: bytearray | None = None

    @property
    def begun(self) -> bool:
        """True if an event of the user was taken; else events only wait, or the key has moved."""
        return self.highest_ms >= 0

    @property
    def moved_to(self) -> str | None:
        """The user that this key has moved to; None for one that lives."""
        identity = self.identity
        return None if identity is None else identity.moved_to

    def know(self, identity: Identity) -> None:
        """Remembers what has changed in the identity."""
        self.format = FORMAT
        self.identity = identity
        self.links = claimed(identity)

    def timer(self, retention_ms: int) -> int:
        """The earliest instant at which time alone may change something."""
        forgotten = self.highest_ms + retention_ms
        return min(forgotten, min(self.due.values())) if self.due else forgotten


def new_profile(t: int, now: int, watched: int = 0) -> Profile:
    """A user who begins with an event at `t`; `sequence` is the next change's."""
    return Profile(FORMAT_OF_ONE_KEY, t, now, now, t, False, {}, {}, {}, None, None, {}, bytearray(), watched)


def waiting_profile(waiting: Waiting | None) -> Profile:
    """A user none of whose events was taken yet."""
    return Profile(FORMAT_OF_ONE_KEY, NOT_BEGUN, -1, 0, 0, False, {}, {}, {}, None, None, {}, bytearray(), 0, waiting)


def _without_waiting(fields: list[Any]) -> Profile:
    """Format 1: no events wait."""
    return msgspec.convert([FORMAT_OF_ONE_KEY, *fields[1:], None], Profile)


_encode = msgspec.msgpack.Encoder(enc_hook=plain).encode
# Who has one key only is written in the format of one key, whose array ends before `identity` and `links`.
_OF_ONE_KEY: Final = b"\x9f"
_OF_ALL_BYTES: Final = 3
_LAST_TWO: Final = -2
_decode = msgspec.msgpack.Decoder(Profile).decode
_decode_fields = msgspec.msgpack.Decoder(list[Any]).decode

READ_AS_THEY_ARE: Final = frozenset({FORMAT_OF_ONE_KEY, FORMAT})
OLDER: Final[dict[int, Callable[[list[Any]], Profile]]] = {1: _without_waiting}
"""Format -> what makes a profile of the present one out of its fields; there is a golden file of each in the tests."""


def encode(profile: Profile, timer_ms: int, epoch: int) -> bytes:
    """The one value of a user, in memory and in the changelog; `epoch` is that of the catalog it is true under."""
    body = _encode(profile)
    if profile.identity is None:
        body = _OF_ONE_KEY + body[_OF_ALL_BYTES:_LAST_TWO]
    return (timer_ms << 32 | epoch).to_bytes(HEADER_BYTES, "big") + body


def timer_of(encoded: bytes) -> int:
    """The timer of an encoded profile."""
    return int.from_bytes(encoded[:TIMER_BYTES], "big")


class _Inside(msgspec.Struct, array_like=True, gc=False):
    inside: int


class _Head(msgspec.Struct, array_like=True, gc=False):
    """The fields up to the members, for those who want only these; the rest is skipped, not built."""

    format: int
    highest_ms: int
    fired_ms: int
    sequence: int
    first_seen_ms: int
    identified: bool
    aggregates: msgspec.Raw
    members: dict[int, _Inside]


HEAD_FORMATS: Final = frozenset({1, 2, 3})
"""The formats that have these fields in common: a restore looks at every profile."""

_decode_head = msgspec.msgpack.Decoder(_Head).decode


def inside_of(encoded: bytes) -> list[int]:
    """The ids of the segments that the user of an encoded profile is in."""
    try:
        head = _decode_head(encoded[HEADER_BYTES:])
    except msgspec.MsgspecError:
        head = None
    if head is None or head.format not in HEAD_FORMATS:
        return [segment for segment, member in decode(encoded).members.items() if member[INSIDE]]
    return [segment for segment, member in head.members.items() if member.inside]


_MOVED: Final = b"\xdc\x00\x11\x03\xff"
"""How the body of a key that has moved begins: 17 fields, format 3, not begun."""


def has_moved(encoded: bytes) -> bool:
    """True if an encoded profile is that of a key that has moved to another; others are told apart by five bytes."""
    return encoded.startswith(_MOVED, HEADER_BYTES) and decode(encoded).moved_to is not None


def epoch_of(encoded: bytes) -> int:
    """The epoch of the catalog under which an encoded profile was last evaluated."""
    return int.from_bytes(encoded[TIMER_BYTES:HEADER_BYTES], "big")


def decode(encoded: bytes) -> Profile:
    """The profile, also of an older format. Raises UnknownFormatError, DamagedError."""
    body = encoded[HEADER_BYTES:]
    try:
        profile = _decode(body)
    except msgspec.MsgspecError as error:
        return _of_other_format(body, error)
    return profile if profile.format in READ_AS_THEY_ARE else _of_other_format(body, None)


def _of_other_format(body: bytes, cause: Exception | None) -> Profile:
    found = format_of(body, "a profile")
    older = OLDER.get(found)
    if older is not None:
        return older(_decode_fields(body))
    if found in READ_AS_THEY_ARE:
        raise DamagedError("a profile", cause) from cause
    raise UnknownFormatError("a profile", found, known=FORMAT)
