"""Faust's seam for partitions that are read without Faust: group membership stays Faust's, what is read is ours.

Faust's consumer joins the group and learns the assignment; it never reads our topics itself. Each assigned partition
of them gets a task, which reads with a client of its own and hands whole batches to the agent through Faust's
conductor. All other topics go Faust's own way.
"""

import asyncio
import logging
import time
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from aiokafka.errors import KafkaError
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from app.settings import Settings

LOOK_S = 0.25
SOURCE_COMMIT_S = 1.0

log = logging.getLogger(__name__)

KeptT = TypeVar("KeptT")
KeptT_co = TypeVar("KeptT_co", covariant=True)


class CountsRebalances(Protocol):
    """Listener that counts rebalances."""

    def rebalanced(self) -> None:
        """Partitions were assigned."""


class Task(Protocol[KeptT_co]):
    """Task that works on one assigned partition. `source_offset`: its position, for lag tools; None: not known."""

    source_offset: int | None

    async def stop(self, *, wait_ms: int) -> KeptT_co | None:
        """Ends within about `wait_ms`; gives back what is worth keeping, should the partition come again."""


TaskT = TypeVar("TaskT", bound=Task[Any])


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread for group membership. Our partitions are paused in it from the start."""

    consumer: "PartitionsConsumer[Any, Any]"

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Called in this thread in a rebalance, before the main thread is."""
        ours = [TopicPartition(*tp) for tp in assigned if self.consumer.is_ours(tp)]
        if ours:
            self._ensure_consumer().pause(*ours)
        await super().on_partitions_assigned(assigned, generation_id)

    def partitions_of(self, topic: str) -> int:
        """Number of partitions of a topic, as far as this consumer knows."""
        return len(self._ensure_consumer()._client.cluster.partitions_for_topic(topic) or ())

    async def commit_for_tools(self, offsets: dict[TP, int]) -> None:
        """Commits offsets to the group, for lag tools and scalers only: nothing here ever reads them."""
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        with suppress(KafkaError):
            await consumer.commit(
                {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items() if tp in assigned}
            )

    async def still_member(self) -> bool:
        """True if the group's coordinator says so, now; False also if it does not answer, or is about to rebalance."""
        coordinator: Any = self._ensure_consumer()._coordinator
        request = HeartbeatRequest(coordinator.group_id, coordinator.generation, coordinator.member_id)
        with suppress(KafkaError):
            await coordinator.ensure_coordinator_known()
            return bool((await coordinator._send_req(request)).error_code == 0)
        return False


class PartitionsConsumer(driver.Consumer, Generic[TaskT, KeptT]):
    """Runs one task for each assigned partition of the topics that are ours."""

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: Any = self.app
        self._settings: Settings = app.settings
        self._metrics: CountsRebalances = app.metrics
        self.partitions: dict[TP, TaskT] = {}
        self._kept: dict[TP, KeptT] = {}
        self._look = asyncio.Event()
        self._told: dict[TP, int] = {}

    @property
    @abstractmethod
    def topics(self) -> frozenset[str]:
        """The topics that are ours."""

    @abstractmethod
    def new_task(self, tp: TP, kept: KeptT | None) -> TaskT:
        """Begins the work on a partition."""

    def look_after(self) -> None:
        """Called a few times a second. What it raises ends the worker."""

    def is_ours(self, tp: TP) -> bool:
        """True if Shoal reads this partition, and not Faust."""
        return tp.topic in self.topics

    # ------------------------------------------------------------ Faust's seams

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Our tasks know their positions themselves: Faust seeks only what is left."""
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

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's look at what its consumer fetches: of our partitions that is nothing, and no error."""
        if not self.is_ours(tp):
            self._thread.verify_event_path(now, tp)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Called once the first assignment is complete; ends with the worker."""
        tasks = [asyncio.ensure_future(self._run_partitions(fetcher)), asyncio.ensure_future(self._tell_offsets())]
        conductor: Any = self.app.topics
        if any(topic not in self.topics for topic in conductor._topic_name_index):
            tasks.append(asyncio.ensure_future(super()._drain_messages(fetcher)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            # Faust's fetcher treats a cancellation during a rebalance as a crash, also while the worker is stopping.
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
            log.info("released %d partitions in %.0f ms", had, (time.perf_counter() - began_s) * 1000)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """The group gave partitions to this worker."""
        for topic in sorted(self.topics):
            ours = sorted(tp.partition for tp in assigned if tp.topic == topic)
            there = self._thread.partitions_of(topic)
            log.info("assigned %d of %d partitions of %s: %s", len(ours), there, topic, _ranges(ours))
        self._metrics.rebalanced()
        await super().on_partitions_assigned(assigned, generation_id)

    # ------------------------------------------------------------ partitions

    async def _run_partitions(self, fetcher: Any) -> None:
        """Starts a task for each partition, as soon as Faust has built what delivers to agents."""
        while not (self.should_stop or fetcher.should_stop):
            if self.flow_active and not self.app.rebalancing:
                for tp in sorted(self._get_active_partitions()):
                    if self.is_ours(tp) and tp not in self.partitions:
                        kept = self._kept.pop(tp, None)
                        self.partitions[tp] = self.new_task(tp, kept)
                self._kept.clear()
            self.look_after()
            self._look.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()

    async def _stop_partitions(self) -> None:
        stopping, self.partitions = self.partitions, {}
        wait_ms = self._settings.drain_timeout_ms
        results = await asyncio.gather(*(task.stop(wait_ms=wait_ms) for task in stopping.values()))
        self._kept = {tp: kept for tp, kept in zip(stopping, results, strict=True) if kept is not None}

    async def still_member(self) -> bool:
        """True if the group says, now, that the assignment still holds; False also if nobody answers in time."""
        thread = self._thread
        asking = asyncio.run_coroutine_threadsafe(thread.still_member(), thread.thread_loop)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                return await asyncio.wrap_future(asking)
        return False

    async def deliver(self, tp: TP, batch: Any, *, offset: int) -> None:
        """Hands a batch to the agent, as one message of its partition."""
        generation_id = self.app.consumer_generation_id
        # key, value, checksum and sizes: the value is the batch itself, and the rest is not used
        message = ConsumerMessage(
            tp.topic, tp.partition, offset, 0.0, 0, [], None, batch, None, 0, 0, tp, generation_id=generation_id
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
                async with asyncio.timeout(SOURCE_COMMIT_S * 5):
                    await asyncio.wrap_future(telling)


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
