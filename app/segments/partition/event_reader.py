"""Reads records as events: decodes the value, finds the times and the user, and checks the key."""

from collections.abc import Container
from typing import Final, NamedTuple

import msgspec

from app.events.control_record import CONTROL_MARK
from app.events.link_record import LINK_BYTES_MAX, LINK_MARK
from app.events.message import (
    BETWEEN_KEYS,
    HOURS_MS,
    LIST,
    MESSAGE_BYTES_MAX,
    MILLIS_MS,
    SECONDS_MS,
    WATERMARK,
    Message,
    MessageError,
    checked_value,
    times_of,
    user_of,
)
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import RecordLike
from app.segments.evaluation.time_rules import TimeRules

_WITH_PROFILE: Final = (LINK_MARK, CONTROL_MARK)


class Event(NamedTuple):
    """One readable record. `t`, `received`: milliseconds since the epoch. `identified`: the record names a userId."""

    message: Message
    t: int
    received: int
    user: str
    identified: bool


class EventReader:
    """Turns records into events for one program and its time rules."""

    def __init__(self, program: Program, rules: TimeRules, *, keyed: bool) -> None:
        """`keyed`: the key of a record must be its user."""
        self._decoder = program.decoder
        self._decode = program.decoder.decode_quickly
        self._skew_max_ms = rules.skew_max_ms
        self._keyed = keyed
        self._user_ids = rules.user_ids

    def read(self, record: RecordLike, known: Container[str], message: Message | None = None) -> Event:
        """Reads one record; MessageError if it cannot be an event. Only an event has a user.

        `known`: users that are known to have a valid id. `message`: the decoded value, if the fast path has decoded it.
        """
        value = record.value
        if value is None or len(value) > MESSAGE_BYTES_MAX or not value.isascii():
            value = checked_value(value, bytes_max=_bytes_max(value))
        if message is None:
            try:
                message = self._decode(value)
            except (msgspec.DecodeError, RecursionError) as error:
                message = self._decoder.decode_slowly(value, error)
        if message.type in BETWEEN_KEYS or message.type == LIST:
            return Event(message, 0, 0, "", identified=False)
        text = message.timestamp
        # The usual text of an instant is looked up in tables; every other one is parsed.
        try:
            if message.receivedAt is not None or text is None:
                t, received = times_of(message, record.timestamp)
            else:
                t = HOURS_MS[text[:14]] + SECONDS_MS[text[14:20]] + MILLIS_MS[text[20:]]
                received = record.timestamp
                if received < 0:
                    received = t
        except KeyError:
            t, received = times_of(message, record.timestamp)
        if t > received + self._skew_max_ms:
            raise MessageError("future", f"{t - received} ms ahead of its receipt")
        if message.type == WATERMARK:
            return Event(message, t, received, "", identified=False)
        user, identified = message.anonymousId, False
        if message.userId is not None or user.__class__ is not str or user not in known:
            user, identified = user_of(message, self._user_ids)
        if self._keyed and (record.key is None or record.key != user.encode()):
            raise MessageError("wrong-key", f"the key is {record.key!r:.80}, the user {user!r:.80}")
        return Event(message, t, received, user, identified)


def _bytes_max(value: bytes | None) -> int:
    """Most bytes that are read of a record: more of a link or control record, which holds a profile."""
    return LINK_BYTES_MAX if value is not None and value.startswith(_WITH_PROFILE) else MESSAGE_BYTES_MAX
