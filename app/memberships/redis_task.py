"""Brings one partition of the changes into Redis, from the position that Redis itself holds."""

import logging
import secrets
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from faust.types import TP

from app.memberships.from_profiles import read_standings
from app.memberships.membership_view import View, runs
from app.memberships.redirects import Redirects, together
from app.memberships.redis_updates import RedisUpdate, read_change, update_for, update_to_standing
from app.runtime.follow.follow_task import Deliver, FollowTask
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import Fetched, LogReader, OffsetLostError
from app.settings import Settings

READ_RECORDS = 5_000
IDLE_MS = 500
"""How often an idle partition looks whether Redis is still what it was."""
READER = "memberships"

log = logging.getLogger(__name__)


class MembershipTask(FollowTask):
    """Applies one partition of the changes. It keeps no state: after any doubt it asks Redis for the position."""

    def __init__(
        self, tp: TP, *, settings: Settings, metrics: ReaderMetrics, view: View, committed_only: bool, deliver: Deliver
    ) -> None:
        self._metrics = metrics
        self._view = view
        self._generation = ""
        self._position = ""
        self._ready = False
        self._applied = 0
        self._redirects: Redirects | None = None
        super().__init__(tp, settings=settings, committed_only=committed_only, deliver=deliver)

    async def follow(self) -> None:
        """See `FollowTask`."""
        view, partition = self._view, self.tp.partition
        self._generation = await view.generation()
        self._position = await view.position(partition)
        self._ready = False
        self._redirects = redirects = Redirects(
            partition, settings=self._settings, metrics=self._metrics, view=view, reading=self.reading
        )
        await together(self._follow_changes(), redirects.follow(self._generation))

    async def _follow_changes(self) -> None:
        async with self.reading() as reader:
            try:
                await self._seek(reader)
                await self._serve(reader)
            except OffsetLostError as error:
                log.warning("%s: rebuilding memberships from offset 0: %s", self.name, error)
                await self._view.renew(self._generation)
                raise

    async def _serve(self, reader: LogReader) -> None:
        while True:
            fetched = await reader.read(records_max=READ_RECORDS, wait_ms=IDLE_MS)
            if fetched.records:
                # Here, and not in the agent: while the agent waits for Redis, other partitions decode their records.
                updates = self._updates(fetched.records)
                work = partial(self._apply, updates, str(fetched.next_offset))
                await self.hand_over(work, offset=fetched.records[0].offset)
            else:
                await self._view.check(self._generation, self.tp.partition, self._position)
                self.got_on()
            self.source_offset = fetched.next_offset
            self._tell_lag(fetched)
            assert self._redirects is not None, "redirects are followed, too"
            if fetched.drained and not self._ready and self._redirects.caught_up.is_set():
                await self._view.caught_up(self._generation, self.tp.partition)
                self._ready = True

    async def _seek(self, reader: LogReader) -> None:
        """To the position in Redis; without one, to the beginning of everything."""
        earliest = await reader.earliest()
        if self._position.isdigit():
            if int(self._position) < earliest:
                raise OffsetLostError(self.tp.topic, self.tp.partition, int(self._position))
            reader.seek(int(self._position))
            self._metrics.memberships_begun("resumed")
            log.info("%s: memberships continue at offset %s", self.name, self._position)
        elif earliest == 0:
            await self._move([([], "0")])
            reader.seek(0)
            self._metrics.memberships_begun("topic")
            log.info("%s: building memberships from the whole topic", self.name)
        else:
            reader.seek(await self._load(reader, earliest))
            self._metrics.memberships_begun("profiles")

    def _tell_lag(self, fetched: Fetched) -> None:
        behind_s = 0.0
        if not fetched.drained and fetched.records:
            behind_s = time.time() - fetched.records[-1].timestamp / 1000
        left = max(0, fetched.end_offset - fetched.next_offset)
        self._metrics.lag(READER, self.tp.partition, left, behind_s=behind_s, held_back_s=fetched.held_back_s)

    async def _load(self, reader: LogReader, earliest: int) -> int:
        """From the profiles; the offset from which on the changes are newer than they."""
        reader.seek(earliest)
        fetched = await reader.read(records_max=1, wait_ms=1)
        await reader.stop()
        end = fetched.end_offset
        async with self.reading(self._settings.topics.profiles) as changelog:
            standings = await read_standings(changelog)
        loading = f"loading-{secrets.token_hex(4)}"
        await self._move([([], loading)])
        updates = [(update_to_standing(each), loading) for each in standings]
        for start in range(0, len(updates), READ_RECORDS):
            await self._move(runs(updates[start : start + READ_RECORDS], loading))
        await self._move([([], str(end))])
        log.info("%s: built memberships of %s users from profiles", self.name, f"{len(standings):,}")
        return end

    def _updates(self, records: Sequence[Any]) -> list[tuple[RedisUpdate, int]]:
        """Returns the updates for some records, each with the position behind it."""
        updates: list[tuple[RedisUpdate, int]] = []
        for record in records:
            if record.value is None:
                continue
            try:
                updates.append((update_for(read_change(record.value)), record.offset + 1))
            except (msgspec.DecodeError, ValueError) as error:
                kind = type(error).__name__  # its text may contain an id of a user
                log.warning("%s, offset %d: skips a record that is no change: %s", self.name, record.offset, kind)
                self._metrics.memberships("unreadable", 1)
        return updates

    async def _apply(self, updates: Sequence[tuple[RedisUpdate, int]], after: str) -> None:
        """Runs in the agent: applies updates to Redis."""
        await self._move(runs(updates, after))
        if updates:
            self._metrics.memberships("repeated", len(updates) - self._applied)
            self._metrics.memberships("applied", self._applied)

    async def _move(self, steps: Sequence[tuple[Sequence[RedisUpdate], str]]) -> None:
        done = await self._view.apply(self._generation, self.tp.partition, self._position, steps)
        self._position = steps[-1][1]
        self._applied = done.changes
        if done.gaps:
            log.warning("%s: gaps in the sequence of %d users' changes", self.name, done.gaps)
            self._metrics.memberships("gap", done.gaps)
