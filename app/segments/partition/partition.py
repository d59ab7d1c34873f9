"""The engine of one input partition: records and journalled clock moves in, changes out.

Theory of operation. A partition is a deterministic function with a memory: the same records in the same order, and the
same journal, give the same changes, whatever the batches and restarts. `process` takes each record through three
steps:

1. *Read* (`EventReader`): decode, find the times and the user, check the key. A record that cannot be an event
   becomes a dead letter and moves no clock.
2. *Admit*: move the clock, load the profile, compute `now`, and set a late event aside.
3. *Apply*: drop a duplicate, fire the user's timers that are due before the event, update the aggregates that the
   event touches, and settle the segments that read them.

At the end of the batch (`_end`) the timers that the clock has passed fire, and each touched profile is encoded once.
The fast path (a C extension) does the three steps for common events and leaves every other record to this loop.

What may live here: order of work, clocks, timers. What may not: the meaning of expressions (compiler), rules of
entering and leaving (settlement), clocks of the machine and I/O (the caller brings records and writes what a `Batch`
holds). A Partition changes in place: after any doubt about what was written, the caller throws it away and restores a
new one. Not nice: the same order of work exists a second time in C. See docs/exact-meaning.md, "Order of work for one
record".
"""

from bisect import insort
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from app.events.message import BETWEEN_KEYS, EVENT_KINDS, LIST, WATERMARK, Message, MessageError
from app.segments.compiler.event_code import read_slowly
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import NO_CLOCK, Batch, DeadLetter, LateEvent, RecordLike
from app.segments.evaluation.settlement import Settlement
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.event_reader import Event, EventReader
from app.segments.partition.fast_path import BUILT, fast_path
from app.segments.partition.position import CATALOG_KEY, read_position
from app.segments.partition.separated_keys import SeparatedKeys
from app.segments.partition.static_lists import StaticLists
from app.segments.partition.user_table import Held
from tables import message_ids
from tables import profile as profiles
from tables.counted import ERASED_DROPPED
from tables.message_ids import FULL_BYTES, SWEEP_BYTES, digest_of
from tables.profile import Profile
from tables.timers import UNBOUNDED
from tables.windows import FOREVER

if TYPE_CHECKING:
    from app.segments.partition._fast_path import FastPath

IDLE_MS = message_ids.KEPT_MS
"""A user without events for so long is idle."""

__all__ = ["NO_CLOCK", "Batch", "DeadLetter", "LateEvent", "Partition", "RecordLike", "read_position"]


