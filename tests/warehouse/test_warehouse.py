"""`shoal warehouse` on each broker: DuckDB counts in its files what the topics hold, over kills and restarts."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from agents.warehouse import create_app
from app.errors import UserError
from app.settings import Settings
from app.warehouse.once import export_once
from app.warehouse.store import open_store
from app.warehouse.tables import wanted_tables
from tests.support.broker import Broker
from tests.support.records import write_topic
from tests.support.role_process import RoleProcess
from tests.support.shop import running
from tests.warehouse.doomed import EXIT_CODE, WHENS
from tests.warehouse.making import DAY_MS, START_MS, change
from tests.warehouse.reading import equals_topics, places, query

TABLES = ("events", "changes", "identity", "dead_letters")


async def fill(settings: Settings, begin: int, end: int) -> None:
    """Events, among them some that cannot be read, changes of three days, claims and dead letters."""
    topics = settings.topics
    events = [
        (f"u-{number % 7}", b"{" if number % 10 == 9 else {"type": "track", "event": "E", "userId": f"u-{number % 7}"})
        for number in range(begin, end)
    ]
    await write_topic(settings, topics.clickstream, events)
    changes = [change(number, START_MS + number % 3 * DAY_MS) for number in range(begin, end)]
    await write_topic(settings, topics.changes, [(f"u-{each.offset % 7}", each.value) for each in changes])
    claim = {"id": "c", "from": "a-1", "to": "u-1", "at": "2026-01-01T00:00:00.000Z", "why": "seen", "result": "given"}
    await write_topic(settings, topics.identity, [("u-1", claim)] * 3)
    await write_topic(settings, topics.dead_letters, [("u-1", b"{")] * 2)


async def abort_some(settings: Settings, count: int) -> None:
    """Changes of a transaction that never became visible."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, transactional_id=f"{settings.app_id}-test"
    )
    async with producer:
        await producer.begin_transaction()
        for number in range(count):
            await producer.send_and_wait(settings.topics.changes, change(number).value, partition=0)
        await producer.abort_transaction()


def environment(settings: Settings) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "SHOAL_TOPIC_PREFIX": settings.topic_prefix,
        "SHOAL_APP_ID": settings.app_id,
        "SHOAL_WAREHOUSE": settings.warehouse,
        "SHOAL_WAREHOUSE_EVERY": "100ms",
        "SHOAL_SESSION_TIMEOUT": f"{settings.session_timeout_ms}ms",
    }


async def test_one_run_writes_what_the_topics_hold_and_the_next_what_is_new(settings: Settings, broker: Broker) -> None:
    root = Path(settings.warehouse)
    await fill(settings, 0, 50)
    if broker.transactions:
        await abort_some(settings, 5)
    await fill(settings, 50, 60)
    tables = wanted_tables(settings)
    first = await export_once(settings, tables, open_store(settings.warehouse))
    await equals_topics(settings, root, *TABLES, within_s=1)
    assert (first["events"].rows, first["changes"].rows, first["identity"].rows) == (60, 60, 6)
    await fill(settings, 60, 70)
    second = await export_once(settings, tables, open_store(settings.warehouse))
    await equals_topics(settings, root, *TABLES, within_s=1)
    assert (second["events"].rows, second["changes"].rows) == (10, 10)
    assert (await export_once(settings, tables, open_store(settings.warehouse)))["events"].rows == 0
    days = query(
        f"SELECT DISTINCT date::VARCHAR FROM read_parquet('{root}/changes/*/*.parquet', hive_partitioning = true)"
    )
    assert sorted(days) == [("2026-01-01",), ("2026-01-02",), ("2026-01-03",)]
    assert query(f"SELECT count(*) FROM '{root}/events/*/*.parquet' WHERE problem = 'invalid-json'") == [(7,)]


