"""Keys that have moved to a user, in Redis: `<prefix>moved:<key>` holds the user, for as long as the key is theirs.

They come from the topic of identity events, in which all about one key is in one partition, in order. They have a
position of their own beside that of the changes, moved by the same script.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec

from app.memberships.from_profiles import read_redirects
from app.memberships.membership_view import View, runs
from app.memberships.redis_updates import RedisUpdate, update_for_redirect, update_to_moved
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import Fetched, LogReader, OffsetLostError
from app.runtime.records.identity_events import read_identity
from app.settings import Settings

READ_RECORDS: Final = 5_000
IDLE_MS: Final = 500
READER: Final = "redirects"

Reading = Callable[[str], AbstractAsyncContextManager[LogReader]]
"""Opens a reader of the partition in a topic."""

log = logging.getLogger(__name__)


def lane_of(partition: int) -> str:
    """Names the position of a partition of the identity topic.

    >>> lane_of(3)
    'identity-3'
    """
    return f"identity-{partition}"


class Redirects:
    """Brings one partition of the identity events into Redis, from the position that Redis itself holds."""

    def __init__(
        self, partition: int, *, settings: Settings, metrics: ReaderMetrics, view: View, reading: Reading
    ) -> None:
        self.caught_up = asyncio.Event()
        self._partition = partition
        self._lane = lane_of(partition)
        self._topics = settings.topics
        self._metrics = metrics
        self._view = view
        self._reading = reading
        self._generation = ""
        self._position = ""

    async def follow(self, generation: str) -> None:
        """Reads and applies for ever; whatever goes wrong ends it."""
        self._generation = generation
        self._position = await self._view.position(self._lane)
        async with self._reading(self._topics.identity) as reader:
            try:
                await self._seek(reader)
                while True:
                    wait_ms = IDLE_MS if self.caught_up.is_set() else 1
                    await self._take(await reader.read(records_max=READ_RECORDS, wait_ms=wait_ms))
            except OffsetLostError as error:
                log.warning("%s: rebuilding memberships: %s", self._lane, error)
                await self._view.renew(generation)
                raise

    async def _seek(self, reader: LogReader) -> None:
        """To the position in Redis; without one, to the beginning, after the profiles if that is gone.

        The records that are left are applied to what the profiles say: for a key that has any, the last one is right.
        """
        earliest = await reader.earliest()
        if self._position.isdigit():
            if int(self._position) < earliest:
                raise OffsetLostError(reader.topic, self._partition, int(self._position))
            reader.seek(int(self._position))
            return
        if earliest > 0:
            await self._load()
        await self._move([([], str(earliest))])
        reader.seek(earliest)

    async def _load(self) -> None:
        async with self._reading(self._topics.profiles) as changelog:
            found = await read_redirects(changelog)
        loading = f"loading-{secrets.token_hex(4)}"
        await self._move(runs([(update_to_moved(key, user), loading) for key, user in found], loading))

    async def _take(self, fetched: Fetched) -> None:
        behind_s = 0.0
        if fetched.records:
            await self._move(runs(self._updates(fetched.records), str(fetched.next_offset)))
            behind_s = 0.0 if fetched.drained else time.time() - fetched.records[-1].timestamp / 1000
        else:
            await self._view.check(self._generation, self._lane, self._position)
        left = max(0, fetched.end_offset - fetched.next_offset)
        self._metrics.lag(READER, self._partition, left, behind_s=behind_s, held_back_s=fetched.held_back_s)
        if fetched.drained:
            self.caught_up.set()

    def _updates(self, records: Sequence[Any]) -> list[tuple[RedisUpdate, int]]:
        updates: list[tuple[RedisUpdate, int]] = []
        for record in records:
            if record.value is None:
                continue
            try:
                event = read_identity(record.value)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                log.warning("%s, offset %d: skips a record that is no identity event: %s", *self._place(record), error)
                continue
            update = update_for_redirect(event.source, event.to, event.result)
            if update is not None:
                updates.append((update, record.offset + 1))
        return updates

    def _place(self, record: Any) -> tuple[str, int]:
        return self._lane, record.offset

    async def _move(self, steps: Sequence[tuple[Sequence[RedisUpdate], str]]) -> None:
        await self._view.apply(self._generation, self._lane, self._position, steps)
        self._position = steps[-1][1]


async def together(*works: Awaitable[None]) -> None:
    """Does all of them for ever; the first that fails ends the others, and its error is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
