"""The long forms are asked for (`make faults`); without that only the short ones run."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.embedded import EmbeddedBroker
from tests.faults.deployment import Deployment
from tests.support.broker import Broker
from tests.support.kafka_node import KafkaNode


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", "faults: the long form of a fault test; runs with -m that names faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the long forms out unless `-m` speaks of them."""
    if "faults" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("faults") is not None]
    if long:
        items[:] = [item for item in items if item.get_closest_marker("faults") is None]
        config.hook.pytest_deselected(items=long)


@pytest.fixture
def seed() -> int:
    """What chance is made of: a new one each time, or FAULTS_SEED to repeat a run. Printed with every step."""
    given = os.environ.get("FAULTS_SEED")
    return int.from_bytes(os.urandom(3)) if given is None else int(given)


@pytest.fixture
async def on_kafka(kafka_broker: KafkaNode, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Topics of the test's own on a real Kafka; whatever was started ends with the test."""
    broker = Broker("kafka", kafka_broker.bootstrap_servers, transactions=True)
    async with Deployment(broker, unique, tmp_path) as made:
        yield made


@pytest.fixture
async def on_embedded(embedded_broker: EmbeddedBroker, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """The same on the broker that has no transactions."""
    broker = Broker("embedded", embedded_broker.bootstrap_servers, transactions=False)
    async with Deployment(broker, unique, tmp_path) as made:
        yield made
