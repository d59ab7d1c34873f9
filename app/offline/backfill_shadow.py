"""The partitions as they would be, had a catalog's segments been there since the beginning of the history. Pure.

Theory of operation. The log of each partition is played in its order, with the moves of the clock that its journal
has, under the segments of a backfill. Link records stand in the log already; but a give holds the profile of a worker,
which lacks what the backfill is to bring. The partition that the give comes from has played the same claim, and has
given the same, with all of it: that takes its place. A give that no partition has made, since the log begins later,
holds nothing.

A user is *done* when their fill stands in the log, and nothing came to them since then from a key that was not filled.
What may live here: who is what at which offset, and who is left to be filled. What may not: topics, transactions.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from msgspec.structs import replace

from app.events.control_record import CONTROL_MARK, Control, read_control, write_control
from app.events.link_record import LINK_MARK, Link, read_link, write_link
from app.events.message import MessageError
from app.offline.backfill_plan import CART, VISIT, Plan
from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.journal import IdleMove, JournalEntry, Poisoned, catalogs_of
from app.segments.compiler.aggregates import stable_id
from app.segments.evaluation.batch import Batch, LinkOut, RecordLike, WaitingRecord
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.live_catalog import NOT_FED
from app.segments.partition.partition import Partition
from tables import message_ids
from tables import profile as profiles
from tables.profile import Profile

BATCH_RECORDS: Final = 5_000
HISTORY_OF_PEOPLE: Final = 50
DEEDS: Final = ("filling", "fill", "filled")
"""Of a backfill's own control records."""
Claim = tuple[str, tuple[str, ...], str]
"""A give: its link, the keys it has passed, and the one it goes to."""


@dataclass(slots=True)
class _Log:
    """One partition. `first`: the offset at which the log begins; `place`: the next one to be played. `since`: where
    the catalog took effect; what a backfill wrote before is forgotten with the catalog before it. `done`: users whose
    fill counts; `left`: keys to be looked at; `has_begun`, `is_over`: the backfill's own records stand in the log."""

    core: Partition
    records: deque[RecordLike] = field(default_factory=deque)
    moves: deque[IdleMove] = field(default_factory=deque)
    poisoned: set[int] = field(default_factory=set)
    first: int = 0
    place: int = 0
    since: int = 0
    done: set[str] = field(default_factory=set)
    left: dict[str, None] = field(default_factory=dict)
    has_begun: bool = False
    is_over: bool = False

    @property
    def has_moved(self) -> bool:
        """True if the clock has moved on before the next record."""
        return bool(self.moves) and self.moves[0].offset <= self.place


