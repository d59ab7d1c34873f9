"""A worker that cannot get on recovers, or ends itself in time, with a message and an exit code."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.embedded import EmbeddedBroker
from app.main import create_app
from app.runtime.kafka.log_writer import LogWriter
from tables.profile import HEADER_BYTES
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, Shop, history, running, soon
from tests.support.stuck_worker import HOW

ROOT = Path(__file__).parents[2]
WITHIN_S = 240  # some seconds on an idle machine
SETTINGS = ("stall_exit=2s", "batch_timeout=1s", "commit_stall_exit=5s", "retry_wait_max=200ms", "session_timeout=1s")
EVENTS = 40
PARTITIONS = 1


@dataclass
class Ended:
    """End of a worker."""

    code: int
    said: str


class Patient:
    """A worker that is ill, with a clickstream of its own."""

    def __init__(self, broker: Broker, name: str, folder: Path, program: str) -> None:
        self.shop = Shop(broker, f"stuck-{name}", folder / name, partitions=PARTITIONS, given={"idle_clock": "off"})
        self._program = program

    async def prepare(self, changelog: bytes | None = None) -> None:
        """Input, and what somebody has left in the changelog."""
        await self.shop.open()
        try:
            await self.shop.send(history(users=4, events=EVENTS))
            if changelog is not None:
                writer = LogWriter(self.shop.settings, partition=0)
                await writer.open()
                await writer.write([(self.shop.settings.topics.profiles, [(b"ann", changelog, [])])])
                await writer.close()
        finally:
            await self.shop.close()

    def start(self) -> None:
        """Begins to be ill."""
        settings = self.shop.settings
        arguments = ["worker", "--segments", str(self.shop.folder), "--broker", settings.kafka_bootstrap_servers]
        arguments += ["--partitions", str(PARTITIONS), "--app-id", self.shop.name]
        arguments += ["--set", f"topic_prefix={settings.topic_prefix}", "idle_clock=off", *SETTINGS]
        self.process = subprocess.Popen(
            [sys.executable, "-c", self._program, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ended(self) -> Ended:
        """Waits for the end."""
        try:
            said, _ = self.process.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, _ = self.process.communicate()
            pytest.fail(f"does not end: {said}")
        return Ended(self.process.returncode, said)


STUCK = "import sys; sys.path.insert(0, '.'); sys.argv.insert(1, '--stuck={}'); "
STUCK += "from tests.support.stuck_worker import main; sys.exit(main())"
PLAIN = "import sys; from app.cli.main import main; sys.exit(main())"
ENVELOPE = b"\x01" + bytes(29)
UNREADABLE = {
    "unknown-envelope": b"\x63" + bytes(40),
    "unknown-profile": ENVELOPE + bytes(HEADER_BYTES) + b"\x91\x63",  # an array that begins with its format
    "damaged-profile": ENVELOPE + bytes(HEADER_BYTES) + b"\x9f",
}


@pytest.fixture(scope="module")
def patients(embedded_broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Patient]]:
    """All of them at once: each takes some seconds, mostly of waiting."""
    broker = Broker("embedded", embedded_broker.bootstrap_servers, transactions=False)
    folder = tmp_path_factory.mktemp("stuck")
    made = {name: Patient(broker, name, folder, STUCK.format(name)) for name in HOW}
    made |= {name: Patient(broker, name, folder, PLAIN) for name in UNREADABLE}

    async def prepare() -> None:
        for name, patient in made.items():
            await patient.prepare(UNREADABLE.get(name))

    asyncio.run(prepare())
    for patient in made.values():
        patient.start()
    yield made
    for patient in made.values():
        patient.process.kill()
        patient.process.communicate()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("blocked-loop", 70, "the event loop stands still for"),
        ("hanging-agent", 70, "last: the agent did not finish a batch in time (batch_timeout)"),
        ("dead-task", 1, "the task of partition 0 ended by itself"),
        ("hung-rebalance", 70, "a rebalance does not come to its end for"),
        ("endless-opening", 70, "last: ConnectionError: nobody takes this"),
        ("unknown-envelope", 2, "the profiles' changelog holds format 99, this version knows"),
        ("unknown-profile", 2, "a profile of format 99, but this version knows none above"),
        ("damaged-profile", 2, "a profile cannot be read"),
    ],
)
@pytest.mark.long
def test_it_ends_itself_and_says_why(patients: dict[str, Patient], name: str, code: int, said: str) -> None:
    ended = patients[name].ended()
    assert said in ended.said, ended.said
    assert ended.code == code, ended.said
    if code == 70:
        assert "this worker ends (exit code 70), another one takes its partitions" in ended.said
    assert "Traceback" not in ended.said, ended.said


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_an_agent_that_hangs_once_costs_nothing_but_time(
    embedded_broker: EmbeddedBroker, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker("embedded", embedded_broker.bootstrap_servers, transactions=False)
    given = {"idle_clock": "off", "batch_timeout_ms": "3s", "batch_records_max": "50"}
    shop = Shop(broker, unique, tmp_path / "segments", partitions=1, given=given)
    await shop.open()
    await shop.send(history(users=10, events=400))
    hung: list[int] = []
    app = create_app(shop.settings)

    async def hang_once(batches):  # type: ignore[no-untyped-def]  # as agents are written
        async for batch in batches:
            if not hung and batch.offset:
                hung.append(batch.offset)
                continue
            batch.process()
            batch.commit_nowait()

    monkeypatch.setattr(next(iter(app.agents.values())), "fun", hang_once)
    try:
        async with running(app):
            await shop.settled(400 * 20_000 + 48 * HOUR_MS)
            await soon(shop.agrees)
        assert hung
        assert app.metrics.value("shoal_reopened_total", partition="0") >= 1
    finally:
        await shop.close()
