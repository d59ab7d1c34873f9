"""The deterministic life of one input partition: records and journalled clock moves in, changes out.

Given the same records in the same order and the same journal, the same changes come out, whatever the batches and
restarts. No clock, no I/O: the caller brings records and writes what a `Batch` holds. A Partition changes in place;
after any doubt about what was written the caller throws it away and restores a new one.
See docs/exact-meaning.md, "Order of work for one record".
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from app.events.message import (
    KINDS,
    MESSAGE_BYTES_MAX,
    WATERMARK,
    MessageError,
    times_of,
    user_of,
)
from app.segments.change import Cause, Change
from app.segments.program import Program
from app.segments.settlement import Settlement
from app.segments.time_rules import TimeRules
from tables import message_ids
from tables import profile as profiles
from tables.profile import INSIDE, Profile
from tables.timers import Timers

TIME = Cause("time")
NO_CLOCK = -1


class RecordLike(Protocol):
    """What is read of a Kafka record; `timestamp` in milliseconds, -1 for none."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be an event; `reason` is a short code, `position` a byte of the value where known."""

    record: RecordLike
    reason: str
    detail: str
    position: int | None


@dataclass(frozen=True, slots=True)
class LateEvent:
    """A record behind `now` by more than the allowed lateness."""

    record: RecordLike
    late_ms: int


@dataclass(slots=True)
class Batch:
    """What one call produced, to be written by the caller. `profiles`: user -> encoded, None for one forgotten."""

    changes: list[Change] = field(default_factory=list)
    profiles: dict[str, bytes | None] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    late: list[LateEvent] = field(default_factory=list)
    next_offset: int = 0
    clock_ms: int = NO_CLOCK
    accepted: int = 0
    duplicates: int = 0
    timers: int = 0
    counted: Counter[str] = field(default_factory=Counter)


class Position(msgspec.Struct, array_like=True, frozen=True):
    """How far a partition is: written with its profiles, read at restore.

    `warm_ms`: segment id -> instant before which it waits for its windows.
    """

    format: int
    next_offset: int
    clock_ms: int
    version: str
    warm_ms: dict[int, int]


_encode_position = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(Position).decode


def read_position(encoded: bytes) -> Position:
    """The position that `Partition.position()` wrote."""
    return _decode_position(encoded)


