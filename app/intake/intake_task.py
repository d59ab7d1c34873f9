"""Brings one partition of a source into the clickstream; its position is written with what it brought."""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec

from app.intake.positions import POSITION_PARTITION, Positions
from app.intake.transform import Taken
from app.intake.writing_task import WritingTask
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


class IntakeTask(WritingTask):
    """Intake of one source partition."""

    @property
    def source(self) -> str:
        """See `WritingTask`."""
        return self.tp.topic

    def origin(self, record: Any) -> Origin:
        """See `WritingTask`."""
        return Origin(topic=self.tp.topic, partition=self.tp.partition, offset=record.offset)

    @property
    def _key(self) -> bytes:
        return f"{self.tp.topic}/{self.tp.partition}".encode()

    async def follow(self) -> None:
        """See `FollowTask`."""
        async with self.writing(f"{self.tp.topic}-{self.tp.partition}"):
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
                        await self.write_uncounted(Taken(), [self._position_row(0)])
                    raise

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
        taken = self.transformed(records, partition=self.tp.partition)
        await self.write(taken, [self._position_row(next_offset)], records=len(records))

    def _position_row(self, next_offset: int) -> Row:
        return self._key, _encode(next_offset), []

    async def _position(self) -> int | None:
        """Returns the position of an earlier owner; None if there was none."""
        async with self.reading(self._settings.topics.intake, partition=POSITION_PARTITION) as reader:
            positions = Positions(reader, self._key)
            await positions.refresh()
        value = positions.values.get(b"")
        return None if value is None else _decode(value)
