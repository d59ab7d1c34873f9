"""Writing to the clickstream, and of dead letters: an event is acknowledged when Kafka has it, or refused within a
bounded time.

One producer, `acks=all`, idempotent where the broker can; the partition is the Java client's (murmur2 of the user). The
connection is kept by a task of its own: while Kafka is away each write is refused at once, and a producer that takes
events but brings no answer is thrown away for a new one.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Final

from aiokafka.errors import KafkaError

from app.errors import UserError
from app.events.collected import Collected
from app.runtime.kafka.clients import connect, connection, has_transactions, start
from app.runtime.kafka.closing import Producer
from app.runtime.kafka.record_batch import Header, Row
from app.runtime.kafka.topics import ensure_topics, specs_of
from app.runtime.pacing.back_off import BackOff
from app.service.ending import end
from app.settings import Settings

RETRY_MS_FIRST: Final = 500
RETRY_MS_MAX: Final = 5_000
CLOSE_TIMEOUT_S: Final = 2.0
#: Limit of events that wait for Kafka at once: beyond it writes are refused, so that memory is bounded.
WAITING_BYTES_MAX: Final = 64 << 20
_BATCH_BYTES_MAX: Final = 512 * 1024

_Record = tuple[str, bytes | None, bytes | None, int, Sequence[Header]]
"""Topic, value, key, timestamp and headers."""

log = logging.getLogger(__name__)


class UnavailableError(Exception):
    """Kafka did not acknowledge, in time or at all. Some of the events may be there nevertheless: send all again."""


class ClickstreamWriter:
    """A connection to the clickstream that mends itself. `start`, `write` as often as you like, `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topics.clickstream
        self._timeout_s = settings.ack_timeout_ms / 1000
        self._producer: Producer | None = None
        self._broken = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._letters = settings.topics.dead_letters
        self._has_letters = False
        self._waiting_bytes = 0
        self._answered_s = 0.0
        self._why = "Kafka was not reached yet"

    @property
    def why_not_ready(self) -> str | None:
        """A reason if nothing can be written; None: all is well."""
        return None if self._producer is not None else self._why

    def start(self) -> None:
        """Begins to look for the broker."""
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Waits for what is under way, within a bound, and closes."""
        if self._keeping is not None:
            await end(self._keeping)
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    async def write(self, rows: Sequence[Collected]) -> None:
        """Returns when Kafka has acknowledged all of them; UnavailableError within `ack_timeout` otherwise."""
        await self._write([(self._topic, row.value, row.user, row.received_ms, ()) for row in rows])

    async def write_dead(self, letters: Sequence[Row]) -> None:
        """Returns when Kafka has acknowledged all of these dead letters; UnavailableError otherwise."""
        await self._find_letters()
        now_ms = time.time_ns() // 1_000_000
        # The producer wants a key or a value.
        whole = [(key, b"" if key is None and value is None else value, headers) for key, value, headers in letters]
        await self._write([(self._letters, value, key, now_ms, headers) for key, value, headers in whole])

    async def _find_letters(self) -> None:
        """Makes the topic of dead letters if it is missing. UnavailableError if it cannot be had."""
        if self._has_letters:
            return
        settings = self._settings
        try:
            async with asyncio.timeout(settings.request_timeout_ms / 1000):
                client = await connect(settings)
                try:
                    await ensure_topics(settings, client, specs_of(settings, self._letters))
                finally:
                    await client.close()
        except (TimeoutError, KafkaError, OSError, UserError) as error:
            raise UnavailableError(f"{self._letters} cannot be written: {error or type(error).__name__}") from error
        self._has_letters = True

    async def _write(self, records: Sequence[_Record]) -> None:
        producer = self._producer
        if producer is None:
            raise UnavailableError(self._why)
        size = sum(len(record[1] or b"") for record in records)
        if self._waiting_bytes + size > WAITING_BYTES_MAX:
            raise UnavailableError("too many events are waiting for Kafka")
        began_s = time.monotonic()
        self._waiting_bytes += size
        try:
            await self._send(producer, records)
        except (TimeoutError, KafkaError, OSError) as error:
            # If others got an answer meanwhile, Kafka works and is only slow.
            if producer is self._producer and (not isinstance(error, TimeoutError) or self._answered_s < began_s):
                self._why = f"Kafka does not acknowledge: {error or 'no answer'}"
                self._broken.set()
            raise UnavailableError(f"Kafka did not acknowledge within {self._timeout_s:g} s") from error
        finally:
            self._waiting_bytes -= size
        self._answered_s = time.monotonic()

    async def _send(self, producer: Producer, records: Sequence[_Record]) -> None:
        answers: list[asyncio.Future[object]] = []
        deadline_s = time.monotonic() + self._timeout_s
        try:
            async with asyncio.timeout(self._timeout_s):
                for topic, value, key, timestamp_ms, headers in records:
                    answer = await producer.send(topic, value, key, timestamp_ms=timestamp_ms, headers=headers)
                    answer.add_done_callback(_noted)
                    answers.append(answer)
        finally:
            # Not with gather or wait_for: they would cancel writes that the producer still acknowledges.
            if answers:
                await asyncio.wait(answers, timeout=max(0.0, deadline_s - time.monotonic()))
        for answer in answers:
            if not answer.done():
                raise TimeoutError
            answer.result()

    async def _keep(self) -> None:
        back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=RETRY_MS_MAX)
        while True:
            try:
                producer = await self._open()
            except (KafkaError, OSError, TimeoutError, UserError) as error:
                self._why = f"Kafka is not reached: {error or type(error).__name__}"
                log.warning("%s; retries", self._why)
                await asyncio.sleep(back_off.failed() / 1000)
                continue
            back_off.reset()
            self._broken.clear()
            self._producer = producer
            log.info("writes to %s at %s", self._topic, self._settings.kafka_bootstrap_servers)
            await self._broken.wait()
            self._producer = None
            log.warning("%s; reconnects", self._why)
            await _close(producer)
            await asyncio.sleep(back_off.failed() / 1000)

    async def _open(self) -> Producer:
        settings = self._settings
        async with asyncio.timeout(settings.request_timeout_ms / 1000 * 2):
            client = await connect(settings)
            try:
                cluster = await client.fetch_all_metadata()
                if not cluster.partitions_for_topic(self._topic):
                    await ensure_topics(settings, client, specs_of(settings, self._topic))
                idempotent = await has_transactions(client)
            finally:
                await client.close()
            producer = Producer(
                **connection(settings),
                acks="all",
                enable_idempotence=idempotent,
                compression_type=None if settings.compression == "none" else settings.compression,
                max_batch_size=_BATCH_BYTES_MAX,
            )
            await start(producer)
            return producer


async def _close(producer: Producer) -> None:
    """Flushes and closes; what does not answer in time is cut off."""
    with contextlib.suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await producer.stop()


def _noted(answer: "asyncio.Future[object]") -> None:
    """After the first error nobody asks for the others."""
    if not answer.cancelled():
        answer.exception()
