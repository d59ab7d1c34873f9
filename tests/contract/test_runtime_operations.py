"""The runtime and those who run it: starts and stops, other definitions, zombies, wrong settings."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from app.main import create_app
from app.runtime.records.journal import CatalogChange
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, Shop, WorkerProcess, history, record, running, soon
from tests.support.waiting import eventually, wait_until

END_MS = 2_000 * 20_000 + 48 * HOUR_MS


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path, held: Mapping[str, str]) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given={"idle_clock": "off", **held})
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize("store", ["memory", "disk"])
async def test_another_catalog_is_evaluated_once_for_everyone(shop: Shop) -> None:
    users = [f"u-{number}" for number in range(30)]
    await shop.send(record(user, n * 1_000, "Product Viewed", number=n) for n in range(2) for user in users)
    async with running(create_app(shop.settings)):
        await soon(partial(shop.changes, at_least=30))
    (shop.folder / "viewers.yaml").write_text("segment: viewers\nwhen: count('Product Viewed' within 1h) >= 3\n")
    (shop.folder / "newcomers.yaml").write_text("segment: newcomers\nwhen: user.age < 7d\n")
    async with running(create_app(shop.settings)) as app:
        changes = await soon(partial(shop.changes, at_least=90), within_s=20)
        assert app.program.version in {entry.version for entry in await _catalogs(shop)}
    assert len(changes) == 90
    caused = [each for each in changes if each["cause"]["kind"] == "catalog"]
    assert {(each["segment"], each["change"]) for each in caused} == {("viewers", "exited"), ("newcomers", "entered")}
    for user in users:
        own = [each["sequence"] for each in changes if each["user"] == user]
        assert own == list(range(own[0], own[0] + 3))
    app = create_app(shop.settings)
    async with running(app):
        await shop.send([record("last", HOUR_MS, "Product Viewed")])
        await eventually(lambda: app.metrics.value("shoal_events_total", outcome="accepted") == 1)
    assert len(await shop.changes()) == 91
    assert sorted(entry.epoch for entry in await _catalogs(shop)) == [1, 1, 2, 2]


async def test_a_stopped_worker_leaves_quickly_and_another_takes_over(shop: Shop, tmp_path: Path) -> None:
    worker = WorkerProcess(shop, log=tmp_path / "worker.log")
    try:
        await worker.logged("reads from offset", times=2)
        await shop.send(history(users=30, events=2_000))
        await soon(partial(shop.changes, at_least=1))
        began_s = time.monotonic()
        worker.process.send_signal(signal.SIGINT)
        await eventually(lambda: worker.process.poll() is not None, within_s=10)
        assert worker.process.returncode == 0
        assert time.monotonic() - began_s < 5
    finally:
        worker.kill()
    assert "Traceback" not in worker.log.read_text()
    async with running(create_app(shop.settings)):
        await shop.settled(END_MS)


async def test_a_worker_that_slept_does_no_harm_when_it_wakes_up(shop: Shop, tmp_path: Path) -> None:
    rows = history(users=30, events=2_000)
    sleeper = WorkerProcess(shop, log=tmp_path / "sleeper.log", given=["batch_records_max=20"])
    other: WorkerProcess | None = None
    try:
        await sleeper.logged("reads from offset", times=2)
        await shop.send(rows[:1_000])
        await soon(partial(shop.changes, at_least=20))
        sleeper.process.send_signal(signal.SIGSTOP)
        other = WorkerProcess(shop, log=tmp_path / "other.log")
        await other.logged("reads from offset", times=2)
        await shop.send(rows[1_000:])
        sleeper.process.send_signal(signal.SIGCONT)
        await shop.settled(END_MS, within_s=60)
    finally:
        sleeper.kill()
        if other is not None:
            other.kill()
    if shop.broker.transactions:
        ids = [each["id"] for each in await shop.changes()]
        assert len(ids) == len(set(ids))


async def test_another_number_of_partitions_refuses_to_start(shop: Shop) -> None:
    done = _worker(shop.broker.bootstrap_servers, "topic_prefix=" + shop.settings.topic_prefix, "partitions=3")
    assert done.returncode == 2
    assert f"the setting partitions is 3, but {shop.settings.topics.clickstream} has 2 partitions" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_broker_is_told_within_the_time_that_was_set(tmp_path: Path) -> None:
    began_s = time.monotonic()
    done = _worker("127.0.0.1:9", "start_timeout=1s")
    assert time.monotonic() - began_s < 15
    assert done.returncode == 2
    assert "no Kafka broker answers at 127.0.0.1:9: connection refused" in done.stderr
    assert "set KAFKA_BOOTSTRAP_SERVERS" in done.stderr
    assert "Traceback" not in done.stderr


def test_faust_finds_the_application(broker: Broker, unique: str, tmp_path: Path) -> None:
    shop = Shop(broker, unique, tmp_path / "segments")
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "SHOAL_SEGMENTS": str(shop.folder),
        "SHOAL_TOPIC_PREFIX": f"{unique}.",
        "SHOAL_APP_ID": unique,
        "SHOAL_PARTITIONS": "2",
        "PATH": os.environ["PATH"],
    }
    log = tmp_path / "faust.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "faust", "-A", "app.main", "worker", "-l", "info"],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environ,
        )
    try:
        wait_until(lambda: log.read_text().count("reads from offset 0") == 2 or process.poll() is not None, within_s=30)
        process.terminate()
        process.wait(timeout=10)
    finally:
        process.kill()
        process.wait(timeout=10)
    assert log.read_text().count("reads from offset 0") == 2, log.read_text()
    assert process.returncode == 0


def _worker(broker: str, *settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            *(sys.executable, "-c", "import sys; from app.cli.main import main; sys.exit(main())"),
            *("worker", "--broker", broker, "--set", *settings),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def _catalogs(shop: Shop) -> list[CatalogChange]:
    entries = [entry for number in range(shop.partitions) for entry in await shop.journal(number)]
    return [entry for entry in entries if isinstance(entry, CatalogChange)]


async def test_a_producer_that_chooses_partitions_in_another_way_is_noticed(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [record(f"u-{number}", number * 1_000, "Product Viewed", number=number) for number in range(20)]
    await shop.send([row for row in rows if shop.partition_of(row) == 1], partition=0)
    async with running(create_app(shop.settings)) as app:
        await eventually(lambda: app.metrics.value("shoal_misplaced_keys_total", partition="0") > 0, within_s=20)
    (warned,) = (each for each in caplog.records if "murmur2" in each.message)
    assert "belongs to partition 1" in warned.message
