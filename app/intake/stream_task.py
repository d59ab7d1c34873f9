"""The life of one part of a stream: what all kinds of streams have in common."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from app.intake.enrichment import Enrichment
from app.intake.intake_writer import IntakeWriter
from app.intake.positions import POSITION_PARTITION, Positions
from app.intake.source_errors import SourceError
from app.intake.streams import Stream
from app.intake.transform import Taken, transform
from app.runtime.follow.follow_task import Deliver, FollowTask
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.record_batch import Row
from app.runtime.records.dead_letters import Origin
from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """A record of a stream in the form of those of Kafka. `partition` and `offset` are its place, in any text."""

    partition: str
    offset: str
    timestamp: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class StreamTask(FollowTask):
    """Intake of one control partition of a stream."""

    def __init__(
        self,
        tp: TP,
        *,
        settings: Settings,
        metrics: ReaderMetrics,
        stream: Stream,
        shape: str,
        transactions: bool,
        committed_only: bool,
        deliver: Deliver,
        enrichment: Enrichment | None = None,
    ) -> None:
        self._metrics = metrics
        self._enrichment = enrichment
        self._stream = stream
        self._shape = shape
        self._transactions = transactions
        self._writer: IntakeWriter | None = None
        self._batches = 0
        super().__init__(tp, settings=settings, committed_only=committed_only, deliver=deliver)

    @staticmethod
    @abstractmethod
    def control_partitions(settings: Settings) -> int:
        """Partitions of the control topic: in so many parts the stream is read."""

    @staticmethod
    @abstractmethod
    async def check(settings: Settings, stream: Stream) -> None:
        """Raises UserError if the stream cannot be read."""

    @abstractmethod
    async def serve(self, positions: Positions) -> None:
        """Reads and writes for ever, with the writer open and the positions as they are now."""

    @property
    def name(self) -> str:
        """For logs."""
        return f"{self._stream.source} part {self.tp.partition}"

    async def follow(self) -> None:
        """See `FollowTask`."""
        name = f"{self._stream.kind}-{self._stream.name}-{self.tp.partition}"
        writer = self._writer = IntakeWriter(self._settings, name=name, transactions=self._transactions)
        clean = False
        try:
            await writer.open()
            async with self.reading(self._settings.topics.intake, partition=POSITION_PARTITION) as reader:
                positions = Positions(reader, f"{self._stream.source}/".encode())
                await positions.refresh()
                await self.serve(positions)
        except SourceError as error:
            self._metrics.intake_failed(self._stream.source, error.cause)
            raise
        except asyncio.CancelledError:
            clean = not self.cut_off
            raise
        finally:
            self._writer = None
            await writer.close(clean=clean)

    def transformed(self, records: Iterable[StreamRecord]) -> Taken:
        """Returns what is written for records."""
        settings = self._settings
        return transform(
            records,
            topic=self._stream.source,
            partition=None,
            shape=self._shape,
            partitions=settings.partitions,
            skew_max_ms=settings.skew_max_ms,
            user_ids=settings.incoming_ids,
            now_ms=int(time.time() * 1000),
            enrichment=self._enrichment,
        )

    async def write(self, taken: Taken, positions: Iterable[Row], *, records: int) -> None:
        """Writes a batch of so many records with the positions behind it, and counts."""
        assert self._writer is not None, "not open"
        async with asyncio.timeout(self._settings.commit_timeout_ms / 1000):
            await self._writer.write(taken, positions, origin=self._origin, dead_partition=self.tp.partition)
        self._metrics.intake_taken(self._stream.source, taken.dead, records=records, repairs=taken.repairs)
        self._metrics.enriched(taken.enriched)

    def position_row(self, name: str, value: bytes | None) -> Row:
        """The record of a position."""
        return f"{self._stream.source}/{name}".encode(), value, []

    def next_batch(self) -> int:
        """A number for the log: streams have no offsets."""
        self._batches += 1
        return self._batches

    def _origin(self, record: Any) -> Origin:
        return Origin(topic=self._stream.source, partition=record.partition, offset=record.offset)
