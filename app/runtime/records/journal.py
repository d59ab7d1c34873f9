"""The journal: what moved a partition other than its records, one JSON object a record of `shoal.journal`.

A partition's changes are a function of its records, in order, and of its journal. An entry stands before the record
at its `offset`: whoever computes the changes again applies it when the next record to be processed is that one. Two
entries may be equal (a worker that died repeats what it had announced): the second changes nothing. Of several catalogs
with one epoch only the last took effect (a worker that died had only announced the others).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec


class IdleMove(msgspec.Struct, frozen=True, tag="idle", tag_field="kind"):
    """Nothing was left to read, time went on to `clock_ms`, and a timer fired."""

    offset: int
    clock_ms: int


class Poisoned(msgspec.Struct, frozen=True, tag="poison", tag_field="kind"):
    """The record at `offset` cannot be processed by this version: it is in the dead-letter topic, and skipped."""

    offset: int
    reason: str


class CatalogChange(msgspec.Struct, frozen=True, omit_defaults=True, tag="catalog", tag_field="kind"):
    """From the record at `offset` on another catalog holds; every profile is evaluated under it at `clock_ms`.

    epoch: counts the catalogs of the partition; 1: the one under which its first user came. swept: the evaluation under
    the one before was not over, and will not be: of the users from this name on, in order of names, only those were
    evaluated to whom something else happened. None: it was over. unfired: the clock had passed so many timers of the
    one before that had not fired, and never will: the entries before this one name them.
    """

    offset: int
    clock_ms: int
    version: str
    epoch: int
    swept: str | None = None
    unfired: int = 0


class Unfired(msgspec.Struct, frozen=True, tag="unfired", tag_field="kind"):
    """Some of the timers that a catalog leaves behind when the one with this epoch takes its place.

    part: the first has 0. timers: users, each with the instant of the first of their timers that did not fire.
    """

    offset: int
    epoch: int
    part: int
    timers: tuple[tuple[str, int], ...]


JournalEntry: TypeAlias = IdleMove | Poisoned | CatalogChange | Unfired
UNFIRED_A_PART = 1_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JournalEntry).decode


def encode_entry(entry: JournalEntry) -> bytes:
    """One journal record's value.

    >>> encode_entry(IdleMove(offset=7, clock_ms=1000))
    b'{"kind":"idle","offset":7,"clock_ms":1000}'
    """
    return _encode(entry)


def catalogs_of(entries: Iterable[JournalEntry]) -> dict[int, CatalogChange]:
    """The catalogs that took effect, or are about to, by their epochs."""
    return {entry.epoch: entry for entry in entries if isinstance(entry, CatalogChange)}


def unfired_entries(offset: int, epoch: int, timers: Mapping[str, int]) -> list[Unfired]:
    """Returns the entries that stand before that of a catalog, in order of names."""
    named = sorted(timers.items())
    parts = [tuple(named[begin : begin + UNFIRED_A_PART]) for begin in range(0, len(named), UNFIRED_A_PART)]
    return [Unfired(offset, epoch, number, part) for number, part in enumerate(parts)]


def unfired_of(entries: Iterable[JournalEntry]) -> dict[int, dict[str, int]]:
    """Epoch -> the timers that were left when that catalog took effect; of several announcements the last counts."""
    found: dict[int, dict[str, int]] = {}
    named: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, Unfired):
            named = named if entry.part else {}
            named.update(entry.timers)
        elif isinstance(entry, CatalogChange):
            found[entry.epoch] = named if entry.unfired else {}
    return found


def decode_entry(value: bytes) -> JournalEntry:
    """The reverse; msgspec.DecodeError for anything else."""
    entry: JournalEntry = _decode(value)
    return entry


class Replay:
    """The entries of a partition that are still to be applied, in order of their offset, then of their clock."""

    def __init__(self, entries: Sequence[JournalEntry] = (), *, offset: int = 0, clock_ms: int = -1) -> None:
        """Only what lies at or beyond `offset`, and after `clock_ms`, is still to be done."""
        self.catalogs = catalogs_of(entry for entry in entries if entry.offset >= offset)
        self.unfired = unfired_of(entry for entry in entries if entry.offset >= offset)
        ahead = {entry for entry in entries if entry.offset >= offset}
        self.poisoned: dict[int, str] = {each.offset: each.reason for each in ahead if isinstance(each, Poisoned)}
        moves = [each for each in ahead if isinstance(each, IdleMove) and each.clock_ms > clock_ms]
        self._moves = sorted(moves, key=lambda move: (move.offset, move.clock_ms), reverse=True)

    def due(self, offset: int) -> IdleMove | None:
        """The next move that stands before the record at `offset`; it is taken out."""
        if self._moves and self._moves[-1].offset <= offset:
            return self._moves.pop()
        return None

    @property
    def epoch(self) -> int:
        """Of the latest catalog that was announced; 0: of none."""
        return max(self.catalogs, default=0)

    @property
    def finished(self) -> bool:
        """True if nothing is left to be applied."""
        return not self._moves and not self.poisoned

    def next_stop(self, offset: int) -> int | None:
        """The first offset after `offset` where something other than a record comes: a batch ends before it."""
        stops = [self._moves[-1].offset] if self._moves else []
        stops += [poisoned for poisoned in self.poisoned if poisoned >= offset]
        return min(stops, default=None)
