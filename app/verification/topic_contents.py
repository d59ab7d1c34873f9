"""What a verification reads of Kafka: whole partitions, without a consumer group, and how far the workers are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from app.errors import UserError
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.records.envelope import POSITION_KEY, Reached, decode_position
from app.runtime.records.journal import JournalEntry, decode_entry
from app.segments.partition.position import read_position
from app.settings import Settings

_RECORDS_MAX = 20_000
_FOLLOW_WAIT_MS = 100
NOWHERE = Reached(0, -1)


class Cluster:
    """The topics of one deployment, for as long as the `async with` block lasts. UserError where they are not there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.topics = settings.topics
        self.partitions = 0
        self._client: AIOKafkaClient | None = None
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
                        hint="a worker makes its topics when it starts: shoal worker",
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

    def reader(self, topic: str, partition: int) -> LogReader:
        """A reader of one partition, at offset 0."""
        assert self._client is not None, "not entered"
        return LogReader(
            self._client,
            topic=topic,
            partition=partition,
            committed_only=self._committed_only,
            bytes_max=self._settings.fetch_bytes_max,
        )

    async def read(self, topic: str, partition: int, *, until: int | None = None) -> AsyncIterator[list[Any]]:
        """All records of a partition from its beginning, or those before offset `until`, in lists.

        UserError if the partition's beginning is gone and `until` is asked for: nothing can be computed from the rest.
        """
        reader = self.reader(topic, partition)
        earliest = await reader.earliest()
        if until is not None and earliest > 0:
            raise UserError(
                f"{topic} partition {partition} begins at offset {earliest}: what was before is gone",
                hint="only a topic that is kept whole can be verified (retention.ms = -1)",
            )
        reader.seek(earliest)
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

    async def follow(self, topic: str, partition: int) -> AsyncIterator[bytes]:
        """The values of a partition from its beginning, and of what comes, for ever."""
        reader = self.reader(topic, partition)
        reader.seek(await reader.earliest())
        try:
            while True:
                fetched = await reader.read(records_max=_RECORDS_MAX, wait_ms=_FOLLOW_WAIT_MS)
                for record in fetched.records:
                    if record.value is not None:
                        yield record.value
        finally:
            await reader.stop()

    async def journal(self, partition: int) -> list[JournalEntry]:
        """The whole journal of a partition."""
        return [
            decode_entry(record.value)
            async for records in self.read(self.topics.journal, partition)
            for record in records
            if record.value is not None
        ]

    async def end_offset(self, topic: str, partition: int) -> int:
        """The offset behind the last record now; taken from a fetch, which every broker answers truly."""
        reader = self.reader(topic, partition)
        offset = await reader.earliest()
        while True:
            reader.seek(offset)
            try:
                return (await reader.read(records_max=1, wait_ms=1)).end_offset
            except OffsetLostError:  # retention moved the beginning meanwhile
                offset = await reader.earliest()
            finally:
                await reader.stop()


class Positions:
    """Follows how far each partition has come, and under which catalog, by the position records in the changelog."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._reached = dict.fromkeys(range(cluster.partitions), NOWHERE)
        self._versions: dict[int, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        self.moves = 0

    def __getitem__(self, partition: int) -> Reached:
        return self._reached[partition]

    def version(self, partition: int) -> str | None:
        """The version of the catalog with which the partition has come there; None before its first commit."""
        return self._versions.get(partition)

    async def __aenter__(self) -> "Positions":
        self._tasks = [asyncio.create_task(self._follow(partition)) for partition in self._reached]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def moved(self, timeout_s: float) -> None:
        """Returns when any partition has moved since the last call, at the latest after `timeout_s`.

        Raises what a follower has met.
        """
        waiting = asyncio.create_task(self._moved.wait())
        try:
            done, _ = await asyncio.wait(
                [waiting, *self._tasks], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
        self._moved.clear()
        for task in done - {waiting}:
            task.result()

    async def _follow(self, partition: int) -> None:
        reader = self._cluster.reader(self._cluster.topics.profiles, partition)
        try:
            reader.seek(await reader.earliest())
            while True:
                fetched = await reader.read(records_max=_RECORDS_MAX, wait_ms=_FOLLOW_WAIT_MS)
                for record in fetched.records:
                    if record.key == POSITION_KEY and record.value is not None:
                        stored = decode_position(record.value)
                        if stored.reached >= self._reached[partition]:
                            self._reached[partition] = stored.reached
                            self._versions[partition] = read_position(stored.position).version
                            self.moves += 1
                            self._moved.set()
        except (KafkaError, OffsetLostError) as error:
            raise UserError(f"cannot follow {self._cluster.topics.profiles}[{partition}]: {error}") from error
        finally:
            await reader.stop()
