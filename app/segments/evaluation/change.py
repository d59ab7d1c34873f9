"""A change: one user entered, left or was updated in one segment. What others read: see the schema of changes."""

from hashlib import blake2b
from typing import Any, Final, Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from tables.values import Scalar

CauseKind = Literal[
    "event",
    "time",
    "catalog",
    "forgotten",
    "merged",
    "split",
    "list",
    "consent",
    "erased",
    "backfill",
    "limit",
    "population",
]
ChangeKind = Literal["entered", "exited", "updated"]
CHANGE_KINDS: Final[tuple[ChangeKind, ...]] = get_args(ChangeKind)


class Cause(msgspec.Struct, omit_defaults=True, frozen=True, gc=False, rename={"source": "from"}):
    """Cause of a change: an event (with its id, if it had one), time, a new catalog, the end of retention, a merge of
    two keys, a split, which undoes one, a static list, consent that was withdrawn, the erasure of the user, a
    backfill, the limit of known values, or other numbers of all users.

    link, into, source: of a merge, split or backfill its id, and where memories went to, or came from. list: the
    static list that the user was put on or taken off. purpose: of consent. census: the number of that which
    has counted the users.
    """

    kind: CauseKind
    message_id: str | None = None
    link: str | None = None
    into: str | None = None
    source: str | None = None
    list: str | None = None
    purpose: str | None = None
    census: int | None = None


class Atom(msgspec.Struct, frozen=True, gc=False):
    """One part of a condition and its value then.

    threshold: that of a share of all users, as it was published. because: of a model's value, its main columns.
    """

    expression: str
    value: Any
    threshold: int | float | UnsetType | None = UNSET
    because: dict[str, float] | UnsetType = UNSET


class Exposed(msgspec.Struct, omit_defaults=True, frozen=True, gc=False):
    """The group of a user in an experiment, since their first exposure. crossed: two users with different groups have
    turned out to be one."""

    experiment: str
    group: str
    exposed_at: str
    crossed: bool = False


class InGroup(msgspec.Struct, frozen=True, gc=False):
    """The group of a user in an experiment, as long as they are in a segment: of `Exposed` what no login changes."""

    experiment: str
    group: str


class Change(msgspec.Struct, kw_only=True, gc=False):
    """One change, in the order of its JSON. Instants are ISO 8601 texts, UTC, milliseconds.

    value: the one that the change is about, of a segment by value; None for other segments.
    group: that of the experiment that decides what is done; None without one.
    """

    id: str
    user: str
    segment: str
    version: str
    value: Scalar | None = None
    change: ChangeKind
    times: int
    at: str
    sequence: int
    cause: Cause
    evidence: list[Atom]
    attach: dict[str, Any]
    valid_until: str | None
    group: str | None = None
    experiments: list[Exposed] | UnsetType = UNSET

    def encode(self) -> bytes:
        """The JSON of outputs."""
        return _encode(self)

    def headers(self, source: str) -> list[tuple[str, bytes]]:
        """CloudEvents 1.0, Kafka binding, binary mode. `source` is a URI reference of the sender."""
        return [
            _SPECVERSION,
            ("ce_id", self.id.encode()),
            _TYPES[self.change],
            ("ce_source", source.encode()),
            ("ce_subject", self.user.encode()),
            ("ce_time", self.at.encode()),
            _CONTENT_TYPE,
        ]


_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/json")
_TYPES = {kind: ("ce_type", f"shoal.segment.{kind}.v1".encode()) for kind in CHANGE_KINDS}
_EMPTY_DIGEST = blake2b(digest_size=12)
_encode = msgspec.json.Encoder().encode


def change_id(user: str, sequence: int) -> str:
    """24 characters that are the same whenever the same change is made again.

    >>> change_id('u-42', 1795430000017)
    '8257c9bdc30c027c5f5085fa'
    """
    digest = _EMPTY_DIGEST.copy()  # takes less time than a new one
    digest.update(f"{user}\x00{sequence}".encode(errors="replace"))
    return digest.hexdigest()