class Shadow:
    """All partitions of a deployment: their logs are fed, then played."""

    def __init__(self, plan: Plan, rules: TimeRules, *, partitions: int) -> None:
        self._plan = plan
        self._rules = rules
        self._logs = [_Log(Partition(plan.program, rules)) for _ in range(partitions)]
        self._given: dict[Claim, bytes] = {}
        self._before: deque[LinkOut] | None = None
        self._marker = stable_id(f"backfill {plan.id}")
        self.records = 0

    # ---- in

    def begin_at(self, partition: int, offset: int) -> None:
        """The log of a partition begins at this offset."""
        log = self._logs[partition]
        log.first = log.place = offset

    def feed(self, partition: int, records: Iterable[RecordLike]) -> None:
        """The next records of a log."""
        self._logs[partition].records.extend(records)

    def play_history(self, records: Iterable[tuple[int, RecordLike]]) -> None:
        """The next records from before the logs, each with its partition, by time: before any record is fed, with the
        journal noted. What keys say to each other arrives at once: it stands in no log."""
        by_partition: dict[int, list[RecordLike]] = {}
        for number, record in records:
            self.records += 1
            by_partition.setdefault(number, []).append(record)
        self._before = deque()
        for number, own in by_partition.items():
            self._play_before(number, self._logs[number], own)
        while self._before:
            out = self._before.popleft()
            number = partition_of(out.key.encode(), len(self._logs))
            self._process(number, self._logs[number], [WaitingRecord(-1, -1, out.key.encode(), out.value)])
        self._before = None

    @property
    def history_at_once(self) -> int:
        """Records of a part of the history: few where keys have something to say to each other."""
        program = self._plan.program
        if program.identity is None:
            return BATCH_RECORDS
        return 1 if program.wait_ms else HISTORY_OF_PEOPLE

    def note_journal(self, partition: int, entries: Sequence[JournalEntry]) -> None:
        """The whole journal of a partition, as far as it is written by now."""
        log = self._logs[partition]
        moves = {each for each in entries if isinstance(each, IdleMove) and each.clock_ms > log.core.clock_ms}
        log.moves = deque(sorted(moves, key=lambda move: (move.offset, move.clock_ms)))
        log.poisoned = {each.offset for each in entries if isinstance(each, Poisoned)}
        catalogs = catalogs_of(entries)
        log.since = catalogs[max(catalogs)].offset if catalogs else 0

    def play(self) -> None:
        """Plays what was fed, as far as each give that comes is known."""
        going = True
        while going:
            going = False
            for number, log in enumerate(self._logs):
                if log.records or log.has_moved:
                    going |= self._play(number, log)

    @property
    def is_stuck(self) -> bool:
        """True if records are left that wait for a give."""
        return any(log.records for log in self._logs)

    def awaited(self) -> tuple[int, int, Link] | None:
        """The first give that is waited for, with the partition and the offset of its record; None if there is none."""
        for number, log in enumerate(self._logs):
            if log.records and (link := _give_of(log.records[0])) is not None:
                return number, log.records[0].offset, link
        return None

    def give_up(self) -> None:
        """The first give that is waited for holds nothing: to be called when all logs were fed to their ends."""
        for log in self._logs:
            if log.records:
                link = _give_of(log.records[0])
                assert link is not None, "a log waits for something other than a give"
                self._given[_claim(link)] = profiles.encode(profiles.waiting_profile(None), 0, 0)
                return

    # ---- out

    def fed_ms(self, partition: int) -> dict[int, int]:
        """Since when history feeds each aggregate; empty where it has no user."""
        return dict(self._logs[partition].core.fed_ms)

    def next_offset(self, partition: int) -> int:
        """The offset of a log up to which everything was played."""
        return self._logs[partition].place

    def has_begun(self, partition: int) -> bool:
        """True if the log has the record that begins the backfill."""
        return self._logs[partition].has_begun

    def is_over(self, partition: int) -> bool:
        """True if the log has the record that ends the backfill."""
        return self._logs[partition].is_over

    def users(self, partition: int) -> int:
        """Keys that history knows; 0 where no event was taken yet."""
        core = self._logs[partition].core
        return 0 if NOT_FED in core.fed_ms.values() else core.users

    def left(self, partition: int) -> int:
        """Keys that are still to be looked at, at most. Where no event was taken, keys are known, such as that of
        somebody who was erased, and nothing of them. Who comes after the end is complete."""
        log = self._logs[partition]
        return len(log.left) if self.users(partition) and not log.is_over else 0

    def may_fill(self, partition: int, users: Iterable[str], between: Iterable[RecordLike]) -> set[str]:
        """The users of whom no record stands between what was played and their fills: nobody, if other numbers of all
        users take effect there. A user who enters by them does so at that place, not at that of the fill.

        A poisoned record does nothing; at the end of a log, no worker comes to a position behind it.
        """
        poisoned = self._logs[partition].poisoned
        counted = [record for record in between if record.offset not in poisoned]
        if any(control is not None and control.deed == "publish" for control in map(self._control_of, counted)):
            return set()
        keys = {record.key for record in counted if record.key is not None}
        return set(users) - {key.decode(errors="replace") for key in keys}

    def may_end(self, partition: int, between: Iterable[RecordLike]) -> bool:
        """True if nobody stands between what was played and the end of the backfill who is not filled."""
        log = self._logs[partition]
        if log.is_over:
            return True
        if not self.users(partition):
            return not any(record.key and record.offset not in log.poisoned for record in between)
        for record in between:
            if record.offset in log.poisoned:
                continue
            key = "" if record.key is None else record.key.decode(errors="replace")
            known = log.core.held(key)
            if key in log.left or known is None or _give_of(record) is not None:
                return False
            # A new life of a key that had moved is silent for as long as that of a new user before the end.
            if self._plan.waits and not known.begun:
                return False
        return not log.left

    def fills(self, partition: int, most: int, *, but: Iterable[str] = ()) -> list[tuple[str, bytes]]:
        """The next records to be written, each with its user. `but`: users who are left for later."""
        log = self._logs[partition]
        later = set(but)
        found: list[tuple[str, bytes]] = []
        for user in list(islice(log.left, most + len(later))):
            if user in later:
                continue
            profile = log.core.held(user)
            if profile is None or not self._is_to_be_filled(profile):
                del log.left[user]
                continue
            encoded = profiles.encode(self._reduced(profile), 0, 0)
            found.append((user, write_control(self._plan.filled(user, encoded))))
        return found

    def _is_to_be_filled(self, profile: Profile) -> bool:
        """False for a key that has moved, and for one of whom history says nothing that a worker does not know."""
        plan = self._plan
        if profile.moved_to is not None or (not profile.begun and profile.waiting is None):
            return False
        if plan.waits:
            return True
        reduced = self._reduced(profile)
        kept = (CART in plan.parts and profile.cart, VISIT in plan.parts and profile.session)
        return profile.begun and any((reduced.aggregates, reduced.members, reduced.leaves, *kept))

    def _reduced(self, profile: Profile) -> Profile:
        """The part of a profile that a fill needs."""
        kept = self._plan.kept
        ids = bytearray(profile.message_ids)
        message_ids.sweep(ids, max(profile.highest_ms, profile.fired_ms), Counter())
        return replace(
            profile,
            format=profiles.FORMAT_OF_ONE_KEY,
            sequence=0,
            aggregates={own: state for own, state in profile.aggregates.items() if own in kept},
            members={own: member for own, member in profile.members.items() if own in kept},
            due={own: at for own, at in profile.due.items() if own in kept},
            message_ids=ids,
            identity=None,
            links=None,
        )

    # ---- one log

    def _play_before(self, number: int, log: _Log, records: list[RecordLike]) -> None:
        """Records from before a log. Those without an offset stand among the moves of its clock by their times."""
        batch: list[RecordLike] = []
        for record in records:
            while log.moves and _is_before(log.moves[0], record, log.first):
                self._process(number, log, batch)
                batch = []
                self._note(number, log, log.core.advance(log.moves.popleft().clock_ms))
            if record.offset < 0 or record.offset not in log.poisoned:
                batch.append(record)
        self._process(number, log, batch)

    def _play(self, number: int, log: _Log) -> bool:
        """Plays a log as far as it goes; False if it goes nowhere."""
        batch: list[RecordLike] = []
        played = False
        while log.records:
            record = log.records[0]
            if log.moves and log.moves[0].offset <= record.offset:
                self._process(number, log, batch)
                batch = []
                self._note(number, log, log.core.advance(log.moves.popleft().clock_ms))
                continue
            given = _give_of(record)
            if given is not None and given.app == self._rules.app:
                profile = self._given.pop(_claim(given), None)
                if profile is None:
                    break
                self._process(number, log, batch)
                batch = []
                log.place = record.offset + 1
                self._receive(number, log, log.records.popleft(), given, profile)
                played = True
                continue
            log.records.popleft()
            log.place = record.offset + 1
            played = True
            self.records += 1
            if record.offset in log.poisoned:
                continue
            control = self._control_of(record)
            if control is None or control.deed not in DEEDS:
                batch.append(record)
            elif control.id == self._plan.id and record.offset >= log.since:
                self._process(number, log, batch)
                batch = []
                self._take_own(number, log, record, control)
            if len(batch) >= BATCH_RECORDS:
                self._process(number, log, batch)
                batch = []
        self._process(number, log, batch)
        # Behind the last record: events that wait are taken by the clock alone where no other event comes.
        while log.has_moved:
            self._note(number, log, log.core.advance(log.moves.popleft().clock_ms))
            played = True
        return played

    def _process(self, number: int, log: _Log, records: list[RecordLike]) -> None:
        if records:
            self._note(number, log, log.core.process(records))

    def _receive(self, number: int, log: _Log, record: RecordLike, given: Link, profile: bytes) -> None:
        """A give, with the profile of this history in place of the worker's.

        Timers of segments that are not played here have fired there, and decide the instant of the merge, too.
        """
        known = profiles.decode(profile)
        known.fired_ms = max(known.fired_ms, profiles.decode(given.profile).fired_ms)
        value = write_link(replace(given, profile=profiles.encode(known, 0, 0)))
        self._process(number, log, [WaitingRecord(record.offset, record.timestamp, record.key, value)])
        if given.to in log.done and self._marker not in known.aggregates:
            log.done.discard(given.to)
            log.left[given.to] = None
            user = log.core.held(given.to)
            if user is not None and user.aggregates.pop(self._marker, None) is not None:
                encoded = profiles.encode(user, user.timer(self._rules.retention_ms), log.core.epoch)
                log.core.restore(given.to, encoded, offset=0)

    def _control_of(self, record: RecordLike) -> Control | None:
        """The record, if it is a control record of this app."""
        value = record.value
        if value is None or not value.startswith(CONTROL_MARK):
            return None
        try:
            control = read_control(value)
        except MessageError:
            return None
        return control if control.app == self._rules.app else None

    def _take_own(self, number: int, log: _Log, record: RecordLike, control: Control) -> None:
        """A record of this very backfill: it does here what it does at the worker, who was as history says."""
        if control.deed == "filling":
            log.has_begun = bool(control.segments)
        elif not log.has_begun:  # of a backfill that has ended with its catalog
            return
        log.is_over |= control.deed == "filled"
        if control.deed == "filled":
            return
        self._process(number, log, [record])
        if control.deed == "fill":
            log.done.add(control.source)
            log.left.pop(control.source, None)

    def _note(self, number: int, log: _Log, batch: Batch) -> None:
        """Notes what a batch has changed: who is to be looked at, what was given."""
        for key, encoded in batch.profiles.items():
            if key.startswith("\x00"):
                continue
            if encoded is None:
                log.done.discard(key)
                log.left.pop(key, None)
            elif key not in log.done:
                log.left[key] = None
            elif self._plan.waits and self._marker not in profiles.decode(encoded).aggregates:
                log.done.discard(key)  # a new life
                log.left[key] = None
        if self._before is not None:
            self._before.extend(batch.links)
            return
        for out in batch.links:
            link = read_link(out.value)
            if link.step == "give":
                self._given[_claim(link)] = link.profile


def _is_before(move: IdleMove, record: RecordLike, first: int) -> bool:
    """True for a move of the clock before a record of the history of a log that begins at `first`."""
    if record.offset >= 0:
        return move.offset <= record.offset
    return move.offset <= first and move.clock_ms <= record.timestamp


def _claim(link: Link) -> Claim:
    return link.id, link.path, link.to


def _give_of(record: RecordLike) -> Link | None:
    """The record, if it is a give."""
    value = record.value
    if value is None or not value.startswith(LINK_MARK):
        return None
    try:
        link = read_link(value)
    except MessageError:
        return None
    return link if link.step == "give" else None
