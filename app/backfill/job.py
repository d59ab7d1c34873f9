"""The work of a backfill: plays the log under some segments, and writes what it knows of each user into the log.

Theory of operation. The log is played as far as the workers have come, so that the moves of the clock that they have
journalled are known. Then fills are written, some hundred in one transaction. Before it is committed the log is read up
to them: if a record of one of their users stands between what was played and the fill, the transaction is aborted, and
that user is filled later. So a fill is never older than its user. When everybody is filled, the records that end the
backfill are written, one into each partition, in one transaction that is checked in the same way.

All that is needed to go on after a crash stands in the log: whose fill is there is done.
"""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from aiokafka.structs import TopicPartition
from rich.console import Console

from app.backfill.progress import Progress
from app.backfill.stored_catalogs import stored_catalogs
from app.console.running import reporting
from app.errors import UserError
from app.events.control_record import Control, write_control
from app.events.link_record import LINK_BYTES_MAX, Link
from app.offline.backfill_history import History, Seam
from app.offline.backfill_plan import Plan
from app.offline.backfill_shadow import Shadow
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_writer import LogWriter, is_fenced
from app.runtime.kafka.record_batch import Row
from app.runtime.records.journal import CatalogChange, JournalEntry, decode_entry
from app.segments.language.durations import format_duration
from app.segments.partition.position import CatalogEntry
from app.settings import Settings
from app.verification.topic_contents import Cluster, Positions

READ_RECORDS: Final = 20_000
FILLS_AT_ONCE: Final = 500
FILLS_BYTES_MAX: Final = 4 << 20
WAIT_S: Final = 0.05
CATALOG_WAIT_S: Final = 1.0
ATTEMPTS_MAX: Final = 200


@dataclass(slots=True)
class _Log:
    """One partition: what was read and not played, its journal, and the fills that no worker has read yet."""

    reader: LogReader
    journal_reader: LogReader
    ahead: list[Any] = field(default_factory=list)
    journal: list[JournalEntry] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    is_busy: set[str] = field(default_factory=set)


