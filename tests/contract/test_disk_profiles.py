"""A worker with its profiles on disk: killed, restored, moved, it says the same."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, Shop, WorkerProcess, history, soon

EVENTS = 2_000


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given={"idle_clock": "off", "batch_records_max": "50"})
    await made.open()
    yield made
    await made.close()


@pytest.mark.long
async def test_a_killed_worker_goes_on_and_leaves_no_files(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    given = ["pace=0ms", "profile_store=disk", f"profile_directory={folder}"]
    given += ["group_instance_id=one"] if shop.broker.transactions else []
    await shop.send(history(users=60, events=EVENTS))
    worker = WorkerProcess(shop, log=tmp_path / "worker.log", given=given)
    try:
        await soon(partial(shop.changes, at_least=100), within_s=30)
    finally:
        worker.kill()
    assert len(list(folder.iterdir())) == 1
    worker = WorkerProcess(shop, log=tmp_path / "worker.log", given=given)
    try:
        await shop.settled(EVENTS * 20_000 + 48 * HOUR_MS)
        assert await worker.terminate() == 0
    finally:
        worker.kill()
    assert not list(folder.iterdir())
