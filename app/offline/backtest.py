"""Definitions over files of past events: the same pure half as the worker's, without a broker.

Messages come in the order of the files, split in partitions as Kafka's producers do; at the end every partition's
clock moves to the last event's instant (or further, as asked).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.errors import UserError
from app.offline.censuses import DAY_MS, Censuses
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.definition import Catalog
from app.segments.definitions.drafts import with_drafts
from app.segments.evaluation.batch import Linked
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Batch, Partition
from app.simulation.recording import Recording

BATCH_RECORDS = 50_000
POINTS = 24
Hearer = Callable[[Change], None]
LinkHearer = Callable[[Linked], None]


class FileRecord(NamedTuple):
    """A line of a file as the pure half reads records."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Summary:
    """Result of a backtest.

    `members` are samples over time: (clock in ms, segment -> members). `users_of`: how many users were in for the first
    time. `inside`: members at the end, for every live segment. `waiting`: events whose turn has not come at the end.
    `links`: what became of logins, by result. `cleaned`: the values that each rule of cleaning.yaml has changed.
    """

    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    waiting: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    first_dead: str = ""
    users: int = 0
    end_ms: int = -1
    state_bytes: int = 0
    entries: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    users_of: Counter[str] = field(default_factory=Counter)
    inside: dict[str, int] = field(default_factory=dict)
    members: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    links: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)


class Backtest:
    """One catalog over one history. Drafts are live.

    Feed it batches in order, then `finish`. Every change is given to `hear`: those of a user in order of sequence,
    those of different users as they come.
    """

    def __init__(
        self,
        catalog: Catalog,
        rules: TimeRules,
        *,
        partitions: int = 1,
        hear: Hearer | None = None,
        hear_link: LinkHearer | None = None,
        census_every_ms: int = DAY_MS,
    ) -> None:
        """`census_every_ms`: all users are counted that often, if definitions compare with all of them."""
        self.rules = rules
        self._hear = hear
        self._hear_link = hear_link
        self._by_value: dict[str, set[str]] = {}
        program = compile_catalog(with_drafts(catalog), rules)
        if program.identity is not None and partitions > 1:
            raise UserError(
                "a backtest with identity.yaml has one partition, in which the keys of a person find each other",
                hint="leave --partitions out",
            )
        self.program = program
        self._lag_ms = program.lag_ms
        # Events that wait for others are taken at the end of a batch at the latest: a claim is then seen at once.
        self._batch_records = 1 if program.identity is not None and program.wait_ms else BATCH_RECORDS
        self._partitions = [
            Partition(program, rules, keyed=partitions > 1, alone=partitions == 1) for _ in range(partitions)
        ]
        self._censuses = Censuses(self._partitions[0], rules.app, every_ms=census_every_ms)
        if self._censuses.are_wanted and partitions > 1:
            raise UserError(
                "a backtest of definitions that compare with all users has one partition, in which all are counted",
                hint="leave --partitions out",
            )
        self.summary = Summary()

    @property
    def partition(self) -> Partition:
        """The first partition: the only one, unless there are several."""
        return self._partitions[0]

    def process(self, partition: int, records: Sequence[FileRecord]) -> None:
        """The next records of a partition."""
        self.summary.events += len(records)
        step = self._batch_records
        for first in range(0, len(records), step):
            some = self._censuses.with_records(records[first : first + step])
            self._take(self._partitions[partition].process(some))
        self._sample(self._partitions[partition].clock_ms)

    def finish(self, until_ms: int | None = None) -> Summary:
        """Moves the clock to the last event's instant, or to `until_ms` if that is later."""
        clock_ms = max(partition.clock_ms for partition in self._partitions)
        end_ms = clock_ms + self._lag_ms if clock_ms >= 0 else -1
        if until_ms is not None:
            end_ms = max(end_ms, until_ms)
        for batch in self._censuses.until(end_ms):
            self._take(batch)
        if end_ms >= 0:
            for partition in self._partitions:
                self._take(partition.advance(end_ms))
        self._sample(end_ms)
        summary = self.summary
        summary.end_ms = end_ms
        summary.users = sum(partition.users for partition in self._partitions)
        summary.state_bytes = sum(partition.state_bytes for partition in self._partitions)
        summary.waiting = sum(partition.waiting for partition in self._partitions)
        summary.inside = self._inside()
        return summary

    def _take(self, batch: Batch) -> None:
        summary = self.summary
        summary.accepted += batch.accepted
        summary.duplicates += batch.duplicates
        summary.late += len(batch.late)
        for letter in batch.dead:
            summary.dead[letter.reason] += 1
            if not summary.first_dead:
                value = letter.record.value or b""
                shown = value[:80].decode(errors="replace") + ("…" if len(value) > 80 else "")
                summary.first_dead = f"{letter.reason}: {letter.detail}: {shown}"
        summary.links.update(linked.result for linked in batch.linked)
        summary.cleaned.update(batch.cleaned)
        if self._hear_link is not None:
            for linked in batch.linked:
                self._hear_link(linked)
        for change in batch.changes:
            self._count(change)
            if self._hear is not None:
                self._hear(change)

    def _count(self, change: Change) -> None:
        summary = self.summary
        if change.change == "entered":
            summary.entries[change.segment] += 1
            if change.times == 1 and self._is_first(change):
                summary.users_of[change.segment] += 1
        elif change.change == "exited":
            summary.exits[change.segment] += 1
        else:
            summary.updates[change.segment] += 1

    def _is_first(self, change: Change) -> bool:
        """True for the first membership of a user; by value, for the first one by any."""
        if change.value is None:
            return True
        users = self._by_value.setdefault(change.segment, set())
        is_first = change.user not in users
        users.add(change.user)
        return is_first

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


def batches_of(
    messages: Iterable[bytes], *, partitions: int, rules: TimeRules
) -> Iterator[tuple[int, list[FileRecord]]]:
    """Messages as records, in batches: (partition, records). One partition needs no keys."""
    return _one_partition(messages) if partitions == 1 else _many_partitions(messages, partitions, rules)


def _one_partition(messages: Iterable[bytes]) -> Iterator[tuple[int, list[FileRecord]]]:
    records: list[FileRecord] = []
    for offset, message in enumerate(messages):
        records.append(FileRecord(offset, -1, None, message))
        if len(records) == BATCH_RECORDS:
            yield 0, records
            records = []
    if records:
        yield 0, records


def _many_partitions(
    messages: Iterable[bytes], partitions: int, rules: TimeRules
) -> Iterator[tuple[int, list[FileRecord]]]:
    recording = Recording(messages, partitions=partitions, rules=rules)
    waiting: list[list[FileRecord]] = [[] for _ in range(partitions)]
    offsets = [0] * partitions
    for record in recording.records():
        records = waiting[record.partition]
        records.append(FileRecord(offsets[record.partition], record.timestamp_ms, record.key, record.value))
        offsets[record.partition] += 1
        if len(records) == BATCH_RECORDS:
            yield record.partition, records
            waiting[record.partition] = []
    for partition, records in enumerate(waiting):
        if records:
            yield partition, records
