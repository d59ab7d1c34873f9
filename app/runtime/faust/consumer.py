"""Faust's consumer of a worker: a `PartitionTask` for each assigned partition of the clickstream."""

from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from app.runtime.faust.partitions import PartitionsConsumer
from app.runtime.partition.micro_batch import MicroBatch
from app.runtime.partition.partition_context import PartitionContext
from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask


class Consumer(PartitionsConsumer[PartitionTask, PartitionState]):
    """Faust's consumer with a `PartitionTask` for each assigned partition of the clickstream."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: Any = self.app
        self.context: PartitionContext = app.make_workshop(self._deliver, self.still_member)

    @property
    def topics(self) -> frozenset[str]:
        """The clickstream."""
        return frozenset((self._settings.topics.clickstream,))

    def new_task(self, tp: TP, kept: PartitionState | None) -> PartitionTask:
        """Returns the task that reads, restores and commits a partition."""
        return PartitionTask(tp.partition, self.context, kept=kept)

    def look_after(self) -> None:
        """A task that ended by itself takes the worker with it: nobody works on its partition any more."""
        for task in self.partitions.values():
            if task.handle.done and not task.lifecycle.leaving:
                raise task.handle.error or RuntimeError(f"the task of partition {task.partition} ended by itself")

    async def _deliver(self, batch: MicroBatch) -> None:
        tp = TP(self._settings.topics.clickstream, batch.partition)
        await self.deliver(tp, batch, offset=batch.offset)


class Transport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = Consumer
