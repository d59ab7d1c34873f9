"""`shoal simulate`, `shoal worker` and `shoal verify` together, as someone would run them, on both brokers."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from app.cli.simulate import simulate
from app.cli.verify import verify
from app.errors import UserError
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.runtime.records.journal import CatalogChange, IdleMove
from app.settings import load_settings
from app.simulation.shop import Shop, ShopSettings
from app.verification.job import Verification
from app.verification.topic_contents import Cluster, Positions
from tests.support.broker import Broker
from tests.support.waiting import wait_until
from tests.support.worker_processes import Starter, worker_processes

PARTITIONS = 3
EVENTS = 6_000
SEARCHERS = "segment: searchers\nwhen: exists('Products Searched' within 1d)\n"
READERS = "segment: readers\nwhen: count(page within 1d) >= 3\n"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop's two days, with everything that goes wrong on the way."""
    day_ms = 86_400_000
    shop = ShopSettings(
        seed=3,
        start_ms=1_767_571_200_000,  # 2026-01-05
        events_per_s=1,
        users=400,
        history_ms=2 * day_ms,
        history_events=EVENTS,
        broken_share=0.01,
    )
    file = tmp_path_factory.mktemp("events") / "events.jsonl"
    values = (delivery.value for delivery in islice(Shop(shop), EVENTS))
    file.write_bytes(b"\n".join(value for value in values if value))
    return file


