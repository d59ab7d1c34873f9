"""A deployment with intake, on each broker."""

import pytest

from app.settings import Settings
from tests.support.broker import Broker
from tests.support.deployment import deployment


@pytest.fixture
def sources(unique: str) -> str:
    """The setting `sources`; a module that needs others has a fixture of its own."""
    return f"{unique}-events"


@pytest.fixture
def settings(broker: Broker, unique: str, sources: str) -> Settings:
    """Of a deployment of this test's own."""
    return deployment(
        broker.bootstrap_servers, unique, transactions=broker.transactions, sources=sources, batch_records_max=20
    )
