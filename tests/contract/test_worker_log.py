"""Log of a worker's life: lines for start and end, and no warning that is not true."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from app.main import create_app
from app.runtime.kafka.log_writer import ClockAheadError, LogWriter
from app.runtime.partition.failures import classify_failure, describe_error
from app.runtime.partition.lifecycle import Failure
from app.simulation.recording import END_MARK_KEY
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, Shop, WorkerProcess, history, running, soon, watermark
from tests.support.waiting import eventually

EVENTS = 400
END_MS = EVENTS * 20_000 + HOUR_MS


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given={"idle_clock": "off"})
    await made.open()
    yield made
    await made.close()


def complaints(log: Path) -> list[str]:
    """Lines that are warnings or errors, and whatever is no line of a log."""
    lines = log.read_text().splitlines()
    return [line for line in lines if " warning: " in line or " error: " in line or not line[:1].isdigit()]


async def test_a_healthy_worker_says_that_it_starts_and_ends_and_warns_of_nothing(shop: Shop, tmp_path: Path) -> None:
    """Another comes and goes meanwhile, and marks end the input, under one key in every partition."""
    await shop.send(history(users=20, events=EVENTS))
    first = WorkerProcess(shop, log=tmp_path / "first.log")
    second: WorkerProcess | None = None
    try:
        await first.logged("reads from offset", times=2)
        _, mark, _ = watermark(END_MS)
        for partition in range(shop.partitions):
            await shop.send([(END_MARK_KEY, mark, [])], partition=partition)
        await soon(shop.agrees)
        second = WorkerProcess(shop, log=tmp_path / "second.log")
        await second.logged("reads from offset")
        assert await second.terminate() == 0
        await shop.settled(END_MS + HOUR_MS)
        assert await first.terminate() == 0
    finally:
        first.kill()
        if second is not None:
            second.kill()
    for worker in (first, second):
        said = worker.log.read_text()
        assert complaints(worker.log) == []
        assert f" {shop.name} starts: Shoal " in said.splitlines()[0]
        assert f" {shop.name} ended with exit code 0 (SIGTERM) after " in said.splitlines()[-1]


async def test_faust_does_not_miss_fetches_of_partitions_that_it_does_not_read(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await shop.send(history(users=5, events=20))
    async with running(create_app(shop.settings, program=shop.program)) as app:
        consumer = app.consumer
        consumer._thread.time_started -= 3_600  # as if it had run for an hour
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            await consumer.verify_all_partitions_active()
            assert [record.getMessage() for record in caplog.records if "ConsumerThread" in record.getMessage()] == []


@pytest.mark.long
@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_a_worker_that_wakes_up_as_a_zombie_says_only_what_is_so(shop: Shop, tmp_path: Path) -> None:
    zombie = WorkerProcess(shop, log=tmp_path / "zombie.log", given=["pace=0ms"])
    heir: WorkerProcess | None = None
    sending = asyncio.create_task(_keep_sending(shop))
    try:
        await zombie.logged("reads from offset", times=2)
        await soon(partial(shop.changes, at_least=20))
        os.kill(zombie.process.pid, signal.SIGSTOP)
        heir = WorkerProcess(shop, log=tmp_path / "heir.log", given=["pace=0ms"])
        await heir.logged("reads from offset", times=2)
        frozen_s = time.monotonic()
        await eventually(lambda: time.monotonic() - frozen_s > 3)
        os.kill(zombie.process.pid, signal.SIGCONT)
        await zombie.logged("reads from offset", times=3)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await shop.settled(END_MS + 1_000 * HOUR_MS)
        assert await zombie.terminate() == 0
        assert await heir.terminate() == 0
    finally:
        sending.cancel()
        for worker in (zombie, heir):
            if worker is not None:
                worker.kill()
    assert complaints(heir.log) == []
    said = complaints(zombie.log)
    assert any("process was suspended for " in line for line in said), said
    true = ("process was suspended for ", "another worker has this partition now", "did not accept a batch within")
    assert [line for line in said if not any(text in line for text in true)] == []
    assert "draining, FencedError: another worker has this partition now; opens again" not in zombie.log.read_text()


async def _keep_sending(shop: Shop) -> None:
    for row in history(users=40, events=100_000):
        await shop.send([row])


# ---------------------------------------------------------------- SIGTERM before the start is complete

TELLS_ITSELF = """
import os, signal, sys
from shoal.launcher import main

module = sys.argv.pop()

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Finder())
sys.exit(main())
"""
"""Sends itself SIGTERM when it is about to import a module."""
TOLD = "told to end (SIGTERM) before it has started\n"
SERVERS = ("worker", "serve", "intake", "memberships run", "destinations run")


def told(module: str, *command: str) -> tuple[int, str]:
    """A command that is told to end while it imports a module: exit code and standard error."""
    done = subprocess.run(
        [sys.executable, "-c", TELLS_ITSELF, *command, module], check=False, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("module", ["app.cli.main", "cyclopts", "app.settings"])
@pytest.mark.parametrize("command", SERVERS)
def test_told_to_end_while_it_is_being_loaded_it_ends_with_0(command: str, module: str) -> None:
    assert told(module, *command.split()) == (0, TOLD)


@pytest.mark.parametrize("module", ["uvloop", "faust", "app.main", "aiokafka.producer.sender"])
def test_so_does_a_worker_while_faust_is_being_loaded(module: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("segment: a\nwhen: exists(page)\n")
    assert told(module, "worker", "--segments", str(tmp_path)) == (0, TOLD)


def test_a_command_that_is_no_server_is_ended_by_the_signal() -> None:
    assert told("cyclopts", "memberships", "verify") == (-signal.SIGTERM, "")


async def test_told_to_end_while_no_broker_answers_it_ends_with_0(shop: Shop, tmp_path: Path) -> None:
    worker = WorkerProcess(shop, log=tmp_path / "log", given=["start_timeout=30s"], broker="127.0.0.1:9")
    try:
        await worker.logged(" starts: ")
        await worker.logged("segments from")
        assert await worker.terminate() == 0
    finally:
        worker.kill()
    assert complaints(worker.log) == []


# ---------------------------------------------------------------- a clock that is ahead


@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_a_clock_that_is_ahead_is_named_and_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter(shop.settings, partition=0)
    await writer.open()
    now_s = time.time()
    try:
        monkeypatch.setattr("app.runtime.kafka.log_writer.time.time", lambda: now_s + 2 * 3_600)
        with pytest.raises(ClockAheadError) as caught:
            await writer.write([(shop.settings.topics.changes, [(b"k", b"v", [])])])
    finally:
        monkeypatch.undo()
        await writer.close()
    assert "the clock of this machine is ahead of the broker's" in describe_error(caught.value)
    assert "NTP" in str(caught.value)
    assert classify_failure(caught.value) is Failure.RETRYABLE
