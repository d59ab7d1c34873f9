"""A service in this process, on a port of its own, with keys that tests know."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.service.keys import hash_of
from app.settings import Settings, load_settings
from tests.service.running import READ_KEY, WRITE_KEY, Running, serving

PARTITIONS = 3
FEW_SEGMENTS = Path(__file__).parent / "segments"


@pytest.fixture
def settings(embedded_broker: EmbeddedBroker, embedded_redis: EmbeddedRedis, unique: str) -> Settings:
    return settings_for(embedded_broker.bootstrap_servers, embedded_redis.url, unique)


def settings_for(bootstrap_servers: str, redis_url: str, unique: str, **given: Any) -> Settings:
    keys = {"write_keys": f"shop:{hash_of(WRITE_KEY)}", "read_keys": f"mail:{hash_of(READ_KEY)}"}
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


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    async with serving(settings) as running:
        yield running