@dataclass(slots=True)
class BackfillJob:
    """One backfill, or what it would be. The numbers are there after `run`.

    `since_ms`: older records are left out; None: none is. `records_per_second`: of fills; 0: no limit. `history`: what
    was before the topic; None: the topic alone.
    """

    settings: Settings
    plan: Plan
    since_ms: int | None
    records_per_second: int
    timeout_s: float
    write: bool
    history: History | None = None
    progress: Progress = field(default_factory=Progress)
    records: int = 0
    users: int = 0
    filled: int = 0
    refused: int = 0
    seconds: float = 0.0
    was_over: bool = False
    _shadow: Shadow = field(init=False)
    _logs: list[_Log] = field(default_factory=list)
    _catalogs: dict[int, CatalogEntry] = field(default_factory=dict)
    _whole: bool = True
    _left: int = 0

    async def run(self, console: Console) -> None:
        """Reads, fills, ends. UserError where it cannot."""
        began_s = time.monotonic()
        async with Cluster(self.settings) as cluster:
            if not cluster.committed_only:
                raise UserError(
                    f"the broker at {self.settings.kafka_bootstrap_servers} has no transactions: a backfill needs them",
                    hint="use Apache Kafka or Redpanda",
                )
            await reporting(self._run(cluster), console, lambda: self.progress.told)
        self.seconds = time.monotonic() - began_s

    async def _run(self, cluster: Cluster) -> None:
        writer = LogWriter(self.settings, partition=0, transactional_id=f"{self.settings.app_id}-backfill")
        await self._wait_for_catalogs(cluster)
        self._shadow = Shadow(self.plan, self.settings.time_rules, partitions=cluster.partitions)
        try:
            if self.write:
                await writer.open()  # before anything is read: it ends what an earlier command has left open
            async with Positions(cluster) as positions:
                await self._read(cluster, positions)
                if self.write and not self.was_over:
                    await self._fill_all(cluster, positions, writer)
        except Exception as error:
            if is_fenced(error):
                raise UserError("another shoal backfill of this deployment has begun: this one has stopped") from error
            raise
        finally:
            await writer.abandon()
            for log in self._logs:
                await log.reader.stop()
                await log.journal_reader.stop()

    async def _wait_for_catalogs(self, cluster: Cluster) -> None:
        """Until all partitions run the definitions; UserError if they do not, or if another backfill is not over."""
        version = self.plan.program.version
        deadline_s = time.monotonic() + self.timeout_s
        self.progress.at("waiting")
        while True:
            self._catalogs = await stored_catalogs(cluster)
            other = next(((each, entry) for each, entry in self._catalogs.items() if entry.version != version), None)
            if other is None:
                break
            if time.monotonic() > deadline_s:
                raise UserError(
                    f"partition {other[0]} runs the definitions of version {other[1].version}, "
                    f"here are those of {version}",
                    hint="publish them first; --segments gives the folder of the workers",
                )
            await asyncio.sleep(CATALOG_WAIT_S)
        for entry in self._catalogs.values():
            if self.write and entry.filling is not None and entry.filling.id != self.plan.id:
                raise UserError(
                    "another backfill is not over yet",
                    hint="shoal backfill status names its segments; shoal backfill cancel gives it up",
                )

    # ---- reading

    async def _read(self, cluster: Cluster, positions: Positions) -> None:
        """Plays the log as far as the workers have come."""
        topics = cluster.topics
        for partition in range(cluster.partitions):
            reader, journal = cluster.reader(topics.clickstream, partition), cluster.reader(topics.journal, partition)
            earliest = await reader.earliest()
            self._whole &= earliest == 0 and self.since_ms is None
            reader.seek(earliest)
            self._shadow.begin_at(partition, earliest)
            journal.seek(await journal.earliest())
            self._logs.append(_Log(reader, journal))
        await self._wait_for_positions(cluster, positions)
        if self.history is not None:
            await self._play_history(cluster, self.history)
        while await self._play_on(positions):
            total = sum(positions[number].offset for number in range(len(self._logs)))
            self.progress.at("reading", self._reached(), total)
        await self._settle_gives(positions)
        numbers = range(len(self._logs))
        self.users = sum(self._shadow.users(number) for number in numbers)
        begun = [number for number in numbers if self._shadow.users(number)]
        self.was_over = bool(begun) and all(self._shadow.is_over(number) for number in begun)
        if not self.write:
            self.filled = sum(len(self._shadow.fills(number, 1 << 60)) for number in numbers)

    async def _play_history(self, cluster: Cluster, history: History) -> None:
        """Plays what was before the topic."""
        self.progress.at("beginning")
        seams = [await self._seam(cluster, number) for number in range(len(self._logs))]
        for number, log in enumerate(self._logs):
            await self._read_journal(number, log)
            self._shadow.note_journal(number, log.journal)
        for number in range(cluster.partitions):
            async for steps in cluster.read(cluster.topics.erasures, number):
                history.note_erasures(steps)
        told = history.records(seams, self.settings.time_rules, since_ms=self.since_ms)
        at_once = self._shadow.history_at_once

        def play_some() -> bool:
            records = list(islice(told, READ_RECORDS))
            for first in range(0, len(records), at_once):
                self._shadow.play_history(records[first : first + at_once])
            return bool(records)

        while await asyncio.to_thread(play_some):
            self.records = self._shadow.records
            self.progress.at("files", self.records)

    async def _seam(self, cluster: Cluster, number: int) -> Seam:
        reader = cluster.reader(cluster.topics.clickstream, number)
        try:
            reader.seek(await reader.earliest())
            seam = Seam(await reader.earliest())
            while True:
                fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
                if not seam.note(fetched.records) or fetched.drained:
                    return seam
        finally:
            await reader.stop()

    async def _wait_for_positions(self, cluster: Cluster, positions: Positions) -> None:
        """Until each partition that has a catalog has said how far its worker has come."""
        deadline_s = time.monotonic() + self.timeout_s
        while any(positions[number].offset < 0 or not positions[number].offset for number in self._catalogs):
            if time.monotonic() > deadline_s:
                raise UserError(f"no position of a worker in {cluster.topics.profiles}", hint="is a worker running?")
            await positions.moved(WAIT_S)

    def _reached(self) -> int:
        return sum(self._shadow.next_offset(number) for number in range(len(self._logs)))

    async def _play_on(self, positions: Positions) -> bool:
        """Plays a part of what the workers have done; False if nothing is left of that."""
        ends = [positions[number].offset for number in range(len(self._logs))]
        going = False
        for number, log in enumerate(self._logs):
            await self._read_journal(number, log)
            self._shadow.note_journal(number, log.journal)
            if not log.ahead:
                log.ahead = (await log.reader.read(records_max=READ_RECORDS, wait_ms=1)).records
            known = [record for record in log.ahead if record.offset < ends[number]]
            del log.ahead[: len(known)]
            going |= bool(known)
            self._shadow.feed(number, [record for record in known if self._is_wanted(record)])
        await asyncio.to_thread(self._shadow.play)
        self.records = self._shadow.records
        return going

    def _is_wanted(self, record: Any) -> bool:
        return self.since_ms is None or record.timestamp < 0 or record.timestamp >= self.since_ms

    async def _read_journal(self, number: int, log: _Log) -> None:
        """Reads on in a journal. UserError if another catalog has taken effect."""
        while True:
            fetched = await log.journal_reader.read(records_max=READ_RECORDS, wait_ms=1)
            log.journal += [decode_entry(record.value) for record in fetched.records if record.value is not None]
            if fetched.drained:
                break
        latest = max((each for each in log.journal if isinstance(each, CatalogChange)), key=_epoch, default=None)
        known = self._catalogs.get(number)
        # A partition without users stores no catalog of its own accord, and nothing of it is filled.
        if (
            latest is not None
            and known is not None
            and (latest.version != self.plan.program.version or latest.epoch > known.epoch)
        ):
            raise UserError(
                f"the workers have begun to use other definitions, of version {latest.version}",
                hint="run the backfill again, for these",
            )

    async def _settle_gives(self, positions: Positions) -> None:
        """Gives that nothing here has brought about are empty: their log has lost its beginning.

        UserError if it has not: then other definitions have brought them about, and their keys' history is not known.
        """
        while self._shadow.is_stuck:
            await asyncio.sleep(1.0)
            while await self._play_on(positions):
                pass
            awaited = self._shadow.awaited()
            if awaited is None:
                return
            if self._whole and self.history is None:
                raise self._astray(*awaited)
            self._shadow.give_up()
            self._shadow.play()

    def _astray(self, number: int, offset: int, link: Link) -> UserError:
        """The error for a give in a partition's log that these definitions do not bring about."""
        return UserError(
            f"{self.settings.topics.clickstream}-{number}, offset {offset}: {link.source} was given to {link.to}"
            " where these definitions do not say so",
            detail="`order: wait` or identity.yaml has changed since",
            hint="`--since` begins after that; what such a key knew from before is not filled",
        )

    # ---- filling

    async def _fill_all(self, cluster: Cluster, positions: Positions, writer: LogWriter) -> None:
        numbers = range(len(self._logs))
        began_s, quiet_s = time.monotonic(), time.monotonic()
        attempts = 0
        while True:
            moved = await self._play_on(positions)
            wrote = 0
            for number in numbers:
                wrote += await self._fill(cluster, writer, number)
                await self._slow_down(began_s)
            self._left = sum(self._shadow.left(number) for number in numbers)
            self.progress.at("filling", self.filled, self.filled + self._left)
            if moved or wrote:
                quiet_s = time.monotonic()
                continue
            if not self._left and not any(log.sent for log in self._logs):
                ended = await self._end(cluster, writer)
                if ended is not None:
                    return await self._wait_for_end(positions, ended)
                attempts += 1
                if attempts > ATTEMPTS_MAX:
                    raise UserError(
                        "new users came at each attempt to end the backfill", hint="run it again in a quieter hour"
                    )
            elif time.monotonic() - quiet_s > self.timeout_s:
                if (awaited := self._shadow.awaited()) is not None:
                    raise self._astray(*awaited)
                raise UserError(
                    f"no worker has made progress for {format_duration(int(self.timeout_s * 1000))}",
                    hint="is a worker running? Run the command again to go on",
                )
            await positions.moved(WAIT_S)

    async def _slow_down(self, began_s: float) -> None:
        if self.records_per_second:
            ahead_s = self.filled / self.records_per_second - (time.monotonic() - began_s)
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)

    async def _fill(self, cluster: Cluster, writer: LogWriter, number: int) -> int:
        """Writes the next fills of a partition, in one transaction; returns how many."""
        shadow, log = self._shadow, self._logs[number]
        if shadow.is_over(number) or not shadow.users(number) or shadow.is_stuck:
            return 0
        place = shadow.next_offset(number)
        log.sent = {user: offset for user, offset in log.sent.items() if offset >= place}
        most = FILLS_AT_ONCE if not self.records_per_second else min(FILLS_AT_ONCE, self.records_per_second)
        fills = _within(shadow.fills(number, most, but={*log.sent, *log.is_busy}))
        log.is_busy.clear()
        begins = not shadow.has_begun(number) and not log.sent
        rows: list[Row] = [(user.encode(), value, []) for user, value in fills]
        if begins:
            rows.insert(0, (None, write_control(self._begun(number)), []))
        elif not rows:
            return 0
        first = await self._written(writer, number, rows)
        between = await self._between(cluster, number, place, first)
        allowed = shadow.may_fill(number, (user for user, _ in fills), between)
        if len(allowed) < len(fills):
            await writer.producer.abort_transaction()
            self.refused += 1
            log.is_busy = {user for user, _ in fills} - allowed
            return 0
        await writer.producer.commit_transaction()
        log.sent |= {user: first + place for place, (user, _) in enumerate(fills, start=int(begins))}
        if begins:
            log.sent.setdefault("", first)
        self.filled += len(fills)
        return len(rows)

    def _begun(self, number: int) -> Control:
        plan, shadow = self.plan, self._shadow
        missing = set(plan.aggregates) if self._whole else set[int]()
        for each, entry in self._catalogs.items():
            missing |= plan.missing(shadow.fed_ms(each), entry.fed_ms)
        return plan.begun(missing, shadow.fed_ms(number))

    async def _written(self, writer: LogWriter, number: int, rows: list[Row]) -> int:
        """Writes rows to a partition, not yet committed; returns the offset of the first."""
        topic = self.settings.topics.clickstream
        producer = writer.producer
        await producer.begin_transaction()
        writer.ends.clear()
        await writer.write_to([(TopicPartition(topic, number), rows)])
        return writer.ends[topic] - len(rows)

    async def _between(self, cluster: Cluster, number: int, first: int, end: int) -> list[Any]:
        """The records from one offset to before another: the committed ones, and those of transactions that are open.

        What an aborted transaction has left behind is nobody's record.
        """
        found: list[Any] = []
        for open_too in (False, True):
            reader = cluster.reader(cluster.topics.clickstream, number, open_too=open_too)
            reader.seek(first)
            try:
                while first < end:
                    fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
                    found += [record for record in fetched.records if record.offset < end]
                    first = fetched.next_offset
                    if fetched.drained and not open_too:
                        break
            finally:
                await reader.stop()
        return found

    # ---- the end

    async def _end(self, cluster: Cluster, writer: LogWriter) -> list[int] | None:
        """Ends the backfill in all partitions, if everybody is filled, and returns these. None: nothing is written.

        Where it is over already, and where nobody was so far, whoever comes is known from the beginning.
        """
        shadow = self._shadow
        numbers = [each for each in range(len(self._logs)) if shadow.users(each) and not shadow.is_over(each)]
        topic, producer = self.settings.topics.clickstream, writer.producer
        places = [shadow.next_offset(number) for number in range(len(self._logs))]
        firsts = dict.fromkeys(range(len(self._logs)), 0)
        row: Row = (None, write_control(self.plan.over()), [])
        await producer.begin_transaction()
        for number in numbers:
            writer.ends.clear()
            await writer.write_to([(TopicPartition(topic, number), [row])])
            firsts[number] = writer.ends[topic] - 1
        for number in numbers:
            if not shadow.may_end(number, await self._between(cluster, number, places[number], firsts[number])):
                await producer.abort_transaction()
                return None
        await producer.commit_transaction()
        return numbers

    async def _wait_for_end(self, positions: Positions, numbers: list[int]) -> None:
        """Until the workers have read the end."""
        self.progress.at("ending")
        deadline_s = time.monotonic() + self.timeout_s
        while not all(self._shadow.is_over(number) for number in numbers):
            if await self._play_on(positions):
                deadline_s = time.monotonic() + self.timeout_s
            elif time.monotonic() > deadline_s:
                raise UserError("the backfill is written, and no worker has read all of it", hint="start a worker")
            await positions.moved(WAIT_S)


def _within(fills: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """As many as one transaction may hold. UserError for one that no record can hold."""
    size = 0
    for count, (user, value) in enumerate(fills):
        size += len(value)
        if len(value) > LINK_BYTES_MAX:
            raise UserError(f"what history knows of {user} is too large to be written: {len(value):,} bytes")
        if count and size > FILLS_BYTES_MAX:
            return fills[:count]
    return fills


def _epoch(entry: CatalogChange) -> int:
    return entry.epoch
