"""A worker process to be measured: its log, its metrics, its CPU time."""

import os
import re
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from app.embedded import EmbeddedBroker
from app.embedded.process import GuardedProcess
from app.settings import Settings, load_settings
from tests.benchmarks.events import ROOT
from tests.support.broker import Broker
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import KafkaNode
from tests.support.waiting import wait_until

PARTITIONS: Final = 4
ASK_S: Final = 0.1
ASK_S_MAX: Final = 2.0
START_S: Final = 60.0
STOP_S: Final = 30.0
COMMAND: Final = "import sys; from app.cli.main import main; sys.exit(main())"
SAMPLED: Final = "tests.benchmarks.sampled_worker"
READS: Final = "reads from offset"
_COUNTED: Final = re.compile(rb"^shoal_events_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)
_MERGED: Final = re.compile(rb'^shoal_links_total\{result="(?:given|empty)"\} ([0-9.e+]+)$', re.MULTILINE)


def settings_for(name: str, broker: Broker) -> Settings:
    """Those of one measurement: four partitions, the shipped catalog, a group and topics that nobody else has."""
    return load_settings(
        {},
        kafka_bootstrap_servers=broker.bootstrap_servers,
        app_id=name,
        topic_prefix=f"{name}.",
        partitions=PARTITIONS,
        segments=ROOT / "deploy" / "segments",
    )


class MeasuredWorker:
    """One worker with four partitions and an idle clock that is off. Use with `with`.

    `given` are other settings by their names; `name` is that of its log, where several share an app id; `samples` is
    the file into which it writes what it is at (`sampled_worker.py`).
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        given: Mapping[str, str] | None = None,
        name: str = "",
        samples: Path | None = None,
    ) -> None:
        self._port = _free_port()
        pairs = {"idle_clock": "off", "topic_prefix": settings.topic_prefix} | dict(given or {})
        arguments = ["worker", "--segments", str(settings.segments), "--partitions", str(PARTITIONS)]
        arguments += ["--broker", settings.kafka_bootstrap_servers, "--app-id", settings.app_id]
        arguments += ["--web-port", str(self._port), "--set", *(f"{name}={value}" for name, value in pairs.items())]
        self.started_s = time.perf_counter()
        log = folder / f"{name or settings.app_id}.log"
        command = ["-c", COMMAND] if samples is None else ["-m", SAMPLED, str(samples)]
        self._process = GuardedProcess([sys.executable, *command, *arguments], log=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()

    def until(self, condition: Callable[[], bool], *, within_s: float, what: str) -> None:
        """Waits, as long as the process lives."""
        wait_until(lambda: condition() or not self._process.running, within_s=within_s, what=what)
        if not self._process.running:
            raise RuntimeError(f"the worker ended; its log:\n{self._process.log_tail()}")

    def until_reading(self) -> float:
        """Until it reads the first partition; the instant."""
        self.until(lambda: READS in self.log(), within_s=START_S, what="the worker reads")
        return time.perf_counter()

    def until_ready(self) -> float:
        """Until all partitions are at work; seconds since the start of the process."""
        self.until(lambda: self._get("/ready") is not None, within_s=10 * START_S, what="the worker is ready")
        return time.perf_counter() - self.started_s

    def until_counted(self, records: int, *, within_s: float) -> float:
        """Until it has committed so many records; the instant."""
        return until_counted([self], records, within_s=within_s)

    def counted(self) -> float:
        """Records that it has committed."""
        return sum(map(float, _COUNTED.findall(self._get("/metrics") or b"")))

    def until_merged(self, claims: int, *, within_s: float) -> float:
        """Until so many anonymous ids have moved to users; the instant."""
        return until_counted([self], claims, within_s=within_s, of=MeasuredWorker.merged)

    def merged(self) -> float:
        """Anonymous ids that have moved."""
        return sum(map(float, _MERGED.findall(self._get("/metrics") or b"")))

    def partitions_read(self) -> int:
        """Number of times that the worker has begun to read a partition."""
        return self.log().count(READS)

    def cpu_s(self) -> float:
        """CPU seconds it has used, user and system (Linux)."""
        return cpu_s_of(self._process.pid)

    def resident_mib(self) -> float:
        """Memory that it holds now (Linux)."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def log(self) -> str:
        """All it has said."""
        return self._process.log.read_text()

    def end(self) -> None:
        """SIGTERM, and its orderly end."""
        self._process.signal(signal.SIGTERM)
        self._process.wait(STOP_S)

    def _get(self, path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=10) as answer:
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, OSError):
            return None


def cpu_s_of(pid: int) -> float:
    """CPU seconds that a process has used, user and system (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until_counted(
    workers: Sequence[MeasuredWorker],
    records: int,
    *,
    within_s: float,
    of: Callable[[MeasuredWorker], float] = MeasuredWorker.counted,
) -> float:
    """Until they have committed so many records together; the instant, to a tenth of a second. `of`: another count.

    Asks seldom while much is left: each answer, with all its metrics, is work that the worker has to do besides.
    """
    began_s = asks_s = time.perf_counter()

    def done() -> bool:
        nonlocal asks_s
        now_s = time.perf_counter()
        if now_s < asks_s:
            return False
        counted = sum(of(worker) for worker in workers)
        left_s = (now_s - began_s) * (records - counted) / counted if counted else 0.0
        asks_s = now_s + min(max(left_s / 2, ASK_S), ASK_S_MAX)
        return counted >= records

    workers[0].until(done, within_s=within_s, what=f"{records} of {of.__name__}")
    return time.perf_counter()


@contextmanager
def brokers(folder: Path, *, kafka: Mapping[str, str] | None = None) -> Iterator[list[Broker]]:
    """A real Kafka, with these settings, where Java and Maven are, and the embedded broker. Both end with the block."""
    with EmbeddedBroker() as embedded:
        found = [Broker("embedded", embedded.bootstrap_servers, transactions=False)]
        try:
            node = KafkaNode(folder / "kafka", settings=kafka, java_options=())
        except KafkaUnavailableError:
            yield found
            return
        with node:
            yield [Broker("kafka", node.bootstrap_servers, transactions=True), *found]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
