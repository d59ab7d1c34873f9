"""A month of a real shop in which visitors log in, by a rule: the file itself knows no users.

Of the visitors, a third log in, in the middle of their events. One in four of those may have a second device, one in
ten shares theirs with another user, from visit to visit, and half of these log out before. All follows from the seed.

`python -m tests.model.people_of_the_shop [SEED [ONE_IN]]` prints figures: results of claims, and the time taken.
"""

import gzip
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from app.events.link_record import read_link
from app.offline.backtest import FileRecord
from app.runtime.kafka.partitioner import partition_of
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.model.sql_parity import shop

SEGMENTS: Final = Path(__file__).parents[2] / "deploy" / "segments"
RULES: Final = TimeRules()
RECORDS_AT_ONCE: Final = 20_000
LOGOUT: Final = "Signed Out"


class Head(msgspec.Struct):
    """The parts of a message that the rule needs."""

    messageId: str
    anonymousId: str
    timestamp: str

    @property
    def visit(self) -> str:
        """The visit of the event: a part of the ids of this file."""
        return self.messageId.split("-")[1]


_decode: Final = msgspec.json.Decoder(Head).decode


@dataclass(slots=True)
class Visitor:
    """A visitor of the file. `users`: those who log in on their device, one after the other; `first`: the number of the
    event from which on they do."""

    users: tuple[str, ...]
    first: int
    logs_out: bool
    seen: int = 0
    visits: list[str] = field(default_factory=list)


