"""The long forms are asked for (`make faults`); without that only the short ones run."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from app.embedded import EmbeddedBroker
from tests.conftest import IN_CI
from tests.faults.deployment import Deployment
from tests.faults.frail import FrailKafka, frail_kafka_at
from tests.faults.tally import REPORTED, RUNS
from tests.support.broker import Broker


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


@pytest.fixture(autouse=True)
def reported(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """The runs of a test are in its report: the table may be made in another process, which has no fixtures."""
    before = len(RUNS)
    yield
    for run in RUNS[before:]:
        record_property(REPORTED, asdict(run))


@pytest.fixture
def seed() -> int:
    """Seed of all random choices: a new one each time, or FAULTS_SEED to repeat a run. Printed with every step."""
    given = os.environ.get("FAULTS_SEED")
    return int.from_bytes(os.urandom(3)) if given is None else int(given)


@pytest.fixture
async def on_kafka(kafka_broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Topics of the test's own on a real Kafka; whatever was started ends with the test."""
    async with Deployment(kafka_broker, unique, tmp_path) as made:
        yield made


@pytest.fixture
async def on_kafka_with_disk(kafka_broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """The same, with the workers' profiles on disk."""
    given = {"profile_store": "disk", "profile_directory": str(tmp_path / "profiles")}
    async with Deployment(kafka_broker, unique, tmp_path, given=given) as made:
        yield made


@pytest.fixture
async def on_embedded(embedded_broker: EmbeddedBroker, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """The same on the broker that has no transactions."""
    broker = Broker("embedded", embedded_broker.bootstrap_servers, transactions=False)
    async with Deployment(broker, unique, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def frail_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrailKafka]:
    """A real Kafka behind a proxy, for all tests that do something to it; whole again at the end of each."""
    with frail_kafka_at(tmp_path_factory.mktemp("frail"), required=IN_CI) as frail:
        yield frail


@pytest.fixture
async def on_frail(frail_kafka: FrailKafka, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Topics of the test's own on the Kafka that may be hurt. Workers do not wait long for it."""
    broker = Broker("kafka", frail_kafka.address, transactions=True)
    given = {"commit_timeout": "3s", "request_timeout": "3s", "retry_wait_max": "1s"}
    async with Deployment(broker, unique, tmp_path, given=given) as made:
        yield made
    await frail_kafka.mend()
