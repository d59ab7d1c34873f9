"""The export of a person: which keys and records are theirs. Pure.

The right of access ends at the rights of others. A key that another user has claimed as well may have sent events of
both, so its records are left out, and the export says so; events of it that came to the user stand under the user.
"""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from app.events.instants import iso
from app.events.message import MessageDecoder, MessageError, user_of
from app.events.user_ids import UserIds
from app.events.visible_text import visible_json
from app.offline.person import Read
from app.offline.person_keys import claimed_by, is_persons, keys_behind
from app.runtime.records.journal import Unfired, decode_entry, encode_entry
from tables.identity import ERASED, SUPPRESSED
from tables.profile import Profile

TYPE: Final = "shoal.person.v1"
_decode: Final = MessageDecoder().decode
_encode: Final = msgspec.json.Encoder().encode


class LeftOut(msgspec.Struct, frozen=True):
    """A key that the user has claimed, and why its records are not in the export."""

    key: str
    reason: str


@dataclass(slots=True)
class PersonsKeys:
    """The keys of a person, the user's first, with their profiles; `left_out`: keys whose records may be others'."""

    profiles: dict[str, Profile | None] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


async def keys_of(user: str, moved: Mapping[str, str], read: Read) -> PersonsKeys:
    """The keys of a user: those that have moved to them, and those that they have claimed. Of a user unknown by now:
    the key itself. `moved`: all keys that have moved to another, with that."""
    behind = keys_behind(user, moved)
    persons = dict(await read([user, *behind]))
    claimed = claimed_by(persons, [user, *behind])
    persons |= await read(list(claimed)) if claimed else {}
    found = PersonsKeys({user: persons.get(user)})
    own = {user, *behind}
    for key, owner in sorted((behind | claimed).items()):
        profile = persons.get(key)
        reason = _why_left_out(profile, owner, own)
        if reason is None:
            found.profiles[key] = profile
        else:
            found.left_out.append(LeftOut(key, reason))
    return found


def _why_left_out(profile: Profile | None, owner: str, own: Collection[str]) -> str | None:
    """The reason why records of a claimed key may be somebody else's; None if there is none."""
    if profile is None:
        return "it is forgotten by now: whose its records are is unknown"
    if not is_persons(profile, owner):
        return "it belongs to another user"
    answered = () if profile.identity is None else profile.identity.answered
    if any(not name.startswith(SUPPRESSED) for name in set(answered) - {ERASED, *own}):
        return "another user has claimed it, too"
    return None


def is_of(key: bytes | None, value: bytes | None, keys: Collection[bytes], ids: UserIds | None) -> bool:
    """True for a record of a person: by its key. With `ids`, also if its value is an event of theirs under another key.

    An id inside an event of somebody else does not make it theirs.
    """
    if key in keys:
        return True
    if ids is None or value is None or not (b"\\" in value or any(name in value for name in keys)):
        return False
    try:
        user, _ = user_of(_decode(value), ids)
    except (MessageError, UnicodeError):
        return False
    return user.encode(errors="replace") in keys


def journal_part(value: bytes | None, keys: Collection[str]) -> bytes | None:
    """The part of a record of the journal that is about a person: their timers that did not fire, without those of
    others; None if there is none."""
    try:
        entry = decode_entry(value or b"")
    except msgspec.DecodeError:
        return None
    if not isinstance(entry, Unfired):
        return None
    own = tuple(timer for timer in entry.timers if timer[0] in keys)
    return encode_entry(replace(entry, timers=own)) if own else None


def record_in_words(topic: str, partition: int, record: Any, value: bytes | None) -> dict[str, Any]:
    """A record as the export has it: its value as JSON where it is JSON; other bytes as text, or as base64.

    `value`: that of the record, or what of it is about the person.
    """
    return {
        "topic": topic,
        "partition": partition,
        "offset": record.offset,
        "at": iso(record.timestamp) if record.timestamp >= 0 else None,
        "key": None if record.key is None else _text(record.key),
        "headers": [[name, None if value is None else _text(value)] for name, value in record.headers or ()],
        "value": _value(value),
    }


def pretty(value: Any) -> bytes:
    """JSON for people, without characters that a terminal acts on."""
    return visible_json(msgspec.json.format(_encode(value), indent=2).decode()).encode()


def _value(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        value.decode()
        msgspec.json.decode(b"[[[" + value + b"]]]")  # as deep as it will be in the export
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _text(value)
    return msgspec.Raw(value)  # as it came: numbers keep their digits


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(value).decode()}"
