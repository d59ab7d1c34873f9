"""A Redis that a test fills with memberships."""

from collections.abc import AsyncIterator

import pytest

from app.embedded import EmbeddedRedis
from app.settings import load_settings
from tests.population.filled import Filled


@pytest.fixture
async def filled(embedded_redis: EmbeddedRedis, unique: str) -> AsyncIterator[Filled]:
    """A projection of this test's own, without any users."""
    made = Filled(load_settings({}, redis_url=embedded_redis.url, redis_prefix=f"{unique}[x]*:", partitions=2))
    await made.begin()
    yield made
    await made.redis.aclose()
