"""Reads whole partitions for a verification, without a consumer group, and the progress of the workers."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app.errors import UserError
from app.runtime.kafka.clients import connection, has_transactions, start, wait_for_broker
from app.runtime.kafka.closing import Client, Consumer
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.records.envelope import POSITION_KEY, Reached, StoredPosition, decode_position
from app.runtime.records.journal import JournalEntry, decode_entry
from app.segments.partition.position import read_position
from app.settings import Settings

_RECORDS_MAX = 20_000
_FOLLOW_WAIT_MS = 100
_TAIL_RECORDS = 1_000
NOWHERE = Reached(0, -1)


class Cluster:
    """The topics of one deployment, for as long as the `async with` block lasts. UserError where they are not there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.topics = settings.topics
        self.partitions = 0
        self._client: Client | None = None
        self._committed_only = False

    async def __aenter__(self) -> "Cluster":
        client = self._client = await wait_for_broker(self._settings)
        try:
            metadata = await client.fetch_all_metadata()
            for name in (self.topics.clickstream, self.topics.profiles, self.topics.journal, self.topics.changes):
                found = metadata.partitions_for_topic(name)
                if not found:
                    raise UserError(
                        f"there is no topic {name} at {self._settings.kafka_bootstrap_servers}",
                        hint="a worker creates its topics when it starts: shoal worker",
                    )
                if self.partitions and len(found) != self.partitions:
                    raise UserError(
                        f"the topic {name} has {len(found)} partitions, {self.topics.clickstream} has {self.partitions}"
                    )
                self.partitions = len(found)
            self._committed_only = await has_transactions(client)
        except BaseException:
            await client.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        await self._client.close()

    async def has_topic(self, name: str) -> bool:
        """True if there is a topic of this name now, as far as this client may know of it."""
        assert self._client is not None, "not entered"
        return bool((await self._client.fetch_all_metadata()).partitions_for_topic(name))

    @property
    def committed_only(self) -> bool:
        """True if the broker has transactions, so that what was never committed is not read."""
        return self._committed_only

    def reader(self, topic: str, partition: int, *, bytes_max: int | None = None, open_too: bool = False) -> LogReader:
        """A reader of one partition, at offset 0. `bytes_max`: of a fetch, in place of the setting.

        `open_too`: transactions that are not committed yet are read as well.
        All readers share one connection, on which a broker answers one request after the other: none may wait for what
        is not there yet.
        """
        assert self._client is not None, "not entered"
        return LogReader(
            self._client,
            topic=topic,
            partition=partition,
            committed_only=self._committed_only and not open_too,
            bytes_max=bytes_max or self._settings.fetch_bytes_max,
        )

    async def read(
        self, topic: str, partition: int, *, begin: int | None = None, until: int | None = None
    ) -> AsyncIterator[list[Any]]:
        """All records of a partition from its beginning, or from offset `begin`, to before `until`, in lists.

        UserError if `begin` is gone, or the partition's beginning where only `until` is given: nothing can be computed
        from the rest.
        """
        reader = self.reader(topic, partition)
        earliest = await reader.earliest()
        if begin is not None and earliest > begin:
            raise UserError(
                f"{topic} partition {partition} begins at offset {earliest}, the snapshot needs it from {begin}",
                hint="retention has deleted the records between: verify from a newer snapshot",
            )
        if begin is None and until is not None and earliest > 0:
            raise UserError(
                f"{topic} partition {partition} begins at offset {earliest}: earlier records are missing",
                hint="only a complete topic (retention.ms = -1) can be verified from its beginning; what was written "
                "after a snapshot: shoal verify --since SNAPSHOT",
            )
        reader.seek(earliest if begin is None else begin)
        try:
            while True:
                fetched = await reader.read(records_max=_RECORDS_MAX, wait_ms=1)
                if until is None:
                    records = fetched.records
                    ended = fetched.drained
                else:
                    records = [record for record in fetched.records if record.offset < until]
                    ended = fetched.drained or fetched.next_offset >= until
                if records:
                    yield records
                if ended:
                    return
        finally:
            await reader.stop()

    async def follow(self, topic: str) -> AsyncIterator[tuple[int, list[Any]]]:
        """The records of all partitions from their beginnings, and of what comes, for ever: partition and records.

        It has connections of its own, and one request waits for all partitions of a broker.
        """
        consumer = Consumer(
            **connection(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed" if self._committed_only else "read_uncommitted",
            fetch_max_wait_ms=_FOLLOW_WAIT_MS,
            max_partition_fetch_bytes=self._settings.fetch_bytes_max,
            check_crcs=False,
        )
        await start(consumer)
        try:
            partitions = [TopicPartition(topic, number) for number in range(self.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            while True:
                fetched = await consumer.getmany(timeout_ms=_FOLLOW_WAIT_MS, max_records=_RECORDS_MAX)
                for tp, records in fetched.items():
                    yield tp.partition, records
                await asyncio.sleep(0)
        finally:
            await consumer.stop()

    async def settled(self, topic: str, partition: int, *, wait_s: float) -> bool:
        """Returns when all that a partition holds now is committed or aborted, or False after `wait_s`.

        A commit reaches one partition before another: what was written together with a position may still be open
        when the position can be read.
        """
        end = await self.end_offset(topic, partition, open_too=True)
        deadline_s = time.monotonic() + wait_s
        while True:
            if await self.end_offset(topic, partition) >= end:
                return True
            if time.monotonic() >= deadline_s:
                return False
            await asyncio.sleep(_FOLLOW_WAIT_MS / 1000)

    async def journal(self, partition: int, *, begin: int | None = None) -> list[JournalEntry]:
        """The journal of a partition, whole or from an offset on."""
        return [
            decode_entry(record.value)
            async for records in self.read(self.topics.journal, partition, begin=begin)
            for record in records
            if record.value is not None
        ]

    async def earliest(self, topic: str, partition: int) -> int:
        """The first offset that a partition still holds."""
        return await self.reader(topic, partition).earliest()

    async def records_end(self, topic: str, partition: int) -> int:
        """The offset behind the last record that can be read now: behind it only ends of transactions may stand."""
        end, step = await self.end_offset(topic, partition), _TAIL_RECORDS
        reader = self.reader(topic, partition)
        try:
            first = await reader.earliest()
            begin = end
            while begin > first:
                begin = max(first, begin - step)
                step *= 4
                last = await _last_before(reader, begin, end)
                if last is not None:
                    return last + 1
        finally:
            await reader.stop()
        return 0

    async def end_offset(self, topic: str, partition: int, *, open_too: bool = False) -> int:
        """The offset behind the last record now; taken from a fetch, which every broker answers truly.

        `open_too`: also behind those of transactions that are not committed yet.
        """
        reader = self.reader(
            topic, partition, bytes_max=1, open_too=open_too
        )  # the answer contains the end, with or without records
        offset = await reader.earliest()
        while True:
            reader.seek(offset)
            try:
                return (await reader.read(records_max=1, wait_ms=1)).end_offset
            except OffsetLostError:  # retention moved the beginning meanwhile
                offset = await reader.earliest()
            finally:
                await reader.stop()


async def _last_before(reader: LogReader, begin: int, end: int) -> int | None:
    """The last offset of a record from `begin` to before `end`; None if there is none."""
    reader.seek(begin)
    last = None
    while True:
        fetched = await reader.read(records_max=_RECORDS_MAX, wait_ms=1)
        offsets = [record.offset for record in fetched.records if record.offset < end]
        last = offsets[-1] if offsets else last
        if fetched.drained or fetched.next_offset >= end:
            return last


class Positions:
    """Follows how far each partition has come, and under which catalog, by the position records in the changelog."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._reached = dict.fromkeys(range(cluster.partitions), NOWHERE)
        self._versions: dict[int, str] = {}
        self._following: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self.moves = 0

    def __getitem__(self, partition: int) -> Reached:
        return self._reached[partition]

    def version(self, partition: int) -> str | None:
        """The version of the catalog with which the partition has come there; None before its first commit."""
        return self._versions.get(partition)

    async def __aenter__(self) -> "Positions":
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        following = self._following
        assert following is not None
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    async def moved(self, timeout_s: float) -> None:
        """Returns when any partition has moved since the last call, at the latest after `timeout_s`.

        Raises UserError if they cannot be followed.
        """
        assert self._following is not None, "not entered"
        waiting = asyncio.create_task(self._moved.wait())
        try:
            await asyncio.wait([waiting, self._following], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        self._moved.clear()
        if self._following.done():
            self._following.result()

    async def _follow(self) -> None:
        topic = self._cluster.topics.profiles
        try:
            async for partition, records in self._cluster.follow(topic):
                for record in records:
                    if record.key == POSITION_KEY and record.value is not None:
                        self._take(partition, decode_position(record.value))
        except (KafkaError, OSError) as error:
            raise UserError(f"cannot follow {topic}: {error}") from error

    def _take(self, partition: int, stored: StoredPosition) -> None:
        """A position; where timers are overdue not all that it has come to is written: a later one counts."""
        if stored.reached >= self._reached[partition]:
            self.moves += 1
            self._moved.set()
            own = read_position(stored.position)
            if stored.reached.clock_ms >= own.clock_ms:
                self._reached[partition] = stored.reached
                self._versions[partition] = own.version
