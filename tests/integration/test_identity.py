"""People with several keys on both brokers: the changes are those of the log, and every link record is there."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.simulate import simulate
from app.cli.verify import verify
from app.settings import load_settings
from app.verification.topic_contents import Cluster, Positions
from tests.support.broker import Broker
from tests.support.people import PeopleSettings, lines_of_people
from tests.support.waiting import wait_until
from tests.support.worker_processes import Starter, worker_processes
from tests.support.written_links import identity_results, link_steps

PARTITIONS = 4
EVENTS = 3_000
SEGMENTS = {
    "identity.yaml": "switches_max: 2\n",
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1d) >= 5\n",
    "carts.yaml": "segment: carts\nwhen: cart.items > 0 and cart.idle >= 10m and cart.idle < 2h\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed' within 1d)\nfor: 1m\n",
}


@pytest.fixture
def worker(broker: Broker, unique: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Starter]:
    """Starts a worker of a deployment of the test's own; what was started ends with the test."""
    segments = tmp_path / "segments"
    segments.mkdir()
    for name, text in SEGMENTS.items():
        (segments / name).write_text(text)
    given = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "SHOAL_APP_ID": unique,
        "SHOAL_TOPIC_PREFIX": f"{unique}.",
        "SHOAL_PARTITIONS": str(PARTITIONS),
        "SHOAL_SESSION_TIMEOUT": "2s",
        "SHOAL_SEGMENTS": str(segments),
        "SHOAL_BATCH_RECORDS_MAX": "100",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with worker_processes(tmp_path) as start:
        yield start


async def offsets() -> int:
    """The offsets of all partitions, added up; 0 before the topics are there."""
    async with Cluster(load_settings()) as cluster, Positions(cluster) as positions:
        await positions.moved(1.0)
        await positions.moved(0.5)
        return sum(positions[partition].offset for partition in range(PARTITIONS))


def came_to(total: int) -> bool:
    """True if the workers have come so far."""
    try:
        return asyncio.run(offsets()) >= total
    except Exception:  # noqa: BLE001  # the topics are not there yet
        return False


@pytest.mark.long
def test_workers_that_die_lose_and_double_no_link(
    broker: Broker, worker: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of_people(PeopleSettings(seed=7, events=EVENTS)).splitlines(keepends=True)
    halves = [tmp_path / "before.jsonl", tmp_path / "after.jsonl"]
    halves[0].write_bytes(b"".join(lines[: EVENTS // 2]))
    halves[1].write_bytes(b"".join(lines[EVENTS // 2 :]))
    first = worker()
    simulate(file=halves[:1])
    wait_until(lambda: came_to(EVENTS // 4), within_s=90)
    first.signal(signal.SIGKILL)
    first.wait(10)
    worker()
    worker()
    assert verify(timeout="90s") == 0, capsys.readouterr().out
    simulate(file=halves[1:])
    assert verify(timeout="90s") == 0, capsys.readouterr().out
    assert "equal" in capsys.readouterr().out
    settings = load_settings()
    steps, results = asyncio.run(link_steps(settings)), asyncio.run(identity_results(settings))
    assert min(steps[step] for step in ("ask", "give", "forward", "release")) > 0, steps
    if not broker.transactions:  # both are written at least once there
        return
    assert {"given": results["given"], "refused": results["refused"], "lost": results["lost"]} == {
        "given": steps["give"],
        "refused": steps["refuse"],
        "lost": steps["lost"],
    }
