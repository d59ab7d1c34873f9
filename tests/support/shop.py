"""A clickstream on a broker, a worker on it, and what the worker must write: for tests of the runtime."""

import asyncio
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiokafka.client import AIOKafkaClient
from aiokafka.partitioner import murmur2

from app.events.instants import iso
from app.runtime.application import own_topics
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.runtime.records.journal import JournalEntry, Replay, decode_entry
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.partition.partition import Partition
from app.settings import Settings, load_settings
from tests.support.broker import Broker, session_timeout
from tests.support.waiting import eventually

T = TypeVar("T")

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

DEFINITIONS = {
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\ntopic: true\n",
    "abandoned.yaml": (
        "segment: abandoned\n"
        "when: cart.items > 0 and cart.idle >= 30m and cart.idle < 24h\n"
        "attach: {value: cart.value}\n"
    ),
}


def record(user: str, at_ms: int, event: str, *, number: int | str = 0, **properties: Any) -> Row:
    """One message of the Segment spec as a record's key and value, `at_ms` after the start."""
    message = {
        "type": "track",
        "event": event,
        "userId": user,
        "messageId": f"{user}-{at_ms}-{number}",
        "timestamp": iso(START_MS + at_ms),
        "receivedAt": iso(START_MS + at_ms),
        "properties": properties,
    }
    return user.encode(), json.dumps(message).encode(), []


def watermark(at_ms: int) -> Row:
    """A message that does nothing but move the clock."""
    return None, json.dumps({"type": "watermark", "timestamp": iso(START_MS + at_ms)}).encode(), []


def history(*, users: int, events: int, seed: int = 1) -> list[Row]:
    """A mixed history: views, carts that are filled, emptied and left alone."""
    import random

    chance = random.Random(seed)
    rows = []
    for number in range(events):
        user = f"u-{chance.randrange(users)}"
        event = chance.choices(["Product Viewed", "Product Added", "Order Completed", "Page Liked"], [5, 2, 1, 2])[0]
        at_ms = number * 20_000 + chance.randrange(10_000)
        product = f"p-{chance.randrange(20)}"
        rows.append(record(user, at_ms, event, number=number, product_id=product, price=chance.randrange(1, 90)))
    return rows


async def soon(ask: Callable[[], Awaitable[T]], *, within_s: float = 40) -> T:
    """The first truthy answer; TimeoutError if there is none in time."""
    condition: Callable[[], T | Awaitable[T]] = ask
    return await eventually(condition, within_s=within_s, what=repr(ask))


@dataclass
class Shop:
    """One deployment of a test: settings, topics with a prefix of their own, input and output."""

    broker: Broker
    name: str
    folder: Path
    partitions: int = 2
    given: dict[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=lambda: DEFINITIONS)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.definitions.items():
            (self.folder / name).write_text(text)
        self.settings: Settings = load_settings(
            {},
            kafka_bootstrap_servers=self.broker.bootstrap_servers,
            app_id=self.name,
            topic_prefix=f"{self.name}.",
            partitions=self.partitions,
            segments=self.folder,
            session_timeout_ms=session_timeout(transactions=self.broker.transactions),
            start_timeout_ms="10s",
            **self.given,
        )
        self.program: Program = compile_catalog(load_catalog(self.definitions), self.settings.time_rules)
        self._client: AIOKafkaClient | None = None
        self._writers: dict[int, LogWriter] = {}

    async def open(self) -> None:
        """Connects, and makes the topics."""
        self._client = await connect(self.settings)
        specs = topic_specs(self.settings, sorted(own_topics(self.settings, self.program)))
        await ensure_topics(self.settings, self._client, specs)

    async def close(self) -> None:
        """Disconnects."""
        for writer in self._writers.values():
            await writer.close()
        if self._client is not None:
            await self._client.close()

    # ---- input and output

    def partition_of(self, row: Row) -> int:
        """Returns the partition of a record: by the hash of its key; without a key, the first."""
        return 0 if row[0] is None else (murmur2(row[0]) & 0x7FFFFFFF) % self.partitions

    async def send(self, rows: Iterable[Row], *, partition: int | None = None) -> None:
        """Writes input records, in order."""
        by_partition: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            by_partition[self.partition_of(row) if partition is None else partition].append(row)
        for number, some in by_partition.items():
            writer = await self._writer(number)
            # The timestamp of a record counts as its receipt; a test's history lies in the past, which is allowed.
            await writer.write([(self.settings.topics.clickstream, some)])

    async def send_to(self, topic: str, key: bytes, value: bytes) -> None:
        """Writes a record that no worker has written, to the partition of its key."""
        partition = self.partition_of((key, value, []))
        await (await self._writer(partition)).write([(topic, [(key, value, [])])])

    async def _writer(self, partition: int) -> LogWriter:
        writer = self._writers.get(partition)
        if writer is None:
            writer = self._writers[partition] = LogWriter(self.settings, partition=partition)
            await writer.open()
        return writer

    async def end(self, at_ms: int) -> None:
        """Moves the clock of every partition to the end of a history."""
        for partition in range(self.partitions):
            await self.send([watermark(at_ms)], partition=partition)

    async def read(self, topic: str, partition: int) -> list[Any]:
        """All records of a partition, as they are now."""
        assert self._client is not None
        committed_only = self.broker.transactions
        reader = LogReader(
            self._client, topic=topic, partition=partition, committed_only=committed_only, bytes_max=8 << 20
        )
        reader.seek(await reader.earliest())
        records: list[Any] = []
        while True:
            fetched = await reader.read(records_max=100_000, wait_ms=1)
            records += fetched.records
            if fetched.drained:
                return records

    async def read_all(self, topic: str) -> list[Any]:
        """All records of a topic, partition after partition."""
        return [record for number in range(self.partitions) for record in await self.read(topic, number)]

    async def changes(self, *, at_least: int = 0) -> list[dict[str, Any]]:
        """Everything in the topic of changes, repeated ones too; nothing as long as there are fewer than `at_least`."""
        changes = [json.loads(each.value) for each in await self.read_all(self.settings.topics.changes)]
        return changes if len(changes) >= at_least else []

    async def journal(self, partition: int) -> list[JournalEntry]:
        """The journal of a partition."""
        return [decode_entry(each.value) for each in await self.read(self.settings.topics.journal, partition)]

    # ---- the comparison

    async def expected(self) -> dict[str, list[bytes]]:
        """Returns the output of a pure run over the same records and journal: encoded changes by user, in order."""
        wanted: dict[str, list[bytes]] = defaultdict(list)
        for number in range(self.partitions):
            records = await self.read(self.settings.topics.clickstream, number)
            replay = Replay(await self.journal(number))
            partition = Partition(self.program, self.settings.time_rules)
            for change in recompute(partition, records, replay):
                wanted[change.user].append(change.encode())
        return dict(wanted)

    async def written(self) -> dict[str, list[bytes]]:
        """Returns the output of the worker: encoded changes by user, in order, without repeated ids."""
        found: dict[str, list[bytes]] = defaultdict(list)
        seen: set[str] = set()
        for each in await self.read_all(self.settings.topics.changes):
            change = json.loads(each.value)
            if change["id"] not in seen:
                seen.add(change["id"])
                found[each.key.decode()].append(each.value)
        return dict(found)

    async def settled(self, end_ms: int, *, within_s: float = 30) -> None:
        """Ends the history at `end_ms`, and waits until the worker has written exactly what it must."""
        later_ms = 0

        async def agrees() -> bool:
            nonlocal later_ms
            await self.end(end_ms + later_ms)
            later_ms += 1
            return await self.agrees()

        await soon(agrees, within_s=within_s)

    async def agrees(self) -> bool:
        """True if the worker wrote exactly what it must, so far."""
        return await self.written() == await self.expected()


