"""A task that reads one part of a source and writes its events into the clickstream, together with its position."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from app.intake.enrichment import Enrichment
from app.intake.intake_writer import IntakeWriter
from app.intake.transform import Taken, transform
from app.runtime.follow.follow_task import Deliver, FollowTask
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.record_batch import Row
from app.runtime.records.dead_letters import Origin
from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSetup:
    """Settings and metrics of all tasks of a process. `transactions`: what a task writes is in one."""

    settings: Settings
    metrics: ReaderMetrics
    transactions: bool
    committed_only: bool
    enrichment: Enrichment | None = None


class WritingTask(FollowTask):
    """The base of the tasks of topics and of other streams. `shape`: the form of the source's records."""

    def __init__(self, tp: TP, setup: IntakeSetup, *, shape: str, deliver: Deliver) -> None:
        self._metrics = setup.metrics
        self._enrichment = setup.enrichment
        self._shape = shape
        self._transactions = setup.transactions
        self._writer: IntakeWriter | None = None
        super().__init__(tp, settings=setup.settings, committed_only=setup.committed_only, deliver=deliver)

    @property
    @abstractmethod
    def source(self) -> str:
        """The name of the source in metrics and dead letters."""

    @abstractmethod
    def origin(self, record: Any) -> Origin:
        """The place of a record, for its dead letter."""

    @asynccontextmanager
    async def writing(self, name: str) -> AsyncIterator[None]:
        """Has the writer open. It is closed in order only if the task was told to end and came to it."""
        writer = self._writer = IntakeWriter(self._settings, name=name, transactions=self._transactions)
        clean = False
        try:
            await writer.open()
            yield
        except asyncio.CancelledError:
            clean = not self.cut_off
            raise
        finally:
            self._writer = None
            await writer.close(clean=clean)

    def transformed(self, records: Iterable[Any], *, partition: int | None) -> Taken:
        """Returns what is written for records. `partition`: theirs, where the source has numbered ones."""
        settings = self._settings
        return transform(
            records,
            topic=self.source,
            partition=partition,
            shape=self._shape,
            partitions=settings.partitions,
            skew_max_ms=settings.skew_max_ms,
            user_ids=settings.incoming_ids,
            now_ms=int(time.time() * 1000),
            enrichment=self._enrichment,
        )

    async def write(self, taken: Taken, positions: Iterable[Row], *, records: int) -> None:
        """Writes a batch of so many records with the positions behind it, and counts."""
        async with asyncio.timeout(self._settings.commit_timeout_ms / 1000):
            await self.write_uncounted(taken, positions)
        self._metrics.intake_taken(self.source, taken.dead, records=records, repairs=taken.repairs)
        self._metrics.enriched(taken.enriched)

    async def write_uncounted(self, taken: Taken, positions: Iterable[Row]) -> None:
        """Writes a batch, or positions alone."""
        assert self._writer is not None, "not open"
        await self._writer.write(taken, positions, origin=self.origin, dead_partition=self.tp.partition)
