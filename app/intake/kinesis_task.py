"""Intake of the shards of a stream of Kinesis: parents before children, positions with what they brought."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from app.intake.aggregated import records_of
from app.intake.kinesis_client import (
    AT_ONCE,
    Answer,
    GoneError,
    IteratorExpiredError,
    KinesisClient,
    ThrottledError,
)
from app.intake.kinesis_shards import HASH_KEYS, Shard, ShardPosition, readable
from app.intake.positions import Positions
from app.intake.stream_task import StreamRecord, StreamTask
from app.intake.streams import Stream
from app.intake.transform import Taken
from app.runtime.kafka.record_batch import Row
from app.settings import Settings

BEHIND_PAUSE_MS: Final = 200
"""Kinesis answers five reads of a shard a second, for all readers together."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ShardPosition).decode

log = logging.getLogger(__name__)


@dataclass(slots=True)
class OpenShard:
    """A shard that is being read."""

    shard: Shard
    sequence: str
    iterator: str | None = None
    next_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """Result of one read of a shard."""

    open: OpenShard
    answer: Answer
    records: Sequence[StreamRecord]

    @property
    def sequence(self) -> str:
        """The last sequence number that was read."""
        return str(self.answer.records[-1]["SequenceNumber"]) if self.answer.records else self.open.sequence


class KinesisTask(StreamTask):
    """Reads the shards whose share is that of its control partition."""

    _client: KinesisClient
    _created_ms: int

    @staticmethod
    def control_partitions(settings: Settings) -> int:
        """As many as the clickstream has: so many processes can share a stream."""
        return settings.partitions

    @staticmethod
    async def check(settings: Settings, stream: Stream) -> None:
        """See `StreamTask`."""
        with closing(KinesisClient(settings, stream)) as client:
            await client.open()

    async def serve(self, positions: Positions) -> None:
        """See `StreamTask`."""
        self._open: dict[str, OpenShard] = {}
        self._done: dict[str, ShardPosition] = {}
        self._behind_ms: dict[str, int] = {}
        with closing(KinesisClient(self._settings, self._stream)) as client:
            self._client, self._created_ms = client, await client.open()
            look_s = 0.0
            while True:
                if time.monotonic() >= look_s:
                    await self._look(positions)
                    look_s = time.monotonic() + self._settings.kinesis_shards_every_ms / 1000
                self.got_on()
                now_s = time.monotonic()
                due = [each for each in self._open.values() if each.next_s <= now_s]
                for first in range(0, len(due), AT_ONCE):
                    if await self._read_some(due[first : first + AT_ONCE]):
                        look_s = 0.0  # the children of a shard that has ended
                next_s = min([look_s, *(each.next_s for each in self._open.values())])
                await asyncio.sleep(max(self._settings.pace_ms / 1000, next_s - time.monotonic()))

    async def _look(self, positions: Positions) -> None:
        """Opens the shards that may be read now."""
        try:
            shards = await self._client.shards()
        except ThrottledError:
            self._metrics.intake_failed(self._stream.source, "throttled")
            return
        await positions.refresh()
        # What this task has written may not be visible yet; of other parts of the stream only what is counts.
        known = dict(self._kept(positions)) | self._done
        share, partitions = self.tp.partition, self.control_partitions(self._settings)
        for shard in readable(shards, known, share=share, partitions=partitions):
            if shard.id not in self._open:
                sequence = known[shard.id].sequence if shard.id in known else ""
                self._open[shard.id] = OpenShard(shard, sequence)
                log.info("%s: reads %s from %s", self.name, shard.id, sequence or "its oldest record")

    def _kept(self, positions: Positions) -> Iterator[tuple[str, ShardPosition]]:
        for name, value in positions.values.items():
            position = _decode(value)
            if position.created_ms == self._created_ms:
                yield name.decode(), position

    async def _read_some(self, due: Sequence[OpenShard]) -> bool:
        """Reads some shards at once, and writes what came in one transaction; True if a shard has ended."""
        found = await asyncio.gather(*(self._read(each) for each in due))
        reads = [each for each in found if each is not None]
        ended = any(read.answer.iterator is None for read in reads)
        if ended or any(read.answer.records for read in reads):
            await self.hand_over(partial(self._take, reads), offset=self.next_batch())
        now_s = time.monotonic()
        for read in reads:
            name, behind_ms = read.open.shard.id, read.answer.behind_ms
            read.open.sequence, read.open.iterator = read.sequence, read.answer.iterator
            read.open.next_s = now_s + (BEHIND_PAUSE_MS if behind_ms else self._settings.kinesis_pause_ms) / 1000
            if read.answer.iterator is None:
                self._done[name] = self._position(read)
                del self._open[name]
                self._metrics.no_longer_behind(f"intake {self._stream.source}", name)
            else:
                self._metrics.behind(f"intake {self._stream.source}", name, behind_ms / 1000)
        return ended

    async def _read(self, shard: OpenShard) -> Read | None:
        """The next records of a shard; None if Kinesis has to be asked again."""
        try:
            if shard.iterator is None:
                shard.iterator = await self._client.iterator(shard.shard.id, shard.sequence)
            answer = await self._client.records(shard.iterator)
        except IteratorExpiredError:
            shard.iterator = None
            return None
        except ThrottledError:
            self._metrics.intake_failed(self._stream.source, "throttled")
            shard.next_s = time.monotonic() + self._settings.kinesis_pause_ms / 1000
            return None
        except GoneError:
            log.warning("%s: %s is gone before it was read to its end", self.name, shard.shard.id)
            self._metrics.intake(self._stream.source, "lost", 1)
            answer = Answer([], None, 0)
        return Read(shard, answer, list(_records(shard.shard, answer.records)))

    async def _take(self, reads: Sequence[Read]) -> None:
        """Runs in the agent: transforms and writes what some shards have brought."""
        taken, records = Taken(), 0
        for read in reads:
            taken.add(self.transformed(read.records, partition=None))
            records += len(read.records)
        rows: list[Row] = [
            self.position_row(read.open.shard.id, _encode(self._position(read)))
            for read in reads
            if read.answer.records or read.answer.iterator is None
        ]
        await self.write(taken, rows, records=records)

    def _position(self, read: Read) -> ShardPosition:
        return ShardPosition(created_ms=self._created_ms, sequence=read.sequence, ended=read.answer.iterator is None)


def _records(shard: Shard, told: Sequence[dict[str, Any]]) -> Iterator[StreamRecord]:
    """The records of a shard, those that a producer has put together one by one.

    Of the latter, those that belong to another shard are left out, as Amazon's own library does: the producer sends
    them again after a split.
    """
    for each in told:
        data, sequence = each["Data"], each["SequenceNumber"]
        timestamp = int(each["ApproximateArrivalTimestamp"].timestamp() * 1000)
        inside = records_of(data)
        if inside is None:
            yield StreamRecord(
                partition=shard.id,
                offset=sequence,
                timestamp=timestamp,
                key=each["PartitionKey"].encode(),
                value=data,
            )
            continue
        for number, one in enumerate(inside):
            if one.hash_key in shard.hash_keys or shard.hash_keys == range(HASH_KEYS):
                yield StreamRecord(
                    partition=shard.id,
                    offset=f"{sequence}.{number}",
                    timestamp=timestamp,
                    key=one.key.encode(),
                    value=one.data,
                )
