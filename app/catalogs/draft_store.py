"""Drafts that people share: read from their topic, and written one at a time, however many consoles there are."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import InvalidTxnState, KafkaError, UnknownError

from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.log_writer import LogWriter, is_fenced
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import drafts_topic, ensure_topics
from app.runtime.records.draft_record import DraftRecord, encode_draft, take_draft
from app.settings import Settings

DRAFTS_PARTITION: Final = 0
READ_RECORDS: Final = 1_000
Change: TypeAlias = Callable[[dict[str, DraftRecord]], DraftRecord]


class OvertakenDraftError(Exception):
    """Another console wrote at the same instant: nothing of this write is kept."""


def is_unclear(error: KafkaError) -> bool:
    """True for what Kafka may answer when a writer is fenced while its transaction ends: it is committed, or not.

    The producer wraps it in a KafkaError of its own.
    """
    return any(isinstance(each, UnknownError | InvalidTxnState) for each in (error, error.__cause__))


class DraftStore:
    """All drafts of a deployment. Each method raises KafkaError, OSError, UserError where Kafka refuses.

    Two writes at once: a write fences all others with the same transactional id, reads the topic to its end, and then
    decides. Without transactions nothing keeps two consoles apart, only two requests to one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one = asyncio.Lock()
        self._drafts: dict[str, DraftRecord] = {}
        self._read_to = 0

    async def all(self) -> dict[str, DraftRecord]:
        """Drafts by id as they are now, with those that were deleted."""
        async with self._one:
            client = await self._client()
            try:
                await self._read(client, committed_only=await has_transactions(client))
            finally:
                await client.close()
            return dict(self._drafts)

    async def change(self, decide: Change) -> DraftRecord:
        """Writes what `decide` makes of all drafts, and returns it. Nothing is written if `decide` raises."""
        return await self._decided(decide, encode_draft)

    async def purge(self, decide: Change) -> DraftRecord:
        """Takes the draft away that `decide` chooses, and returns it. Nothing is written if `decide` raises."""
        return await self._decided(decide, lambda _: None)

    async def _decided(self, decide: Change, encode: Callable[[DraftRecord], bytes | None]) -> DraftRecord:
        async with self._one:
            client = await self._client()
            try:
                transactions = await has_transactions(client)
                writer = await self._writer(transactions=transactions)
                try:
                    await self._read(client, committed_only=transactions)
                    made = decide(dict(self._drafts))
                    row: Row = (made.id.encode(), encode(made), [])
                    is_clear = await self._write(writer, row, transactions=transactions)
                finally:
                    await writer.abandon()
                if not is_clear:  # an open transaction ends when its writer is fenced; then it can be read, or not
                    await (await self._writer(transactions=transactions)).abandon()
                if not await self._read(client, committed_only=transactions, sought=row) and not is_clear:
                    raise OvertakenDraftError
                return made
            finally:
                await client.close()

    async def _writer(self, *, transactions: bool) -> LogWriter:
        """An open writer; all others are fenced, and their transactions have ended."""
        own = f"{self._settings.app_id}-drafts" if transactions else None
        writer = LogWriter(self._settings, partition=DRAFTS_PARTITION, transactional_id=own)
        await writer.open()
        return writer

    async def _client(self) -> AIOKafkaClient:
        client = await wait_for_broker(self._settings)
        try:
            await ensure_topics(self._settings, client, [drafts_topic(self._settings)])
        except BaseException:
            await client.close()
            raise
        return client

    async def _write(self, writer: LogWriter, row: Row, *, transactions: bool) -> bool:
        """Returns False if it is unclear whether the write holds. OvertakenDraftError if another writer has fenced."""
        rows = [(self._settings.topics.drafts, [row])]
        try:
            async with asyncio.timeout(self._settings.commit_timeout_ms / 1000):
                if transactions:
                    await writer.producer.begin_transaction()
                await writer.write(rows)
                if transactions:
                    await writer.producer.commit_transaction()
        except KafkaError as error:
            if is_fenced(error):
                raise OvertakenDraftError from error
            if is_unclear(error):
                return False
            raise
        return True

    async def _read(self, client: AIOKafkaClient, *, committed_only: bool, sought: Row | None = None) -> bool:
        """Reads on from where the last reading ended, or all again if the topic was made anew.

        Returns True if `sought` is among what was read.
        """
        is_found = False
        reader = LogReader(
            client,
            topic=self._settings.topics.drafts,
            partition=DRAFTS_PARTITION,
            committed_only=committed_only,
            bytes_max=self._settings.fetch_bytes_max,
        )
        try:
            reader.seek(self._read_to or await reader.earliest())
            while True:
                try:
                    fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
                except OffsetLostError:  # the topic was made anew
                    self._drafts, self._read_to = {}, 0
                    reader.seek(await reader.earliest())
                    continue
                for record in fetched.records:
                    take_draft(self._drafts, record.key, record.value)
                    is_found |= sought is not None and (record.key, record.value) == sought[:2]
                self._read_to = fetched.next_offset
                if fetched.drained:
                    return is_found
        finally:
            await reader.stop()
