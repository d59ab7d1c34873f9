"""A service with keys that tests know: one for these tests, in a thread of its own, and settings for others."""

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.service.access.access_keys import hash_of
from app.settings import Settings, load_settings
from tests.service.browser import Browser, browser
from tests.service.running import ADMIN_KEY, FORWARD_KEY, READ_KEY, WRITE_KEY, Running, served_in_a_thread
from tests.service.strict_client import STRICT
from tests.support.broker import Broker
from tests.support.shop import Shop

PARTITIONS = 3
FEW_SEGMENTS = Path(__file__).parent / "segments"


@pytest.fixture(scope="session")
def settings(embedded_broker: EmbeddedBroker, embedded_redis: EmbeddedRedis) -> Settings:
    """Those of the shared service; for others on the same topics."""
    return settings_for(embedded_broker.bootstrap_servers, embedded_redis.url, f"t{secrets.token_hex(6)}")


@pytest.fixture
def own_settings(embedded_broker: EmbeddedBroker, embedded_redis: EmbeddedRedis, unique: str) -> Settings:
    """With topics that nobody else has."""
    return settings_for(embedded_broker.bootstrap_servers, embedded_redis.url, unique)


def settings_for(bootstrap_servers: str, redis_url: str, unique: str, **given: Any) -> Settings:
    keys = {
        "write_keys": f"shop:{hash_of(WRITE_KEY)}",
        "forward_keys": f"mirror:{hash_of(FORWARD_KEY)}",
        "read_keys": f"mail:{hash_of(READ_KEY)}",
    }
    return load_settings(
        {},
        kafka_bootstrap_servers=bootstrap_servers,
        redis_url=redis_url,
        topic_prefix=f"{unique}.",
        app_id=unique,
        partitions=PARTITIONS,
        serve_port=0,
        segments=FEW_SEGMENTS,
        redis_prefix=f"{unique}:",
        token_secret="a secret for tests only",
        collect_rate=0,
        **(keys | given),
    )


# For this folder, not for the whole run: Hypothesis reports an error if another thread uses `random` meanwhile,
# and Kafka clients do.
@pytest.fixture(scope="package")
def shared_url(settings: Settings) -> Iterator[str]:
    with served_in_a_thread(settings) as url:
        yield url


@pytest.fixture
async def service(settings: Settings, shared_url: str) -> AsyncIterator[Running]:
    """The shared one; nothing that earlier tests wrote is seen, neither in the clickstream nor in Redis."""
    async with Redis.from_url(settings.redis_url) as redis:
        async for key in redis.scan_iter(match=f"{settings.redis_prefix}*"):
            await redis.delete(key)
    async with httpx.AsyncClient(base_url=shared_url, timeout=30, event_hooks=STRICT) as http:
        yield Running(settings, shared_url, http, since_ms=time.time_ns() // 1_000_000)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Browser]:
    """A page of a browser that nobody else has; skips the test where there is none."""
    async with browser(tmp_path / "profile") as made:
        yield made


@pytest.fixture
def admin_settings(own_settings: Settings) -> Settings:
    """Of a service with an admin key."""
    return settings_for(
        own_settings.kafka_bootstrap_servers,
        own_settings.redis_url,
        own_settings.app_id,
        admin_keys=f"ops:{hash_of(ADMIN_KEY)}",
        audit_secret="a secret for tests only",
    )


@pytest.fixture
async def shop(broker: Broker, embedded_redis: EmbeddedRedis, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A deployment on each broker in which people have several keys, for a service with an admin key."""
    given = {
        "redis_url": embedded_redis.url,
        "serve_port": "0",
        "admin_keys": f"ops:{hash_of(ADMIN_KEY)}",
        "audit_secret": "a secret for tests only",
    }
    definitions = {"identity.yaml": "", "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed' within 90d)\n"}
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, given=given, definitions=definitions)
    await made.open()
    yield made
    await made.close()
