"""A publisher: the one process that may write to the catalog topic, for as long as no other begins."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from app.errors import UserError
from app.runtime.catalog_follower import CatalogFollower
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_writer import LogWriter, is_fenced
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import catalog_topic, ensure_topics, history_topic
from app.runtime.records.catalog_history import CatalogHistory
from app.runtime.records.published_catalog import CatalogLog
from app.settings import Settings

CATALOG_PARTITION: Final = 0
READ_RECORDS: Final = 1_000


class FencedPublisherError(Exception):
    """A later publisher has begun: nothing of this one was written."""


@dataclass(frozen=True, slots=True)
class PublishedState:
    """Both topics, read to their ends."""

    log: CatalogLog
    history: CatalogHistory


def transactional_id(settings: Settings) -> str:
    """One for all publishers of a deployment: a later one ends and fences what an earlier one has left open."""
    return f"{settings.app_id}-catalog-publisher"


class CatalogPublisher:
    """For as long as the `async with` block lasts. UserError where the broker cannot be reached or refuses.

    `writes`: it begins by fencing all earlier publishers, if the broker has transactions; without them nothing keeps
    two apart that publish at the same instant.
    """

    def __init__(self, settings: Settings, *, writes: bool) -> None:
        self._settings = settings
        self._writes = writes
        self._client: AIOKafkaClient | None = None
        self._writer: LogWriter | None = None
        self._transactions = False

    async def __aenter__(self) -> Self:
        settings = self._settings
        client = self._client = await wait_for_broker(settings)
        try:
            await ensure_topics(settings, client, [catalog_topic(settings), history_topic(settings)])
            self._transactions = await has_transactions(client)
            if self._writes:
                own = transactional_id(settings) if self._transactions else None
                writer = LogWriter(settings, partition=CATALOG_PARTITION, transactional_id=own)
                await writer.open()
                self._writer = writer
        except BaseException as error:
            await client.close()
            if isinstance(error, KafkaError):
                raise _refused(error) from error
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        if self._writer is not None:
            await self._writer.abandon()
        await self._client.close()

    async def read(self) -> PublishedState:
        """Both topics as they are now. All transactions of earlier publishers have ended."""
        assert self._client is not None
        follower = CatalogFollower(self._client, self._settings, committed_only=self._transactions)
        try:
            log = await follower.log()
        finally:
            await follower.stop()
        return PublishedState(log, await read_history(self._client, self._settings, committed_only=self._transactions))

    async def write(self, catalog: Sequence[Row], history: Iterable[Row]) -> None:
        """Writes both in one transaction; without transactions, the catalog first.

        Raises FencedPublisherError, and UserError where it is not known whether it was written.
        """
        assert self._writer is not None, "this publisher only reads"
        topics, producer = self._settings.topics, self._writer.producer
        rows = [(topics.catalog, list(catalog)), (topics.catalog_history, list(history))]
        try:
            async with asyncio.timeout(self._settings.commit_timeout_ms / 1000):
                if self._transactions:
                    await producer.begin_transaction()
                    await self._writer.write(rows)
                    await producer.commit_transaction()
                else:
                    for each in rows:
                        await self._writer.write([each])
        except TimeoutError as error:
            raise UserError(
                "Kafka did not acknowledge the publication in time: it may have been written or not",
                hint="shoal catalog history shows it; to publish the same again is harmless",
            ) from error
        except KafkaError as error:
            if is_fenced(error):
                raise FencedPublisherError from error
            raise _refused(error) from error


async def read_history(client: AIOKafkaClient, settings: Settings, *, committed_only: bool) -> CatalogHistory:
    """All publications so far; the topic is there."""
    reader = LogReader(
        client,
        topic=settings.topics.catalog_history,
        partition=CATALOG_PARTITION,
        committed_only=committed_only,
        bytes_max=settings.fetch_bytes_max,
    )
    history = CatalogHistory()
    try:
        reader.seek(await reader.earliest())
        while True:
            fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
            for record in fetched.records:
                history.take(record)
            await asyncio.sleep(0)
            if fetched.drained:
                return history
    finally:
        await reader.stop()


def _refused(error: KafkaError) -> UserError:
    return UserError(
        f"Kafka does not take the publication: {type(error).__name__}",
        detail=str(error) or None,
        hint="shoal topics acls prints the permissions that shoal publish needs; shoal topics check checks the topics",
    )
