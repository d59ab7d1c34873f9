"""Several readers over one connection, and the ways in which a partition is gone through from somewhere to its end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient

from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.settings import Settings


class LogReaders:
    """Those that are opened end with the `async with` block; the client stays open."""

    def __init__(self, client: AIOKafkaClient, settings: Settings, *, committed_only: bool) -> None:
        self._client = client
        self._bytes_max = settings.fetch_bytes_max
        self._committed_only = committed_only
        self._opened: list[LogReader] = []

    async def __aenter__(self) -> "LogReaders":
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._opened:
            await reader.stop()

    def open(self, topic: str, partition: int) -> LogReader:
        """A reader of one partition, at offset 0."""
        reader = LogReader(
            self._client,
            topic=topic,
            partition=partition,
            committed_only=self._committed_only,
            bytes_max=self._bytes_max,
        )
        self._opened.append(reader)
        return reader


@dataclass(frozen=True, slots=True)
class Slice:
    """Some records of a partition, in order. `reached`: the offset behind them."""

    records: Sequence[Any]
    reached: int


async def whole(reader: LogReader, *, records_max: int) -> AsyncIterator[Sequence[Any]]:
    """All records of a partition up to its end as seen on the way, in slices; some may be empty."""
    reader.seek(await reader.earliest())
    while True:
        fetched = await reader.read(records_max=records_max, wait_ms=1)
        yield fetched.records
        if fetched.drained:
            return
        await asyncio.sleep(0)


async def rest(reader: LogReader, offset: int, *, records_max: int) -> AsyncIterator[Slice]:
    """Yields the records of a partition from an offset to its end as first seen; later records are not read.

    From the beginning if the partition does not hold the offset: older records may be gone, or it was made anew.
    """
    reader.seek(max(offset, await reader.earliest()))
    try:
        fetched = await reader.read(records_max=records_max, wait_ms=1)
    except OffsetLostError:
        reader.seek(await reader.earliest())
        fetched = await reader.read(records_max=records_max, wait_ms=1)
    end = fetched.end_offset
    while True:
        reached = min(end, fetched.next_offset)
        yield Slice([record for record in fetched.records if record.offset < reached], reached)
        if reached >= end or fetched.drained:
            return
        fetched = await reader.read(records_max=records_max, wait_ms=1)