class Partition(SeparatedKeys, StaticLists):
    """Profiles, timers and clock of one partition, under one program."""

    def __init__(
        self,
        program: Program,
        rules: TimeRules,
        *,
        keyed: bool = True,
        held: Held | None = None,
        fast: bool = True,
        timers_max: int = UNBOUNDED,
        alone: bool = False,
    ) -> None:
        """`keyed` False: records need no key (files); else one whose key is not its user is a dead letter.
        `held`: as for `UserTable`. `fast`: usual events of a list go through the fast path, where that was built.
        `timers_max`: at the end of a batch so many instants of timers fire at most; the others are `overdue`. That
        makes no difference to any change: timers of a user always fire before the user's next event.
        `alone`: it has all users: their keys find each other at once, without link records."""
        super().__init__(program, rules, held=held)
        if alone:
            self._local = []
        self._keyed = keyed
        self._fast = fast and BUILT
        self._timers_max = timers_max
        self._fires_left = timers_max
        self._fired = 0

    def sweep(self, users_max: int) -> Batch:
        """Evaluates up to so many profiles that have not been seen since the catalog changed."""
        batch = Batch()
        self._begin(batch)
        for user in self._reevaluation.take(users_max):
            if user not in self._touched and user not in self._gone:
                self._load(user)
        return self._end(batch)

    def process(self, records: Iterable[RecordLike]) -> Batch:
        """Processes records in the order of their offsets, none left out."""
        batch = Batch()
        settlement = self._begin(batch)
        fast = self._fast_path(records, settlement)
        reader, touched = EventReader(self.program, self.rules, keyed=self._keyed), self._touched
        record = None
        for record in records if fast is None else fast:
            if fast is not None:
                self.clock_ms = fast.clock_ms
            try:
                event = reader.read(record, touched, None if fast is None else fast.message)
                if event.message.type in BETWEEN_KEYS:
                    self._take_between_keys(record, batch)
                elif event.message.type == LIST:
                    self._take_list(record, batch)
            except MessageError as error:
                batch.dead.append(DeadLetter(record, error.reason, error.detail, error.position))
                continue
            if event.message.type == WATERMARK:
                self.clock_ms = max(self.clock_ms, min(event.t, event.received) - self.program.lag_ms)
            elif event.message.type in EVENT_KINDS:
                self._admit(event, record, batch)
            if self._local:
                self._link_at_once(record.offset)
            if fast is not None:
                fast.clock_ms = self.clock_ms
        if fast is not None:
            self.clock_ms = fast.clock_ms
            record = records[-1] if type(records) is list and records else record
            for taken, count in fast.accepted.items():
                batch.kinds[taken] += count
                batch.quickly += count
        if record is not None:
            self.next_offset = record.offset + 1
        return self._end(batch)

    def _fast_path(self, records: Iterable[RecordLike], settlement: Settlement) -> "FastPath | None":
        """The extension that takes the usual records of a batch, or None where it cannot be used."""
        if not self._fast or type(records) is not list or self._reached or self.program.wait_ms:
            return None
        return fast_path(
            records,
            self.program,
            self.rules,
            settlement,
            self._touched,
            self._load,
            self._begin_user,
            self._fire,
            keyed=self._keyed,
            clock_ms=self.clock_ms,
        )

    def _admit(self, event: Event, record: RecordLike, batch: Batch) -> None:
        """Moves the clock, and applies the event, or lets it wait for its turn, unless its profile has seen it before a
        crash or it is late."""
        message, t, received, user, identified = event
        clock = self.clock_ms
        now = max(clock, t)
        seen = min(t, received) - self.program.lag_ms
        if seen > clock:
            self.clock_ms = seen
        if self._reached and self._reached.get(user, 0) > record.offset:
            return
        profile = self._touched.get(user) or self._load(user)
        # Who is due to be forgotten is, wherever a batch ends: nothing that they sent is a repeat of what came before.
        if profile is not None and (self.program.wait_ms or clock >= profile.highest_ms + self.rules.retention_ms):
            profile = self._catch_up(user, profile, clock)
        if profile is not None and not profile.begun and self._forget_key(user, profile, clock):
            profile = None
        if profile is not None and profile.identity is not None and t <= self._erased_of(profile, clock):
            batch.counted[ERASED_DROPPED] += 1
            return
        if profile is not None and profile.moved_to is not None and self._follows(user, profile, event, record):
            return
        if profile is not None:
            now = max(now, profile.highest_ms, profile.fired_ms)
        if t < now - self.rules.lateness_ms:
            batch.late.append(LateEvent(record, now - t))
            return
        if self.program.wait_ms and t - self.program.early_ms > clock:
            self._hold(user, profile, record, event)
            return
        if self._catalog.is_unfed:
            self._feed(clock)
        self._apply(user, profile, message, t, now, self.clock_ms, identified=identified)

    def _apply(
        self, user: str, profile: Profile | None, message: Message, t: int, now: int, clock: int, *, identified: bool
    ) -> None:
        """An event that is not late, unless it is a duplicate: timers before it fire, then all that it touches."""
        program, settlement, batch = self.program, self._settlement, self._batch
        message_id = message.messageId
        digest = None
        if message_id is not None:
            if message_id.__class__ is not str:
                message_id = str(message_id)
            digest = digest_of(message_id.encode())
            if profile is not None:
                ids = profile.message_ids
                if ids.rfind(digest) >= 0 and message_ids.known(ids, digest, now):
                    batch.duplicates += 1
                    return
        if profile is not None and profile.highest_ms < 0:  # no event of the user was taken yet
            profile = None
        settlement.user = user
        if profile is not None and (
            now >= profile.highest_ms + self.rules.retention_ms or ((due := profile.due) and min(due.values()) <= now)
        ):
            profile = self._fire(user, profile, now)
        mask = 0
        if profile is None:
            profile = self._begin_user(user, t, now, clock)
            mask = program.begin_mask | program.lists_mask if profile.leaves else program.begin_mask
        elif t > profile.highest_ms:
            profile.highest_ms = t
        elif t < profile.first_seen_ms:
            profile.first_seen_ms = t
        if identified and not profile.identified:
            profile.identified = True
            mask |= program.user_mask
        if digest is not None:
            ids = profile.message_ids
            ids += digest + now.to_bytes(6, "big")
            size = len(ids)
            if size % SWEEP_BYTES == 0 or size > FULL_BYTES:
                message_ids.sweep(ids, now, batch.counted)
        mask |= program.visit_update(profile, message, t, now)
        watched = profile.watched & program.watching
        if watched:
            mask |= program.watch_masks.get(watched) or program.watch_mask(watched)
        kind = message.type
        batch.kinds[kind] += 1
        handler = program.track_handlers.get(message.event) if kind == "track" else program.other_handlers.get(kind)
        if handler is not None:
            q = handler.nothing
            decode_properties = handler.properties
            if decode_properties is not None:
                raw = message.traits if kind == "identify" else message.properties
                if raw.__class__ is Raw:
                    try:
                        q = decode_properties(raw)
                    except (msgspec.ValidationError, RecursionError):
                        q = read_slowly(handler, raw)
            mask |= handler.handle(profile, message, q, t, now, settlement)
        if mask:
            settlement.kind = "event"
            settlement.message_id = message_id
            settlement.settle(profile, mask, now)
        if identified and program.identity is not None:
            self._claim(user, profile, message, t)

    def advance(self, clock_ms: int) -> Batch:
        """A journalled move of the clock."""
        batch = Batch()
        self._begin(batch)
        self.clock_ms = max(self.clock_ms, clock_ms)
        return self._end(batch)

    def _begin(self, batch: Batch) -> Settlement:
        self._reevaluation.left_of(self._encoded, self._catalog.epoch)
        self._batch = batch
        batch.kinds = dict.fromkeys(EVENT_KINDS, 0)
        settlement = self._settlement
        settlement.changes = batch.changes
        self.program.count_anew()
        self.program.population.read(self._catalog.population.numbers)
        return settlement

    def _end(self, batch: Batch) -> Batch:
        """Fires what the clock has passed, and encodes every user that was touched."""
        self._fire_and_encode(batch, self._timers_max)
        if (entry := self._catalog.unwritten()) is not None:
            batch.profiles = {CATALOG_KEY: entry, **batch.profiles}
        self._drop_gone(batch)
        self._touched = {}
        self._gone = set()
        self._held = {}
        if self._reached:
            self._reached = {user: offset for user, offset in self._reached.items() if offset > self.next_offset}
        self.program.give_counts(batch)
        batch.next_offset = self.next_offset
        batch.clock_ms = self.clock_ms
        return batch

    def _reach_clock(self) -> None:
        self._fire_and_encode(self._batch, UNBOUNDED)
        self._drop_gone(self._batch)  # who comes back in this batch is armed as somebody new

    def _fire_and_encode(self, batch: Batch, timers_max: int) -> None:
        unarmed = self._fire_due(batch, timers_max)
        self._encode_touched(batch, unarmed)
        while self._local:
            self._link_at_once(self.next_offset - 1)
            self._encode_touched(batch, unarmed)

    def _encode_touched(self, batch: Batch, unarmed: set[str]) -> None:
        retention_ms = self.rules.retention_ms
        epoch = self._catalog.epoch
        stored, written = self._encoded, batch.profiles
        arm = self.timers.arm
        encode = profiles.encode
        timer_of = profiles.timer_of
        clock_ms = self.clock_ms
        for user, profile in list(self._touched.items()):
            due = profile.due
            timer = profile.highest_ms + retention_ms
            if due:
                earliest = min(due.values())
                if earliest < timer:
                    timer = earliest
            if profile.waiting is not None or not profile.begun:
                timer = self._timer(profile)
            if timer <= clock_ms:  # due since the user's last event, or armed by a new catalog's evaluation
                remaining = self._fire_some(user, profile)
                if remaining is None:
                    continue
                profile, timer = remaining, self._timer(remaining)
            before = stored.get(user)
            stored[user] = written[user] = encode(profile, timer, epoch)
            if before is None or timer < timer_of(before) or user in unarmed:
                arm(user, timer)

    def _fire_due(self, batch: Batch, timers_max: int) -> set[str]:
        """Fires timers that the clock has passed, as many as a batch may. Returns who has to be armed again."""
        self._fires_left = timers_max
        taken_out, finished = self.timers.take(self.clock_ms, self._live_timer_of, entries_max=timers_max)
        self._overdue = not finished
        unarmed: set[str] = set()
        left_out: list[str] = []
        for user in taken_out:
            if not self._fires_left or self._is_unfired(user):
                left_out.append(user)
                continue
            profile = self._touched.get(user) or self._load(user)
            if profile is not None:
                self._fire_some(user, profile)
                batch.timers += 1
                unarmed.add(user)
        for user in left_out:
            if (timer := self._live_timer_of(user)) is not None:
                self.timers.arm(user, timer)
        self._overdue |= not self._fires_left and bool(left_out)
        return unarmed

    def _is_unfired(self, user: str) -> bool:
        """True if this is one of the timers that no worker has fired."""
        first = self.unfired.get(user)
        return first is not None and (timer := self._live_timer_of(user)) is not None and timer >= first

    def _fire_some(self, user: str, profile: Profile) -> Profile | None:
        """Takes a user's events whose turn has come, and fires timers that the clock has passed: as many instants as
        are left. None if the user is forgotten."""
        clock_ms = self.clock_ms
        if user in self.unfired:
            clock_ms = min(clock_ms, self.unfired[user] - 1)
        known: Profile | None = profile
        if profile.waiting is not None:
            known = self._take_turns(user, profile, clock_ms, instants_max=self._fires_left)
            self._fires_left -= self._turns
        if known is not None and known.begun:
            self._settlement.user = user
            self._fire(user, known, clock_ms, instants_max=self._fires_left)
            self._fires_left -= self._fired
        elif known is not None:
            self._forget_key(user, known, clock_ms)
        kept = self._touched.get(user)
        if kept is not None and not self._fires_left:
            self._overdue |= self._timer(kept) <= self.clock_ms
        return kept

    def _fire(self, user: str, profile: Profile, limit: int, *, instants_max: int = UNBOUNDED) -> Profile | None:
        """Fires the user's timers due at or before `limit`, each at its own instant; None if they are forgotten.

        All that is due is looked for once; after an instant only what was settled there can be due sooner than before.
        `instants_max`: the later ones are left.
        """
        settlement = self._settlement
        forgotten_ms = profile.highest_ms + self.rules.retention_ms
        due = profile.due
        waiting = sorted((at, own) for own, at in due.items() if at <= limit)
        fired = taken = 0
        while taken < len(waiting) and fired < instants_max and (instant := waiting[taken][0]) < forgotten_ms:
            own_due, taken = _due_at(waiting, taken, due, instant, limit)
            if not own_due:
                continue
            fired += 1
            profile.fired_ms = instant
            settlement.kind = "time"
            for own in self._settle_due(profile, own_due, instant):
                if (at := due.get(own, FOREVER)) <= limit:
                    assert at > instant, "a timer that fired is still due"
                    insort(waiting, (at, own), taken)
        self._fired = fired
        if forgotten_ms <= limit and fired < instants_max:
            settlement.forget(profile, forgotten_ms)
            self._leave(user, profile.waiting)
            self._fired += 1
            return None
        if profile.fired_ms >= profile.highest_ms + IDLE_MS:
            self._tidy(profile, profile.fired_ms)
        return profile

    def _settle_due(self, profile: Profile, own_due: list[int], instant: int) -> list[int]:
        """Settles where these timers, of segments and of waiting aggregates, are due. Returns what may be due anew."""
        program, settlement = self.program, self._settlement
        if len(own_due) == 1 and (bit := program.bits.get(own_due[0])) is not None:  # nearly always
            settled = settlement.settle_one(profile, bit.bit_length() - 1, instant)
            return own_due if not settled else own_due + program.ids(settled)
        mask = 0
        for own in own_due:
            bit = program.bits.get(own)
            if bit is not None:
                mask |= bit
            elif own in program.matched:
                matched, readers = program.matched[own]
                if matched.occur(profile, instant):
                    mask |= readers
            else:
                del profile.due[own]
        return own_due + program.ids(settlement.settle(profile, mask, instant))

    def _tidy(self, profile: Profile, now: int) -> None:
        """Drops state that no window shows any more: most users are idle, and nobody else would look at it again."""
        program = self.program
        message_ids.sweep(profile.message_ids, now, program.counted)
        for values in program.by_value:
            values.tidy(profile, now)
        aggregates = profile.aggregates
        for own, state in list(aggregates.items()):
            window = program.windows.get(own)
            if window is not None:
                within_ms, forget = window
                rest = forget(state, now - within_ms)
                if rest is None:
                    del aggregates[own]
                else:
                    aggregates[own] = rest


def _due_at(
    waiting: list[tuple[int, int]], taken: int, due: dict[int, int], instant: int, limit: int
) -> tuple[list[int], int]:
    """Returns what is due at `instant`, and how many are taken now; what has become due later goes back in order."""
    own_due = []
    while taken < len(waiting) and waiting[taken][0] == instant:
        own = waiting[taken][1]
        taken += 1
        at = due.get(own, FOREVER)
        if at == instant:
            own_due.append(own)
        elif instant < at <= limit:
            insort(waiting, (at, own), taken)
    return own_due, taken
