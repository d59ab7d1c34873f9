"""The life of one part of a stream: what all kinds of streams have in common."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from app.intake.positions import POSITION_PARTITION, Positions
from app.intake.source_errors import SourceError
from app.intake.streams import Stream
from app.intake.writing_task import IntakeSetup, WritingTask
from app.runtime.follow.follow_task import Deliver
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


class StreamTask(WritingTask):
    """Intake of one control partition of a stream."""

    def __init__(self, tp: TP, setup: IntakeSetup, *, stream: Stream, shape: str, deliver: Deliver) -> None:
        self._stream = stream
        self._batches = 0
        super().__init__(tp, setup, shape=shape, deliver=deliver)

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
    def source(self) -> str:
        """See `WritingTask`."""
        return self._stream.source

    def origin(self, record: Any) -> Origin:
        """See `WritingTask`."""
        return Origin(topic=self.source, partition=record.partition, offset=record.offset)

    @property
    def name(self) -> str:
        """For logs."""
        return f"{self._stream.source} part {self.tp.partition}"

    async def follow(self) -> None:
        """See `FollowTask`."""
        try:
            async with (
                self.writing(f"{self._stream.kind}-{self._stream.name}-{self.tp.partition}"),
                self.reading(self._settings.topics.intake, partition=POSITION_PARTITION) as reader,
            ):
                positions = Positions(reader, f"{self._stream.source}/".encode())
                await positions.refresh()
                await self.serve(positions)
        except SourceError as error:
            self._metrics.intake_failed(self._stream.source, error.cause)
            raise

    def position_row(self, name: str, value: bytes | None) -> Row:
        """The record of a position."""
        return f"{self._stream.source}/{name}".encode(), value, []

    def next_batch(self) -> int:
        """A number for the log: streams have no offsets."""
        self._batches += 1
        return self._batches
