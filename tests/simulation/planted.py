"""Base of planted bugs: a name, its meaning, and the part of a worker that it replaces."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.delivery import Delivery
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.partition import partition_task
from app.runtime.partition.environment import Log
from app.runtime.partition.partition_context import PartitionContext
from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask
from app.runtime.partition.restore import Restored, restore
from tests.simulation.environment import SimulatedWriter
from tests.simulation.run import Outcome, Run


@dataclass(frozen=True)
class Bug:
    """`run` plays with it. `transactions`: in which kind of deployment it shows.

    `seed`: the first one that is tried; another than 0 is for what happens in one of thousands of runs.
    """

    run: type[Run]
    meaning: str
    transactions: bool = True
    seed: int = 0


BUGS: dict[str, Bug] = {}


def planted(name: str, meaning: str, *, transactions: bool = True, seed: int = 0) -> Callable[[type[Run]], type[Run]]:
    """Makes it one of the list."""

    def note(run: type[Run]) -> type[Run]:
        BUGS[name] = Bug(run, meaning, transactions, seed)
        return run

    return note


class WithDelivery(Run):
    """Another way of writing."""

    delivery: type[ExactlyOnce | AtLeastOnce] = ExactlyOnce

    def new_delivery(self, writer: Callable[[str | None], SimulatedWriter], partition: int) -> Delivery:
        """Returns the delivery of a worker, by default the right one."""
        made: Any = writer(f"shop-{partition}" if self.scenario.transactions else None)
        return self.delivery(made, changelog=self.settings.topics.profiles)


class WithTask(Run):
    """Another life of a partition."""

    task: type[PartitionTask] = PartitionTask

    def new_task(self, partition: int, context: PartitionContext, kept: PartitionState | None) -> PartitionTask:
        """Returns the task of a partition, by default the right one."""
        return self.task(partition, context, kept=kept)


class WithRestore(Run):
    """Another restore."""

    def play(self) -> Outcome:
        """Plays the run, by default the right way."""

        async def other(changelog: Log, journal: Log, *given: Any) -> Restored:
            return await self.restore(changelog, journal, *given)

        with patch.object(partition_task, "restore", other):
            return super().play()

    async def restore(self, changelog: Log, journal: Log, *given: Any) -> Restored:
        """Restores a partition, by default the right way."""
        return await restore(changelog, journal, *given)
