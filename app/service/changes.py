"""Changes as they are written, given to whoever listens: one consumer for all of them.

What a listener gets is in the order of each partition, without gaps and without repeats, from the positions it begins
at. A listener that does not keep up is cut off: its queue is bounded, and it comes back with the position it reached.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from app.runtime.kafka.clients import connect, connection, has_transactions, start
from app.runtime.kafka.closing import Consumer
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.topics import ensure_topics, specs_of
from app.runtime.pacing.back_off import BackOff
from app.service.http_problem import Problem
from app.settings import Settings

QUEUE_MAX: Final = 2_000
REPLAY_RECORDS_MAX: Final = 200_000
REPLAY_BYTES_MAX: Final = 32 << 20
_POSITION_BYTES: Final = 80
REPLAY_TIMEOUT_S: Final = 20.0
REPLAYS_AT_ONCE: Final = 4
READ_RECORDS: Final = 2_000
POLL_MS: Final = 500
RETRY_MS_FIRST: Final = 1_000
RETRY_MS_MAX: Final = 10_000

Positions = dict[int, int]

log = logging.getLogger(__name__)


class _Head(msgspec.Struct):
    segment: str


_segment_of: Final = msgspec.json.Decoder(_Head).decode


class TooFarBackError(Exception):
    """The changes since then can no longer be sent: there are too many, or they are gone."""


class Listener:
    """One live stream. `user` None: all users; `segments` empty: all segments. `is_visitor`: with a token.

    `positions`: partition -> the offset behind what has been given out, or passed over.
    """

    def __init__(self, *, user: str | None, segments: frozenset[str], positions: Positions) -> None:
        self.user = user
        self.key = None if user is None else user.encode()
        self.segments = segments
        self.is_visitor = False
        self.positions = positions
        self.ended: str | None = None
        self.end_reached = asyncio.Event()
        self._queue: deque[tuple[int, int, bytes]] = deque()
        self._news = asyncio.Event()

    def wants(self, key: bytes | None, value: bytes | None) -> bool:
        """True if a record is for this listener."""
        if value is None or (self.key is not None and key != self.key):
            return False
        try:
            return not self.segments or _segment_of(value).segment in self.segments
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False

    def offer(self, partition: int, offset: int, value: bytes) -> None:
        """A record that it wants. With too many waiting it is ended."""
        if self.ended is None:
            if len(self._queue) >= QUEUE_MAX:
                self.end("too-slow")
                return
            self._queue.append((partition, offset, value))
            self._news.set()

    def end(self, reason: str) -> None:
        """Nothing more comes."""
        if self.ended is None:
            self.ended = reason
            self._queue.clear()
            self._news.set()
            self.end_reached.set()

    async def next(self, *, within_s: float) -> list[tuple[Positions, bytes]]:
        """Returns new changes with the positions behind each, at the latest after so many seconds; perhaps none."""
        if not self._queue and self.ended is None:
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        self._news.clear()
        found = []
        while self._queue:
            partition, offset, value = self._queue.popleft()
            if offset >= self.positions.get(partition, 0):
                self.positions[partition] = offset + 1
                found.append((dict(self.positions), value))
        return found

    def pass_over(self, read: Positions) -> None:
        """So far has been read: what was not for this listener is behind it."""
        if not self._queue:
            for partition, offset in self.positions.items():
                self.positions[partition] = max(offset, read.get(partition, 0))


class ChangesHub:
    """Follows `segment.changes` and hands out what is written, read committed where the broker can."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topics.changes
        self._positions: Positions = {}
        self._committed_only = False
        self._by_user: dict[bytes, set[Listener]] = {}
        self._of_all: set[Listener] = set()
        self._following: asyncio.Task[None] | None = None
        self._replays = asyncio.Semaphore(REPLAYS_AT_ONCE)
        self._why = "the changes are not followed yet"

    @property
    def listeners(self) -> list[Listener]:
        """All that listen now."""
        return [*self._of_all, *(each for some in self._by_user.values() for each in some)]

    @property
    def why_not_ready(self) -> str | None:
        """A reason while the topic was never read; later outages end no stream, and are no reason."""
        return None if self._positions else self._why

    def start(self) -> None:
        """Begins to follow."""
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Ends all."""
        self.end_all("the service ends")
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    def end_all(self, reason: str) -> None:
        """Every listener is told to come back later."""
        for listener in self.listeners:
            listener.end(reason)

    def partitions_of(self, user: str | None) -> list[int]:
        """Returns the partitions of a listener's changes. Problem 503 while the topic is not followed."""
        if not self._positions:
            raise Problem(503, "kafka", self._why, retry_after_s=2)
        if user is None:
            return sorted(self._positions)
        return [partition_of(user.encode(), len(self._positions))]

    def listen(self, *, user: str | None, segments: frozenset[str]) -> Listener:
        """A listener from now on; `forget` it in the end. Problem 503 with too many of them, or without Kafka."""
        partitions = self.partitions_of(user)
        if len(self.listeners) >= self._settings.stream_clients_max:
            raise Problem(503, "streams", "there are too many live streams", retry_after_s=10)
        positions = {partition: self._positions[partition] for partition in partitions}
        listener = Listener(user=user, segments=segments, positions=positions)
        if listener.key is None:
            self._of_all.add(listener)
        else:
            self._by_user.setdefault(listener.key, set()).add(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """It listens no more."""
        self._of_all.discard(listener)
        if listener.key is not None and (some := self._by_user.get(listener.key)) is not None:
            some.discard(listener)
            if not some:
                del self._by_user[listener.key]

    def pass_over(self, listener: Listener) -> None:
        """Moves a listener behind what has been read and was not for it."""
        listener.pass_over(self._positions)

    async def replay(self, listener: Listener, since: Mapping[int, int]) -> list[tuple[Positions, bytes]]:
        """Yields the listener's changes between `since` and its beginning, with the positions behind each.

        `since` may also lie ahead of this process: what was given out elsewhere does not come again. TooFarBackError
        if it cannot be told.
        """
        until = dict(listener.positions)
        reached = {partition: since.get(partition, offset) for partition, offset in until.items()}
        behind = {partition: offset for partition, offset in reached.items() if offset < until[partition]}
        listener.positions.update(
            {partition: offset for partition, offset in reached.items() if partition not in behind}
        )
        if sum(until[partition] - offset for partition, offset in behind.items()) > REPLAY_RECORDS_MAX:
            raise TooFarBackError
        found: list[tuple[Positions, bytes]] = []
        size = 0
        if not behind:
            return found
        try:
            async with asyncio.timeout(REPLAY_TIMEOUT_S), self._replays:
                client = await connect(self._settings)
                try:
                    for partition, offset in behind.items():
                        async for record in self._read(client, partition, offset, until[partition]):
                            reached[partition] = record.offset + 1
                            if not listener.wants(record.key, record.value):
                                continue
                            size += len(record.value) + len(reached) * _POSITION_BYTES
                            if size > REPLAY_BYTES_MAX:
                                raise TooFarBackError
                            found.append((dict(reached), record.value))
                        reached[partition] = until[partition]
                finally:
                    await client.close()
        except (OffsetLostError, TimeoutError, KafkaError, OSError) as error:
            raise TooFarBackError from error
        return found

    async def _read(self, client: Any, partition: int, offset: int, until: int) -> Any:
        reader = LogReader(
            client,
            topic=self._topic,
            partition=partition,
            committed_only=self._committed_only,
            bytes_max=self._settings.fetch_bytes_max,
        )
        try:
            reader.seek(offset)
            while True:
                fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
                for record in fetched.records:
                    if record.offset < until:
                        yield record
                if fetched.next_offset >= until or fetched.drained:
                    return
                await asyncio.sleep(0)
        finally:
            await reader.stop()

    async def _follow(self) -> None:
        back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=RETRY_MS_MAX)
        while True:
            try:
                consumer = await self._open()
            except Exception as error:  # noqa: BLE001  # after any error, streams need the changes again
                self._why = f"the changes cannot be read: {str(error) or repr(error)}"
                log.warning("%s; retries", self._why)
                await asyncio.sleep(back_off.failed() / 1000)
                continue
            back_off.reset()
            try:
                await self._pass_on(consumer)
            except Exception as error:  # noqa: BLE001  # as above
                log.warning("cannot read the changes, retries: %r", error)
            finally:
                await consumer.stop()
            await asyncio.sleep(back_off.failed() / 1000)

    async def _open(self) -> Consumer:
        settings = self._settings
        async with asyncio.timeout(settings.request_timeout_ms / 1000 * 2):
            client = await connect(settings)
            try:
                self._committed_only = await has_transactions(client)
                cluster = await client.fetch_all_metadata()
                if not cluster.partitions_for_topic(self._topic):
                    await ensure_topics(settings, client, specs_of(settings, self._topic))
                    cluster = await client.fetch_all_metadata()
                numbers = sorted(cluster.partitions_for_topic(self._topic) or ())
            finally:
                await client.close()
            consumer = Consumer(
                **connection(settings),
                enable_auto_commit=False,
                auto_offset_reset="latest",
                isolation_level="read_committed" if self._committed_only else "read_uncommitted",
                fetch_max_wait_ms=settings.fetch_wait_ms,
            )
            await start(consumer)
            try:
                partitions = [TopicPartition(self._topic, number) for number in numbers]
                consumer.assign(partitions)
                for tp in partitions:
                    if tp.partition in self._positions:
                        consumer.seek(tp, self._positions[tp.partition])
                    else:
                        await consumer.seek_to_end(tp)
                self._positions = {tp.partition: await consumer.position(tp) for tp in partitions}
            except BaseException:
                await consumer.stop()
                raise
            return consumer

    async def _pass_on(self, consumer: Consumer) -> None:
        while True:
            for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    self._positions[tp.partition] = record.offset + 1
                    for listener in (*self._of_all, *self._by_user.get(record.key, ())):
                        if listener.wants(record.key, record.value):
                            listener.offer(tp.partition, record.offset, record.value)
            await asyncio.sleep(0)
