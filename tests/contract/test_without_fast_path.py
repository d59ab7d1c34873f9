"""With `SHOAL_FAST_PATH=off` a worker says so, and does the same."""

from pathlib import Path

import pytest

from app.main import create_app
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, Shop, history, running

EVENTS = 500


@pytest.mark.parametrize("fast_path", ["on", "off"])
async def test_both_ways_write_the_same(
    broker: Broker, unique: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, fast_path: str
) -> None:
    shop = Shop(broker, unique, tmp_path / "segments", given={"idle_clock": "off", "fast_path": fast_path})
    await shop.open()
    try:
        await shop.send(history(users=20, events=EVENTS))
        async with running(create_app(shop.settings)) as worker:
            await shop.settled(EVENTS * 20_000 + 48 * HOUR_MS)
            taken = worker.metrics.value("shoal_fast_path_events_total")
    finally:
        await shop.close()
    told = "no fast path (SHOAL_FAST_PATH is off)" in caplog.text
    assert (taken == 0, told) == ((False, False) if fast_path == "on" else (True, True))
