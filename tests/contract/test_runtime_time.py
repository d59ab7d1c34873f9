"""The runtime and time: timers with nobody clicking, after a night, late events, dead letters."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from app.runtime.records.journal import CatalogChange, IdleMove
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, MINUTE_MS, Shop, record, running, soon
from tests.support.waiting import eventually

DAY_S = 3.0  # how long a day of the idle clock takes


@pytest.fixture
def day_s() -> float:
    """A test in which more than a start or a stop must fit into a day is given another."""
    return DAY_S


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path, day_s: float) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given={"idle_clock_speed": str(86_400 / day_s)})
    await made.open()
    yield made
    await made.close()


async def test_a_timer_fires_with_nobody_clicking(shop: Shop) -> None:
    began_s = time.monotonic()
    async with running(create_app(shop.settings)):
        await shop.send([record("ann", 0, "Product Added", product_id="p", price=20)])
        changes = await soon(partial(shop.changes, at_least=1))
        first_s = time.monotonic()
        both = await soon(partial(shop.changes, at_least=2), within_s=30)
    assert (changes[0]["segment"], changes[0]["change"]) == ("abandoned", "entered")
    assert changes[0]["attach"] == {"value": 20}
    assert changes[0]["cause"] == {"kind": "time"}
    assert both[1]["change"] == "exited"
    assert first_s - began_s < 10
    partition = shop.partition_of(record("ann", 0, "x"))
    first, *journal = await shop.journal(partition)
    assert first == CatalogChange(0, -1, shop.program.version, epoch=1)
    assert len(journal) >= 2
    assert all(isinstance(entry, IdleMove) for entry in journal)
    assert await shop.agrees()


@pytest.mark.long
@pytest.mark.parametrize("day_s", [8.0])
async def test_time_passes_while_no_worker_runs(shop: Shop) -> None:
    app = create_app(shop.settings)
    async with running(app):
        await shop.send([record("ann", n, "Product Added", number=n, product_id="p", price=20) for n in range(3)])
        await eventually(lambda: app.metrics.value("shoal_events_total", outcome="accepted") == 3)
    before = len(await shop.changes())
    async with running(create_app(shop.settings)):
        changes = await soon(partial(shop.changes, at_least=2), within_s=30)
    assert before < 2
    assert [each["change"] for each in changes] == ["entered", "exited"]
    assert len({each["id"] for each in changes}) == 2
    assert await shop.agrees()


async def test_nothing_fires_while_the_idle_clock_is_off(shop: Shop) -> None:
    still = Shop(shop.broker, shop.name, shop.folder, given=shop.given | {"idle_clock": "off"})
    app = create_app(still.settings)
    async with running(app):
        await shop.send([record("ann", 0, "Product Added", product_id="p", price=20)])
        await eventually(lambda: app.metrics.value("shoal_events_total", outcome="accepted") == 1)
        await shop.send([record("bob", 29 * MINUTE_MS, "Page Liked")])
        await eventually(lambda: app.metrics.value("shoal_events_total", outcome="accepted") == 2)
    assert await shop.changes() == []
    journal = [entry for number in range(shop.partitions) for entry in await shop.journal(number)]
    assert not any(isinstance(entry, IdleMove) for entry in journal)


@pytest.mark.long
async def test_what_the_idle_clock_said_is_not_said_again_after_a_restart(shop: Shop) -> None:
    for start in range(3):
        async with running(create_app(shop.settings)):
            at_ms = start * 240 * HOUR_MS  # beyond the idle clock at the restart
            await shop.send([record("ann", at_ms, "Product Added", number=start, product_id="p", price=20)])
            await soon(partial(shop.changes, at_least=2 * start + 2), within_s=30)
    changes = await shop.changes()
    assert len({each["id"] for each in changes}) == len(changes) == 6
    assert [each["times"] for each in changes] == [1, 1, 2, 2, 3, 3]
    assert await shop.agrees()


async def test_late_and_impossible_messages_get_topics_of_their_own(shop: Shop) -> None:
    still = Shop(shop.broker, shop.name, shop.folder, given=shop.given | {"idle_clock": "off"})
    app = create_app(still.settings)
    late = record("ann", 0, "Product Viewed", number="late")
    async with running(app):
        await shop.send([record("ann", 72 * HOUR_MS, "Product Viewed"), late])
        await shop.send([(b"ann", b"{no json", [("trace", b"7")])], partition=1)
        await shop.send([(b"ann", None, [])], partition=1)
        late_records = await soon(lambda: shop.read_all(still.settings.topics.late))
        dead = await soon(lambda: _dead(shop, 2))
    assert [(each.key, each.value) for each in late_records] == [(late[0], late[1])]
    assert dict(late_records[0].headers)["shoal-late-ms"] == str(72 * HOUR_MS).encode()
    assert [each.value for each in dead] == [b"{no json", None]
    headers = dict(dead[0].headers)
    assert headers["trace"] == b"7"
    assert headers["shoal-reason"] == b"invalid-json"
    assert headers["shoal-source-partition"] == b"1"
    assert headers["shoal-source-offset"] is not None
    assert app.metrics.value("shoal_late_events_total") == 1


async def _dead(shop: Shop, count: int) -> list[Any]:
    dead = await shop.read_all(shop.settings.topics.dead_letters)
    return dead if len(dead) >= count else []
