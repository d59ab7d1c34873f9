"""Memberships come from the profiles when the topic of changes does not reach back far enough."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from agents.memberships import create_app
from app.embedded import EmbeddedRedis
from app.main import create_app as create_worker
from app.memberships.membership_view import View
from app.memberships.verification import verify
from app.runtime.kafka.record_batch import Row
from app.runtime.redis_client import connect_redis
from app.settings import Settings
from tests.memberships.looking import memberships
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, MINUTE_MS, Shop, record, running, soon
from tests.support.written_links import identity_results

pytestmark = pytest.mark.kafka


@pytest.fixture
async def shop(kafka_broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(kafka_broker, unique, tmp_path / "segments", given={"idle_clock": "off"})
    await made.open()
    yield made
    await made.close()


async def test_members_whose_changes_are_gone_are_found_in_the_profiles(
    shop: Shop, embedded_redis: EmbeddedRedis
) -> None:
    settings = replace(shop.settings, redis_url=embedded_redis.url, redis_prefix=f"{shop.name}:")
    with (shop.settings.segments / "abandoned.yaml").open("a") as file:
        file.write("experiment: {name: cart-mail, groups: {mail: 100}}\n")
    async with running(create_worker(settings)):
        await shop.send([record("ann", n * MINUTE_MS, "Product Viewed", number=n) for n in range(3)])
        await shop.send([record("ben", n * MINUTE_MS, "Product Viewed", number=n) for n in range(3)])
        await shop.send([record("ben", 4 * MINUTE_MS, "Product Added", product_id="A1", price=20)])
        await shop.send([record("cat", n * MINUTE_MS, "Product Viewed", number=n) for n in range(3)])
        await soon(lambda: shop.changes(at_least=3))
        await shop.end(HOUR_MS + MINUTE_MS)  # ann's, ben's and cat's first views are an hour old; ben has left a cart
        await soon(lambda: shop.changes(at_least=4))
        await delete_changes(shop)
        await shop.send([record("ann", HOUR_MS + 2 * MINUTE_MS, "Product Viewed", number=9)])
        async with View(connect_redis(settings), prefix=settings.redis_prefix, partitions=2) as view:
            app = create_app(settings)
            async with running(app):
                await soon(lambda: memberships(view, "ben"))
                assert app.metrics.value("shoal_membership_begins_total", how="profiles") >= 1
                ben = await memberships(view, "ben")
                assert ben["abandoned"]["attach"] == {"value": 20}
                assert ben["abandoned"]["since"] == "2026-01-01T00:34:00.000Z"
                assert ben["abandoned"]["group"] == "mail"
                assert ben["abandoned"]["experiments"] == [{"experiment": "cart-mail", "group": "mail"}]
                await shop.end(3 * HOUR_MS)
                await soon(lambda: is_right(shop, view))
                assert "viewers" not in await memberships(view, "cat")


async def is_right(shop: Shop, view: View) -> bool:
    return (await verify(shop.settings, view)).right and not await memberships(view, "ann")


async def delete_changes(shop: Shop) -> None:
    """Deletes changes as retention does."""
    await delete_records(shop, shop.settings.topics.changes)


async def delete_records(shop: Shop, topic: str) -> None:
    """Deletes all records of a topic as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, n): RecordsToDelete(before_offset=-1) for n in range(2)})
    finally:
        await admin.close()


async def test_aliases_whose_identity_events_are_gone_are_found_in_the_profiles(
    shop: Shop, embedded_redis: EmbeddedRedis
) -> None:
    (shop.settings.segments / "identity.yaml").touch()
    settings = replace(shop.settings, redis_url=embedded_redis.url, redis_prefix=f"{shop.name}:")
    async with running(create_worker(settings)):
        await shop.send([login("ann", "a-1", 0), login("ann", "a-2", MINUTE_MS)])
        await soon(lambda: has_results(settings, empty=2))
        await delete_records(shop, settings.topics.identity)
        await shop.send([login("ben", "a-2", 2 * MINUTE_MS)])
        await soon(lambda: has_results(settings, lost=1, empty=1))
        view = View(connect_redis(settings), prefix=settings.redis_prefix, partitions=2)
        async with view, running(create_app(settings)):
            await soon(lambda: aliases(view, {"a-1": "ann", "a-2": "ben"}))


async def aliases(view: View, expected: dict[str, str]) -> bool:
    found = {key: await view.redis.get(view.keys.moved(key)) for key in expected}
    return found == {key: user.encode() for key, user in expected.items()}


def login(user: str, anonymous_id: str, at_ms: int) -> Row:
    key, value, headers = record(user, at_ms, "Signed In")
    return key, json.dumps(json.loads(value or b"") | {"anonymousId": anonymous_id}).encode(), headers


async def has_results(settings: Settings, **counts: int) -> bool:
    return await identity_results(settings) == counts
