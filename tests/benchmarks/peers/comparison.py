"""peers: the same events and rules for Shoal and the others, on the same Kafka, one run at a time.

Invalid unless each that could be run found exactly what is true.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.settings import load_settings
from app.simulation.record import Homes
from tests.benchmarks.drain import fill
from tests.benchmarks.events import Workload, calibrate, user_of
from tests.benchmarks.peers.java_peers import JAVA_PEERS
from tests.benchmarks.peers.moments import Rules
from tests.benchmarks.peers.output_topic import make_topic
from tests.benchmarks.peers.peer import Delivery, Peer, PeerUnavailableError, Start
from tests.benchmarks.peers.python_jobs import PYTHON_PEERS
from tests.benchmarks.peers.running import Filled, Measured, measure
from tests.benchmarks.peers.shoal_job import SHOAL
from tests.benchmarks.peers.verdict import Expected, expected
from tests.benchmarks.report import Result
from tests.benchmarks.synthetic import Synthetic
from tests.benchmarks.worker import PARTITIONS
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import KafkaNode

PEERS: Final[tuple[Peer, ...]] = (*PYTHON_PEERS, *JAVA_PEERS)
INPUT: Final = "events"
_CALIBRATED: Final = 20_000
_REASON_CHARACTERS: Final = 200


def run(workload: Workload) -> Result:
    """All of them, on a synthetic load of as many events, evenly spread."""
    return compare(Synthetic(workload.events, "uniform", workload.seed), PEERS)


def compare(load: Synthetic, chosen: Iterable[Peer]) -> Result:
    """Shoal, then the chosen ones, each way of delivery in turn."""
    calibration_us = calibrate(list(islice(load.lines(), _CALIBRATED)))
    result = Result("peers", load.source, load.seed, load.events, calibration_us)
    with TemporaryDirectory(prefix="shoal-peers-") as temporary:
        try:
            node = KafkaNode(Path(temporary) / "kafka", java_options=())
        except KafkaUnavailableError as error:
            result.invalid = f"not run: {error}"
            result.rows.append({"run": "none"})
            return result
        with node:
            _Comparison(load, node.bootstrap_servers, Path(temporary), result).run(chosen)
    return result


class _Comparison:
    """One load in one topic, which every run reads from its beginning."""

    def __init__(self, load: Synthetic, bootstrap: str, folder: Path, result: Result) -> None:
        self._load = load
        self._bootstrap = bootstrap
        self._folder = folder
        self._result = result
        self._truths: dict[Rules, Expected] = {}
        self._shoal: dict[Rules, Measured] = {}

    def run(self, chosen: Iterable[Peer]) -> None:
        """Everything, one after the other."""
        filled = self._fill()
        wanted = list(chosen)
        for shoal in SHOAL:
            if any(peer.rules == shoal.rules for peer in wanted):
                self._shoal[shoal.rules] = self._each(shoal, shoal.deliveries, filled)
        for peer in wanted:
            self._each(peer, peer.deliveries, filled)

    def _each(self, peer: Peer, deliveries: Sequence[Delivery], filled: Filled) -> Measured:
        measured = Measured(0.0, 0.0, 0.0, "")
        for delivery in deliveries:
            name = f"{peer.name}, {delivery}"
            try:
                measured = measure(peer, self._start(delivery), filled, self._truth(peer.rules))
            except PeerUnavailableError as error:
                self._add(peer, name, f"not run: {str(error)[:_REASON_CHARACTERS]}", measured)
                continue
            if measured.problem:
                self._result.invalid += f"{name}: {measured.problem}\n"
            self._add(peer, name, "no" if measured.problem else "yes", measured)
        return measured

    def _start(self, delivery: Delivery) -> Start:
        name = f"run-{len(self._result.rows)}"
        make_topic(self._bootstrap, name)
        return Start(self._bootstrap, INPUT, name, self._folder / name, delivery)

    def _truth(self, rules: Rules) -> Expected:
        if rules not in self._truths:
            self._truths[rules] = expected(self._load, rules)
        return self._truths[rules]

    def _add(self, peer: Peer, name: str, verdict: str, measured: Measured) -> None:
        shoal = self._shoal.get(peer.rules, measured)
        figures: dict[str, Any] = dict.fromkeys(("events", "seconds", "events_a_s", "cpu_s_a_million"), "")
        figures |= dict.fromkeys(("shoal_is_faster", "shoal_takes_less_cpu"), "")
        if measured.complete:
            figures |= {
                "events": round(measured.events),
                "seconds": measured.seconds,
                "events_a_s": measured.events_a_s,
                "cpu_s_a_million": measured.cpu_s_a_million,
            }
        if measured.complete and shoal.complete:
            figures |= {
                "shoal_is_faster": shoal.events_a_s / measured.events_a_s,
                "shoal_takes_less_cpu": measured.cpu_s_a_million / shoal.cpu_s_a_million,
            }
        row = {"run": name, "version": peer.version, "rules": peer.rules, **figures, "right": verdict}
        self._result.rows.append(row)

    def _fill(self) -> Filled:
        settings = load_settings(
            {}, kafka_bootstrap_servers=self._bootstrap, topic_clickstream=INPUT, partitions=PARTITIONS
        )
        asyncio.run(fill(self._load, settings))
        homes = Homes(PARTITIONS)
        events = Counter(homes[user_of(line)] for line in self._load.lines())
        return Filled(INPUT, tuple(events[number] for number in range(PARTITIONS)), self._load.end_ms)
