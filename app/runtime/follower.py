"""The Faust application of a process that follows topics: memberships, destinations, intake.

Group membership, agents and the worker are Faust's. Each assigned partition is read by a `FollowTask` from a position
of its own, so that what was done and how far it is are one thing, wherever that is kept.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from aiokafka.client import AIOKafkaClient
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, StreamT

from app.runtime.faust.partitions import PartitionsConsumer
from app.runtime.faust.process import Process
from app.runtime.faust.schema import BatchSchema
from app.runtime.follow.follow_task import Deliver, FollowTask
from app.runtime.follow.followed_batch import FollowedBatch
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.process.watchdog import Sight
from app.settings import Settings

log = logging.getLogger(__name__)

NewTask = Callable[["Follower", TP, Deliver], FollowTask]
Prepare = Callable[["Follower", AIOKafkaClient], Awaitable[None]]


class Consumer(PartitionsConsumer[FollowTask, None]):
    """A `FollowTask` for each assigned partition."""

    app: Any

    @property
    def topics(self) -> frozenset[str]:
        """All that the application follows."""
        return frozenset(self.app.followed)

    def new_task(self, tp: TP, kept: None) -> FollowTask:
        """Nothing is kept between assignments: positions are where the work is."""
        task: FollowTask = self.app.new_task(self.app, tp, self._hand_over)
        return task

    async def _hand_over(self, tp: TP, batch: FollowedBatch, offset: int) -> None:
        await self.deliver(tp, batch, offset=offset)


class Transport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = Consumer


class Follower(Process):
    """`role` names the process: its consumer group is the deployment's name and the role.

    prepare: called once before anything starts, with a connected client; raises UserError. resources: what lives as
    long as the process does.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        role: str,
        topics: Sequence[str],
        new_task: NewTask,
        prepare: Prepare,
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
    ) -> None:
        super().__init__(f"{settings.app_id}-{role}", settings)
        self.role = role
        self.metrics = ReaderMetrics()
        self.followed = tuple(topics)
        self.new_task = new_task
        self.committed_only = False
        self._prepare = prepare
        self._resources = resources
        self._open = AsyncExitStack()

    def add_agent(self, body: Callable[[StreamT[FollowedBatch]], Awaitable[None]]) -> None:
        """The agent that gets the batches of all that is followed."""
        channel = self.topic(*self.followed, acks=False, schema=BatchSchema())
        self.agent(channel, name=self.role)(body)

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    async def on_first_start(self) -> None:
        """Is the broker there, are the topics right, can the rest be opened? Raises UserError."""
        settings = self.settings
        client = await wait_for_broker(settings)
        try:
            self.committed_only = await has_transactions(client)
            await self._prepare(self, client)
        finally:
            await client.close()
        for resource in self._resources:
            await self._open.enter_async_context(resource)
        self._show_health(self.metrics)
        log.info("%s follows %s at %s", self.role, ", ".join(self.followed), settings.kafka_bootstrap_servers)
        await super().on_first_start()

    async def on_start(self) -> None:
        """The process starts."""
        await super().on_start()
        self._begin_watching()

    async def on_stop(self) -> None:
        """The process ends: partitions first, then the rest."""
        await super().on_stop()
        self._end_watching()
        await self._open.aclose()
        self._hide_health()

    @property
    def tasks(self) -> list[FollowTask]:
        """The partitions of this process, in order."""
        consumer: Any = self._consumer
        return [] if consumer is None else [consumer.partitions[tp] for tp in sorted(consumer.partitions)]

    def _why_partitions_are_not_ready(self) -> str | None:
        """See `Process`."""
        return next((f"{task.name} {task.why_not_ready}" for task in self.tasks if task.why_not_ready), None)

    def _sights(self) -> tuple[float, Sequence[Sight]]:
        """Returns no partitions: what is followed may stand still for hours, so only the loop is watched."""
        return 0.0, ()
