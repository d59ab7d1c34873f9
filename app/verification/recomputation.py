"""The changes of one partition, computed again from its records and its journal. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from app.runtime.records.journal import (
    CatalogChange,
    IdleMove,
    JournalEntry,
    Poisoned,
    Unfired,
    catalogs_of,
    unfired_of,
)
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import ErasureStep, Linked, LinkOut, UserCount
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Batch, Partition, RecordLike

_BATCH_RECORDS: Final = 5_000

Turn: TypeAlias = IdleMove | CatalogChange


@dataclass(frozen=True, slots=True)
class Start:
    """A restored partition to go on from. offset: its next record. fired_ms: timers up to this clock have fired."""

    core: Partition
    offset: int
    fired_ms: int

    def ahead(self, entries: Iterable[JournalEntry]) -> list[JournalEntry]:
        """The journal entries that were not applied yet."""
        return [entry for entry in entries if entry.offset >= self.offset and self._is_ahead(entry)]

    def _is_ahead(self, entry: JournalEntry) -> bool:
        match entry:
            case IdleMove():
                return entry.clock_ms > self.fired_ms
            case CatalogChange() | Unfired():
                return entry.epoch > self.core.epoch
            case Poisoned():
                return True


class Recomputation:
    """Takes a partition's records in order of their offsets, and says what must have come out.

    `entries` is the whole journal of the partition in its order, repetitions too. What a worker does with it is done
    here: a move or a new catalog stands before the record at its offset, a poisoned record is skipped; of the catalogs
    of one epoch the last took effect. `program` holds where the journal names none; `programs` are those that it may
    name, by their version (all of them must be there).
    """

    def __init__(
        self,
        program: Program,
        rules: TimeRules,
        entries: Sequence[JournalEntry] = (),
        programs: Mapping[str, Program] | None = None,
        *,
        start: Start | None = None,
    ) -> None:
        """With `start`, goes on from there: `entries` may hold some that were applied before."""
        self._core = Partition(program, rules) if start is None else start.core
        if start is not None:
            entries = start.ahead(entries)
        self._programs = programs or {}
        self._poisoned = {entry.offset for entry in entries if isinstance(entry, Poisoned)}
        catalogs = catalogs_of(entries)
        turns: list[Turn] = [entry for entry in dict.fromkeys(entries) if isinstance(entry, IdleMove)]
        turns += catalogs.values()
        # A catalog's clock is that of the partition: a move to the same instant came before it.
        turns.sort(key=lambda turn: (turn.offset, turn.clock_ms, isinstance(turn, CatalogChange), _epoch_of(turn)))
        self._turns = turns[::-1]
        self._unfinished = {each.epoch - 1: each.swept for each in catalogs.values()}
        self._unfired = {epoch - 1: timers for epoch, timers in unfired_of(entries).items()}
        self._core.unfired = self._unfired.get(self._core.epoch or 1, {})
        self._waiting: list[RecordLike] = []
        self.moves = sum(isinstance(turn, IdleMove) for turn in turns)
        self.catalogs = sum(epoch > 1 for epoch in catalogs)
        self.links: list[LinkOut] = []
        self.linked: list[Linked] = []
        self.erasures: list[ErasureStep] = []
        self.counts: list[UserCount] = []
        self.records = 0
        self.dead = 0
        self.late = 0

    @property
    def users(self) -> int:
        """Users known at the end."""
        return self._core.users

    @property
    def clock_ms(self) -> int:
        """The partition's clock, -1 before the first record."""
        return self._core.clock_ms

    def begin(self) -> list[Change]:
        """Returns the result of what the start has left undone: timers that are overdue, users that its catalog has not
        evaluated yet. To be called once, before the first record."""
        core = self._core
        before = self._unfinished.get(core.epoch)
        left = core.unswept
        unswept = len(left) if before is None else sum(user < before for user in left)
        changes = self._take(core.sweep(unswept)) if unswept else []
        return changes + self._take(core.advance(core.clock_ms))

    def take(self, records: Iterable[RecordLike]) -> list[Change]:
        """Returns the result of these records, and of the journal entries before them."""
        changes: list[Change] = []
        for record in records:
            if self._turns and self._turns[-1].offset <= record.offset:
                changes += self._turn(record.offset, None)
            if record.offset in self._poisoned:
                continue
            self._waiting.append(record)
            self.records += 1
            if len(self._waiting) >= _BATCH_RECORDS:
                changes += self._flush()
        return changes + self._flush()

    def move(self, offset: int, clock_ms: int | None = None) -> list[Change]:
        """Returns the result of the journal up to `offset`.

        With `clock_ms`: of what stands at `offset` itself, only what was surely done by one who is there at that clock.
        """
        return self._turn(offset, clock_ms)

    def _turn(self, offset: int, clock_ms: int | None) -> list[Change]:
        changes = self._flush()
        while self._turns:
            turn = self._turns[-1]
            if turn.offset > offset:
                break
            if turn.offset == offset and clock_ms is not None:
                # A new catalog moves neither offset nor clock, so its place does not show if it was applied.
                reached = clock_ms - 1 if isinstance(turn, CatalogChange) else clock_ms
                if turn.clock_ms > reached:
                    break
            self._turns.pop()
            changes += self._do(turn)
        return changes

    def _do(self, turn: Turn) -> list[Change]:
        if isinstance(turn, IdleMove):
            return self._take(self._core.advance(turn.clock_ms))
        before = self._unfinished.get(turn.epoch)
        self._core.adopt(self._programs[turn.version], clock_ms=turn.clock_ms, before=before)
        self._core.unfired = self._unfired.get(turn.epoch, {})
        return self._take(self._core.sweep(len(self._core.unswept)))

    def _flush(self) -> list[Change]:
        if not self._waiting:
            return []
        waiting, self._waiting = self._waiting, []
        return self._take(self._core.process(waiting))

    def _take(self, batch: Batch) -> list[Change]:
        self.dead += len(batch.dead)
        self.late += len(batch.late)
        self.links += batch.links
        self.linked += batch.linked
        self.erasures += batch.erasures
        self.counts += batch.counts
        return batch.changes


def _epoch_of(turn: Turn) -> int:
    return turn.epoch if isinstance(turn, CatalogChange) else 0
