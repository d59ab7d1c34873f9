"""A deployment with intake, on each broker."""

import pytest

from app.settings import Settings, load_settings
from tests.support.broker import Broker

PARTITIONS = 2


@pytest.fixture
def sources(unique: str) -> str:
    """The setting `sources`; a module that needs others has a fixture of its own."""
    return f"{unique}-events"


@pytest.fixture
def settings(broker: Broker, unique: str, sources: str) -> Settings:
    """Of a deployment of this test's own."""
    return load_settings(
        {},
        kafka_bootstrap_servers=broker.bootstrap_servers,
        app_id=unique,
        topic_prefix=f"{unique}.",
        partitions=PARTITIONS,
        session_timeout_ms="6s" if broker.transactions else "1s",
        sources=sources,
        retry_wait_max_ms=200,
        batch_records_max=20,
    )
