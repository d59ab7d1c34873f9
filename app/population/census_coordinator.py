"""The process that begins censuses and publishes their results: one step at a time, each in one transaction.

It knows nothing but what stands in the topic of the population. A step is decided only when the whole topic was read,
with nothing open in it: so whoever comes after one that has died does not decide the same step in another way.
"""

import asyncio
import logging
import time
from typing import Final

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app.errors import UserError
from app.metrics import CENSUS_METRICS, MetricSet
from app.population.census import CensusStep, Ledger
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.closing import Client
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_writer import LogWriter, is_fenced
from app.runtime.kafka.record_batch import NO_HEADERS
from app.runtime.kafka.topics import ensure_topics, population_topic
from app.runtime.pacing.back_off import BackOff
from app.runtime.records.population_events import PARTITION, Begun, Result, encode_population, read_population
from app.settings import Settings

READ_RECORDS: Final = 1_000
LOOK_MS: Final = 500
RETRY_MS_FIRST: Final = 500

log = logging.getLogger(__name__)


class CensusMetrics(MetricSet):
    """Those of `shoal census`."""

    def __init__(self) -> None:
        super().__init__(CENSUS_METRICS)

    def standing(self, ledger: Ledger, now_ms: int) -> None:
        """Sets the gauges to the contents of the topic, at an instant."""
        age_s = 0.0 if ledger.result is None else max(0.0, (now_ms - ledger.result.at_ms) / 1000)
        open_s = max(0.0, (now_ms - ledger.begun.at_ms) / 1000) if ledger.begun is not None and ledger.is_open else 0.0
        self._by_name["shoal_census_age_seconds"].set(age_s)
        self._by_name["shoal_census_open_seconds"].set(open_s)
        self._by_name["shoal_census_missing_partitions"].set(len(ledger.missing))

    def published(self) -> None:
        """A census has its result."""
        self._by_name["shoal_censuses"].inc()


class CensusCoordinator:
    """One at a time in a deployment; a later one ends an earlier one, which raises UserError."""

    def __init__(self, settings: Settings, metrics: CensusMetrics | None = None) -> None:
        self._settings = settings
        self.metrics = metrics or CensusMetrics()
        self.ledger = Ledger(settings.app_id)
        self._partitions = 0
        self._transactions = False

    async def run(self, *, once: bool = False) -> None:
        """Until it is cancelled; `once`: a census begins now, and it ends with the result of that."""
        client = await wait_for_broker(self._settings)
        try:
            await self._find_topics(client)
            back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=self._settings.retry_wait_max_ms)
            least_ms = time.time_ns() // 1_000_000 if once else 0
            while True:
                try:
                    await self._lead(client, least_ms, once=once)
                except (KafkaError, OSError, TimeoutError) as error:
                    if is_fenced(error):
                        raise UserError(
                            "another shoal census of this deployment has begun: this one has stopped",
                            hint="run one at a time",
                        ) from error
                    log.warning("census: Kafka does not answer, retries: %s", str(error) or type(error).__name__)
                    await asyncio.sleep(back_off.failed() / 1000)
                else:
                    return
        finally:
            await client.close()

    async def _find_topics(self, client: Client) -> None:
        topics = self._settings.topics
        found = (await client.fetch_all_metadata()).partitions_for_topic(topics.clickstream)
        if not found:
            raise UserError(
                f"there is no topic {topics.clickstream} at {self._settings.kafka_bootstrap_servers}",
                hint="a worker creates its topics when it starts: shoal worker",
            )
        self._partitions = len(found)
        self._transactions = await has_transactions(client)
        await ensure_topics(self._settings, client, [population_topic(self._settings)])

    async def _lead(self, client: Client, least_ms: int, *, once: bool) -> None:
        """Reads the topic and takes its steps; returns when there is a result of a census from `least_ms` on."""
        transactional_id = f"{self._settings.app_id}-census" if self._transactions else None
        writer = LogWriter(self._settings, partition=PARTITION, transactional_id=transactional_id)
        self.ledger = Ledger(self._settings.app_id)
        reader = LogReader(
            client,
            topic=self._settings.topics.population,
            partition=PARTITION,
            committed_only=self._transactions,
            bytes_max=self._settings.fetch_bytes_max,
        )
        try:
            await writer.open()  # before anything is read: it ends what another one has left open
            reader.seek(await reader.earliest())
            is_new = True
            while True:
                if await self._read(reader):
                    if once and self.ledger.result is not None and self.ledger.result.at_ms >= least_ms:
                        return
                    step = self._next_step(least_ms if once else 0)
                    if step is None and is_new and not self._transactions:
                        step = self.ledger.again()
                    is_new = False
                    if step is not None:
                        await self._write(writer, step)
        finally:
            await reader.stop()
            await writer.abandon()

    async def _read(self, reader: LogReader) -> bool:
        """Reads on. True if that was all, and no transaction is open in the topic."""
        fetched = await reader.read(records_max=READ_RECORDS, wait_ms=LOOK_MS)
        for record in fetched.records:
            event = read_population(record.value)
            self.ledger.take(event)
            if isinstance(event, Result):
                log.info("census %d: %d numbers are published", event.census, len(event.numbers))
        self.metrics.standing(self.ledger, time.time_ns() // 1_000_000)
        return fetched.next_offset >= max(reader.log_end, fetched.end_offset)

    def _next_step(self, least_ms: int) -> CensusStep | None:
        """`least_ms`: a census begins that is not older than this; 0: as the setting says."""
        now_ms = time.time_ns() // 1_000_000
        every_ms = self._settings.census_every_ms
        if least_ms and not self.ledger.is_open and (self.ledger.begun is None or self.ledger.begun.at_ms < least_ms):
            return self.ledger.begin(now_ms, self._partitions)
        return self.ledger.next_step(now_ms, every_ms, self._partitions)

    async def _write(self, writer: LogWriter, step: CensusStep) -> None:
        """A control record into every partition, and the event into the topic of the population.

        Without transactions: what begins is told first, so that it is known if it is cut off; what ends is told last.
        """
        topics = self._settings.topics
        told = (
            TopicPartition(topics.population, PARTITION),
            [(None, encode_population(step.event), NO_HEADERS)],
        )
        controls = [
            (TopicPartition(topics.clickstream, number), [(None, step.control, NO_HEADERS)])
            for number in range(self._partitions)
        ]
        if self._transactions:
            await writer.producer.begin_transaction()
            await writer.write_to([told, *controls])
            await writer.producer.commit_transaction()
        else:
            is_beginning = isinstance(step.event, Begun)
            for rows in ([told], controls) if is_beginning else (controls, [told]):
                await writer.write_to(rows)
        if isinstance(step.event, Begun):
            log.info("census %d has begun: %d partitions count their users", step.event.census, self._partitions)
        else:
            self.metrics.published()
