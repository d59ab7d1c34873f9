"""One Apache Kafka for all processes of a test run: the process that gives out the tests starts it, and ends it.

Each process of its own would start one, at some 40 s of CPU for a whole run: a Java compiler's work is done once here.
"""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import KafkaNode

KAFKA_SERVERS = "kafka_servers"
"""Key of a value that each process of the run gets: `host:port` of the shared Kafka; missing where there is none."""


class SharedKafka:
    """A plugin of the process that gives out the tests (pytest-xdist)."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._node: KafkaNode | None = None

    def pytest_configure_node(self, node: Any) -> None:
        """Tells a process, before it is started, where Kafka is. Without Java or Maven it finds the reason itself."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="shoal-tests-")
            try:
                self._node = KafkaNode(Path(self._folder.name) / "kafka")
            except KafkaUnavailableError:
                return
            self._node.start()
        if self._node is not None:
            node.workerinput[KAFKA_SERVERS] = self._node.bootstrap_servers

    def pytest_unconfigure(self) -> None:
        """Ends Kafka, after all processes."""
        if self._node is not None:
            self._node.stop()
        if self._folder is not None:
            self._folder.cleanup()


def share_kafka(config: pytest.Config) -> None:
    """Shares a Kafka, if this process gives out tests to others."""
    if getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(SharedKafka())


def shared_servers(config: pytest.Config) -> str | None:
    """`host:port` of the Kafka that was started for this process; None if it has to start one."""
    found: str | None = getattr(config, "workerinput", {}).get(KAFKA_SERVERS)
    return found