@pytest.mark.timeout(400)
async def test_kills_before_in_and_after_a_write_leave_no_half_file_and_no_row_twice(
    settings: Settings, tmp_path: Path
) -> None:
    root = Path(settings.warehouse)
    for round_, (number, when) in enumerate(zip((1, 2, 4, 1), WHENS, strict=True)):
        await fill(settings, round_ * 40, round_ * 40 + 40)
        command = [sys.executable, "-m", "tests.warehouse.doomed", str(number), when, "warehouse", "--once"]
        inherited = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": "."}
        ended = await asyncio.to_thread(
            subprocess.run, command, env=inherited | environment(settings), capture_output=True, check=False
        )
        assert ended.returncode == EXIT_CODE, ended.stderr.decode()
        for table in TABLES:
            found = places(root, table)
            assert len(found) == len(set(found)), f"{table} has a row twice after {number} {when}"
    await export_once(settings, wanted_tables(settings), open_store(settings.warehouse))
    await equals_topics(settings, root, *TABLES, within_s=1)


@pytest.mark.long
@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
@pytest.mark.timeout(300)
async def test_processes_that_are_killed_while_they_follow_lose_and_repeat_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    root = Path(settings.warehouse)
    with (
        RoleProcess(["warehouse"], environment(settings), tmp_path / "one.log") as one,
        RoleProcess(["warehouse"], environment(settings), tmp_path / "two.log") as two,
    ):
        for round_, killed in enumerate((one, two, one)):
            await fill(settings, round_ * 30, round_ * 30 + 30)
            if round_ == 0:
                await equals_topics(settings, root, "events", within_s=60)
            killed.kill()
            killed.start()
        await equals_topics(settings, root, *TABLES, within_s=90)
        assert one.stop() == two.stop() == 0


@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_the_role_follows_counts_and_is_ready(settings: Settings) -> None:
    root = Path(settings.warehouse)
    await fill(settings, 0, 20)
    app = create_app(settings)
    async with running(app):
        await equals_topics(settings, root, *TABLES)
        await fill(settings, 20, 40)
        await equals_topics(settings, root, *TABLES)
    assert app.metrics.value("shoal_warehouse_rows_total", table="events", outcome="written") == 40
    assert app.metrics.value("shoal_warehouse_files_total", table="events") >= 2
    assert app.metrics.value("shoal_warehouse_bytes_total", table="events") > 0
    assert app.metrics.value("shoal_warehouse_failures_total", table="events") == 0


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_a_place_that_fails_is_counted_and_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.warehouse.store import FolderStore

    write, failures = FolderStore.write, 0

    def fails_at_first(self: FolderStore, path: str, data: bytes, *, replaces: str | None) -> str:
        nonlocal failures
        if failures < 3:
            failures += 1
            raise OSError(28, "No space left on device")
        return write(self, path, data, replaces=replaces)

    monkeypatch.setattr(FolderStore, "write", fails_at_first)
    await fill(settings, 0, 20)
    app = create_app(settings)
    async with running(app):
        await equals_topics(settings, Path(settings.warehouse), *TABLES)
    assert sum(app.metrics.value("shoal_warehouse_failures_total", table=table) for table in TABLES) == 3


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_a_topic_that_is_not_there_is_said_in_words(settings: Settings, unique: str) -> None:
    from dataclasses import replace

    other = replace(settings, topic_prefix=f"{unique}x.")
    with pytest.raises(UserError, match=r"there is no topic .*\.clickstream for the table events"):
        await export_once(other, wanted_tables(other), open_store(other.warehouse))
    with pytest.raises(UserError, match="there is no topic"):
        await create_app(other).on_first_start()


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one(settings: Settings) -> None:
    await fill(settings, 0, 10)
    tables = wanted_tables(settings)
    await export_once(settings, tables, open_store(settings.warehouse))
    position = Path(settings.warehouse) / "_shoal/events/p0000.json"
    position.write_text(position.read_text().replace('"offset":', '"offset":9999'))
    with pytest.raises(UserError, match="holds no offset"):
        await export_once(settings, tables, open_store(settings.warehouse))
