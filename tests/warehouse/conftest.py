"""A deployment with a warehouse, on each broker."""

from pathlib import Path

import pytest

from app.runtime.kafka.clients import connect
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.settings import Settings
from tests.support.broker import Broker
from tests.support.deployment import deployment


@pytest.fixture
async def settings(broker: Broker, unique: str, tmp_path: Path) -> Settings:
    """Of a deployment of this test's own, with its topics."""
    made = deployment(
        broker.bootstrap_servers,
        unique,
        transactions=broker.transactions,
        warehouse=str(tmp_path / "warehouse"),
        warehouse_every_ms=100,
    )
    client = await connect(made)
    try:
        await ensure_topics(made, client, topic_specs(made, ()))
    finally:
        await client.close()
    return made
