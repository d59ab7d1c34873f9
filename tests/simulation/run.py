"""One run: a scenario drawn from a seed is played to its end, and judged. The same seed gives the same run, always."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest.mock import patch

from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.commit import OutputTopics
from app.runtime.delivery.delivery import Delivery
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.partition import partition_task
from app.runtime.partition.partition_context import PartitionContext
from app.runtime.partition.partition_state import PartitionState
from app.runtime.partition.partition_task import PartitionTask
from app.runtime.partition.worker_metrics import Metrics
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import ErasureStep, UserCount
from app.segments.partition.partition import Batch, Partition, RecordLike
from tests.simulation.administrator import Administrator
from tests.simulation.backfill import Backfiller, judge_backfill
from tests.simulation.broker import SimulatedBroker
from tests.simulation.census import CensusTaker, judge_census, with_census
from tests.simulation.environment import START_MS, SimulatedWriter
from tests.simulation.erasures import judge_erasures
from tests.simulation.fibers import Host, Times
from tests.simulation.group import SimulatedGroup
from tests.simulation.network import Network
from tests.simulation.people import judge_links, with_people
from tests.simulation.scenario import POISON, RULES, Event, Scenario, draw
from tests.simulation.verdict import announced_ms, buried, judge, reached
from tests.simulation.worker import Worker

PROGRESS_MS = 150_000.0
RESTART_MS = 3_000.0
MODELS_SHARE = 0.3


class SilentMetrics(Metrics):
    """Counts nothing."""

    def __init__(self) -> None:
        """Makes no registry."""

    def __getattribute__(self, name: str) -> Any:
        """Returns a count."""
        return _nothing


def _nothing(*_: Any, **__: Any) -> None:
    return None


class Poisoned(Partition):
    """Fails at every record that has the mark."""

    def process(self, records: Iterable[RecordLike]) -> Batch:
        """As the original, until it meets the mark."""
        return super().process(self._checked(records))

    def _checked(self, records: Iterable[RecordLike]) -> Iterable[RecordLike]:
        for record in records:
            if record.value is not None and POISON in record.value:
                raise RuntimeError("cannot digest this")
            yield record


@dataclass(slots=True)
class Outcome:
    """Outcome of a run. `story`: its events, if they were recorded."""

    seed: int
    violations: list[str]
    story: list[str]
    calls: int
    faults: int
    generations: int
    restarts: int
    changes: int
    took_ms: float


@dataclass
class Run:
    """One run of the simulation. Subclasses plant bugs: see `bugs`. `people`: users have several keys, for sure."""

    seed: int
    transactions: bool | None = None
    people: bool = False
    telling: bool = False
    story: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        chance = Random(self.seed)
        catalogs, order = Random(f"catalogs of {self.seed}"), Random(f"order of {self.seed}")
        self.scenario: Scenario = draw(chance, transactions=self.transactions, catalogs=catalogs, order=order)
        self.scenario = with_people(self.scenario, Random(f"people of {self.seed}"), always=self.people)
        with_models = Random(f"models of {self.seed}").random() < MODELS_SHARE
        self.scenario = replace(self.scenario, models=with_models)
        self.scenario = with_census(self.scenario, Random(f"census of {self.seed}"))
        scenario = self.scenario
        self.settings = scenario.settings
        self.times = Times()
        self.metrics: Metrics = SilentMetrics()
        self.broker = SimulatedBroker(self.times, lambda: scenario.marker_ms * chance.random(), self.tell)
        self.network = Network(
            self.times,
            chance,
            self.broker,
            self.tell,
            share=scenario.fault_share,
            zombies=scenario.transactions,
        )
        self.network.kill = self._kill
        chances = Random(f"administrator of {self.seed}"), Random(f"erasures of {self.seed}")
        self.administrator = Administrator(scenario, self.broker, *chances)
        self.backfiller = Backfiller(scenario, self.broker, self.tell, Random(f"backfill of {self.seed}"))
        self.census = CensusTaker(scenario, self.broker, self.tell, Random(f"censuses of {self.seed}"))
        self.group = SimulatedGroup(
            self.times,
            chance,
            self.tell,
            partitions=self.settings.partitions,
            session_ms=self.settings.session_timeout_ms,
        )
        self._chance = chance
        self._workers: dict[str, Worker] = {}
        self._started = 0
        self._ended = False
        self.published_ms: list[float] = []
        self._poisonous = any(POISON in event.value for event in scenario.events)

    # ---- what workers share

    def program(self, worker: str) -> Program:
        """Workers hear of a new catalog one after the other."""
        heard_ms = self.times.now_ms - self.scenario.hearing_ms * len(worker)
        return self.scenario.programs[sum(at_ms < heard_ms for at_ms in self.published_ms)]

    def new_core(self, program: Program) -> Partition:
        """An empty partition."""
        return (Poisoned if self._poisonous else Partition)(program, RULES, timers_max=self.scenario.timers_max)

    def new_delivery(self, writer: Callable[[str | None], SimulatedWriter], partition: int) -> Delivery:
        """The product's, on the simulated writer."""
        changelog = self.settings.topics.profiles
        made: Any = writer(f"shop-{partition}" if self.scenario.transactions else None)
        return (ExactlyOnce if self.scenario.transactions else AtLeastOnce)(made, changelog=changelog)

    def new_task(self, partition: int, context: PartitionContext, kept: PartitionState | None) -> PartitionTask:
        """The product's."""
        return PartitionTask(partition, context, kept=kept)

    def layout(self, partition: int) -> OutputTopics:
        """The product's."""
        return OutputTopics(
            topics=self.settings.topics,
            partition=partition,
            partitions=self.settings.partitions,
            own_topics=frozenset(["viewers"]),
            source="/shoal/shop",
        )

    def violate(self, what: str) -> None:
        """Something happened that must not."""
        self.tell(f"VIOLATION: {what}")
        self.violations.append(what)

    def ended(self, worker: Worker, why: str) -> None:
        """A worker ended itself: it is started again."""
        self.tell(f"{worker.name} ends itself: {why}")
        self._kill(worker.host)

    def tell(self, what: str) -> None:
        """A line of the story."""
        if self.telling:
            self.story.append(f"{self.times.now_ms / 1000:10.4f} s  {what}")

    # ---- the run

    def play(self) -> Outcome:
        """From the start to the verdict."""
        with (
            patch.object(partition_task, "SWEEP_PROFILES", self.scenario.sweep_profiles),
            patch.object(partition_task, "TIMERS_FIRST_S", self.scenario.timers_first_s),
        ):
            return self._play()

    def _play(self) -> Outcome:
        scenario, times = self.scenario, self.times
        for _ in range(scenario.workers):
            self._start()
        for event in scenario.events:
            times.at(event.at_ms, self._arrive, event)
        for at_ms in scenario.compactions:
            times.at(at_ms, self._compact)
        for at_ms, length_ms in scenario.outages:
            times.at(at_ms, self._go_away, length_ms)
        for at_ms in scenario.comings:
            times.at(at_ms, self._start)
        for at_ms in scenario.goings:
            times.at(at_ms, self._stop_one)
        for at_ms in scenario.new_catalogs_ms:
            times.at(at_ms, self._publish)
        for at_ms in self.administrator.moments:
            times.at(at_ms, self.administrator.decide)
        for at_ms in self.administrator.erasures:
            times.at(at_ms, self.administrator.erase, at_ms)
        if self.backfiller.is_wanted:
            times.at(self.backfiller.begin_ms, self._backfill)
        if self.census.is_wanted:
            times.at(self.census.begin_ms, self._take_census)
        times.at(scenario.until_ms, self._end_faults)
        limit_ms = scenario.until_ms + PROGRESS_MS
        times.run(self._done, limit_ms)
        if not self._done():
            self.violate(f"stuck: {PROGRESS_MS / 1000:.0f} s after the last fault not everything is processed")
        self._ended = True
        for worker in list(self._workers.values()):
            worker.leaving = True
        times.run(self._gone, times.now_ms + PROGRESS_MS)
        topics = self.settings.topics
        changes = 0
        links: list[bytes] = []
        steps: list[ErasureStep] = []
        counts: list[list[UserCount]] = []
        for partition in range(self.settings.partitions):
            repeats = not scenario.transactions
            for problem in judge(
                self.broker.log,
                partition,
                topics,
                scenario.programs,
                repeats=repeats,
                links=links,
                steps=steps,
                counts=counts,
            ):
                self.violate(f"partition {partition}: {problem}")
            changes += len(self.broker.log(topics.changes, partition).committed())
        for problem in judge_links(self.broker.log, scenario, topics, links):
            self.violate(problem)
        for problem in judge_erasures(self.broker.log, scenario, topics, steps):
            self.violate(problem)
        for problem in judge_census(self.broker.log, scenario, counts):
            self.violate(problem)
        for problem in judge_backfill(self.broker.log, scenario, self.backfiller):
            self.violate(problem)
        self.changes = changes
        times.close()
        return self.outcome()

    def outcome(self) -> Outcome:
        """Outcome of the run so far."""
        return Outcome(
            self.seed,
            self.violations,
            self.story,
            self.network.calls,
            self.network.faults,
            self.group.generation,
            self._started - self.scenario.workers - len(self.scenario.comings),
            self.changes,
            self.times.now_ms,
        )

    def _start(self) -> None:
        self._started += 1
        name = "w" + "i" * self._started
        self.tell(f"{name} starts")
        self._workers[name] = Worker(self, name)

    def _stop_one(self) -> None:
        if len(self._workers) > 1:
            name = self._chance.choice(sorted(self._workers))
            self.tell(f"{name} is told to end")
            self._workers.pop(name).leaving = True

    def _kill(self, host: Host) -> None:
        host.alive = False
        if self._workers.pop(host.name, None) is not None:
            self.times.after(RESTART_MS * self._chance.random(), self._start)

    def _arrive(self, event: Event) -> None:
        log = self.broker.log(self.settings.topics.clickstream, event.partition)
        speed = self.settings.idle_clock_speed
        log.append(START_MS + int(event.at_ms * speed), (event.key, event.value, []), None)

    def _backfill(self) -> None:
        if not self._ended:
            self.backfiller.step()
            self.times.after(self.backfiller.pause_ms(), self._backfill)

    def _take_census(self) -> None:
        if not self._ended:
            self.census.step(self.times.now_ms)
            self.times.after(self.census.pause_ms(), self._take_census)

    def _compact(self) -> None:
        self.tell("the changelog is compacted")
        for partition in range(self.settings.partitions):
            self.broker.log(self.settings.topics.profiles, partition).compact()

    def _publish(self) -> None:
        self.tell("another catalog is published")
        self.published_ms.append(self.times.now_ms)

    def _go_away(self, length_ms: float) -> None:
        self.tell(f"the broker is away for {length_ms / 1000:g} s")
        self.broker.away_until_ms = self.times.now_ms + length_ms
        self.broker.loading_until_ms = self.broker.away_until_ms + 3_000

    def _end_faults(self) -> None:
        self.tell("no more faults")
        self.network.share = 0.0
        self.broker.away_until_ms = -1.0

    def _done(self) -> bool:
        if self.times.now_ms < max(self.scenario.until_ms, self.network.quiet_ms) or not self.broker.settled:
            return False
        topics, versions = self.settings.topics, self.scenario.programs
        newest = versions[len(self.published_ms)].version
        at_work = {p: task for worker in self._workers.values() for p, task in worker.tasks.items()}
        for partition in range(self.settings.partitions):
            records: list[Any] = self.broker.log(topics.clickstream, partition).committed()
            # A record that was given up, at the very end: the position after it comes with the next commit.
            gone = buried(self.broker.log(topics.journal, partition))
            end = max((record.offset + 1 for record in records if record.offset not in gone), default=0)
            at = reached(self.broker.log(topics.profiles, partition))
            if end and (at.offset < end or at.clock_ms < announced_ms(self.broker.log(topics.journal, partition))):
                return False
            task = at_work.get(partition)
            if task is None or task.core is None or task.in_doubt or task.core.overdue:
                return False
            if self.published_ms and (task.core.program.version != newest or task.core.unswept):
                return False
        return self.backfiller.is_over and self.census.is_over

    def _gone(self) -> bool:
        return self.broker.settled and all(worker.fiber.done for worker in self._workers.values())
