"""Brings one partition of a source into the clickstream; its position is written with what it brought."""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec
from faust.types import TP

from app.intake.enrichment import Enrichment
from app.intake.intake_writer import IntakeWriter
from app.intake.positions import POSITION_PARTITION, Positions
from app.intake.transform import Taken, transform
from app.runtime.follow.follow_task import Deliver, FollowTask
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import COMPACTED, TopicSpec
from app.runtime.records.dead_letters import Origin
from app.settings import Settings

READ_WAIT_MS: Final = 500

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(int).decode

log = logging.getLogger(__name__)


def intake_topic_spec(settings: Settings) -> TopicSpec:
    """The topic of positions: one partition, as sources may have any number."""
    return TopicSpec(settings.topics.intake, 1, tuple(COMPACTED.items()))


class IntakeTask(FollowTask):
    """Intake of one source partition."""

    def __init__(
        self,
        tp: TP,
        *,
        settings: Settings,
        metrics: ReaderMetrics,
        shape: str,
        transactions: bool,
        committed_only: bool,
        deliver: Deliver,
        enrichment: Enrichment | None = None,
    ) -> None:
        self._metrics = metrics
        self._enrichment = enrichment
        self._shape = shape
        self._transactions = transactions
        self._writer: IntakeWriter | None = None
        super().__init__(tp, settings=settings, committed_only=committed_only, deliver=deliver)

    @property
    def _key(self) -> bytes:
        return f"{self.tp.topic}/{self.tp.partition}".encode()

    async def follow(self) -> None:
        """See `FollowTask`."""
        name = f"{self.tp.topic}-{self.tp.partition}"
        writer = self._writer = IntakeWriter(self._settings, name=name, transactions=self._transactions)
        clean = False
        try:
            await writer.open()
            position = await self._position()
            async with self.reading() as reader:
                earliest = await reader.earliest()
                if position is not None and position < earliest:
                    lost = earliest - position
                    log.warning("%s: retention removed %d records before they were read", self.name, lost)
                    self._metrics.intake(self.tp.topic, "lost", lost)
                reader.seek(max(earliest, position or 0))
                log.info("%s: intake begins at offset %d", self.name, max(earliest, position or 0))
                self.got_on()
                try:
                    await self._serve(reader)
                except OffsetLostError as error:
                    if await reader.earliest() <= error.offset:
                        log.warning("%s: topic was created again, intake begins at its start", self.name)
                        await self._write(Taken(), 0)
                    raise
        except asyncio.CancelledError:
            clean = not self.cut_off
            raise
        finally:
            self._writer = None
            await writer.close(clean=clean)

    async def _serve(self, reader: LogReader) -> None:
        settings = self._settings
        while True:
            began_s = time.monotonic()
            fetched = await reader.read(records_max=settings.batch_records_max, wait_ms=READ_WAIT_MS)
            if fetched.records:
                deed = partial(self._take, fetched.records, fetched.next_offset)
                await self.hand_over(deed, offset=fetched.records[0].offset)
            else:
                self.got_on()
            self.source_offset = fetched.next_offset
            behind_s = 0.0
            if fetched.records and not fetched.drained:
                behind_s = time.time() - fetched.records[-1].timestamp / 1000
            left = max(0, fetched.end_offset - fetched.next_offset)
            self._metrics.lag(
                f"intake {self.tp.topic}", self.tp.partition, left, behind_s=behind_s, held_back_s=fetched.held_back_s
            )
            await asyncio.sleep(max(0.0, settings.pace_ms / 1000 - (time.monotonic() - began_s)))

    async def _take(self, records: Sequence[Any], next_offset: int) -> None:
        """Runs in the agent: transforms and writes one batch."""
        settings = self._settings
        taken = transform(
            records,
            topic=self.tp.topic,
            partition=self.tp.partition,
            shape=self._shape,
            partitions=settings.partitions,
            skew_max_ms=settings.skew_max_ms,
            user_ids=settings.incoming_ids,
            now_ms=int(time.time() * 1000),
            enrichment=self._enrichment,
        )
        async with asyncio.timeout(settings.commit_timeout_ms / 1000):
            await self._write(taken, next_offset)
        self._metrics.intake_taken(self.tp.topic, taken.dead, records=len(records), repairs=taken.repairs)
        self._metrics.enriched(taken.enriched)

    async def _write(self, taken: Taken, next_offset: int) -> None:
        assert self._writer is not None, "not open"
        position: Row = (self._key, _encode(next_offset), [])
        await self._writer.write(taken, [position], origin=self._origin, dead_partition=self.tp.partition)

    def _origin(self, record: Any) -> Origin:
        return Origin(topic=self.tp.topic, partition=self.tp.partition, offset=record.offset)

    async def _position(self) -> int | None:
        """Returns the position of an earlier owner; None if there was none."""
        async with self.reading(self._settings.topics.intake, partition=POSITION_PARTITION) as reader:
            positions = Positions(reader, self._key)
            await positions.refresh()
        value = positions.values.get(b"")
        return None if value is None else _decode(value)
