"""Reading one partition of a topic from a position of our own, without a consumer group.

Each fetch answers two questions at once: what comes next, and whether anything is left. The end of the log is taken
from fetch responses, since not every broker's ListOffsets tells the truth. Records are the parser's own objects
(offset, timestamp, key, value, headers): nothing is copied.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from app.runtime.kafka.clients import told_leaders
from app.runtime.pacing.back_off import BackOff

EARLIEST = -2
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
UNSEEN = -1
RETRY_MS_FIRST, RETRY_MS_MAX = 50, 1_000
LOOK_MS = 100

log = logging.getLogger(__name__)


class OffsetLostError(Exception):
    """The log no longer holds the offset that was asked for, or does not hold it yet."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(f"{topic}[{partition}] holds no offset {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Fetched:
    """Result of one read. `next_offset`: the offset to read next. `end_offset`: the end of the log as just seen.

    `held_back_s`: for so long an open transaction has kept everything behind it from being read; 0: none does.
    """

    records: list[Any]
    next_offset: int
    end_offset: int
    held_back_s: float = 0.0

    @property
    def drained(self) -> bool:
        """True if nothing is left to read."""
        return self.next_offset >= self.end_offset


class HeldBack:
    """The time for which the last stable offset of a partition has stood still before the end of its log.

    It does so while a transaction is open: the broker keeps from readers what was written behind its first record.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._stable_offset = UNSEEN
        self._since_s = 0.0

    def note(self, stable_offset: int, end_offset: int, *, now_s: float) -> None:
        """Takes what a broker has said at an instant."""
        if stable_offset >= end_offset or stable_offset != self._stable_offset:
            self._since_s = now_s
        self._stable_offset = stable_offset
        self.seconds = now_s - self._since_s


class LogReader:
    """A position in one partition. Errors that pass (a broker restarts, a leader moves) are waited out."""

    def __init__(
        self,
        client: AIOKafkaClient,
        *,
        topic: str,
        partition: int,
        committed_only: bool,
        bytes_max: int,
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self.topic = topic
        self.partition = partition
        self._isolation = READ_COMMITTED if committed_only else READ_UNCOMMITTED
        self._bytes_max = bytes_max
        self._on_progress = on_progress
        self._buffer: deque[list[Any]] = deque()
        self._fetch_offset = 0  # after the buffered records
        self._end_offset = UNSEEN
        self.log_end = UNSEEN
        """The end of the log as last seen, with what transactions that are still open have written."""
        self._held_back = HeldBack()
        self._ahead: asyncio.Future[Any] | None = None

    def seek(self, offset: int) -> None:
        """The next read begins at this offset."""
        assert self._ahead is None, "stop before seek"
        self._buffer.clear()
        self._fetch_offset = offset
        self._end_offset = UNSEEN

    async def earliest(self) -> int:
        """The first offset that the log still holds."""

        async def ask() -> int:
            request = OffsetRequest(-1, self._isolation, [(self.topic, [(self.partition, EARLIEST)])])
            response = await self._client.send(await self._leader(), request)
            ((_, ((_, error_code, _, offset),)),) = response.topics
            if error_code:
                raise for_code(error_code)()
            return int(offset)

        return int(await self._patiently(ask))

    async def read(self, *, records_max: int, wait_ms: int) -> Fetched:
        """Up to `records_max` records, as soon as there are any; none if `wait_ms` have passed without.

        Raises OffsetLostError, and KafkaErrors that do not pass by themselves.
        """
        if not self._buffer:
            ahead, self._ahead = self._ahead, None
            await (ahead or self._patiently(lambda: self._fetch(wait_ms)))
            while self._end_offset == UNSEEN:  # an empty answer does not mean that there are no records
                await self._patiently(lambda: self._fetch(max(1, wait_ms)))
            if not self._buffer and self._fetch_offset < self._end_offset:
                # A broker that had no time to look would be asked again at once, for ever: it gets more.
                await self._patiently(lambda: self._fetch(max(LOOK_MS, wait_ms)))
        records: list[Any] = []
        while self._buffer and len(records) < records_max:
            chunk = self._buffer.popleft()
            room = records_max - len(records)
            if len(chunk) > room:
                self._buffer.appendleft(chunk[room:])
                chunk = chunk[:room]
            records = records + chunk if records else chunk
        if self._buffer:
            return Fetched(records, self._buffer[0][0].offset, self._end_offset, self._held_back.seconds)
        if self._fetch_offset < self._end_offset and self._ahead is None:
            # There is more: it is fetched while these records are processed.
            self._ahead = asyncio.ensure_future(self._patiently(lambda: self._fetch(1)))
        return Fetched(records, self._fetch_offset, self._end_offset, self._held_back.seconds)

    async def stop(self) -> None:
        """Ends what is being fetched ahead; the client stays open."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.wait([ahead])

    async def _patiently(self, ask: Callable[[], Any]) -> Any:
        back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=RETRY_MS_MAX)
        told = False
        while True:
            try:
                answer = await ask()
            except (KafkaError, OSError, TimeoutError) as error:
                if isinstance(error, KafkaError) and not error.retriable:
                    raise
                pause_ms = back_off.failed()
                if not told and pause_ms >= RETRY_MS_MAX:
                    log.warning("partition %d: cannot read %s, retries: %r", self.partition, self.topic, error)
                    told = True
                if isinstance(error, NotLeaderForPartitionError | UnknownTopicOrPartitionError):
                    with suppress(TimeoutError):
                        await told_leaders(self._client.force_metadata_update())
                await asyncio.sleep(pause_ms / 1000)
            else:
                if told:
                    log.warning("partition %d: reading %s works again", self.partition, self.topic)
                self._on_progress()
                return answer

    async def _leader(self) -> int:
        tp = TopicPartition(self.topic, self.partition)
        leader = self._client.cluster.leader_for_partition(tp)
        if leader is None or leader == -1:
            await told_leaders(self._client.add_topic(self.topic))
            await told_leaders(self._client.force_metadata_update())
            leader = self._client.cluster.leader_for_partition(tp)
            if leader is None or leader == -1:
                raise NotLeaderForPartitionError(f"{self.topic}[{self.partition}] has no leader")
        return int(leader)

    async def _fetch(self, wait_ms: int) -> None:
        offset = self._fetch_offset
        partitions = [(self.partition, offset, self._bytes_max)]
        request = FetchRequest(wait_ms, 1, self._bytes_max, self._isolation, [(self.topic, partitions)])
        response = await self._client.send(await self._leader(), request)
        if not response.topics:
            return  # a broker that had no time to look answers with nothing
        ((_, ((_, error_code, high_watermark, *rest),)),) = response.topics
        if error_code == OffsetOutOfRangeError.errno:
            raise OffsetLostError(self.topic, self.partition, offset)
        if error_code:
            raise for_code(error_code)()
        aborted: list[tuple[int, int]] = []
        end_offset = high_watermark
        if response.API_VERSION >= 4 and self._isolation == READ_COMMITTED:
            end_offset = rest[0]  # the last stable offset
            aborted = (rest[2] if response.API_VERSION >= 11 else rest[-2]) or []
        self._parse(rest[-1], offset, aborted)
        self._end_offset, self.log_end = end_offset, high_watermark
        self._held_back.note(end_offset, high_watermark, now_s=time.monotonic())
        if offset > high_watermark:
            raise OffsetLostError(self.topic, self.partition, offset)

    def _parse(self, data: bytes, offset: int, aborted: list[tuple[int, int]]) -> None:
        """Fills the buffer, and moves the fetch offset behind what was parsed."""
        memory = MemoryRecords(data)
        waiting = sorted(aborted, key=lambda each: each[1], reverse=True)  # by first offset, the next one last
        aborting: set[int] = set()
        while memory.has_next():
            batch = memory.next_batch()
            if self._isolation == READ_COMMITTED and batch.producer_id is not None:
                while waiting and waiting[-1][1] <= batch.base_offset:
                    aborting.add(waiting.pop()[0])
                if batch.is_control_batch:
                    if ControlRecord.parse(next(batch).key) == ABORT_MARKER:
                        aborting.discard(batch.producer_id)
                elif batch.is_transactional and batch.producer_id in aborting:
                    self._fetch_offset = batch.next_offset
                    continue
            if not batch.is_control_batch:
                # A compressed batch begins before the requested offset.
                first = batch.base_offset
                records = list(batch) if first >= offset else [record for record in batch if record.offset >= offset]
                if records:
                    self._buffer.append(records)
            self._fetch_offset = max(offset, batch.next_offset)
