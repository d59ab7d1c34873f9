"""A deployment whose changes are written by the test, and its Redis."""

from collections.abc import AsyncIterator

import pytest

from app.embedded import EmbeddedRedis
from app.memberships.view import View, connect_redis
from app.settings import Settings, load_settings
from tests.memberships.changes import ChangesOnKafka
from tests.support.broker import Broker

PARTITIONS = 2


@pytest.fixture
def settings(broker: Broker, embedded_redis: EmbeddedRedis, unique: str) -> Settings:
    """Of a deployment of this test's own."""
    return load_settings(
        {},
        kafka_bootstrap_servers=broker.bootstrap_servers,
        app_id=unique,
        topic_prefix=f"{unique}.",
        partitions=PARTITIONS,
        session_timeout_ms="6s" if broker.transactions else "1s",
        redis_url=embedded_redis.url,
        redis_prefix=f"{unique}:",
        redis_timeout_ms=1_000,
        retry_wait_max_ms=200,
    )


@pytest.fixture
async def changes(settings: Settings) -> AsyncIterator[ChangesOnKafka]:
    """The topic of changes."""
    made = ChangesOnKafka(settings)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def view(settings: Settings) -> AsyncIterator[View]:
    """The projection, to look at."""
    async with View(connect_redis(settings), prefix=settings.redis_prefix, partitions=PARTITIONS) as made:
        yield made
