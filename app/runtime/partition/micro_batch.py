"""One micro-batch on its way through an agent: records of one partition, a move of its clock, or a sweep."""

import asyncio
from collections.abc import Iterator, Sequence

from app.segments.partition.partition import Batch, Partition, RecordLike


class MicroBatch:
    """Work of an agent. It calls `process` once, then `commit_nowait`; the partition's own task writes the result.

    partition: number of the input partition.
    records: of that partition, in order; none for a move of the clock to `clock_ms`, or for a sweep: `sweep` profiles
    at most are evaluated under a catalog that is new to them.
    """

    def __init__(
        self,
        core: Partition,
        *,
        partition: int,
        offset: int,
        records: Sequence[RecordLike] = (),
        clock_ms: int | None = None,
        sweep: int = 0,
    ) -> None:
        assert bool(records) + (clock_ms is not None) + bool(sweep) == 1, "a batch is one of three things"
        self.partition = partition
        self.records = records
        self.clock_ms = clock_ms
        self.sweep = sweep
        self.offset = offset
        self.handed_out = 0
        self.closely = False
        self._core = core
        self._outcome: Batch | None = None
        self._finished: asyncio.Future[Batch] = asyncio.get_running_loop().create_future()

    def process(self) -> Batch:
        """Processes the records, or the passing of time, and changes the partition's state."""
        if self.sweep:
            self._outcome = self._core.sweep(self.sweep)
        elif self.clock_ms is not None:
            self._outcome = self._core.advance(self.clock_ms)
        else:
            self._outcome = self._core.process(self._watched() if self.closely else self.records)
        return self._outcome

    def commit_nowait(self) -> None:
        """The agent is done with the batch: it may be written."""
        assert self._outcome is not None, "a batch is processed before it is committed"
        if not self._finished.done():
            self._finished.set_result(self._outcome)

    def fail(self, error: BaseException) -> None:
        """The agent could not do it: the batch and its partition's state are thrown away."""
        if not self._finished.done():
            self._finished.set_exception(error)

    async def finished(self) -> Batch:
        """Returns the result once the agent is done with it. Raises the error of the agent."""
        return await asyncio.shield(self._finished)

    @property
    def suspect(self) -> int | None:
        """The offset of the record that was being processed last; None if all were, or nobody watched."""
        if 0 < self.handed_out < len(self.records) or (self.handed_out == len(self.records) == 1):
            return self.records[self.handed_out - 1].offset
        return None

    def _watched(self) -> Iterator[RecordLike]:
        for record in self.records:
            self.handed_out += 1
            yield record
