"""Definitions over files of past events: the same pure half as the worker's, without a broker.

Messages come in the order of the files, split in partitions as Kafka's producers do; at the end every partition's
clock moves to the last event's instant (or further, as asked).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.errors import UserError
from app.segments.change import Change
from app.segments.partition import Batch, Partition
from app.segments.program import Program
from app.segments.time_rules import TimeRules
from app.simulation.recording import Recording, lines_of

BATCH_RECORDS = 20_000  # a user's profile is decoded and encoded once a batch, and nobody waits for it
POINTS = 24
PARQUET_SUFFIXES = (".parquet", ".pq")
OBJECT_COLUMNS = ("properties", "traits", "context")


class FileRecord(NamedTuple):
    """A line of a file as the pure half reads records."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Summary:
    """What a backtest found. `members` are samples over time: (clock in ms, segment -> members)."""

    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    first_dead: str = ""
    users: int = 0
    end_ms: int = -1
    state_bytes: int = 0
    entries: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    inside: dict[str, int] = field(default_factory=dict)
    ever: dict[str, set[str]] = field(default_factory=dict)
    members: list[tuple[int, dict[str, int]]] = field(default_factory=list)


def read_messages(files: Sequence[Path]) -> Iterator[bytes]:
    """The messages of the files in their order: JSON lines (plain or .gz), or rows of Parquet as JSON."""
    for file in files:
        if file.suffix in PARQUET_SUFFIXES:
            yield from _parquet_messages(file)
        else:
            yield from lines_of([file])


def _parquet_messages(file: Path) -> Iterator[bytes]:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise UserError(f"reading {file} needs DuckDB", hint="install it with: pip install 'shoal[parquet]'") from None
    if not file.exists():
        raise UserError(f"there is no file {file}")
    try:
        connection = duckdb.connect()
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
        texts = [name for name, kind, *_ in described if kind == "VARCHAR" and name in OBJECT_COLUMNS]
        columns = f"* REPLACE ({', '.join(f'{name}::JSON AS {name}' for name in texts)})" if texts else "*"
        query = f"SELECT to_json(m)::VARCHAR FROM (SELECT {columns} FROM read_parquet(?)) AS m"  # noqa: S608  # our names
        result = connection.execute(query, [str(file)])
        while batch := result.fetchmany(BATCH_RECORDS):
            yield from (text.encode() for (text,) in batch)
    except duckdb.Error as error:
        raise UserError(f"cannot read {file}: {str(error).splitlines()[0]}") from None


class Backtest:
    """One run over messages; `run` once, then `summary` and `changes`."""

    def __init__(self, program: Program, rules: TimeRules, *, partitions: int = 1) -> None:
        self._rules = rules
        self._partitions = [Partition(program, rules, keyed=partitions > 1) for _ in range(partitions)]
        self._offsets = [0] * partitions
        self._program = program
        self.summary = Summary(ever={segment.name: set() for segment in program.segments})
        self.changes: dict[str, list[bytes]] = {}

    def run(
        self, messages: Iterable[bytes], *, until_ms: int | None = None, progress: Callable[[int], None] | None = None
    ) -> Summary:
        """All messages, then the clock to the last event's instant, or to `until_ms` if that is later.

        `progress` is called with the number of events so far.
        """
        end_ms = self._run_one(messages, progress) if len(self._partitions) == 1 else self._run_many(messages, progress)
        if until_ms is not None:
            end_ms = max(end_ms, until_ms)
        for partition in self._partitions:
            if end_ms >= 0:
                self._take(partition.advance(end_ms))
        self._sample(end_ms)
        summary = self.summary
        summary.end_ms = end_ms
        summary.users = sum(partition.users for partition in self._partitions)
        summary.state_bytes = sum(partition.state_bytes for partition in self._partitions)
        summary.inside = self._inside()
        return summary

    def _run_one(self, messages: Iterable[bytes], progress: Callable[[int], None] | None) -> int:
        partition = self._partitions[0]
        records: list[FileRecord] = []
        offset = 0
        for offset, message in enumerate(messages, 1):
            records.append(FileRecord(offset - 1, -1, None, message))
            if len(records) == BATCH_RECORDS:
                self._process(partition, records)
                records = []
                if progress is not None:
                    progress(offset)
        self._process(partition, records)
        self.summary.events = offset
        return partition.clock_ms + self._rules.disorder_ms if partition.clock_ms > -self._rules.disorder_ms else -1

    def _run_many(self, messages: Iterable[bytes], progress: Callable[[int], None] | None) -> int:
        recording = Recording(messages, partitions=len(self._partitions), rules=self._rules)
        waiting: list[list[FileRecord]] = [[] for _ in self._partitions]
        for record in recording.records():
            records = waiting[record.partition]
            offset = self._offsets[record.partition]
            self._offsets[record.partition] = offset + 1
            records.append(FileRecord(offset, record.timestamp_ms, record.key, record.value))
            if len(records) == BATCH_RECORDS:
                self._process(self._partitions[record.partition], records)
                records.clear()
                if progress is not None:
                    progress(recording.count)
        for partition, records in zip(self._partitions, waiting, strict=True):
            self._process(partition, records)
        self.summary.events = recording.count
        return recording.last_ms

    def _process(self, partition: Partition, records: list[FileRecord]) -> None:
        self._take(partition.process(records))
        self._sample(partition.clock_ms)

    def _take(self, batch: Batch) -> None:
        summary = self.summary
        summary.accepted += batch.accepted
        summary.duplicates += batch.duplicates
        summary.late += len(batch.late)
        for letter in batch.dead:
            summary.dead[letter.reason] += 1
            if not summary.first_dead:
                summary.first_dead = f"message {letter.record.offset + 1}: {letter.reason}: {letter.detail}"
        for change in batch.changes:
            self._count(change)
            self.changes.setdefault(change.user, []).append(change.encode())

    def _count(self, change: Change) -> None:
        summary = self.summary
        if change.change == "entered":
            summary.entries[change.segment] += 1
            summary.ever[change.segment].add(change.user)
        elif change.change == "exited":
            summary.exits[change.segment] += 1
        else:
            summary.updates[change.segment] += 1

    def _inside(self) -> dict[str, int]:
        inside: Counter[str] = Counter()
        for partition in self._partitions:
            inside.update(partition.members())
        return dict(inside)

    def _sample(self, clock_ms: int) -> None:
        """Keeps the members over time, thinned out to a few dozen points."""
        samples = self.summary.members
        if samples and clock_ms <= samples[-1][0]:
            return
        samples.append((clock_ms, self._inside()))
        if len(samples) >= 4 * POINTS:
            del samples[1:-1:2]

    def lines(self) -> Iterator[bytes]:
        """The changes as JSON lines, ordered by user, then sequence."""
        for user in sorted(self.changes):
            yield from self.changes[user]
