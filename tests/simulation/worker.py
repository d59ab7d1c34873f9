"""A simulated worker: a member of the group that runs the product's `PartitionTask` for what it is assigned."""

from collections.abc import Callable
from typing import Protocol

from app.runtime.delivery.commit import OutputTopics
from app.runtime.delivery.delivery import Delivery
from app.runtime.partition.lifecycle import Limits
from app.runtime.partition.partition_context import PartitionContext
from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask
from app.runtime.partition.worker_metrics import Metrics
from app.segments.compiler.program import Program
from app.segments.partition.partition import Partition
from app.settings import Settings
from tests.simulation.environment import SimulatedWorld, SimulatedWriter
from tests.simulation.fibers import Fiber, Host, Step
from tests.simulation.group import Answer, Assignment, SimulatedGroup
from tests.simulation.network import Network

HEARTBEAT_MS = 1_000.0
STOP_MS = 60_000.0  # a worker may be frozen meanwhile


class Deployment(Protocol):
    """State that all workers of a run share."""

    network: Network
    group: SimulatedGroup
    settings: Settings
    metrics: Metrics

    def program(self, worker: str) -> Program:
        """The catalog that a worker knows of now."""

    def new_core(self, program: Program) -> Partition:
        """An empty partition."""

    def new_delivery(self, writer: Callable[[str | None], SimulatedWriter], partition: int) -> Delivery:
        """Returns the way to write commits."""

    def new_task(self, partition: int, context: PartitionContext, kept: PartitionState | None) -> PartitionTask:
        """The life of a partition."""

    def layout(self, partition: int) -> OutputTopics:
        """Returns the output topics of a partition."""

    def violate(self, what: str) -> None:
        """Something happened that must not."""

    def ended(self, worker: "Worker", why: str) -> None:
        """A worker ended itself."""


class Worker:
    """One process, from its start to its end."""

    def __init__(self, deployment: Deployment, name: str) -> None:
        self.host = Host(name)
        self.leaving = False
        self.tasks: dict[int, PartitionTask] = {}
        self._deployment = deployment
        self._times = deployment.network.times
        self._assignment = Assignment(name, 0, [])
        self._kept: dict[int, PartitionState] = {}
        self._ousted: dict[int, int] = {}
        settings = deployment.settings
        self._limits = Limits(settings.stall_exit_ms / 1000, settings.commit_stall_exit_ms / 1000)
        self.environment = SimulatedWorld(
            deployment.network,
            self.host,
            settings,
            heartbeat=self._heartbeat,
            fence=self._fence,
            on_open=self._opens,
            on_fenced=self._fenced,
        )
        self._context = PartitionContext(
            settings=settings,
            metrics=deployment.metrics,
            program=lambda: deployment.program(name),
            new_core=lambda: deployment.new_core(deployment.program(name)),
            new_delivery=lambda partition: deployment.new_delivery(
                lambda own: SimulatedWriter(self.environment, partition, own), partition
            ),
            layout=deployment.layout,
            environment=self.environment,
        )
        self.fiber = self._times.spawn(self._live(), self.host, name)

    @property
    def name(self) -> str:
        """Name of the worker."""
        return self.host.name

    async def _live(self) -> None:
        while not self.leaving:
            self._assignment = await self._join()
            for partition in self._assignment.partitions:
                kept = self._kept.pop(partition, None)
                self.tasks[partition] = self._deployment.new_task(partition, self._context, kept)
            self._kept.clear()
            while self._gets_on() and not self.leaving:
                await self._times.rest(HEARTBEAT_MS)
                answer = await self._heartbeat()
                self._tell_offsets()
                if answer is not None and answer is not Answer.OK:
                    self._deployment.network.tell(f"{self.name}: {answer.value}")
                    break
            await self._give_back()
        self._deployment.group.leave(self.name)

    async def _join(self) -> Assignment:
        times, network = self._times, self._deployment.network
        while network.broker.away:
            await times.rest(HEARTBEAT_MS)
        await times.rest(network.delay_ms())
        assignment: Assignment = await self._deployment.group.join(self.name)
        return assignment

    async def _heartbeat(self) -> Answer | None:
        group, network, times = self._deployment.group, self._deployment.network, self._times
        own = self._assignment
        answer = Step(times, times.now_ms + HEARTBEAT_MS)

        def arrive() -> None:
            if not network.broker.away:
                times.after(network.delay_ms(), answer.set, group.heartbeat(own.member, own.generation))

        times.after(network.delay_ms(), arrive)
        found: Answer | None = await answer
        return found

    async def _give_back(self) -> None:
        """As Faust's seam does it: all tasks end, within bounds; then the partitions are given back."""
        stopping, self.tasks = self.tasks, {}
        results: dict[int, PartitionState | None] = {}

        async def stop(partition: int, task: PartitionTask) -> None:
            results[partition] = await task.stop(wait_ms=self._deployment.settings.drain_timeout_ms)

        fibers: list[Fiber] = [
            self.environment.spawn(stop(partition, task), name=f"stops {partition}")
            for partition, task in stopping.items()
        ]
        for fiber in fibers:
            await fiber.wait(STOP_MS)
            if not fiber.done or fiber.error is not None:
                self._deployment.violate(f"{self.name}: a task does not stop: {fiber.error!r}")
        self._kept = {partition: kept for partition, kept in results.items() if kept is not None}

    def _gets_on(self) -> bool:
        """As the watchdog sees it, and who looks after tasks; a worker that does not get on ends."""
        now_s = self.environment.now_s()
        for partition, task in self.tasks.items():
            why = task.lifecycle.overdue(self._limits, now_s=now_s)
            if why is None and task.handle.done and not task.lifecycle.leaving:
                why = f"died: {task.handle.error!r}"
                if isinstance(task.handle.error, AssertionError):
                    self._deployment.violate(why)
            if why is not None:
                self._deployment.ended(self, f"partition {partition} {why}")
                return False
        return True

    def _tell_offsets(self) -> None:
        broker = self._deployment.network.broker
        for partition, task in self.tasks.items():
            if task.source_offset is not None and not broker.away:
                broker.tell_offset(partition, task.source_offset)

    def _fence(self, transactional_id: str, partition: int) -> int:
        self._deployment.network.tell(f"{self.name}: fences partition {partition}")
        return self._deployment.network.broker.begin_producer(transactional_id)

    def _opens(self, partition: int) -> None:
        """Opens the partition, unless a later generation has fenced this worker: it may not fence in turn."""
        if self._ousted.get(partition) == self._assignment.generation:
            self._deployment.violate(
                f"{self.name} was fenced by a later generation, and fences partition {partition} in turn"
            )

    def _fenced(self, partition: int) -> None:
        generation = self._assignment.generation
        if self._deployment.group.generation > generation:
            self._ousted[partition] = generation
