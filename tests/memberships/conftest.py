"""A deployment whose changes are written by the test, and its Redis."""

from collections.abc import AsyncIterator

import pytest

from app.embedded import EmbeddedRedis
from app.memberships.membership_view import View
from app.runtime.redis_client import connect_redis
from app.settings import Settings
from tests.memberships.changes import ChangesOnKafka
from tests.support.broker import Broker
from tests.support.deployment import PARTITIONS, deployment


@pytest.fixture
def settings(broker: Broker, embedded_redis: EmbeddedRedis, unique: str) -> Settings:
    """Of a deployment of this test's own."""
    return deployment(
        broker.bootstrap_servers,
        unique,
        transactions=broker.transactions,
        redis_url=embedded_redis.url,
        redis_prefix=f"{unique}:",
        redis_timeout_ms=1_000,
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
