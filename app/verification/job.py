"""One verification from beginning to end: wait for the workers, read, compute again, compare."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console

from app.console.options import show_instant
from app.console.running import reporting
from app.errors import UserError
from app.runtime.records.envelope import Reached
from app.runtime.records.journal import catalogs_of
from app.runtime.records.population_events import PARTITION as POPULATION_PARTITION
from app.segments.compiler.program import Program
from app.segments.evaluation.change import Change
from app.segments.partition.partition import Partition
from app.settings import Settings
from app.simulation.record import Record
from app.simulation.source import FileSource
from app.verification.censuses import Censuses
from app.verification.comparison import Changes, Comparison
from app.verification.links import Links
from app.verification.recomputation import Recomputation
from app.verification.snapshot import check_origin, check_place
from app.verification.snapshot_file import Ahead, Snapshot
from app.verification.topic_contents import NOWHERE, Cluster, Positions

_SLICE_RECORDS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A record of a file at the offset that it must have in the topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Verification:
    """One comparison; `result` and the numbers are there after `run`.

    `programs`: by version, those that held at some time. `files`: what was played into an empty topic;
    without any, the input topic itself is read, as far as the workers have come. `since`: only what was written after
    this snapshot is compared.
    """

    settings: Settings
    programs: Mapping[str, Program]
    files: tuple[Path, ...]
    timeout_s: float
    doing: str = "looking for the topics"
    partitions: int = 0
    records: int = 0
    dead: int = 0
    late: int = 0
    users: int = 0
    end_ms: int = -1
    moves: int = 0
    catalogs: int = 0
    counted: int = 0
    result: Comparison = field(default_factory=Comparison)
    since: Snapshot | None = None

    async def run(self, console: Console, *, exactly: bool) -> None:
        """Waits, reads, computes, compares. UserError if it cannot come to a result."""
        async with Cluster(self.settings) as cluster:
            self.partitions = cluster.partitions
            if self.since is not None:
                check_origin(self.since, self.settings, partitions=cluster.partitions)
            if exactly and cluster.partitions != self.settings.partitions:
                raise UserError(f"the topics have {cluster.partitions} partitions, not {self.settings.partitions}")
            await reporting(self._run(cluster), console, lambda: self.doing)

    async def _run(self, cluster: Cluster) -> None:
        async with Positions(cluster) as positions:
            if self.files:
                self._refuse_files_with_links()
                self.doing = "reading the files"
                ends = await asyncio.to_thread(self._ends_of_files)
                await self._wait(positions, ends, exactly=True)
            else:
                await self._wait(positions, await self._ends_of_input(cluster), exactly=False)
            certain = [positions[partition] for partition in range(cluster.partitions)]
            if self.since is not None:
                check_place(self.since, certain)
            changes = await self._changes(cluster)
            await self._find(cluster, changes)
            censuses = await self._censuses(cluster)
            if not self.files:  # running workers may have sent more by now: it must be what comes next
                await self._wait(positions, await self._ends_of_input(cluster), exactly=False)
            possible = [positions[partition].offset for partition in range(cluster.partitions)]
            self.doing = f"reading {cluster.topics.journal}"
            again = [
                await self._recomputation(cluster, partition, positions.version(partition))
                for partition in range(cluster.partitions)
            ]
        links = Links(once=cluster.committed_only)
        self.moves = sum(each.moves for each in again)
        self.catalogs = sum(each.catalogs for each in again)
        if self.files:
            await asyncio.to_thread(self._expect_from_files, again, certain, changes)
        else:
            for partition, recomputation in enumerate(again):
                expected = Expected(partition, changes, links, censuses, recomputation)
                await self._expect_from_topic(cluster, partition, expected, certain, possible)
            await self._find_links(cluster, links)
        self.records = sum(each.records for each in again)
        self.dead = sum(each.dead for each in again)
        self.late = sum(each.late for each in again)
        self.users = sum(each.users for each in again)
        self.end_ms = max((each.clock_ms for each in again), default=-1)
        self.doing = "comparing"
        self.result = await asyncio.to_thread(changes.compare)
        links.compare(self.result)
        self.counted = censuses.counted
        censuses.compare(self.result)

    async def _changes(self, cluster: Cluster) -> Changes:
        if self.since is None:
            return Changes()
        self.doing = f"reading {self.since.path}"
        return Changes(await asyncio.to_thread(self.since.numbers), once=cluster.committed_only)

    async def _find(self, cluster: Cluster, changes: Changes) -> None:
        """Reads all changes that were written, or those since the snapshot."""
        topic, found = cluster.topics.changes, 0
        for partition in range(cluster.partitions):
            await cluster.settled(topic, partition, wait_s=self.timeout_s)
            span = None if self.since is None else self.since.ends.changes[partition]
            async for records in cluster.read(topic, partition, begin=None if span is None else span.first):
                for record in records:
                    changes.find(record.key, record.value, doubtful=span is not None and record.offset < span.last)
                found += len(records)
                self.doing = f"reading {topic}: {found:,} changes, partition {partition + 1} of {cluster.partitions}"

    async def _censuses(self, cluster: Cluster) -> Censuses:
        """Reads what the topic of the population says of censuses; the numbers that are told come with the input."""
        since_ms = None
        if self.since is not None:
            stored = [place.stored for place in self.since.places]
            since_ms = [NOWHERE.clock_ms if each is None else each.reached.clock_ms for each in stored]
        censuses = Censuses(self.settings.app_id, once=cluster.committed_only, since_ms=since_ms)
        topic = cluster.topics.population
        censuses.has_topic = await cluster.has_topic(topic)
        if not censuses.has_topic:
            return censuses
        self.doing = f"reading {topic}"
        await cluster.settled(topic, POPULATION_PARTITION, wait_s=self.timeout_s)
        censuses.is_whole = await cluster.earliest(topic, POPULATION_PARTITION) == 0
        async for records in cluster.read(topic, POPULATION_PARTITION):
            for record in records:
                censuses.find(record.value)
        for partition in range(cluster.partitions):  # a result that was found is told in every partition
            await cluster.settled(cluster.topics.clickstream, partition, wait_s=self.timeout_s)
        return censuses

    async def _recomputation(self, cluster: Cluster, partition: int, version: str | None) -> Recomputation:
        """With the catalogs that held in a partition; UserError if one of them is not known here."""
        await cluster.settled(cluster.topics.journal, partition, wait_s=self.timeout_s)
        since, start = self.since, None
        # Before its first user a partition has no catalog, and any is valid.
        program = next(iter(self.programs.values()))
        if since is None:
            journal = await cluster.journal(partition)
        else:
            place = since.places[partition]
            self._check_known(partition, [place.version])
            program = self.programs.get(place.version or "", program)
            start = await asyncio.to_thread(since.start, partition, Partition(program, self.settings.time_rules))
            journal = [*place.journal, *await cluster.journal(partition, begin=place.journal_end)]
            journal = start.ahead(journal)
        self._check_known(partition, [*(entry.version for entry in catalogs_of(journal).values()), version])
        return Recomputation(program, self.settings.time_rules, journal, self.programs, start=start)

    def _check_known(self, partition: int, versions: Iterable[str | None]) -> None:
        for needed in versions:
            if needed is not None and needed not in self.programs:
                raise UserError(
                    f"partition {partition} of {self.settings.topics.clickstream} runs the catalog {needed}, "
                    f"--segments has {' and '.join(self.programs)}",
                    hint="give the folder that the workers use, and those that they used before",
                )

    # ---- the end of the input

    def _file_source(self) -> FileSource:
        rules = self.settings.time_rules
        return FileSource(self.files, partitions=self.partitions, rules=rules, speed=None, end_marks=True)

    def _ends_of_files(self) -> list[Reached]:
        """The position that each partition must come to."""
        source = self._file_source()
        counts = [0] * self.partitions
        for record in source.records():
            counts[record.partition] += 1
        # The end marks bring a clock to the last event's instant, unless a catalog's order holds it back for longer.
        disorder_ms = self.settings.time_rules.disorder_ms
        behind_ms = max((program.lag_ms for program in self.programs.values()), default=disorder_ms) - disorder_ms
        return [Reached(count, source.last_ms - behind_ms) for count in counts]

    async def _ends_of_input(self, cluster: Cluster) -> list[Reached]:
        topic = cluster.topics.clickstream
        return [Reached(await cluster.records_end(topic, partition), -1) for partition in range(cluster.partitions)]

    async def _wait(self, positions: Positions, ends: Sequence[Reached], *, exactly: bool) -> None:
        """Until each partition is at its end; UserError if nothing moves any more, or one is beyond its end."""
        deadline_s = time.monotonic() + self.timeout_s
        moves = positions.moves
        while True:
            here = [positions[partition] for partition in range(self.partitions)]
            for partition, (reached, end) in enumerate(zip(here, ends, strict=True)):
                if exactly and reached.offset > end.offset:
                    raise UserError(
                        f"partition {partition} of {self.settings.topics.clickstream} holds {reached.offset:,} records "
                        f"or more, the files give {end.offset:,}",
                        hint="play the files once, into a new topic; or leave --file out to verify the topic itself",
                    )
            behind = [
                p
                for p in range(self.partitions)
                if here[p].offset < ends[p].offset or here[p].clock_ms < ends[p].clock_ms
            ]
            if not behind:
                return
            done, total = sum(reached.offset for reached in here), sum(end.offset for end in ends)
            self.doing = f"workers: {done:,} of {total:,} records, {len(behind)} of {self.partitions} partitions to go"
            if positions.moves != moves:
                moves, deadline_s = positions.moves, time.monotonic() + self.timeout_s
            elif time.monotonic() >= deadline_s:
                raise UserError(
                    f"no worker has made progress for {self.timeout_s:g} s",
                    detail="\n".join(_standing(p, here[p], ends[p]) for p in behind[:8]),
                    hint="is a worker running on these topics? shoal worker (and --timeout, to wait longer)",
                )
            await positions.moved(min(1.0, self.timeout_s))

    # ---- expected changes

    def _expect_from_files(self, again: Sequence[Recomputation], certain: Sequence[Reached], changes: Changes) -> None:
        offsets = [0] * self.partitions
        total = 0
        for records in _slices(self._file_source().records(), _SLICE_RECORDS):
            placed: defaultdict[int, list[Placed]] = defaultdict(list)
            for partition, key, value, timestamp_ms in records:
                placed[partition].append(Placed(offsets[partition], timestamp_ms, key, value))
                offsets[partition] += 1
            for partition, part in placed.items():
                _expect(changes, again[partition].take(part), certain=True)
            total += len(records)
            self.doing = f"computing: {total:,} records"
        for partition, recomputation in enumerate(again):
            reached = certain[partition]
            _expect(changes, recomputation.move(reached.offset, reached.clock_ms), certain=True)
            _expect(changes, recomputation.move(reached.offset), certain=False)

    async def _expect_from_topic(
        self,
        cluster: Cluster,
        partition: int,
        expected: "Expected",
        certain: Sequence[Reached],
        possible: Sequence[int],
    ) -> None:
        reached, last = certain[partition], possible[partition]
        recomputation = expected.recomputation
        settled, begin = False, None
        if self.since is not None:
            place = self.since.places[partition]
            begin = place.offset
            moved = place.stored is None or reached > place.stored.reached
            expected.resend(self.since.ahead(partition), certain=moved)
            expected.add(recomputation.begin(), certain=moved)
        async for records in cluster.read(cluster.topics.clickstream, partition, begin=begin, until=last):
            before = [record for record in records if record.offset < reached.offset]
            after = records[len(before) :]
            for record in records:
                expected.censuses.read(partition, record.value, certain=record.offset < reached.offset)
            expected.add(await asyncio.to_thread(recomputation.take, before), certain=True)
            if after:
                if not settled:
                    settled = True
                    expected.add(recomputation.move(reached.offset, reached.clock_ms), certain=True)
                expected.add(await asyncio.to_thread(recomputation.take, after), certain=False)
            where = f"partition {partition + 1} of {self.partitions}"
            self.doing = f"computing: {where}, offset {records[-1].offset + 1:,} of {last:,}"
        if not settled:
            expected.add(recomputation.move(reached.offset, reached.clock_ms), certain=True)
        expected.add(recomputation.move(last), certain=False)

    async def _find_links(self, cluster: Cluster, links: Links) -> None:
        """Reads all link records that were written, if any program has identity."""
        if not self._has_identity:
            return
        topic = cluster.topics.clickstream
        for partition in range(cluster.partitions):
            await cluster.settled(topic, partition, wait_s=self.timeout_s)
            span = None if self.since is None else self.since.ends.clickstream[partition]
            async for records in cluster.read(topic, partition, begin=None if span is None else span.first):
                for record in records:
                    links.find(record.value, doubtful=span is not None and record.offset < span.last)
                self.doing = f"reading link records: partition {partition + 1} of {cluster.partitions}"

    @property
    def _has_identity(self) -> bool:
        return any(program.identity is not None for program in self.programs.values())

    def _refuse_files_with_links(self) -> None:
        if self._has_identity:
            raise UserError(
                "--file cannot be verified where a catalog has identity: workers write link records between the events",
                hint="leave --file out: the topic itself, with its link records, is computed again",
            )


@dataclass(frozen=True, slots=True)
class Expected:
    """Changes, link records and counts of censuses that one partition's recomputation demands."""

    partition: int
    changes: Changes
    links: Links
    censuses: Censuses
    recomputation: Recomputation

    def add(self, computed: Sequence[Change], *, certain: bool) -> None:
        """Notes the changes computed, and the link records and counts that came with them."""
        _expect(self.changes, computed, certain=certain)
        self.links.expect((link.value for link in self.recomputation.links), certain=certain)
        self.recomputation.links.clear()
        self.censuses.expect(self.partition, self.recomputation.counts, certain=certain)
        self.recomputation.counts.clear()

    def resend(self, ahead: Ahead, *, certain: bool) -> None:
        """Notes what users have sent whose profiles are ahead of the snapshot's place."""
        self.changes.expect(ahead.changes, certain=certain)
        self.links.expect(ahead.links, certain=certain)


def _expect(changes: Changes, computed: Sequence[Change], *, certain: bool) -> None:
    changes.expect((change.encode() for change in computed), certain=certain)


def _slices(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while part := list(islice(records, size)):
        yield part


def show_clock(clock_ms: int) -> str:
    """A partition's clock for people."""
    return "not set" if clock_ms < 0 else show_instant(clock_ms)


def _standing(partition: int, here: Reached, end: Reached) -> str:
    return f"partition {partition}: offset {here.offset:,} of {end.offset:,}, clock {show_clock(here.clock_ms)}"
