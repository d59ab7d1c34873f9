"""Writes records to a topic's partitions in order, in batches as large as they come."""

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Final, Self

from aiokafka.errors import InvalidTimestampError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from app.errors import UserError
from app.runtime.kafka.clients import connection, start, wait_for_broker
from app.runtime.kafka.closing import Producer
from app.runtime.kafka.topics import ensure_topics, specs_of
from app.settings import Settings
from app.simulation.record import Record

_BATCH_BYTES_MAX: Final = 512 * 1024
_CLOSE_TIMEOUT_S: Final = 2.0
#: Largest number of batches in progress, over all partitions.
_UNDER_WAY_MAX: Final = 64


async def ensure_topic(settings: Settings, *, exactly: bool) -> int:
    """Returns the number of partitions of the input topic; it is created with `settings.partitions` if missing.

    With `exactly` a topic of another number is a UserError. So is a broker that does not answer.
    """
    topic, partitions = settings.topics.clickstream, settings.partitions
    client = await wait_for_broker(settings)
    try:
        cluster = await client.fetch_all_metadata()
        there = cluster.partitions_for_topic(topic)
        if there:
            if exactly and len(there) != partitions:
                raise UserError(
                    f"the topic {topic} has {len(there)} partitions, not {partitions}",
                    hint="leave --partitions out, or give another --topic",
                )
            return len(there)
        await ensure_topics(settings, client, specs_of(settings, topic))
    except (KafkaError, OSError) as error:
        raise lost(settings, error) from error
    finally:
        await client.close()
    return partitions


def lost(settings: Settings, error: BaseException) -> UserError:
    """Returns the error for a broker that stopped answering, or refuses records."""
    if isinstance(error, InvalidTimestampError):
        return UserError(
            f"Kafka at {settings.kafka_bootstrap_servers} refuses records that are ahead of its own clock",
            hint="an earlier --start; or allow such records in the topic (message.timestamp.after.max.ms)",
        )
    return UserError(
        f"Kafka at {settings.kafka_bootstrap_servers} stopped answering",
        detail=f"{type(error).__name__}: {error}",
        hint="the topic contains the events that were acknowledged until then; start again when the broker is back",
    )


class TopicWriter:
    """An open connection to one topic. Not idempotent: it works with every broker; a lost answer may repeat a batch.

    Within a partition the order of `add` is the order of the records. Raises UserError when the broker is not there or
    stops answering.
    """

    def __init__(self, settings: Settings, *, partitions: int) -> None:
        self.topic = settings.topics.clickstream
        self._settings = settings
        self.partitions = partitions
        self._builders: list[BatchBuilder | None] = [None] * partitions
        self._under_way: set[Awaitable[object]] = set()
        self._producer: Producer | None = None

    async def __aenter__(self) -> Self:
        producer = Producer(
            **connection(self._settings),
            acks="all",  # one of several brokers may die just after its acknowledgement
            enable_idempotence=False,
            max_batch_size=_BATCH_BYTES_MAX,
        )
        try:
            await start(producer)
        except (KafkaError, OSError) as error:
            raise lost(self._settings, error) from error
        self._producer = producer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._producer is not None
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._producer.stop()
        except TimeoutError as timeout:
            if error is None:
                raise lost(self._settings, timeout) from None

    async def add(self, record: Record) -> None:
        """Takes one record; sends when a batch is full, and waits while the partition's last one is under way."""
        partition, key, value, timestamp_ms = record
        builder = self._builders[partition]
        if builder is None:
            builder = self._builders[partition] = self._new_builder()
        if builder.append(key=key, value=value, timestamp=timestamp_ms) is None:
            await self._send(partition)
            builder = self._builders[partition] = self._new_builder()
            if builder.append(key=key, value=value, timestamp=timestamp_ms) is None:
                raise UserError(f"a message has more than {_BATCH_BYTES_MAX} bytes: {value!r:.80}...")

    async def flush(self) -> None:
        """Sends everything taken so far, without waiting for the broker's answers."""
        for partition, builder in enumerate(self._builders):
            if builder is not None:
                await self._send(partition)

    async def settle(self) -> None:
        """Sends everything taken so far and waits until the broker has it."""
        await self.flush()
        await self._answers(list(self._under_way))

    async def _send(self, partition: int) -> None:
        builder = self._builders[partition]
        assert builder is not None
        assert self._producer is not None
        self._builders[partition] = None
        builder.close()
        try:
            answer = await self._producer.send_batch(builder, self.topic, partition=partition)
        except KafkaError as error:
            raise lost(self._settings, error) from error
        answer.add_done_callback(_noted)
        self._under_way.add(answer)
        if len(self._under_way) >= _UNDER_WAY_MAX:
            await self._answers(list(self._under_way))
        else:
            await self._answers([each for each in self._under_way if asyncio.isfuture(each) and each.done()])

    async def _answers(self, answers: list[Awaitable[object]]) -> None:
        for answer in answers:
            self._under_way.discard(answer)
            try:
                await answer
            except KafkaError as error:
                raise lost(self._settings, error) from error

    def _new_builder(self) -> BatchBuilder:
        assert self._producer is not None
        return self._producer.create_batch()


def _noted(answer: "asyncio.Future[object]") -> None:
    """After the first error nobody asks for the others."""
    if not answer.cancelled():
        answer.exception()
