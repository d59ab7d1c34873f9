"""A worker that holds more than it should says so, and goes on."""

import logging
from pathlib import Path

import pytest

from app.embedded import EmbeddedBroker
from app.main import create_app
from app.runtime.partition import memory_limit
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, Shop, history, running
from tests.support.waiting import eventually

EVENTS = 400


@pytest.mark.long
async def test_a_worker_that_holds_too_much_says_so_and_goes_on(
    embedded_broker: EmbeddedBroker,
    unique: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_limit, "LOOK_S", 0.1)
    broker = Broker("embedded", embedded_broker.bootstrap_servers, transactions=False)
    shop = Shop(broker, unique, tmp_path / "segments", given={"idle_clock": "off", "profiles_bytes_max": "1000"})
    await shop.open()
    try:
        await shop.send(history(users=30, events=EVENTS))
        with caplog.at_level(logging.WARNING):
            async with running(create_app(shop.settings)) as app:
                await eventually(lambda: "more than profiles_bytes_max" in caplog.text, within_s=20)
                held = sum(app.metrics.value("shoal_profile_bytes", partition=str(number)) for number in range(2))
                assert held > 1_000
                assert app.metrics.value("shoal_timers", partition="0") > 0
                assert app.metrics.value("shoal_profile_bytes_limit") == 1_000
                await shop.settled(EVENTS * 20_000 + 48 * HOUR_MS)
    finally:
        await shop.close()