def recompute(partition: Partition, records: Sequence[Any], replay: Replay) -> Iterable[Any]:
    """Changes of one partition, one record at a time: the plainest way there is."""
    for each in records:
        while (move := replay.due(each.offset)) is not None:
            yield from partition.advance(move.clock_ms).changes
        if each.offset not in replay.poisoned:
            yield from partition.process([each]).changes
    end = records[-1].offset + 1 if records else 0
    while (move := replay.due(end)) is not None:
        yield from partition.advance(move.clock_ms).changes


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[Any]:
    """An application that runs in this process and loop."""
    await app.start()
    try:
        await eventually(lambda: app.why_not_ready() is None, within_s=20, what="the worker is ready")
        yield app
    finally:
        await app.stop()


SHOAL = ("-c", "import sys; from app.cli.main import main; sys.exit(main())")


class WorkerProcess:
    """A worker in a process of its own, to be killed."""

    def __init__(
        self,
        shop: Shop,
        *,
        log: Path,
        given: Sequence[str] = (),
        broker: str | None = None,
        code: Sequence[str] = SHOAL,
    ) -> None:
        """`broker`: host:port of another than the shop's. `code`: options of Python that say what runs."""
        settings = shop.settings
        pairs = [
            f"session_timeout={settings.session_timeout_ms}ms",
            f"topic_prefix={settings.topic_prefix}",
            f"idle_clock={'on' if settings.idle_clock else 'off'}",
            f"idle_clock_speed={settings.idle_clock_speed}",
            f"batch_records_max={settings.batch_records_max}",
            *given,
        ]
        arguments = ["worker", "--segments", str(shop.folder), "--broker"]
        arguments.append(settings.kafka_bootstrap_servers if broker is None else broker)
        arguments += ["--partitions", str(shop.partitions), "--app-id", shop.name, "--set", *pairs]
        self.log = log
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, *code, *arguments],
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if not name.startswith("SHOAL_")},
            )

    async def logged(self, text: str, *, times: int = 1, within_s: float = 30) -> None:
        """Waits until the log has a text so many times."""
        await eventually(
            lambda: self.log.read_text().count(text) >= times or self.process.poll() is not None, within_s=within_s
        )
        assert self.log.read_text().count(text) >= times, self.log.read_text()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=10)

    async def terminate(self, *, within_s: float = 10) -> int:
        """SIGTERM; the exit code. TimeoutError, with the log, if it does not end."""
        self.process.terminate()
        try:
            return await asyncio.to_thread(self.process.wait, within_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it does not end within {within_s:g} s; its log:\n{self.log.read_text()}") from None
