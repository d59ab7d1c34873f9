"""From a change, or a profile, to what is done in Redis. Pure.

An entry, the value of a segment in a user's hash, is JSON: `{"since":…,"valid_until":…,"attach":…,"version":…,
"times":…,"sequence":…}`, and behind that in an experiment `"group":…,"experiments":[…]`. `since` comes first and has a
fixed length, so that an update keeps it without decoding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from app.events.instants import iso
from app.events.message import instant_ms
from app.runtime.records.identity_events import MOVES, REFUSALS
from app.runtime.redis_keys import field_of
from app.segments.evaluation.change import InGroup
from tables.exposures import TOLD_GROUP, TOLD_NAME
from tables.profile import SENT, SINCE, TIMES, TOLD, Membership
from tables.values import Scalar

RedisUpdate: TypeAlias = list[Any]
"""What `apply.lua` gets for one change: user, sequence, kind, and what belongs to the kind."""


class Change(msgspec.Struct):
    """Fields that are read of a change; the rest (mostly evidence) is skipped."""

    user: str
    segment: str
    version: str
    change: Literal["entered", "exited", "updated"]
    times: int
    at: str
    sequence: int
    attach: msgspec.Raw
    valid_until: str | None = None
    value: Scalar | None = None
    group: str | None = None
    experiments: list[InGroup] | UnsetType = UNSET


class Entry(msgspec.Struct, kw_only=True):
    """A membership, as it stands in Redis. Instants are ISO 8601 texts, UTC, milliseconds.

    group, experiments: not there for a user who is in no group.
    """

    since: str
    valid_until: str | None = None
    attach: dict[str, Any] = {}
    version: str = ""
    times: int = 1
    sequence: int = 0
    group: str | UnsetType | None = UNSET
    experiments: list[InGroup] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Standing:
    """All that one user is in, by a profile: fields and entries. `sequence`: of the user's last change."""

    user: str
    sequence: int
    entries: Sequence[tuple[str, Entry]]


_decode_change = msgspec.json.Decoder(Change).decode
_encode = msgspec.json.Encoder().encode
decode_entry = msgspec.json.Decoder(Entry).decode
encode_updates = msgspec.msgpack.Encoder().encode


def read_change(value: bytes) -> Change:
    """The change; msgspec.DecodeError or UnicodeDecodeError for what is none."""
    return _decode_change(value)


def update_for(change: Change) -> RedisUpdate:
    """Returns the update for a change; ValueError for an instant that is none."""
    sequence = str(change.sequence)
    field = field_of(change.segment, change.value)
    if change.change == "exited":
        return [change.user, sequence, "exited", field]
    head = f'{{"since":"{change.at}",'
    rest = (
        f'"valid_until":{"null" if change.valid_until is None else chr(34) + change.valid_until + chr(34)},'
        f'"attach":{bytes(change.attach).decode()},"version":"{change.version}",'
        f'"times":{change.times},"sequence":{sequence}{_groups_of(change)}}}'
    )
    return [change.user, sequence, change.change, field, instant_ms(change.at), head, rest]


def _groups_of(change: Change) -> str:
    """The end of an entry: the groups of the change, without what a login can change while the user is in."""
    if not change.experiments:
        return ""
    return f',"group":{_encode(change.group).decode()},"experiments":{_encode(change.experiments).decode()}'


def update_to_standing(standing: Standing) -> RedisUpdate:
    """Makes a user's memberships exactly these."""
    entries = [[name, instant_ms(entry.since), _encode(entry).decode()] for name, entry in standing.entries]
    return [standing.user, str(standing.sequence), "whole", *entries]


def update_for_redirect(key: str, user: str, result: str) -> RedisUpdate | None:
    """Returns the update for an identity event about a key and a user; None for one that moves nothing.

    >>> update_for_redirect("a-1", "ann", "given"), update_for_redirect("a-1", "ann", "refused:shared")
    (['a-1', '', 'moved', 'ann'], None)
    """
    if result in MOVES:
        return update_to_moved(key, user)
    return None if result.startswith(REFUSALS) else [key, "", "alone", user]


def update_to_moved(key: str, user: str) -> RedisUpdate:
    """Makes a key the user's."""
    return [key, "", "moved", user]


def entry(member: Membership, *, valid_until_ms: int | None, version: str, sequence: int) -> Entry:
    """The entry of a membership of a profile."""
    told = member[TOLD] if len(member) > TOLD else None
    return Entry(
        since=iso(member[SINCE]),
        valid_until=None if valid_until_ms is None else iso(valid_until_ms),
        attach=member[SENT] or {},
        version=version,
        times=member[TIMES],
        sequence=sequence,
        group=UNSET if told is None else told[0],
        experiments=UNSET if told is None else [InGroup(each[TOLD_NAME], each[TOLD_GROUP]) for each in told[1:]],
    )
