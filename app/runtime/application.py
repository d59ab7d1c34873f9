"""The Faust application: where the seams, the broker, the watchdog and the partitions come together."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka.client import AIOKafkaClient

from app.errors import UserError
from app.runtime.catalog_follower import CatalogFollower
from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.commit import OutputTopics
from app.runtime.delivery.delivery import Delivery
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.faust.consumer import Transport
from app.runtime.faust.process import Process
from app.runtime.faust.schema import BatchSchema
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import catalog_topic, ensure_topics, topic_specs
from app.runtime.pacing.back_off import REOPEN_MS_FIRST, BackOff
from app.runtime.partition.asyncio_environment import AsyncioEnvironment
from app.runtime.partition.disk_table import DiskTables, forget_erased
from app.runtime.partition.lifecycle import Limits, State
from app.runtime.partition.memory_limit import PROFILE_BYTES_ASIDE, MemoryLimit
from app.runtime.partition.micro_batch import MicroBatch
from app.runtime.partition.partition_context import PartitionContext
from app.runtime.partition.partition_task import TIMERS_MAX, PartitionTask
from app.runtime.partition.worker_metrics import Metrics
from app.runtime.process.gc_control import GcControl
from app.runtime.process.watchdog import Sight
from app.runtime.records.published_catalog import Published
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.batch import Batch
from app.segments.partition.fast_path import BUILT as FAST_PATH_BUILT
from app.segments.partition.partition import Partition
from app.settings import Settings

log = logging.getLogger(__name__)


class Application(Process):
    """`clickstream` is the topic whose agent gets whole micro-batches."""

    def __init__(
        self, settings: Settings, program: Program, *, new_partition: Callable[[], Partition] | None = None
    ) -> None:
        super().__init__(settings.app_id, settings)
        self.program = program
        self.metrics = Metrics()
        self.exactly_once = False
        self.clickstream = self.topic(
            settings.topics.clickstream, acks=False, schema=BatchSchema(), partitions=settings.partitions
        )
        self._tables = DiskTables(settings.profile_directory) if settings.profile_store == "disk" else None
        self._new_partition = new_partition or self._empty_partition
        self._follower: CatalogFollower | None = None
        self._catalog_client: AIOKafkaClient | None = None
        self._following: asyncio.Task[None] | None = None
        self._own_topics = own_topics(settings, program)
        self._garbage = GcControl()
        self._shares_of = ""
        self._memory_limit = MemoryLimit(settings.profiles_bytes_max)
        self.metrics.profile_bytes_limit(settings.profiles_bytes_max)
        self._rebalancing_since_s: float | None = None
        self._limits = Limits(settings.stall_exit_ms / 1000, settings.commit_stall_exit_ms / 1000)

    # ------------------------------------------------------------ Faust's seams

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    async def on_first_start(self) -> None:
        """Before any service starts: is the broker there, can it do transactions, are the topics right?

        Raises UserError.
        """
        settings = self.settings
        if settings.catalog == "folder":
            self._tell_catalog(str(settings.segments))
        client = await wait_for_broker(settings)
        try:
            transactions = await has_transactions(client)
            if settings.catalog == "topic":
                await self._read_catalog(committed_only=transactions)
            made = await ensure_topics(settings, client, topic_specs(settings, sorted(self._own_topics)))
        finally:
            await client.close()
        log.info("broker %s answers; made %s", settings.kafka_bootstrap_servers, _listed(made))
        self.exactly_once = choose_exactly_once(settings, transactions=transactions)
        why = "" if transactions else " (this broker has no transactions)"
        log.info("delivery: %s", "exactly once" if self.exactly_once else f"at least once{why}")
        if not (settings.fast_path and FAST_PATH_BUILT):
            why = "there was no C compiler at the installation" if settings.fast_path else "SHOAL_FAST_PATH is off"
            log.warning("no fast path (%s): events cost about a third more CPU", why)
        self._show_health(self.metrics)
        await super().on_first_start()

    def _tell_catalog(self, source: str) -> None:
        log.info(
            "catalog %s: %d segments from %s",
            self.program.version,
            sum(not code.hidden for code in self.program.segments),
            source,
        )

    async def _read_catalog(self, *, committed_only: bool) -> None:
        """The published definitions take the place of a folder's."""
        settings = self.settings
        client = await wait_for_broker(settings)
        rules = settings.time_rules
        follower = CatalogFollower(client, settings, committed_only=committed_only, rules=rules)
        try:
            await ensure_topics(settings, client, [catalog_topic(settings)])
            self._use((await follower.wait()).catalog)
        except BaseException:
            await follower.stop()
            await client.close()
            raise
        self._catalog_client, self._follower = client, follower
        self._tell_catalog(settings.topics.catalog)

    async def _take_over(self, published: Published) -> None:
        """A catalog was published: from here on each partition takes it over between two batches."""
        program = await asyncio.to_thread(compile_catalog, published.catalog, self.settings.time_rules)
        client = await wait_for_broker(self.settings)
        try:
            specs = topic_specs(self.settings, sorted(own_topics(self.settings, program)))
            await ensure_topics(self.settings, client, specs)
        finally:
            await client.close()
        self._use(published.catalog, program)
        self._tell_catalog(f"{self.settings.topics.catalog}, published while running")

    def _use(self, catalog: Catalog, program: Program | None = None) -> None:
        self.program = program or compile_catalog(catalog, self.settings.time_rules)
        self._own_topics = own_topics(self.settings, self.program)

    async def on_start(self) -> None:
        """The worker starts."""
        await super().on_start()
        if self._follower is not None:
            self._following = asyncio.create_task(self._follow_catalog(self._follower))
        self._garbage.begin()
        self._begin_watching()

    async def on_stop(self) -> None:
        """The worker ends: partitions first, then the rest."""
        await super().on_stop()
        if self._following is not None:
            self._following.cancel()
        if self._follower is not None and self._catalog_client is not None:
            await self._follower.stop()
            await self._catalog_client.close()
        self._end_watching()
        self._garbage.end()
        self._hide_health()

    # ------------------------------------------------------------ for the consumer

    async def _follow_catalog(self, follower: CatalogFollower) -> None:
        back_off = BackOff(first_ms=REOPEN_MS_FIRST, longest_ms=self.settings.retry_wait_max_ms)

        async def take_over(published: Published) -> None:
            back_off.reset()
            await self._take_over(published)

        while True:
            try:
                await follower.follow(take_over)
            except Exception as error:  # noqa: BLE001  # a worker that stops following would run old definitions
                log.warning("cannot read the published definitions, retries: %s", str(error) or type(error).__name__)
                await asyncio.sleep(back_off.failed() / 1000)

    def make_workshop(
        self, deliver: Callable[[MicroBatch], Awaitable[None]], still_member: Callable[[], Awaitable[bool]]
    ) -> PartitionContext:
        """Returns the context of this worker's partition tasks."""
        return PartitionContext(
            settings=self.settings,
            metrics=self.metrics,
            program=lambda: self.program,
            new_core=self._new_partition,
            new_values=dict if self._tables is None else self._tables.of_keys,
            forget_erased=self._forget_erased,
            new_delivery=self._new_delivery,
            layout=self._layout,
            environment=AsyncioEnvironment(self.settings, deliver=deliver, still_member=still_member),
        )

    def _empty_partition(self) -> Partition:
        held = None if self._tables is None else self._tables.of_users()
        rules, fast = self.settings.time_rules, self.settings.fast_path
        return Partition(self.program, rules, held=held, fast=fast, timers_max=TIMERS_MAX)

    def _forget_erased(self, core: Partition, batch: Batch) -> None:
        """In a thread: to merge files takes a while."""
        if self._tables is not None and batch.erasures:
            asyncio.get_running_loop().run_in_executor(None, forget_erased, core, batch)

    def _new_delivery(self, partition: int) -> Delivery:
        changelog = self.settings.topics.profiles
        if self.exactly_once:
            transactional_id = f"{self.settings.app_id}-{partition}"
            writer = LogWriter(self.settings, partition=partition, transactional_id=transactional_id)
            return ExactlyOnce(writer, changelog=changelog)
        return AtLeastOnce(LogWriter(self.settings, partition=partition), changelog=changelog)

    def _layout(self, partition: int) -> OutputTopics:
        return OutputTopics(
            partitions=self.settings.partitions,
            topics=self.settings.topics,
            partition=partition,
            own_topics=self._own_topics,
            source=f"/shoal/{self.settings.app_id}",
            resendable=not self.exactly_once,
        )

    # ------------------------------------------------------------ health

    @property
    def tasks(self) -> list[PartitionTask]:
        """The partitions of this worker, in order."""
        consumer: Any = self._consumer
        return [] if consumer is None else [consumer.partitions[tp] for tp in sorted(consumer.partitions)]

    def _why_partitions_are_not_ready(self) -> str | None:
        """See `Process`."""
        for task in self.tasks:
            if task.state is not State.RUNNING:
                return f"partition {task.partition} is {task.state.value}"
        return None

    def _sights(self) -> tuple[float, Sequence[Sight]]:
        now_s = time.monotonic()
        rebalancing_s = 0.0 if self._rebalancing_since_s is None else now_s - self._rebalancing_since_s
        return rebalancing_s, [
            Sight(task.partition, task.lifecycle.overdue(self._limits, now_s=now_s)) for task in self.tasks
        ]

    def _tick(self) -> None:
        self._garbage.tick()
        if not self.rebalancing and self._assignment is not None:
            self._rebalancing_since_s = None
        elif self._rebalancing_since_s is None:
            self._rebalancing_since_s = time.monotonic()
        self._measure()

    def _measure(self) -> None:
        members: dict[str, int] = dict.fromkeys((code.name for code in self.program.segments if not code.hidden), 0)
        for task in self.tasks:
            if (core := task.core) is not None:
                self.metrics.profiles(task.partition, core.users)
                self.metrics.moved_keys(task.partition, core.moved)
                for segment, count in core.members().items():
                    members[segment] = members.get(segment, 0) + count
        self.metrics.members(members.items())
        if self._shares_of != self.program.version:
            self._shares_of = self.program.version
            known = {code.id: code.experiment for each in self.program.segments for code in each.experiments}
            self.metrics.shares(known.values())
        self._measure_memory(time.monotonic())

    def _measure_memory(self, now_s: float) -> None:
        if not self._memory_limit.is_time(now_s=now_s):
            return
        held = 0
        for task in self.tasks:
            if (core := task.core) is not None:
                taken = PROFILE_BYTES_ASIDE * core.users
                taken += core.state_bytes if self._tables is None else 0
                self.metrics.profile_bytes(task.partition, taken)
                self.metrics.timers(task.partition, core.timers.pending)
                held += taken
        if warning := self._memory_limit.look(held, now_s=now_s):
            log.warning("%s", warning)


def choose_exactly_once(settings: Settings, *, transactions: bool) -> bool:
    """True if a worker delivers exactly once. Raises UserError if it is to, and the broker cannot."""
    if settings.delivery == "exactly-once" and not transactions:
        raise UserError(
            "delivery is exactly-once, but this broker has no transactions",
            hint="use Apache Kafka or Redpanda, or delivery=auto",
        )
    return transactions and settings.delivery != "at-least-once"


def own_topics(settings: Settings, program: Program) -> frozenset[str]:
    """The segments that have a topic of their own."""
    if settings.segment_topics == "none":
        return frozenset()
    wanted = settings.segment_topics == "all"
    return frozenset(code.name for code in program.segments if (wanted or code.topic) and not code.hidden)


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)} topics" if names else "no topic: all are there"
