"""The runtime on real brokers: records in, changes out, whatever happens in between."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from app.main import create_app
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, MINUTE_MS, Shop, history, record, running, soon


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given={"idle_clock": "off"})
    await made.open()
    yield made
    await made.close()


async def test_changes_come_out_with_their_headers_in_both_topics(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await shop.send([record("ann", n * MINUTE_MS, "Product Viewed", number=n) for n in range(3)])
        await soon(shop.changes)
        await shop.end(2 * HOUR_MS)
        changes = await soon(partial(shop.changes, at_least=2))
    assert [(each["segment"], each["change"]) for each in changes] == [("viewers", "entered"), ("viewers", "exited")]
    assert await shop.agrees()
    first = (await shop.read_all(shop.settings.topics.changes))[0]
    headers = dict(first.headers)
    assert first.key == b"ann"
    assert headers["ce_type"] == b"shoal.segment.entered.v1"
    assert headers["ce_id"].decode() == json.loads(first.value)["id"]
    own = await shop.read_all(shop.settings.topics.segment("viewers"))
    assert [each.value for each in own] == [each.value for each in await shop.read_all(shop.settings.topics.changes)]


async def test_a_whole_history_gives_what_a_pure_run_gives(shop: Shop) -> None:
    await shop.send(history(users=40, events=3_000))
    async with running(create_app(shop.settings)):
        await shop.settled(3_000 * 20_000 + 48 * HOUR_MS)
    assert len(await shop.changes()) > 500
