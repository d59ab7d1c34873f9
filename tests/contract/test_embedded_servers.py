"""The embedded broker and Redis: they serve real clients, and do not outlive the process that asked for them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.embedded.process import GuardedProcess
from app.embedded.server import EmbeddedServer, packaged_program
from app.errors import UserError, install_command
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
SERVERS = [EmbeddedBroker, EmbeddedRedis]

# Starts both servers, prints their addresses, and waits until it is ended.
PARENT = """
import sys
from app.embedded import EmbeddedBroker, EmbeddedRedis
with EmbeddedBroker() as broker, EmbeddedRedis() as redis:
    print(broker.port, broker.folder, redis.port, redis.folder, flush=True)
    {then}
"""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def parent_with_servers(then: str) -> Iterator[tuple[subprocess.Popen[str], list[int], list[Path]]]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.format(then=then)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        try:
            assert parent.stdout is not None
            broker_port, broker_folder, redis_port, redis_folder = parent.stdout.readline().split()
            yield parent, [int(broker_port), int(redis_port)], [Path(broker_folder), Path(redis_folder)]
        finally:
            parent.kill()


async def test_the_broker_carries_records_from_a_producer_to_a_consumer(
    embedded_broker: EmbeddedBroker, unique: str
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=embedded_broker.bootstrap_servers) as producer:
        for number in range(10):
            await producer.send_and_wait(unique, str(number).encode(), key=b"user", headers=[("n", b"%d" % number)])
    async with AIOKafkaConsumer(
        unique, bootstrap_servers=embedded_broker.bootstrap_servers, auto_offset_reset="earliest"
    ) as consumer:
        records = [await anext(consumer) for _ in range(10)]
    assert [(record.offset, record.key, record.value) for record in records] == [
        (number, b"user", str(number).encode()) for number in range(10)
    ]


async def test_the_redis_keeps_what_it_is_told(embedded_redis: EmbeddedRedis, unique: str) -> None:
    async with Redis.from_url(embedded_redis.url) as client:
        await client.set(unique, "here")
        assert await client.get(unique) == b"here"


@pytest.mark.parametrize("server", SERVERS)
def test_after_the_block_nothing_runs_listens_or_lies_around(server: type[EmbeddedServer]) -> None:
    with server() as running:
        port, pid, folder = running.port, running.pid, running.folder
        assert listens(port)
        assert folder.is_dir()
    assert not listens(port)
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("server", SERVERS)
def test_two_at_once_do_not_meet(server: type[EmbeddedServer]) -> None:
    with server() as one, server() as other:
        assert one.port != other.port
        assert one.running
        assert other.running


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_was_killed_says_so_and_stops_without_an_error(server: type[EmbeddedServer]) -> None:
    with server() as running:
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: not running.running)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_signal_to_the_parent_leaves_a_server_behind(number: signal.Signals) -> None:
    with parent_with_servers("sys.stdin.read()") as (parent, ports, folders):
        assert all(listens(port) for port in ports)
        parent.send_signal(number)
        wait_until(lambda: not any(listens(port) for port in ports))
        wait_until(lambda: not any(folder.exists() for folder in folders))


@pytest.mark.parametrize("crash", ["import os; os._exit(3)", "import os; os.abort()", "raise SystemExit('gone')"])
def test_no_crash_of_the_parent_leaves_a_server_behind(crash: str) -> None:
    with parent_with_servers(crash) as (_, ports, folders):
        wait_until(lambda: not any(listens(port) for port in ports))
        wait_until(lambda: not any(folder.exists() for folder in folders))


def test_the_parents_death_is_noticed_in_whichever_thread_it_started_the_server() -> None:
    code = """
import sys, threading
from app.embedded import EmbeddedRedis
redis = EmbeddedRedis()
starter = threading.Thread(target=redis.start)
starter.start()
starter.join()
print(redis.port, redis.running, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port, running = parent.stdout.readline().split()
        assert running == "True"
        assert listens(int(port)), "the end of the thread that started it does not end the server"
        parent.kill()
        wait_until(lambda: not listens(int(port)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_the_server_ends_even_when_its_guard_is_killed(tmp_path: Path) -> None:
    process = GuardedProcess(["sleep", "300"], log=tmp_path / "log")
    os.kill(process.guard_pid, signal.SIGKILL)
    process.wait(10)
    wait_until(lambda: not is_alive(process.pid))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text()


def test_the_exit_code_and_the_last_words_of_a_process_are_kept(tmp_path: Path) -> None:
    process = GuardedProcess(["sh", "-c", "echo no luck; exit 7"], log=tmp_path / "log")
    assert process.wait(10) == 7
    assert process.log_tail() == "no luck"


def test_a_process_that_cannot_start_says_which(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no-such-program"):
        GuardedProcess(["no-such-program"], log=tmp_path / "log")


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedRedis, "command", lambda self, program, folder: [str(program), "--nonsense", "1"])
    with pytest.raises(UserError, match="embedded Redis does not start") as caught:
        EmbeddedRedis().start()
    assert "nonsense" in str(caught.value)
    assert "REDIS_URL" in str(caught.value)


def test_a_missing_package_is_an_error_that_says_what_to_install_or_to_set() -> None:
    with pytest.raises(UserError) as caught:
        packaged_program("no_such_package", "bin", "x", name="broker", hint="KAFKA_BOOTSTRAP_SERVERS=host:9092")
    assert str(caught.value) == (
        "the embedded broker is not installed\n"
        "  the package no-such-package is missing\n"
        f"  hint: {install_command('embedded')}\n"
        "        KAFKA_BOOTSTRAP_SERVERS=host:9092"
    )


def test_a_platform_without_a_program_is_an_error_that_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(UserError, match="no embedded Redis for this platform") as caught:
        EmbeddedRedis().start()
    assert "riscv64" in str(caught.value)
    assert "REDIS_URL" in str(caught.value)
