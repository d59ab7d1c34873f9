"""Events and changes of a person, newest first: topics are read backwards, as far as limits allow."""

import asyncio
import heapq
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from app.events.instants import iso
from app.runtime.kafka.clients import connect, has_transactions
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.log_readers import LogReaders
from app.runtime.kafka.partitioner import partition_of
from app.service.http.http_problem import Problem
from app.settings import Settings

STEP_RECORDS: Final = 5_000
STEPS_MAX: Final = 8
READ_RECORDS: Final = 2_000
READ_S: Final = 3.0
TIMEOUT_S: Final = 10.0
ITEMS_MAX: Final = 500
KEYS_MAX: Final = 10
VALUE_BYTES_MAX: Final = 40_000
READS_AT_ONCE: Final = 2


class TimelineItem(msgspec.Struct, kw_only=True, frozen=True):
    """An event or a change. `name`: of the event, or of the segment. `key`: under which it came."""

    kind: str
    at: str
    key: str
    name: str
    value: dict[str, Any]


class Timeline(msgspec.Struct, kw_only=True, frozen=True):
    """Items, the newest first. `since`: nothing older was looked at; null: there is nothing older. `earlier`: the
    cursor to go on with."""

    items: list[TimelineItem]
    since: str | None
    earlier: str | None
    records: int


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
Cursor = dict[str, int]


class Timelines:
    """Reads timelines, a few at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reading = asyncio.Semaphore(READS_AT_ONCE)

    async def of(self, keys: Collection[str], *, before: str | None) -> Timeline:
        """The items of a person's keys before a cursor. Problem 400 or 503."""
        cursor = {} if before is None else read_cursor(before)
        try:
            async with asyncio.timeout(TIMEOUT_S), self._reading:
                client = await connect(self._settings)
                try:
                    readers = LogReaders(client, self._settings, committed_only=await has_transactions(client))
                    async with readers:
                        return await self._read(readers, sorted(keys)[:KEYS_MAX], cursor)
                finally:
                    await client.close()
        except (KafkaError, OSError, TimeoutError, OffsetLostError):
            raise Problem(503, "kafka", "Kafka does not answer in time", retry_after_s=3) from None

    async def _read(self, readers: LogReaders, keys: Collection[str], cursor: Cursor) -> Timeline:
        wanted = {key.encode() for key in keys}
        partitions = {partition_of(key, self._settings.partitions) for key in wanted}
        items: list[tuple[int, TimelineItem]] = []
        following: Cursor = {}
        since_ms = -1
        read = 0
        until_s = time.monotonic() + READ_S
        for topic in (self._settings.topics.clickstream, self._settings.topics.changes):
            kind = "event" if topic == self._settings.topics.clickstream else "change"
            for partition in sorted(partitions):
                reader, name = readers.open(topic, partition), f"{kind}-{partition}"
                back = _Backwards(reader, wanted, until_s=until_s)
                await back.read(cursor.get(name))
                items += [(record.timestamp, _item(kind, record)) for record in back.found]
                read += back.looked_at
                following[name] = back.begin
                if back.begin > back.earliest:
                    since_ms = max(since_ms, back.oldest_ms)
        newest = heapq.nlargest(ITEMS_MAX, items, key=lambda pair: (pair[1].at, pair[0]))
        done = since_ms < 0
        return Timeline(
            items=[item for _, item in newest],
            since=None if done else iso(since_ms),
            earlier=None if done else write_cursor(following),
            records=read,
        )


class _Backwards:
    """Goes back through a partition in steps until enough was found, or it has taken long enough."""

    def __init__(self, reader: LogReader, keys: Collection[bytes], *, until_s: float) -> None:
        self._reader = reader
        self._keys = keys
        self._until_s = until_s
        self.found: list[Any] = []
        self.looked_at = 0
        self.earliest = self.begin = 0
        self.oldest_ms = -1

    async def read(self, before: int | None) -> None:
        """Reads before an offset; None: from the end."""
        self.earliest = await self._reader.earliest()
        end = await self._end() if before is None else max(before, self.earliest)
        self.begin = end
        for _ in range(STEPS_MAX):
            if self.begin <= self.earliest or len(self.found) >= ITEMS_MAX:
                return
            first = max(self.earliest, self.begin - STEP_RECORDS)
            await self._step(first, self.begin)
            self.begin = first
            if time.monotonic() > self._until_s:
                return

    async def _end(self) -> int:
        self._reader.seek(self.earliest)
        end = (await self._reader.read(records_max=1, wait_ms=1)).end_offset
        await self._reader.stop()
        return end

    async def _step(self, first: int, end: int) -> None:
        self._reader.seek(first)
        oldest_ms = None
        while True:
            fetched = await self._reader.read(records_max=READ_RECORDS, wait_ms=1)
            for record in fetched.records:
                if record.offset >= end:
                    break
                oldest_ms = record.timestamp if oldest_ms is None else oldest_ms
                self.looked_at += 1
                if record.key in self._keys and record.value is not None:
                    self.found.append(record)
            if fetched.drained or fetched.next_offset >= end:
                break
        await self._reader.stop()
        self.oldest_ms = self.oldest_ms if oldest_ms is None else oldest_ms


def _item(kind: str, record: Any) -> TimelineItem:
    key = record.key.decode(errors="replace")
    value: Mapping[str, Any] = {}
    if len(record.value) <= VALUE_BYTES_MAX:
        try:
            value = _decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = {}
    at = value.get("at" if kind == "change" else "timestamp")
    name = value.get("segment") if kind == "change" else (value.get("event") or value.get("name") or value.get("type"))
    return TimelineItem(
        kind=kind,
        at=at if isinstance(at, str) else iso(max(0, record.timestamp)),
        key=key,
        name=name if isinstance(name, str) else "",
        value=dict(value),
    )


def write_cursor(cursor: Cursor) -> str:
    """The text of a cursor."""
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """The cursor of a text. Problem 400 for another text."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(text[:5_000] + "=" * (-len(text) % 4)), type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise Problem(400, "cursor", "this cursor is not one of the console") from None
