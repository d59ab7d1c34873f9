"""An open loop: record batches that were built before, each sent when it is due, whatever became of those before."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer

from app.runtime.kafka.clients import connection, start
from app.settings import Settings
from app.simulation.record import Record

TICK_S: Final = 0.02
BATCH_BYTES_MAX: Final = 1 << 20


class OpenLoop:
    """Sends to the partitions of one topic. Use with `async with`: first `build`, then `send`.

    Each partition has a producer of its own, since a producer has but one request under way. `lags_s` says for each
    batch when it was due (seconds after the beginning), and how much later its producer was given it: this process was
    late, or had to wait until the broker took the batch before, since two of a partition are never under way together.
    """

    def __init__(self, settings: Settings) -> None:
        self.lags_s: list[tuple[float, float]] = []
        self._settings = settings
        self._producers: list[Any] = []
        self._built: list[list[tuple[int, Any]]] = [[] for _ in range(settings.partitions)]
        self._answers: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Self:
        for _ in self._built:
            producer = AIOKafkaProducer(
                **connection(self._settings), acks="all", linger_ms=0, max_batch_size=BATCH_BYTES_MAX
            )
            await start(producer)
            self._producers.append(producer)
            await producer.partitions_for(self._settings.topics.clickstream)  # the first batch waits for no metadata
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(producer.stop() for producer in self._producers))

    def build(self, ticks: Iterable[Sequence[Record]]) -> int:
        """Builds the batches of each tick of `TICK_S`, one a partition, and returns them with the number of records."""
        records = 0
        for tick, due in enumerate(ticks):
            open_batches: dict[int, Any] = {}
            for partition, key, value, timestamp_ms in due:
                if partition not in open_batches:
                    open_batches[partition] = self._producers[partition].create_batch()
                appended = open_batches[partition].append(key=key, value=value, timestamp=timestamp_ms)
                assert appended is not None, "more than a batch holds is due at once"
                records += 1
            for partition, batch in open_batches.items():
                batch.close()
                self._built[partition].append((tick, batch))
        return records

    async def send(self, began_s: float) -> None:
        """Sends what was built, the first tick at `began_s` (of `time.perf_counter`); until all is acknowledged."""
        await asyncio.gather(*(self._send(partition, began_s) for partition in range(len(self._built))))
        await asyncio.gather(*self._answers)

    async def _send(self, partition: int, began_s: float) -> None:
        topic, producer = self._settings.topics.clickstream, self._producers[partition]
        for tick, batch in self._built[partition]:
            due_s = tick * TICK_S
            await pause(began_s + due_s - time.perf_counter())
            self.lags_s.append((due_s, time.perf_counter() - began_s - due_s))
            self._answers.append(await producer.send_batch(batch, topic, partition=partition))


async def pause(for_s: float) -> None:
    """The pace of the writing: nothing is waited for. At once, if the time has come."""
    if for_s > 0:
        over = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(for_s, over.set_result, None)
        try:
            await over
        finally:
            timer.cancel()
