"""Fixtures for all tests: brokers that live as long as a process of the test run, and names that nobody else uses."""

import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from app.embedded import EmbeddedBroker, EmbeddedRedis
from tests.faults.tally import reported_runs, table
from tests.support.broker import Broker
from tests.support.kafka_node import KafkaNode, kafka_node
from tests.support.shared_kafka import share_kafka, shared_servers

ON_BOTH_IN_LONG = ("contract", "integration", "intake", "lists", "population", "warehouse")
"""Folders whose tests run on each broker. Where the run has a real Kafka, `make long` runs them on the other one."""

IN_CI = bool(os.environ.get("CI"))
TESTS = Path(__file__).parent
LONGEST = (
    "properties/test_engine_equals_oracle.py",
    "simulation/test_runs.py",
    "properties/test_backfill.py",
    "web/test_drafts.py",
    "web/test_marketers.py",
    "unit/cli/test_outputs_that_end.py",
    "contract/test_runtime_faults.py",
    "properties/test_limits.py",
    "integration/test_verify.py",
    "unit/tables/test_merging.py",
    "contract/test_runtime_operations.py",
    "contract/test_runtime_time.py",
    "contract/test_logs_name_nobody.py",
    "integration/test_demo.py",
    "installed/test_installed.py",
    "unit/segments/partition/test_order.py",
    "web/test_editing.py",
    "contract/test_brokers.py",
    "service/test_hostile_input.py",
    "service/test_whole.py",
    "contract/test_user_export.py",
    "unit/cli/test_backtest.py",
    "integration/test_outputs_of_commands.py",
    "service/test_connections.py",
    "contract/test_connections.py",
    "faults/test_subscribers.py",
    "faults/test_broker_failures.py",
)
"""Files that take longest, from `--durations`; half of all the time."""

# Under nohup, or after `&` in a shell, signals are ignored, and processes started by a test would inherit that.
for number, default in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, default)

# Machines are shared: a slow example is not a failure. CI prints how to repeat a failing one.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if IN_CI else "local")

# The output of commands has no limited width, whatever variables a shell or a line editor has exported.
os.environ.pop("COLUMNS", None)


def pytest_configure(config: pytest.Config) -> None:
    """Starts what all processes of a run share."""
    share_kafka(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of faults and verdicts. Here: whoever gives the tests to others reads no other conftest."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    told = [each for report in reports if isinstance(report, pytest.TestReport) for each in report.user_properties]
    if runs := reported_runs(told):
        terminalreporter.section("faults and verdicts")
        for line in table(runs):
            terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the files that take longest first, so that no process is left with one of them while the others are done."""
    if shared_servers(config) is not None:
        give_to_long(items)
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.relative_to(TESTS).as_posix(), len(place)))


def give_to_long(items: list[pytest.Item]) -> None:
    """Marks tests on the embedded broker as long where the same test runs on Kafka, too."""
    by_broker: dict[str, dict[str, list[pytest.Item]]] = {"embedded": {}, "kafka": {}}
    for item in items:
        if isinstance(item, pytest.Function) and item.path.relative_to(TESTS).parts[0] in ON_BOTH_IN_LONG:
            broker = getattr(item, "callspec", None) and item.callspec.params.get("broker")
            if broker in by_broker:
                by_broker[broker].setdefault(f"{item.path}::{item.originalname}", []).append(item)
    for name, tests in by_broker["embedded"].items():
        if name in by_broker["kafka"]:
            for test in tests:
                test.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """The broker that comes by pip; shared by all tests of this process."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def embedded_redis() -> Iterator[EmbeddedRedis]:
    """The Redis that comes by pip; shared by all tests of this process."""
    with EmbeddedRedis() as redis:
        yield redis


@pytest.fixture(scope="session")
def kafka_broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real Apache Kafka; shared by all tests of the run, so no test may stop it."""
    if (servers := shared_servers(request.config)) is not None:
        yield Broker("kafka", servers, transactions=True)
        return
    with kafka_node(tmp_path_factory.mktemp("kafka"), required=IN_CI) as node:
        yield Broker("kafka", node.bootstrap_servers, transactions=True)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaNode]:
    """A real Apache Kafka of this test's own, to be killed, paused and started again."""
    with kafka_node(tmp_path / "kafka", required=IN_CI) as node:
        yield node


@pytest.fixture(scope="session", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn: without transactions, and with."""
    match request.param:
        case "embedded":
            embedded: EmbeddedBroker = request.getfixturevalue("embedded_broker")
            return Broker("embedded", embedded.bootstrap_servers, transactions=False)
        case _:
            kafka: Broker = request.getfixturevalue("kafka_broker")
            return kafka


@pytest.fixture
def unique() -> str:
    """A name for topics, groups and applications that no other test uses."""
    return f"t{secrets.token_hex(6)}"
