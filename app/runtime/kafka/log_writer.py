"""Writing to one partition number of several topics, in whole record batches that are awaited."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeAlias

from aiokafka.errors import InvalidProducerEpoch, InvalidTimestampError, ProducerFenced
from aiokafka.producer.transaction_manager import TransactionState
from aiokafka.structs import TopicPartition

from app.errors import UserError
from app.runtime.kafka.clients import connection, start, told_leaders
from app.runtime.kafka.closing import Producer, tasks_of
from app.runtime.kafka.producer import new_producer, note
from app.runtime.kafka.record_batch import RecordBatches, Row
from app.runtime.kafka.topics import transaction_timeout_ms
from app.settings import Settings

_Sent: TypeAlias = tuple["asyncio.Future[Any]", int]
ABANDON_S = 1.0
LEADER_LOOK_S = 0.05
REQUEST_BYTES_MAX = 32 << 20

log = logging.getLogger(__name__)


class ClockAheadError(UserError):
    """The broker refuses records for their timestamp: the clock of this machine is ahead of that of the broker."""

    def __init__(self, settings: Settings) -> None:
        clock = datetime.now(UTC)
        super().__init__(
            f"Kafka at {settings.kafka_bootstrap_servers} refuses records of the time {clock:%Y-%m-%d %H:%M:%S} UTC: "
            "the clock of this machine is ahead of the broker's",
            hint="set the clocks right (NTP); how far ahead a topic takes records says message.timestamp.after.max.ms",
        )


class LogWriter:
    """A producer of one partition number, with or without a transactional id."""

    def __init__(self, settings: Settings, *, partition: int, transactional_id: str | None = None) -> None:
        self._settings = settings
        self._partition = partition
        self._transactional_id = transactional_id
        self._producer: Producer | None = None
        self._batches = RecordBatches(
            settings.compression, bytes_max=settings.write_bytes_max, transactional=transactional_id is not None
        )
        self._found: set[TopicPartition] = set()
        self.ends: dict[str, int] = {}
        """For each topic, the offset behind the last record that was acknowledged."""

    @property
    def producer(self) -> Producer:
        """The started producer."""
        assert self._producer is not None, "the writer is not open"
        return self._producer

    async def open(self) -> None:
        """Connects; with a transactional id, it also ends and fences whatever an earlier owner of the id began."""
        settings = self._settings
        extra: dict[str, Any] = {}
        if self._transactional_id is not None:
            extra = {
                "transactional_id": self._transactional_id,
                "transaction_timeout_ms": transaction_timeout_ms(settings),
            }
        self._found = set()
        self._producer = new_producer(
            **connection(settings),
            acks="all",
            linger_ms=0,
            max_request_size=REQUEST_BYTES_MAX,
            retry_backoff_ms=20,
            **extra,
        )
        await start(self._producer)

    async def write(
        self,
        rows_by_topic: Iterable[tuple[str, Iterable[Row]]],
        *,
        elsewhere: Iterable[tuple[TopicPartition, Iterable[Row]]] = (),
    ) -> None:
        """Writes all rows, each topic's in order; returns when the broker has acknowledged every one.

        `elsewhere`: rows for other partitions than this writer's; `ends` say nothing about their topics.
        """
        own = [(TopicPartition(topic, self._partition), rows) for topic, rows in rows_by_topic]
        await self.write_to([*own, *elsewhere])

    async def write_to(self, rows_by_partition: Iterable[tuple[TopicPartition, Iterable[Row]]]) -> None:
        """The same, each to a partition of its own; `ends` then say nothing."""
        futures: list[_Sent] = []
        rows_by_partition = list(rows_by_partition)
        await self._find_leaders({tp for tp, _ in rows_by_partition})
        sent = await asyncio.gather(
            *(self._append(tp, rows, futures) for tp, rows in rows_by_partition), return_exceptions=True
        )
        # A failed batch fails only its own future: all are awaited, then the first error is reported; before it
        # an error that another producer has fenced this one, since the others only follow from that.
        written = await asyncio.gather(*(future for future, _ in futures), return_exceptions=True)
        errors = [result for result in (*sent, *written) if isinstance(result, BaseException)]
        for error in sorted(errors, key=is_fenced, reverse=True):
            if isinstance(error, InvalidTimestampError):
                raise ClockAheadError(self._settings) from error
            raise error
        for future, records in futures:
            metadata = future.result()
            self.ends[metadata.topic] = max(metadata.offset + records, self.ends.get(metadata.topic, 0))

    async def _find_leaders(self, wanted: set[TopicPartition]) -> None:
        """`send_batch` asks for no metadata: a batch for a topic that was made after the producer's start would wait in
        vain for a leader that nobody looks for. All topics are named, since only those named are looked up again."""
        if wanted <= self._found:
            return
        client = self.producer.client
        await told_leaders(client.set_topics({tp.topic for tp in self._found | wanted}))
        for tp in wanted - self._found:
            while client.cluster.leader_for_partition(tp) in (None, -1):
                await asyncio.sleep(LEADER_LOOK_S)
                await told_leaders(client.force_metadata_update())
        self._found |= wanted

    async def _append(self, tp: TopicPartition, rows: Iterable[Row], futures: list[_Sent]) -> None:
        producer = self.producer

        now_ms = int(time.time() * 1000)
        listed = rows if isinstance(rows, list) else list(rows)
        first = 0
        while first < len(listed):
            batch = self._batches.batch(listed, first, now_ms=now_ms)
            records = batch.record_count()
            future = await producer.send_batch(batch, tp.topic, partition=tp.partition)
            future.add_done_callback(note)  # the task that would have awaited it may have been cancelled
            futures.append((future, records))
            first += records

    async def close(self) -> None:
        """Ends the producer after everything written was acknowledged."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def abandon(self) -> None:
        """Ends the producer without sending what it still holds: that was thrown away.

        An open transaction is aborted, if the broker takes that within a second: it stops the readers of all partitions
        that it wrote to.
        """
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            if is_transaction_open(producer):
                with suppress(Exception):
                    async with asyncio.timeout(ABANDON_S):
                        await producer.abort_transaction()
            tasks = tasks_of(producer._sender)
            producer.cut()
            if tasks:
                ended, _ = await asyncio.wait(tasks, timeout=ABANDON_S)
                for task in ended:
                    note(task)
            with suppress(Exception):
                async with asyncio.timeout(ABANDON_S):
                    await producer.client.close()
        finally:
            producer.cut()


def is_fenced(error: BaseException) -> bool:
    """True if a later producer with the same transactional id has taken over, or the broker has given this one up."""
    return isinstance(error, ProducerFenced | InvalidProducerEpoch)


def is_transaction_open(producer: Producer) -> bool:
    """True if a transaction was begun, and neither committed nor aborted."""
    manager = producer._txn_manager
    return manager is not None and manager.state in (TransactionState.IN_TRANSACTION, TransactionState.ABORTABLE_ERROR)
