"""Censuses over files of events: the clock of the events says when users are counted."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from app.segments.evaluation.batch import Batch, RecordLike, WaitingRecord
from app.segments.evaluation.population_numbers import census_record, numbers_record, population_of
from app.segments.partition.partition import Partition

DAY_MS: Final = 86_400_000


class Censuses:
    """The control records that a coordinator would have written, among the records of files: a census and its numbers
    stand where the clock of the one partition has passed a multiple of the interval.

    Nothing is counted for definitions that compare with no number of all users.
    """

    def __init__(self, partition: Partition, app: str, *, every_ms: int) -> None:
        self._partition = partition
        self._app = app
        self._every_ms = every_ms
        self._turn: int | None = None
        self.are_wanted = bool(partition.program.population.masks)

    def with_records(self, records: Sequence[RecordLike]) -> Iterable[RecordLike]:
        """The records, with control records among them."""
        return self._among(records) if self.are_wanted else records

    def until(self, end_ms: int) -> Iterator[Batch]:
        """The censuses up to an instant, behind the last record."""
        if not self.are_wanted or self._turn is None:
            return
        for turn in range(self._turn + 1, end_ms // self._every_ms + 1):
            yield self._partition.advance(turn * self._every_ms)
            yield self._partition.process(self._due(self._partition.next_offset))

    def _among(self, records: Iterable[RecordLike]) -> Iterator[RecordLike]:
        for record in records:
            yield record
            yield from self._due(record.offset)

    def _due(self, offset: int) -> Iterator[RecordLike]:
        """A census and its numbers, if the clock has passed the next multiple."""
        if self._partition.clock_ms < 0:
            return
        turn, before = self._partition.clock_ms // self._every_ms, self._turn
        self._turn = turn
        if before is None or turn <= before:
            return
        census = turn * self._every_ms
        yield WaitingRecord(offset, -1, None, census_record(self._app, census))
        count = self._partition.counts[-1]
        numbers = population_of([count.measures], [count.members]).numbers
        yield WaitingRecord(offset, -1, None, numbers_record(self._app, census, numbers))
