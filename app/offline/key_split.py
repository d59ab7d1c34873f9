"""The profiles of a user and of a key, as they would be had the key never been linked to the user.

Theory of operation. All that came from the key stands in the log of the user's partition: what the key remembered, in
its gives, and what it did later, in its forwards. So one pass over that log finds everything: the user's own records,
and what came from other keys, make the user's profile; what came from this key makes the profile that goes back to it.
Both are played in the order of the log, with the clock that the partition had. Aggregates that a later catalog brought
begin where they began. The same program plays all of it: what older definitions did to memberships is not repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec.structs import replace

from app.events.control_record import Control, read_control, write_control
from app.events.link_record import Link, read_link, write_link
from app.events.message import CONTROL, LINK, LIST, MessageError, times_of
from app.runtime.records.journal import CatalogChange, IdleMove, JournalEntry, Poisoned, catalogs_of
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import NO_CLOCK, RecordLike, WaitingRecord
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.event_reader import EventReader
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY, read_catalog_entry
from tables import profile as profiles
from tables.by_value import is_state
from tables.profile import FORMAT_OF_ONE_KEY, Profile

_NOBODY: Final[frozenset[str]] = frozenset()
_END: Final = 1 << 62


class Played(NamedTuple):
    """A record of the user, with the partition's clock before it; `between` is what it says of a link, if it does."""

    clock_ms: int
    record: RecordLike
    between: Link | Control | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Result of a split, or what it would be.

    leaves, enters: segments of the user. returned: records by which something had come from the key.
    """

    user: str
    key: str
    leaves: tuple[str, ...]
    enters: tuple[str, ...]
    returned: int
    written: bool


class KeySplit:
    """Takes all records of the user's partition, in order; then says what each of the two has, without the link.

    `catalog`: the entry of the partition's catalog, as its worker has stored it.
    """

    def __init__(
        self,
        program: Program,
        rules: TimeRules,
        *,
        key: str,
        user: str,
        catalog: bytes,
        journal: Sequence[JournalEntry] = (),
    ) -> None:
        self._program = program
        self._rules = rules
        self._key = key
        self._user = user
        self._catalog = catalog
        self._reader = EventReader(program, rules, keyed=True)
        self._poisoned = {entry.offset for entry in journal if isinstance(entry, Poisoned)}
        self._moves = _in_order(entry for entry in journal if isinstance(entry, IdleMove))
        self._fed = _fed_later(read_catalog_entry(catalog).fed_ms, catalogs_of(journal).values())
        self._played: list[Played] = []
        self.moved_to: str | None = None
        """After `profiles`: the user that this one has moved to, by the log; None for one who lives."""
        self.clock_ms = NO_CLOCK
        self.next_offset = 0
        self.first_ms: int | None = None
        """The instant of the first event that was read, of whomever."""

    def take(self, records: Iterable[RecordLike]) -> None:
        """The next records of the partition."""
        name = self._user.encode()
        for record in records:
            self.next_offset = record.offset + 1
            while self._moves and self._moves[-1].offset <= record.offset:
                self.clock_ms = max(self.clock_ms, self._moves.pop().clock_ms)
            if record.offset in self._poisoned:
                continue
            clock_ms = self.clock_ms
            between: Link | Control | None = None
            try:
                event = self._reader.read(record, _NOBODY)
                if event.message.type == LINK:
                    link = between = read_link(record.value or b"")
                    self._pass(link)
                elif event.message.type == CONTROL:
                    between = read_control(record.value or b"")
                elif event.message.type != LIST:
                    seen_ms = min(event.t, event.received)
                    self.first_ms = seen_ms if self.first_ms is None else self.first_ms
                    self.clock_ms = max(clock_ms, seen_ms - self._program.lag_ms)
            except MessageError:
                continue
            if record.key == name and (between is None or between.app == self._rules.app):
                self._played.append(Played(clock_ms, record, between))

    def _pass(self, link: Link) -> None:
        """A forwarded event moves the clock."""
        if link.step == "forward" and link.app == self._rules.app:
            message = self._program.decoder.decode(link.event.encode())
            self.clock_ms = max(self.clock_ms, min(times_of(message, link.record_ms)) - self._program.lag_ms)

    def profiles(self) -> tuple[Profile | None, Profile | None]:
        """The user's own profile, and that of what came from the key; None for one with nothing in it."""
        out = self._split_off()
        own, back = self._new_core(), self._new_core()
        fed = list(self._fed)
        for clock_ms, record, between in self._played:
            while fed and fed[-1][0] <= record.offset:
                _drop(own, self._user, fed[-1][1])
                _drop(back, self._key, fed[-1][1])
                fed.pop()
            sender = _sender(between)
            if isinstance(between, Control) and between.deed == "replace" and between.to == self._user:
                continue
            if record.offset <= out.get(sender, -1):
                continue
            if isinstance(between, Control) and between.deed == "erase":
                _play(back, clock_ms, _erased(record, between, self._key))
            if isinstance(between, Link) and self._key == sender:
                _play(back, clock_ms, _returned(record, between, self._key))
            else:
                _play(own, clock_ms, record)
        for core in (own, back):
            core.advance(self.clock_ms)
        known = own.held(self._user)
        self.moved_to = None if known is None else known.moved_to
        return _found(own, self._user), _found(back, self._key)

    @property
    def returned(self) -> int:
        """Records by which something came from the key, and has not gone back by now."""
        first = self._split_off().get(self._key, -1)
        return sum(_sender(between) == self._key and record.offset > first for _, record, between in self._played)

    @property
    def is_split(self) -> bool:
        """True if the key is split off already, by the log."""
        return self._split_off().get(self._key, -1) == _END

    def _split_off(self) -> dict[str, int]:
        """Keys that were split off before: until which offset nothing of them is the user's."""
        found: dict[str, int] = {}
        for _, record, between in self._played:
            if isinstance(between, Control) and between.deed == "erase":
                found.clear()
            elif isinstance(between, Control) and between.deed in ("merge", "replace") and between.to == self._user:
                found[between.source] = (
                    _END if between.deed == "replace" else min(found.get(between.source, -1), record.offset)
                )
        return found

    def _new_core(self) -> Partition:
        core = Partition(self._program, self._rules, fast=False)
        core.restore(CATALOG_KEY, self._catalog, offset=0)
        return core


