"""Changes as they are written, given to whoever listens: one consumer for all of them.

What a listener gets is in the order of each partition, without gaps and without repeats, from the positions it begins
at. One who listens to a key goes along when the key moves to a user: the topic of identity events is followed, too. A
listener that does not keep up is cut off: its queue is bounded, and it comes back with the position it reached.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
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
from app.runtime.records.identity_events import read_identity
from app.service.ending import end
from app.service.http.http_problem import Problem
from app.service.live.listener import Listener, Positions
from app.service.live.redirects import path_after
from app.settings import Settings

REPLAY_RECORDS_MAX: Final = 200_000
REPLAY_BYTES_MAX: Final = 32 << 20
_POSITION_BYTES: Final = 80
REPLAY_TIMEOUT_S: Final = 20.0
REPLAYS_AT_ONCE: Final = 4
READ_RECORDS: Final = 2_000
POLL_MS: Final = 500
RETRY_MS_FIRST: Final = 1_000
RETRY_MS_MAX: Final = 10_000

log = logging.getLogger(__name__)


class TooFarBackError(Exception):
    """The changes since then can no longer be sent: there are too many, or they are gone."""


class ChangesHub:
    """Follows `segment.changes` and hands out what is written, read committed where the broker can."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topics.changes
        self._identity = settings.topics.identity
        self._positions: Positions = {}
        self._redirects: Positions = {}
        self._committed_only = False
        self._by_user: dict[bytes, set[Listener]] = {}
        self._of_all: set[Listener] = set()
        self._by_path: dict[str, set[Listener]] = {}
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
            await end(self._following)

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

    def listen(
        self,
        *,
        user: str | None,
        segments: frozenset[str],
        is_visitor: bool = False,
        follows: bool = True,
        values: Collection[str] | None = None,
    ) -> Listener:
        """A listener from now on; `forget` it in the end. Problem 503 with too many of them, or without Kafka."""
        partitions = self.partitions_of(user)
        if len(self.listeners) >= self._settings.stream_clients_max:
            raise Problem(503, "streams", "there are too many live streams", retry_after_s=10)
        positions = {partition: self._positions[partition] for partition in partitions}
        listener = Listener(
            user=user, segments=segments, positions=positions, is_visitor=is_visitor, follows=follows, values=values
        )
        self._add(listener)
        return listener

    def _add(self, listener: Listener) -> None:
        if listener.key is None:
            self._of_all.add(listener)
            return
        self._by_user.setdefault(listener.key, set()).add(listener)
        if listener.follows:
            for key in listener.path:
                self._by_path.setdefault(key, set()).add(listener)

    def forget(self, listener: Listener) -> None:
        """It listens no more."""
        self._of_all.discard(listener)
        if listener.key is not None:
            _discard(self._by_user, listener.key, listener)
            for key in listener.path:
                _discard(self._by_path, key, listener)

    def turn(self, listener: Listener, path: tuple[str, ...]) -> None:
        """From now on a listener gets the changes of the last key of the path."""
        if path != listener.path:
            self.forget(listener)
            (partition,) = self.partitions_of(path[-1])
            listener.turn_to(path, {partition: self._positions[partition]})
            self._add(listener)

    async def follow_path(self, path: tuple[str, ...], offsets: Sequence[int | None]) -> tuple[str, ...]:
        """A path of keys with what was read of the identity events since it was looked up: `offsets` are those that it
        knows of, of the partition of each key. TooFarBackError if that cannot be told."""
        pairs = zip(path, offsets, strict=True)
        known = {self.partitions_of(key)[0]: offset for key, offset in pairs if offset is not None}
        while behind := {number: at for number, at in known.items() if at < self._redirects.get(number, 0)}:
            until = {number: self._redirects[number] for number in behind}
            async with self._replaying() as client:
                for number, offset in behind.items():
                    async for record in self._read(client, self._identity, number, offset, until[number]):
                        path = _after_record(path, record.value)
            known |= until
        return path

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
        async with self._replaying() as client:
            for partition, offset in behind.items():
                async for record in self._read(client, self._topic, partition, offset, until[partition]):
                    reached[partition] = record.offset + 1
                    if not listener.wants(record.key, record.value):
                        continue
                    size += len(record.value) + len(reached) * _POSITION_BYTES
                    if size > REPLAY_BYTES_MAX:
                        raise TooFarBackError
                    found.append((dict(reached), record.value))
                reached[partition] = until[partition]
        return found

    @asynccontextmanager
    async def _replaying(self) -> AsyncIterator[Any]:
        """A client to read what was written before. Whatever keeps it from that raises TooFarBackError."""
        try:
            async with asyncio.timeout(REPLAY_TIMEOUT_S), self._replays:
                client = await connect(self._settings)
                try:
                    yield client
                finally:
                    await client.close()
        except (OffsetLostError, TimeoutError, KafkaError, OSError) as error:
            raise TooFarBackError from error

    async def _read(self, client: Any, topic: str, partition: int, offset: int, until: int) -> Any:
        reader = LogReader(
            client,
            topic=topic,
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
                topics = (self._topic, self._identity)
                if missing := [topic for topic in topics if not cluster.partitions_for_topic(topic)]:
                    await ensure_topics(settings, client, specs_of(settings, *missing))
                    cluster = await client.fetch_all_metadata()
                assigned = [
                    TopicPartition(topic, number)
                    for topic in topics
                    for number in sorted(cluster.partitions_for_topic(topic) or ())
                ]
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
                consumer.assign(assigned)
                for tp in assigned:
                    known = self._known(tp.topic)
                    if tp.partition in known:
                        consumer.seek(tp, known[tp.partition])
                    else:
                        await consumer.seek_to_end(tp)
                positions = {tp: await consumer.position(tp) for tp in assigned}
                self._redirects = {tp.partition: at for tp, at in positions.items() if tp.topic == self._identity}
                self._positions = {tp.partition: at for tp, at in positions.items() if tp.topic == self._topic}
            except BaseException:
                await consumer.stop()
                raise
            return consumer

    async def _pass_on(self, consumer: Consumer) -> None:
        while True:
            for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                positions, is_identity = self._known(tp.topic), tp.topic == self._identity
                for record in records:
                    positions[tp.partition] = record.offset + 1
                    if is_identity:
                        self._redirect(record.value)
                        continue
                    for listener in (*self._of_all, *self._by_user.get(record.key, ())):
                        if listener.wants(record.key, record.value):
                            listener.offer(tp.partition, record.offset, record.value)
            await asyncio.sleep(0)

    def _known(self, topic: str) -> Positions:
        """The positions reached in a topic."""
        return self._redirects if topic == self._identity else self._positions

    def _redirect(self, value: bytes | None) -> None:
        """A record of the identity topic: who listens to its key turns to where that has moved."""
        try:
            event = None if value is None else read_identity(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if event is not None:
            for listener in tuple(self._by_path.get(event.source, ())):
                self.turn(listener, path_after(listener.path, event))


def _after_record(path: tuple[str, ...], value: bytes | None) -> tuple[str, ...]:
    try:
        return path if value is None else path_after(path, read_identity(value))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return path


def _discard(groups: dict[Any, set[Listener]], name: Any, listener: Listener) -> None:
    """Takes a listener out of a group, and the group away if it is empty."""
    if (group := groups.get(name)) is not None:
        group.discard(listener)
        if not group:
            del groups[name]
