"""The world as it is: asyncio, Kafka, the agent behind Faust."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka.client import AIOKafkaClient

from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_reader import LogReader
from app.runtime.partition.environment import Connection, Handle, WorkFailedError
from app.runtime.partition.micro_batch import MicroBatch
from app.segments.partition.partition import Batch, Partition
from app.settings import Settings

CLOSE_S = 1.0

T = TypeVar("T")


class AsyncioHandle:
    """An asyncio task."""

    def __init__(self, life: Coroutine[Any, Any, None], name: str) -> None:
        self.task = asyncio.create_task(life, name=name)

    @property
    def done(self) -> bool:
        """See `Handle`."""
        return self.task.done()

    @property
    def error(self) -> BaseException | None:
        """See `Handle`."""
        return self.task.exception() if self.task.done() and not self.task.cancelled() else None

    async def wait(self, limit_ms: float) -> None:
        """See `Handle`."""
        await asyncio.wait([self.task], timeout=limit_ms / 1000)

    def cancel(self) -> None:
        """See `Handle`."""
        self.task.cancel()


class KafkaConnection:
    """A client of its own, for reading."""

    def __init__(self, client: AIOKafkaClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def log(self, topic: str, partition: int, *, committed_only: bool, on_progress: Callable[[], None]) -> LogReader:
        """See `Connection`."""
        return LogReader(
            self._client,
            topic=topic,
            partition=partition,
            committed_only=committed_only,
            bytes_max=self._settings.fetch_bytes_max,
            on_progress=on_progress,
        )

    async def close(self) -> None:
        """See `Connection`."""
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_S):
                await self._client.close()


class AsyncioEnvironment:
    """See `Environment`. `deliver` hands a batch to the agent, `still_member` asks the group."""

    def __init__(
        self,
        settings: Settings,
        *,
        deliver: Callable[[MicroBatch], Awaitable[None]],
        still_member: Callable[[], Awaitable[bool]],
    ) -> None:
        self._settings = settings
        self._deliver = deliver
        self._still_member = still_member

    def now_s(self) -> float:
        """See `Environment`."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """See `Environment`."""
        return int(time.time() * 1000)

    def spawn(self, life: Coroutine[Any, Any, None], *, name: str) -> Handle:
        """See `Environment`."""
        return AsyncioHandle(life, name)

    async def within(self, what: Awaitable[T], *, limit_ms: float) -> T:
        """See `Environment`."""
        async with asyncio.timeout(limit_ms / 1000):
            return await what

    async def pause(self, ms: float) -> None:
        """See `Environment`."""
        await asyncio.sleep(ms / 1000)

    async def connect(self) -> Connection:
        """See `Environment`."""
        async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
            client = await connect(self._settings)
        return KafkaConnection(client, self._settings)

    async def work(
        self,
        core: Partition,
        *,
        partition: int,
        offset: int,
        records: Sequence[Any] = (),
        clock_ms: int | None = None,
        sweep: int = 0,
        closely: bool = False,
    ) -> Batch:
        """See `Environment`."""
        batch = MicroBatch(core, partition=partition, offset=offset, records=records, clock_ms=clock_ms, sweep=sweep)
        batch.closely = closely
        try:
            async with asyncio.timeout(self._settings.batch_timeout_ms / 1000):
                await self._deliver(batch)
                return await batch.finished()
        except Exception as error:
            raise WorkFailedError(batch.suspect, batch.handed_out) from error

    async def still_member(self) -> bool:
        """See `Environment`."""
        return await self._still_member()