class People:
    """Decides who logs in where."""

    def __init__(self, seed: int, counts: Counter[str]) -> None:
        self._seed = seed
        self._counts = counts
        self._visitors: dict[str, Visitor] = {}

    def _number(self, visitor: str, what: str, below: int) -> int:
        digest = blake2b(f"{self._seed} {what} {visitor}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % below

    def _visitor(self, anonymous_id: str) -> Visitor:
        if self._number(anonymous_id, "logs in", 3):
            return Visitor((), 0, logs_out=False)
        # Two devices: the name of the user comes from a range half as large as the visitors of whom one in four is.
        shares = self._number(anonymous_id, "second device", 4) == 0
        name = f"u-{self._number(anonymous_id, 'user', 2_000)}" if shares else f"u-{anonymous_id}"
        users = (name, f"v-{anonymous_id}") if self._number(anonymous_id, "shared", 10) == 0 else (name,)
        logs_out = self._number(anonymous_id, "logs out", 2) == 0
        return Visitor(users, self._counts[anonymous_id] // 2, logs_out=logs_out)

    def messages(self, line: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of the records that an event of the file becomes."""
        head = _decode(line)
        visitor = self._visitors.get(head.anonymousId)
        if visitor is None:
            visitor = self._visitors[head.anonymousId] = self._visitor(head.anonymousId)
        visitor.seen += 1
        if not visitor.users or visitor.seen <= visitor.first:
            yield head.anonymousId.encode(), line
            return
        before = len(visitor.visits)
        if not visitor.visits or visitor.visits[-1] != head.visit:
            visitor.visits.append(head.visit)
        user = visitor.users[(len(visitor.visits) - 1) % len(visitor.users)]
        last = visitor.users[(before - 1) % len(visitor.users)]
        if before and user != last and visitor.logs_out:
            said = {"type": "track", "event": LOGOUT, "userId": last, "anonymousId": head.anonymousId}
            said |= {"messageId": f"{head.messageId}-out", "timestamp": head.timestamp}
            yield last.encode(), msgspec.json.encode(said)
        yield user.encode(), b'{"userId":' + msgspec.json.encode(user) + b"," + line[1:]


def records(seed: int, *, one_in: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of all records, in the order of the file; of one visitor in so many."""
    with gzip.open(shop.FILE, "rb") as lines:
        counts = Counter(_decode(line).anonymousId for line in lines)
    people = People(seed, counts)
    with gzip.open(shop.FILE, "rb") as lines:
        for line in lines:
            if one_in == 1 or int.from_bytes(_decode(line).anonymousId.encode()[-4:], "big") % one_in == 0:
                yield from people.messages(line.rstrip(b"\n"))


def program() -> Program:
    """The definitions of `deploy/segments`, with identity as usual."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(SEGMENTS.glob("*.yaml"))}
    return compile_catalog(load_catalog(files | {IDENTITY_FILE: ""}), RULES)


@dataclass(slots=True)
class Outcome:
    """Changes by user, each without its place in the log; results of claims; steps of link records; events taken."""

    changes: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    results: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    quickly: int = 0
    moved: int = 0
    seconds: float = 0.0

    def take(self, batch: Batch) -> None:
        """Adds the results of a batch."""
        for change in batch.changes:
            self.changes[change.user].append(change.encode())
        self.results.update(each.result for each in batch.linked)
        self.steps.update(read_link(link.value).step for link in batch.links)
        self.accepted += batch.accepted
        self.quickly += batch.quickly


def backtested(messages: Iterable[tuple[bytes, bytes]]) -> Outcome:
    """The way of a backtest: one partition, in which keys find each other at once."""
    outcome, partition, began_s = Outcome(), Partition(program(), RULES, keyed=False, alone=True), time.perf_counter()
    waiting: list[FileRecord] = []
    for offset, (_, value) in enumerate(messages):
        waiting.append(FileRecord(offset, -1, None, value))
        if len(waiting) == RECORDS_AT_ONCE:
            outcome.take(partition.process(waiting))
            waiting = []
    outcome.take(partition.process(waiting))
    outcome.take(partition.advance(partition.clock_ms + RULES.retention_ms))
    outcome.moved, outcome.seconds = partition.moved, time.perf_counter() - began_s
    return outcome


def worked(messages: Iterable[tuple[bytes, bytes]], *, partitions: int = 1, records_at_once: int = 1) -> Outcome:
    """The pure part of workers: link records go through the logs, and are read behind the batch that they come from."""
    outcome, code, began_s = Outcome(), program(), time.perf_counter()
    cores = [Partition(code, RULES) for _ in range(partitions)]
    logs: list[deque[tuple[bytes, bytes]]] = [deque() for _ in range(partitions)]
    offsets = [0] * partitions

    def read(number: int) -> None:
        while logs[number]:
            some = [logs[number].popleft() for _ in range(min(records_at_once, len(logs[number])))]
            batch = [FileRecord(offsets[number] + at, -1, key, value) for at, (key, value) in enumerate(some)]
            offsets[number] += len(batch)
            keep(cores[number].process(batch))

    def keep(batch: Batch) -> None:
        outcome.take(batch)
        for link in batch.links:
            logs[partition_of(link.key.encode(), partitions)].append((link.key.encode(), link.value))

    def settle() -> None:
        while any(logs):
            for number in range(partitions):
                read(number)

    for count, (key, value) in enumerate(messages, 1):
        logs[partition_of(key, partitions)].append((key, value))
        if count % records_at_once == 0:
            settle()
    settle()
    end_ms = max(core.clock_ms for core in cores) + RULES.retention_ms
    for core in cores:
        keep(core.advance(end_ms))
    settle()
    outcome.moved, outcome.seconds = sum(core.moved for core in cores), time.perf_counter() - began_s
    return outcome


def main() -> None:
    """Prints the figures of both ways."""
    seed, one_in = (int(text) for text in (*sys.argv[1:], "1", "1")[:2])
    found = {
        "backtest": backtested(records(seed, one_in=one_in)),
        "worker, one partition": worked(records(seed, one_in=one_in)),
        "workers, 8 partitions, batches of 100": worked(
            records(seed, one_in=one_in), partitions=8, records_at_once=100
        ),
    }
    usual = found["backtest"].changes
    for way, each in found.items():
        others = sum(each.changes.get(user) != usual.get(user) for user in usual.keys() | each.changes.keys())
        sys.stdout.write(
            f"{way}: {each.accepted:,} events, {each.quickly / max(1, each.accepted):.1%} by the fast path\n"
            f"  {sum(map(len, each.changes.values())):,} changes; {others:,} of {len(usual):,} users have others\n"
            f"  results {dict(each.results)}, links {dict(each.steps)}\n"
            f"  {each.seconds:.1f} s\n"
        )


if __name__ == "__main__":
    main()