@pytest.fixture
def deployment(broker: Broker, unique: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings of a deployment of this test's own, in the environment of all that it starts."""
    given = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "SHOAL_APP_ID": unique,
        "SHOAL_TOPIC_PREFIX": f"{unique}.",
        "SHOAL_PARTITIONS": str(PARTITIONS),
        "SHOAL_SESSION_TIMEOUT": "2s",
        "SHOAL_IDLE_CLOCK": "off",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return unique


@pytest.fixture
def worker(deployment: str, tmp_path: Path) -> Iterator[Starter]:
    """Starts a worker; what was started ends with the test."""
    with worker_processes(tmp_path) as start:
        yield start


async def until_offset(total: int) -> None:
    """Until the workers have come so far, all partitions together."""
    async with Cluster(load_settings()) as cluster, Positions(cluster) as positions:
        while sum(positions[partition].offset for partition in range(PARTITIONS)) < total:
            await positions.moved(1.0)


async def topics_are_there() -> bool:
    """True if a worker has made its topics."""
    try:
        async with Cluster(load_settings()):
            return True
    except UserError:
        return False


async def journal_has(kind: type[CatalogChange] | type[IdleMove]) -> bool:
    """True if the journal of every partition knows such an entry; of catalogs, one that followed another."""
    async with Cluster(load_settings()) as cluster:
        journals = [await cluster.journal(partition) for partition in range(PARTITIONS)]
        return all(
            any(isinstance(entry, kind) and getattr(entry, "epoch", 2) > 1 for entry in journal) for journal in journals
        )


def folder(above: Path, name: str, files: dict[str, str]) -> Path:
    """A folder of definitions."""
    (above / name).mkdir()
    for file, text in files.items():
        (above / name / file).write_text(text)
    return above / name


async def forge(value: bytes, key: bytes) -> None:
    """Writes a change that no worker has written."""
    settings = load_settings()
    writer = LogWriter(settings, partition=0)
    await writer.open()
    await writer.write([(settings.topics.changes, [(key, value, [])])])
    await writer.close()


def test_a_played_file_is_verified_and_whatever_is_wrong_is_found(
    events: Path, worker: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="there is no topic"):
        verify(file=[events])
    simulate(file=[events])
    worker()
    wait_until(lambda: asyncio.run(topics_are_there()), within_s=60)
    assert verify(file=[events], timeout="60s") == 0, capsys.readouterr().out
    assert "equal" in capsys.readouterr().out
    assert verify(timeout="60s") == 0, "the topic itself says the same"

    other = folder(tmp_path, "other", {"a.yaml": SEARCHERS})
    with pytest.raises(UserError, match="runs the catalog"):
        verify(file=[events], segments=[other])

    asyncio.run(
        forge(b'{"id":"x","user":"u-forged","sequence":1,"change":"entered","segment":"s","at":"?"}', b"u-forged")
    )
    assert verify(file=[events]) == 1
    told = capsys.readouterr().out
    assert "u-forged #1 extra: entered s at ?" in told

    simulate(file=[events])
    asyncio.run(asyncio.wait_for(until_offset(EVENTS + 1_500), 60))
    with pytest.raises(UserError, match="the files give"):
        verify(file=[events])


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
@pytest.mark.long
def test_a_played_file_is_verified_where_events_wait_longer_than_the_disorder(
    events: Path, worker: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The end marks do not bring the clock to the last event."""
    files = {"a.yaml": SEARCHERS, "b.yaml": READERS, "catalog.yaml": "order: {wait: 1m}\n"}
    monkeypatch.setenv("SHOAL_SEGMENTS", str(folder(tmp_path, "ordered", files)))
    simulate(file=[events])
    worker()
    wait_until(lambda: asyncio.run(topics_are_there()), within_s=60)
    assert verify(file=[events], timeout="20s") == 0, capsys.readouterr().out
    assert "equal" in capsys.readouterr().out


@pytest.mark.kafka
async def test_changes_that_are_still_being_committed_are_waited_for(kafka_broker: Broker, unique: str) -> None:
    settings = load_settings(
        {},
        kafka_bootstrap_servers=kafka_broker.bootstrap_servers,
        app_id=unique,
        topic_prefix=f"{unique}.",
        partitions=1,
    )
    topic = settings.topics.changes
    client = await wait_for_broker(settings)
    await ensure_topics(settings, client, topic_specs(settings, ()))
    await client.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka_broker.bootstrap_servers, transactional_id=unique)
    async with producer, Cluster(settings) as cluster:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"{}", key=b"u", partition=0)
        assert await cluster.end_offset(topic, 0) == 0
        assert await cluster.end_offset(topic, 0, open_too=True) == 1
        await cluster.settled(topic, 0, wait_s=0.1)  # no longer than asked for
        waiting = asyncio.create_task(cluster.settled(topic, 0, wait_s=60))
        assert not (await asyncio.wait([waiting], timeout=0.5))[0]
        await producer.commit_transaction()
        await waiting
        assert [record.key async for some in cluster.read(topic, 0) for record in some] == [b"u"]


@pytest.mark.long
def test_a_worker_killed_half_way_loses_and_invents_nothing(
    events: Path, worker: Starter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOAL_BATCH_RECORDS_MAX", "100")
    simulate(file=[events])
    with pytest.raises(UserError, match="there is no topic"):
        verify(file=[events])  # no worker was there yet
    first = worker()
    wait_until(lambda: asyncio.run(topics_are_there()), within_s=60)
    asyncio.run(asyncio.wait_for(until_offset(EVENTS // 3), 60))
    first.signal(signal.SIGKILL)
    first.wait(10)
    worker()
    assert verify(file=[events], timeout="60s") == 0, capsys.readouterr().out


@pytest.mark.long
def test_time_that_passed_without_events_is_verified_by_the_journal(
    worker: Starter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOAL_IDLE_CLOCK", "on")
    monkeypatch.setenv("SHOAL_IDLE_CLOCK_SPEED", "600")
    simulate(rate=400, users=200, speed=600, for_="3s", seed=1, start="2026-01-05T08:00:00Z")
    worker()
    wait_until(lambda: asyncio.run(topics_are_there()), within_s=60)
    assert verify(timeout="60s") == 0, capsys.readouterr().out
    wait_until(lambda: asyncio.run(journal_has(IdleMove)), within_s=60)
    assert verify(timeout="60s") == 0, capsys.readouterr().out


@pytest.mark.long
def test_a_catalog_that_followed_another_is_verified_with_both(
    events: Path, worker: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = folder(tmp_path, "before", {"a.yaml": SEARCHERS})
    after = folder(tmp_path, "after", {"a.yaml": SEARCHERS.replace("1d", "2h"), "b.yaml": READERS})
    lines = events.read_bytes().splitlines(keepends=True)
    parts = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
    parts[0].write_bytes(b"".join(lines[: len(lines) // 2]))
    parts[1].write_bytes(b"".join(lines[len(lines) // 2 :]))

    monkeypatch.setenv("SHOAL_SEGMENTS", str(before))
    simulate(file=parts[:1], end_mark=False)
    first = worker()
    wait_until(lambda: asyncio.run(topics_are_there()), within_s=60)
    assert verify(timeout="60s") == 0, capsys.readouterr().out
    first.kill()

    monkeypatch.setenv("SHOAL_SEGMENTS", str(after))
    worker()
    wait_until(lambda: asyncio.run(journal_has(CatalogChange)), within_s=60)
    simulate(file=parts[1:])
    with pytest.raises(UserError, match="runs the catalog"):
        verify(segments=[before], timeout="60s")
    assert verify(segments=[before, after], timeout="60s") == 0, capsys.readouterr().out
    assert "journal: new catalogs" in capsys.readouterr().out


@pytest.mark.long
def test_without_a_worker_the_wait_ends_with_what_was_seen(
    events: Path, worker: Starter, capsys: pytest.CaptureFixture[str]
) -> None:
    started = worker()
    wait_until(lambda: asyncio.run(topics_are_there()), within_s=60)
    started.kill()
    simulate(file=[events])
    with pytest.raises(UserError, match="no worker has made progress for 1 s") as caught:
        verify(file=[events], timeout="1s")
    assert "partition 0: offset 0 of" in str(caught.value)


class Watched(Verification):
    """Notes all that it says it is doing."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "doing":
            told.append(str(value))


told: list[str] = []
MANY = 24
SECONDS_MAX = 30
"""With one long poll after the other it took minutes."""


@pytest.mark.long
def test_many_partitions_are_verified_within_seconds_and_progress_moves(
    events: Path, worker: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_PARTITIONS", str(MANY))
    simulate(file=[events])
    worker()
    wait_until(lambda: asyncio.run(topics_are_there()), within_s=60)
    assert verify(file=[events], timeout="60s") == 0
    told.clear()
    monkeypatch.setattr("app.cli.verify.Verification", Watched)
    began_s = time.monotonic()
    assert verify(timeout="60s") == 0
    assert time.monotonic() - began_s < SECONDS_MAX
    for doing in ("reading", "computing"):
        numbers = [line for line in told if line.startswith(doing) and f"of {MANY}" in line]
        assert len(set(numbers)) > MANY / 2, told
