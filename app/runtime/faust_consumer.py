"""Faust's seam for micro-batches: group membership stays Faust's, the partitions of the clickstream become ours.

Faust's consumer joins the group and learns the assignment; it never reads the clickstream itself. Each assigned
partition of it gets a `PartitionTask`, which reads with a client of its own and hands whole batches to the agent
through Faust's conductor. All other topics go Faust's own way.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from app.runtime.micro_batch import MicroBatch
from app.runtime.partition_state import PartitionState
from app.runtime.partition_task import PartitionTask
from app.runtime.workshop import Workshop

LOOK_S = 0.25
SOURCE_COMMIT_S = 1.0

log = logging.getLogger(__name__)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread for group membership. Partitions of the clickstream are paused in it from the start."""

    consumer: "Consumer"

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Called in this thread in a rebalance, before the main thread is."""
        ours = [TopicPartition(*tp) for tp in assigned if self.consumer.is_ours(tp)]
        if ours:
            self._ensure_consumer().pause(*ours)
        await super().on_partitions_assigned(assigned, generation_id)

    async def commit_for_tools(self, offsets: dict[TP, int]) -> None:
        """Commits offsets to the group, for lag tools and scalers only: nothing here ever reads them."""
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        with suppress(KafkaError):
            await consumer.commit(
                {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items() if tp in assigned}
            )


class Consumer(driver.Consumer):
    """Runs one task for each assigned partition of the clickstream."""

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: Any = self.app
        self.workshop: Workshop = app.make_workshop(self._deliver)
        self.partitions: dict[TP, PartitionTask] = {}
        self._kept: dict[TP, PartitionState] = {}
        self._look = asyncio.Event()
        self._told: dict[TP, int] = {}

    def is_ours(self, tp: TP) -> bool:
        """Whether Shoal reads this partition, and not Faust."""
        return bool(tp.topic == self.workshop.settings.topics.clickstream)

    # ------------------------------------------------------------ Faust's seams

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Positions of the clickstream come from the changelog: Faust seeks only what is left."""
        if any(not self.is_ours(tp) for tp in self.assignment()):
            await super().perform_seek()

    def resume_flow(self) -> None:
        """The rebalance is over."""
        super().resume_flow()
        self._look.set()

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109  # Faust's
        others = {tp for tp in active_partitions or () if not self.is_ours(tp)}
        if not others:
            await self.sleep(LOOK_S)
            return {}
        return await super()._getmany(others, timeout)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Called once the first assignment is complete; ends with the worker."""
        tasks = [asyncio.ensure_future(self._run_partitions(fetcher)), asyncio.ensure_future(self._tell_offsets())]
        conductor: Any = self.app.topics
        if any(topic != self.workshop.settings.topics.clickstream for topic in conductor._topic_name_index):
            tasks.append(asyncio.ensure_future(super()._drain_messages(fetcher)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            # Faust's fetcher takes a cancellation during a rebalance for a crash, also when the worker is told to end.
            if not (self.should_stop or fetcher.should_stop or self.app.should_stop):
                raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stop_partitions()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """First our tasks end, bounded in time; then Faust clears its queues. Rebalances are eager: all go."""
        began_s = time.perf_counter()
        had = len(self.partitions)
        await self._stop_partitions()
        if had:
            log.info("gave back %d partitions in %.0f ms", had, (time.perf_counter() - began_s) * 1000)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """The group gave partitions to this worker."""
        ours = sorted(tp.partition for tp in assigned if self.is_ours(tp))
        log.info("assigned %d of %d partitions: %s", len(ours), self.workshop.settings.partitions, _ranges(ours))
        self.workshop.metrics.rebalanced()
        await super().on_partitions_assigned(assigned, generation_id)

    # ------------------------------------------------------------ partitions

    async def _run_partitions(self, fetcher: Any) -> None:
        """Starts a task for each partition, as soon as Faust has built what delivers to agents."""
        while not (self.should_stop or fetcher.should_stop):
            if self.flow_active and not self.app.rebalancing:
                for tp in sorted(self._get_active_partitions()):
                    if self.is_ours(tp) and tp not in self.partitions:
                        kept = self._kept.pop(tp, None)
                        self.partitions[tp] = PartitionTask(tp.partition, self.workshop, kept=kept)
                self._kept.clear()
            self._look.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_S)

    async def _stop_partitions(self) -> None:
        stopping, self.partitions = self.partitions, {}
        wait_ms = self.workshop.settings.drain_timeout_ms
        results = await asyncio.gather(*(task.stop(wait_ms=wait_ms) for task in stopping.values()))
        self._kept = {tp: kept for tp, kept in zip(stopping, results, strict=True) if kept is not None}

    async def _deliver(self, batch: MicroBatch) -> None:
        """Hands a batch to the agent, as one message of its partition."""
        tp = TP(self.workshop.settings.topics.clickstream, batch.partition)
        generation_id = self.app.consumer_generation_id
        # key, value, checksum and sizes: the value is the batch itself, and nobody looks at the rest
        value: Any = batch
        message = ConsumerMessage(
            tp.topic, tp.partition, batch.offset, 0.0, 0, [], None, value, None, 0, 0, tp, generation_id=generation_id
        )
        await self.callback(message)

    async def _tell_offsets(self) -> None:
        while True:
            await asyncio.sleep(SOURCE_COMMIT_S)
            now = {tp: task.source_offset for tp, task in self.partitions.items() if task.source_offset is not None}
            news = {tp: offset for tp, offset in now.items() if self._told.get(tp) != offset}
            if not news:
                continue
            self._told |= news
            thread = self._thread
            telling = asyncio.run_coroutine_threadsafe(thread.commit_for_tools(news), thread.thread_loop)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(telling), SOURCE_COMMIT_S * 5)


class Transport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = Consumer


def _ranges(numbers: Iterable[int]) -> str:
    """Numbers in ascending order, runs of them shortened.

    >>> _ranges([0, 1, 2, 5, 7, 8])
    '0-2 5 7-8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) or "none"
