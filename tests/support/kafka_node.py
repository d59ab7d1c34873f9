"""A real Apache Kafka (KRaft, one node) that tests start, kill, pause and start again."""

import random
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from app.embedded.broker import serves_kafka
from app.embedded.process import GuardedProcess
from tests.support.kafka_jars import KafkaUnavailableError, kafka_jars
from tests.support.waiting import wait_until

HOST = "127.0.0.1"
CLUSTER_ID = "c2hvYWwtdGVzdHMtMDAwMA"  # any 16 bytes in base64
# Below the ports of outgoing connections (Linux from 32768, macOS from 49152): the port must still be free
# after an outage, however many clients keep trying to connect.
PORTS = range(20_000, 30_000)
PORT_TRIES = 100
FORMAT_TIMEOUT_S = 60
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
# A test's Kafka lives for seconds: Java's second compiler would cost more than it saves. A start takes 1.8 s of CPU
# without it, 3.0 with it.
SHORT_LIVED = ("-XX:TieredStopAtLevel=1",)
JAVA_OPTIONS = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


class KafkaNode:
    """One node, broker and controller; its data and its port stay the same over any number of starts.

    Settings are Kafka's defaults, but for what a single node cannot do (replication factors of 1), for the pause before
    a group's first rebalance (none) and for how short a member's session may be; `settings` are added. As a context
    manager it starts and stops.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        more_listeners: Sequence[str] = (),
        java_options: Sequence[str] = SHORT_LIVED,
    ) -> None:
        """`folder` is this node's own: data, configuration, log. Raises KafkaUnavailableError without Java or Maven.

        `java_options` come after those that every node has; benchmarks give none, to have both compilers.
        `more_listeners`, such as `SASL_SSL://127.0.0.1:9094`, stand beside its own; `settings` say what they need.
        """
        self._jars = kafka_jars()
        self._folder = folder
        self._java_options = tuple(java_options)
        self._port, controller_port = free_ports(2)
        self._configuration = folder / "server.properties"
        self._process: GuardedProcess | None = None
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": ",".join(
                [f"PLAINTEXT://{HOST}:{self._port}", f"CONTROLLER://{HOST}:{controller_port}", *more_listeners]
            ),
            "advertised.listeners": ",".join([f"PLAINTEXT://{HOST}:{self._port}", *more_listeners]),
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": f"{HOST}:{controller_port}",
            "log.dirs": str(folder / "data"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            **(settings or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text("".join(f"{name}={value}\n" for name, value in properties.items() if value))

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, for any Kafka client."""
        return f"{HOST}:{self._port}"

    @property
    def running(self) -> bool:
        """True if the process lives (a paused one does too)."""
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start (the first time: with an empty data folder) and wait until it serves clients."""
        assert not self.running, "already started"
        if not (self._folder / "data").exists():
            self._format()
        process = GuardedProcess(
            [*self._java(*self._java_options), "kafka.Kafka", str(self._configuration)], log=self._folder / "log"
        )
        self._process = process
        try:
            wait_until(lambda: self._answers() or not process.running, within_s=READY_TIMEOUT_S, what="Kafka answers")
        except TimeoutError as error:
            self.kill()
            raise TimeoutError(f"{error}; its log ends with:\n{process.log_tail()}") from None
        if not process.running:
            self.kill()
            raise RuntimeError(f"Kafka ended while it started; its log ends with:\n{process.log_tail()}")

    def stop(self) -> None:
        """An orderly end (SIGTERM); SIGKILL if it takes too long. Harmless when it does not run."""
        if self._process is None:
            return
        self._process.signal(signal.SIGCONT)
        self._process.signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, no client is told."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Kill, then start again on the same data and port."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        assert self._process is not None, "not started"
        self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None, "not started"
        self._process.signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """The last lines of what it said (warnings and errors)."""
        return "" if self._process is None else self._process.log_tail()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _java(self, *options: str) -> list[str]:
        return ["java", *JAVA_OPTIONS, *options, "-cp", f"{self._jars}/*"]

    def _format(self) -> None:
        done = subprocess.run(
            [*self._java("-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool", *self._format_arguments()],
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"Kafka cannot format its data folder:\n{done.stdout}{done.stderr}")

    def _format_arguments(self) -> list[str]:
        return ["format", "--standalone", "--cluster-id", CLUSTER_ID, "--config", str(self._configuration)]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self._port), timeout=5) as connection:
                return serves_kafka(connection)
        except OSError:
            return False


def kafka_node(folder: Path, *, required: bool) -> KafkaNode:
    """A node, not started; where Kafka cannot run, the test is skipped, or fails if Kafka is `required`."""
    try:
        return KafkaNode(folder)
    except KafkaUnavailableError as error:
        if required:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, and that no outgoing connection is given."""
    chosen: list[int] = []
    for port in random.sample(PORTS, PORT_TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise KafkaUnavailableError(f"no free port in {PORTS}")