class Partition:
    """Profiles, timers and clock of one partition, under one program."""

    def __init__(self, program: Program, rules: TimeRules, *, keyed: bool = True) -> None:
        """`keyed` False: records need no key (files); else one whose key is not its user is a dead letter."""
        self._keyed = keyed
        self.program = program
        self.rules = rules
        self.clock_ms = NO_CLOCK
        self.next_offset = 0
        self._encoded: dict[str, bytes] = {}
        self._timers = Timers()
        self._touched: dict[str, Profile] = {}
        self._gone: set[str] = set()
        self._reached: dict[str, int] = {}
        self._settlement = _CountingSettlement(program.segments, rules.retention_ms)
        self._waiting = {segment.id: segment.warm_after_ms for segment in program.segments if segment.warm_after_ms}

    # ---- what the caller asks

    @property
    def users(self) -> int:
        """Profiles held."""
        return len(self._encoded)

    @property
    def state_bytes(self) -> int:
        """Bytes of all encoded profiles (walks over them: not for every batch)."""
        return sum(map(len, self._encoded.values()))

    def members(self) -> dict[str, int]:
        """Segment -> users in it now."""
        return dict(self._settlement.members)

    def due_ms(self) -> int | None:
        """No timer fires before this instant; None if there is none."""
        return self._timers.earliest_ms()

    def has_due(self, clock_ms: int) -> bool:
        """Whether a timer is due at or before `clock_ms`. Nothing that anyone can see changes."""
        users = self._timers.due(clock_ms, self._timer_of)
        for user in users:
            self._timers.arm(user, profiles.timer_of(self._encoded[user]))
        return bool(users)

    def profile(self, user: str) -> Profile | None:
        """A copy of a user's profile as last committed."""
        encoded = self._encoded.get(user)
        return None if encoded is None else profiles.decode(encoded)

    # ---- restore

    def restore(self, user: str, profile: bytes | None, *, offset: int) -> None:
        """A profile from the changelog (None: a tombstone), in the order of the changelog.

        `offset`: the input offset that it has reached; records before it are skipped for this user.
        """
        before = self._encoded.get(user)
        if before is not None:
            self._count_members(before, -1)
        if profile is None:
            self._encoded.pop(user, None)
        else:
            self._encoded[user] = profile
            self._count_members(profile, 1)
            timer = profiles.timer_of(profile)
            if before is None or timer < profiles.timer_of(before):
                self._timers.arm(user, timer)
        if offset > self.next_offset:
            self._reached[user] = offset

    def restore_position(self, position: bytes) -> None:
        """Where the partition stands; profiles restored after it may be ahead."""
        found = read_position(position)
        self.next_offset = found.next_offset
        self.clock_ms = found.clock_ms
        self._settlement.warm_ms = dict(found.warm_ms)
        self._reached = {user: offset for user, offset in self._reached.items() if offset > found.next_offset}

    def position(self) -> bytes:
        """What `restore_position` reads."""
        position = Position(1, self.next_offset, self.clock_ms, self.program.version, self._settlement.warm_ms)
        return _encode_position(position)

    def _count_members(self, encoded: bytes, by: int) -> None:
        members = profiles.decode(encoded).members
        for segment in self.program.segments:
            member = members.get(segment.id)
            if member is not None and member[INSIDE]:
                self._settlement.members[segment.name] += by

    # ---- what moves a partition

    def process(self, records: Iterable[RecordLike]) -> Batch:
        """Records in order of their offsets, none left out."""
        batch = Batch()
        settlement = self._begin(batch)
        program = self.program
        rules = self.rules
        keyed = self._keyed
        retention_ms = rules.retention_ms
        decode = program.decoder.decode
        activity = program.activity
        handlers = program.handlers
        accepted = 0
        for record in records:
            self.next_offset = record.offset + 1
            value = record.value
            key = record.key
            try:
                if value is None:
                    raise MessageError("empty", "the record has no value")
                if len(value) > MESSAGE_BYTES_MAX:
                    raise MessageError("too-large", f"{len(value)} bytes; at most {MESSAGE_BYTES_MAX} are read")
                if not value.isascii():
                    _check_utf8(value)
                message = decode(value)
                kind = message.type
                if kind not in KINDS:
                    raise MessageError("invalid-message", f"unknown type {kind!r:.40}")
                t, received = times_of(message, record.timestamp)
                if t > received + rules.skew_max_ms:
                    raise MessageError("future", f"{t - received} ms ahead of its receipt")
                if kind == WATERMARK:
                    self._move_clock(min(t, received) - rules.disorder_ms)
                    continue
                user, identified = user_of(message)
                if keyed and (key is None or key != user.encode()):
                    raise MessageError("wrong-key", f"the key is {key!r:.80}, the user {user!r:.80}")
            except MessageError as error:
                batch.dead.append(DeadLetter(record, error.reason, error.detail, error.position))
                continue
            clock = self.clock_ms
            self._move_clock(min(t, received) - rules.disorder_ms)
            if self._reached and self._reached.get(user, 0) > record.offset:
                continue
            profile = self._touched.get(user) or self._load(user)
            now = max(t, clock)
            if profile is not None:
                now = max(now, profile.highest_ms, profile.fired_ms)
            if t < now - rules.lateness_ms:
                batch.late.append(LateEvent(record, now - t))
                continue
            message_id = message.messageId
            digest = b""
            if message_id is not None:
                message_id = str(message_id)
                digest = message_ids.entry_hash(message_id)
                if profile is not None and message_ids.known(profile.message_ids, digest, now):
                    batch.duplicates += 1
                    continue
            settlement.user = user
            if profile is not None and (
                now >= profile.highest_ms + retention_ms or (profile.due and min(profile.due.values()) <= now)
            ):
                profile = self._fire(user, profile, now)
            mask = 0
            if profile is None:
                profile = self._touched[user] = profiles.new_profile(t, now)
                self._gone.discard(user)
                mask = program.begin_mask
                if self._waiting:
                    self._start_warming(now)
            elif t > profile.highest_ms:
                profile.highest_ms = t
            elif t < profile.first_seen_ms:
                profile.first_seen_ms = t
            if identified and not profile.identified:
                profile.identified = True
                mask |= program.user_mask
            if digest:
                profile.message_ids = message_ids.remember(profile.message_ids, digest, now)
            mask |= activity(profile, message, t)
            handler = handlers.get((kind, message.event if kind == "track" else None))
            if handler is not None:
                q = handler.nothing
                if handler.properties is not None:
                    raw = message.traits if kind == "identify" else message.properties
                    if isinstance(raw, Raw):
                        q = _properties(handler, raw)
                mask |= handler.handle(profile, message, q, t, now, settlement)
            settlement.cause = Cause("event", message_id)
            settlement.settle(profile, mask, now)
            accepted += 1
        batch.accepted = accepted
        return self._end(batch)

    def advance(self, clock_ms: int) -> Batch:
        """A journalled move of the clock."""
        batch = Batch()
        self._begin(batch)
        self._move_clock(clock_ms)
        return self._end(batch)

    def _begin(self, batch: Batch) -> "_CountingSettlement":
        settlement = self._settlement
        settlement.changes = batch.changes
        settlement.counted = batch.counted
        return settlement

    def _end(self, batch: Batch) -> Batch:
        """Fires what the clock has passed, and encodes every user that was touched."""
        for user in self._timers.due(self.clock_ms, self._live_timer_of):
            profile = self._touched.get(user) or self._load(user)
            if profile is not None:
                self._settlement.user = user
                self._fire(user, profile, self.clock_ms)
                batch.timers += 1
        retention_ms = self.rules.retention_ms
        for user, profile in self._touched.items():
            timer = profile.timer(retention_ms)
            before = self._encoded.get(user)
            encoded = profiles.encode(profile, timer)
            self._encoded[user] = batch.profiles[user] = encoded
            if before is None or timer < profiles.timer_of(before) or profiles.timer_of(before) <= self.clock_ms:
                self._timers.arm(user, timer)
        for user in self._gone:
            self._encoded.pop(user, None)
            batch.profiles[user] = None
        self._touched = {}
        self._gone = set()
        if self._reached:
            self._reached = {user: offset for user, offset in self._reached.items() if offset > self.next_offset}
        batch.next_offset = self.next_offset
        batch.clock_ms = self.clock_ms
        return batch

    # ---- inside

    def _move_clock(self, clock_ms: int) -> None:
        if clock_ms > self.clock_ms:
            self.clock_ms = clock_ms

    def _load(self, user: str) -> Profile | None:
        if user in self._gone:
            return None
        encoded = self._encoded.get(user)
        if encoded is None:
            return None
        profile = self._touched[user] = profiles.decode(encoded)
        return profile

    def _timer_of(self, user: str) -> int | None:
        encoded = self._encoded.get(user)
        return None if encoded is None else profiles.timer_of(encoded)

    def _live_timer_of(self, user: str) -> int | None:
        profile = self._touched.get(user)
        if profile is not None:
            return profile.timer(self.rules.retention_ms)
        return None if user in self._gone else self._timer_of(user)

    def _fire(self, user: str, profile: Profile, limit: int) -> Profile | None:
        """Fires the user's timers due at or before `limit`, each at its own instant; None if he is forgotten."""
        settlement = self._settlement
        program = self.program
        retention_ms = self.rules.retention_ms
        while (instant := profile.timer(retention_ms)) <= limit:
            if instant >= profile.highest_ms + retention_ms:
                settlement.forget(profile, instant)
                del self._touched[user]
                self._gone.add(user)
                return None
            profile.fired_ms = instant
            settlement.cause = TIME
            mask = 0
            due = [own for own, at in profile.due.items() if at <= instant]
            for own in due:
                bit = program.bits.get(own)
                if bit is not None:
                    mask |= bit
                elif own in program.staged:
                    staged, readers = program.staged[own]
                    if staged.occur(profile, instant):
                        mask |= readers
                else:
                    del profile.due[own]
            settlement.settle(profile, mask, instant)
            assert profile.timer(retention_ms) > instant, "a timer that fired is still due"
        return profile

    def _start_warming(self, now: int) -> None:
        """The first event of the partition feeds the aggregates for the first time."""
        warm_ms = self._settlement.warm_ms
        for segment, after_ms in self._waiting.items():
            warm_ms.setdefault(segment, now + after_ms)
        self._waiting = {}


class _CountingSettlement(Settlement):
    """A settlement that also counts what limits and bad values did."""

    __slots__ = ("counted",)

    def __init__(self, segments: Any, retention_ms: int) -> None:
        super().__init__(segments, retention_ms)
        self.counted: Counter[str] = Counter()


def _check_utf8(value: bytes) -> None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise MessageError("invalid-json", f"not UTF-8: {error.reason}", error.start) from None


def _properties(handler: Any, raw: Raw) -> Any:
    """The properties asked for; as if there were none if they are no object."""
    try:
        return handler.properties(raw)
    except msgspec.ValidationError:
        return handler.nothing
