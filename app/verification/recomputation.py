"""The changes of one partition, computed again from its records and its journal. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from app.runtime.journal import IdleMove, JournalEntry, Poisoned
from app.segments.change import Change
from app.segments.partition import Batch, Partition, RecordLike
from app.segments.program import Program
from app.segments.time_rules import TimeRules

_BATCH_RECORDS: Final = 5_000


class Recomputation:
    """Takes a partition's records in order of their offsets, and says what must have come out.

    `entries` is the whole journal of the partition, in any order, repeated or not. What a worker does with it is done
    here too: a move stands before the record at its offset, a poisoned record is skipped.
    """

    def __init__(self, program: Program, rules: TimeRules, entries: Sequence[JournalEntry] = ()) -> None:
        self._core = Partition(program, rules)
        self._poisoned = {entry.offset for entry in entries if isinstance(entry, Poisoned)}
        moves = {entry for entry in entries if isinstance(entry, IdleMove)}
        self._moves = sorted(moves, key=lambda move: (move.offset, move.clock_ms), reverse=True)
        self._waiting: list[RecordLike] = []
        self.moves = len(moves)
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

    def take(self, records: Iterable[RecordLike]) -> list[Change]:
        """What these records bring about, with the moves that stand before them."""
        changes: list[Change] = []
        for record in records:
            if self._moves and self._moves[-1].offset <= record.offset:
                changes += self._moves_until(record.offset, None)
            if record.offset in self._poisoned:
                continue
            self._waiting.append(record)
            self.records += 1
            if len(self._waiting) >= _BATCH_RECORDS:
                changes += self._flush()
        return changes + self._flush()

    def move(self, offset: int, clock_ms: int | None = None) -> list[Change]:
        """What the moves up to `offset` bring about; of those at `offset` itself, the ones up to `clock_ms`."""
        return self._flush() + self._moves_until(offset, clock_ms)

    def _moves_until(self, offset: int, clock_ms: int | None) -> list[Change]:
        changes = self._flush()
        while self._moves:
            move = self._moves[-1]
            if move.offset > offset or (move.offset == offset and clock_ms is not None and move.clock_ms > clock_ms):
                break
            self._moves.pop()
            changes += self._core.advance(move.clock_ms).changes
        return changes

    def _flush(self) -> list[Change]:
        if not self._waiting:
            return []
        waiting, self._waiting = self._waiting, []
        batch: Batch = self._core.process(waiting)
        self.dead += len(batch.dead)
        self.late += len(batch.late)
        return batch.changes