def _sender(between: Link | Control | None) -> str:
    """The key that something comes from; an empty text for none."""
    return between.path[-1] if isinstance(between, Link) and between.path else ""


def _play(core: Partition, clock_ms: int, record: RecordLike) -> None:
    """One record; what it says to others is said already."""
    if clock_ms > core.clock_ms:
        core.advance(clock_ms)
    core.process([record])


def _returned(record: RecordLike, link: Link, key: str) -> RecordLike:
    """The record of something that came from the key, as if it came to it."""
    value = write_link(replace(link, to=key, path=()))
    return WaitingRecord(record.offset, record.timestamp, key.encode(), value)


def _erased(record: RecordLike, erasure: Control, key: str) -> RecordLike:
    """The erasure of the user, as if it were that of the key: nothing from before it goes back."""
    value = write_control(replace(erasure, source=key, to=key, suppress=False, keys=()))
    return WaitingRecord(record.offset, record.timestamp, key.encode(), value)


def _drop(core: Partition, user: str, aggregates: frozenset[int]) -> None:
    """A later catalog brought these aggregates: they begin now."""
    profile = core.held(user)
    if profile is None or not aggregates & profile.aggregates.keys():
        return
    for own in aggregates:
        profile.aggregates.pop(own, None)
        profile.due.pop(own, None)
    core.restore(user, profiles.encode(profile, profile.timer(core.rules.retention_ms), core.epoch), offset=0)


def _found(core: Partition, user: str) -> Profile | None:
    """The profile, without the other keys that it knows of."""
    profile = core.held(user)
    if profile is None or not (profile.begun or profile.waiting or profile.leaves):
        return None
    profile.format, profile.identity, profile.links = FORMAT_OF_ONE_KEY, None, None
    return profile


def _fed_later(fed_ms: Mapping[int, int], catalogs: Iterable[CatalogChange]) -> list[tuple[int, frozenset[int]]]:
    """Offsets at which aggregates began that an earlier catalog did not have, the last first."""
    changes = sorted((each for each in catalogs if each.epoch > 1), key=lambda each: each.offset, reverse=True)
    aggregates = {own: since_ms for own, since_ms in fed_ms.items() if not is_state(own)}
    return [
        (each.offset, frozenset(own for own, at_ms in aggregates.items() if at_ms == each.clock_ms)) for each in changes
    ]


def _in_order(moves: Iterable[IdleMove]) -> list[IdleMove]:
    """The moves of the clock, the last first."""
    return sorted(set(moves), key=lambda move: (move.offset, move.clock_ms), reverse=True)
