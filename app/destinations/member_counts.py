"""Members of segments by the latest census, for destinations that need so many."""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from app.destinations.destination import Destination
from app.events.instants import iso
from app.runtime.kafka.clients import connect, has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_readers import LogReaders, whole
from app.runtime.pacing.back_off import REOPEN_MS_FIRST, BackOff
from app.runtime.partition.failures import describe_error
from app.runtime.records.population_events import PARTITION, Result, read_population
from app.settings import Settings

READ_RECORDS: Final = 1_000
LOOK_MS: Final = 1_000

log = logging.getLogger(__name__)


class MemberCounts:
    """Tells of each census, from the latest on, for as long as it is open. An asynchronous context manager."""

    def __init__(self, settings: Settings, tell: Callable[[Result], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name="member-counts")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _follow(self) -> None:
        back_off = BackOff(first_ms=REOPEN_MS_FIRST, longest_ms=self._settings.retry_wait_max_ms)
        while True:
            try:
                await self._read(back_off)
            except Exception as error:  # noqa: BLE001  # after any error it reads the topic anew; the last numbers hold
                back_off.failed()
                log.warning("%s: %s; retries", self._settings.topics.population, describe_error(error))
            await asyncio.sleep(back_off.pause_ms / 1000)

    async def _read(self, back_off: BackOff) -> None:
        client = await connect(self._settings)
        try:
            reader = LogReader(
                client,
                topic=self._settings.topics.population,
                partition=PARTITION,
                committed_only=await has_transactions(client),
                bytes_max=self._settings.fetch_bytes_max,
            )
            try:
                reader.seek(await reader.earliest())
                latest = told = None
                while True:
                    fetched = await reader.read(records_max=READ_RECORDS, wait_ms=LOOK_MS)
                    for record in fetched.records:
                        latest = _later(latest, record.value, self._settings.app_id)
                    # An earlier census may have counted enough where the latest has not: it is told of at the end only.
                    if fetched.drained and latest is not None and latest is not told:
                        self._tell(latest)
                        told = latest
                        back_off.reset()
            finally:
                await reader.stop()
        finally:
            await client.close()


async def read_latest_census(settings: Settings) -> Result | None:
    """The latest census; None if there is none yet."""
    topic = settings.topics.population
    client = await wait_for_broker(settings)
    latest = None
    try:
        if (await client.fetch_all_metadata()).partitions_for_topic(topic):
            async with LogReaders(client, settings, committed_only=await has_transactions(client)) as readers:
                async for records in whole(readers.open(topic, PARTITION), records_max=READ_RECORDS):
                    for record in records:
                        latest = _later(latest, record.value, settings.app_id)
    finally:
        await client.close()
    return latest


def why_nobody_is_added(destination: Destination, census: Result | None) -> str:
    """Tells that a destination waits for members, by the latest census; empty if it has enough."""
    segment, minimum = destination.only_segment, destination.minimum_members
    members = None if census is None else census.members.get(segment)
    if census is None or members is None:
        return f"waits for members: {segment} needs {minimum:,}, and no census has counted it yet (shoal census once)"
    if members >= minimum:
        return ""
    return f"waits for members: {segment} has {members:,} of {minimum:,} by the census of {iso(census.at_ms)}"


def _later(latest: Result | None, value: bytes | None, app: str) -> Result | None:
    """The later one of a census and a record of the topic, of this deployment."""
    event = read_population(value)
    if not isinstance(event, Result) or event.app != app:
        return latest
    return event if latest is None or event.census > latest.census else latest
