"""Writes what a batch of a source came to: its events, dead letters and position, together where Kafka can."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka.structs import TopicPartition

from app.intake.positions import POSITION_PARTITION
from app.intake.transform import Taken
from app.runtime.kafka.closing import Producer
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.runtime.records.dead_letters import Origin, Withheld, dead_row
from app.settings import Settings

OriginOf = Callable[[Any], Origin]


class IntakeWriter:
    """Writer of one partition of a source. `name` is that of the partition, the same for each owner.

    With transactions, position and events become visible together. Without, events are written first: after a crash
    some are written again, with the same ids.
    """

    def __init__(self, settings: Settings, *, name: str, transactions: bool) -> None:
        self._settings = settings
        self._transactions = transactions
        self._writer = LogWriter(
            settings,
            partition=POSITION_PARTITION,
            transactional_id=f"{settings.app_id}-intake-{name}" if transactions else None,
        )

    @property
    def producer(self) -> Producer:
        """The started producer."""
        return self._writer.producer

    async def open(self) -> None:
        """Ends every transaction of an earlier owner of this partition: what is read afterwards is final."""
        async with asyncio.timeout(self._settings.commit_timeout_ms / 1000):
            await self._writer.open()

    async def close(self, *, clean: bool) -> None:
        """Ends the producer. Not `clean`: without what it still holds."""
        await (self._writer.close() if clean else self._writer.abandon())

    async def write(self, taken: Taken, positions: Iterable[Row], *, origin: OriginOf, dead_partition: int) -> None:
        """Writes all of a batch. `origin`: of a record. `dead_partition`: any number; the remainder counts."""
        topics = self._settings.topics
        rows = [(TopicPartition(topics.clickstream, number), some) for number, some in taken.rows.items()]
        if taken.dead:
            number = dead_partition % self._settings.partitions
            dead = [self._dead_row(record, reason, detail, origin(record)) for record, reason, detail in taken.dead]
            rows.append((TopicPartition(topics.dead_letters, number), dead))
        where = TopicPartition(topics.intake, POSITION_PARTITION)
        if not self._transactions:
            await self._writer.write_to(rows)
            await self._writer.write_to([(where, list(positions))])
            return
        await self.producer.begin_transaction()
        await self._writer.write_to([*rows, (where, list(positions))])
        await self.producer.commit_transaction()

    def _dead_row(self, record: Any, reason: str, detail: str, origin: Origin) -> Row:
        if self._settings.incoming_ids.hides:
            record, detail = Withheld(record.offset, record.timestamp), "the record is only in its source"
        return dead_row(record, reason=reason, detail=detail, origin=origin)
