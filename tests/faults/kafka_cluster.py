"""Three brokers, each a controller too, of which one may be away."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support import kafka_node
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import CLUSTER_ID, HOST, KafkaNode

BROKERS: Final = 3
SETTINGS: Final = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "replica.lag.time.max.ms": "3000",
    "controller.quorum.bootstrap.servers": "",
    # Time after which a dead broker is noticed.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


class ClusterNode(KafkaNode):
    """One of them. `number` from 1 on; `controllers`: all of their ports, in order."""

    def __init__(self, folder: Path, *, number: int, port: int, controllers: list[int]) -> None:
        voters = ",".join(f"{each}@{HOST}:{at}" for each, at in enumerate(controllers, start=1))
        own = {
            "node.id": str(number),
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controllers[number - 1]}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        }
        super().__init__(folder, settings=SETTINGS | own)
        self._port = port

    def _format_arguments(self) -> list[str]:
        return ["format", "--cluster-id", CLUSTER_ID, "--config", str(self._configuration)]


class KafkaCluster:
    """All of them. A broker is told by its number."""

    def __init__(self, folder: Path) -> None:
        ports = kafka_node.free_ports(2 * BROKERS)
        self.nodes = [
            ClusterNode(folder / str(number), number=number, port=ports[number - 1], controllers=ports[BROKERS:])
            for number in range(1, BROKERS + 1)
        ]

    @property
    def bootstrap_servers(self) -> str:
        """For any client."""
        return ",".join(node.bootstrap_servers for node in self.nodes)

    def start(self) -> None:
        """All at once: one alone waits for the others."""
        with ThreadPoolExecutor(BROKERS) as pool:
            for started in [pool.submit(node.start) for node in self.nodes]:
                started.result()

    def stop(self) -> None:
        """All at once."""
        for node in self.nodes:
            node.kill()

    def one(self, chance: random.Random) -> KafkaNode:
        """Any of them."""
        return chance.choice(self.nodes)


@contextmanager
def kafka_cluster_at(folder: Path, *, required: bool) -> Iterator[KafkaCluster]:
    """A cluster that runs; skips where there is no Kafka, unless it is required."""
    try:
        cluster = KafkaCluster(folder)
    except KafkaUnavailableError as error:
        if required:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
