"""peers: the same events and rules for Shoal and the others, on the same Kafka, one run at a time.

Invalid unless each that could be run found exactly what is true.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.settings import load_settings
from tests.benchmarks.drain import fill
from tests.benchmarks.events import Workload, calibrate
from tests.benchmarks.peers.java_peers import JAVA_PEERS
from tests.benchmarks.peers.moments import Rules
from tests.benchmarks.peers.output_topic import make_topic
from tests.benchmarks.peers.peer import Delivery, Peer, PeerUnavailableError, Start
from tests.benchmarks.peers.python_jobs import PYTHON_PEERS
from tests.benchmarks.peers.running import Measured, Run, measure
from tests.benchmarks.peers.shoal_job import SHOAL
from tests.benchmarks.peers.verdict import Expected, expected
from tests.benchmarks.report import Result
from tests.benchmarks.synthetic import Synthetic
from tests.benchmarks.worker import PARTITIONS
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import KafkaNode

PEERS: Final[tuple[Peer, ...]] = (*PYTHON_PEERS, *JAVA_PEERS)
SHORT_SHARE: Final = 0.4
"""Events of the short run, as a share of those of the long one: enough for Java to have compiled what it runs."""
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


@dataclass(frozen=True, slots=True)
class Input:
    """A load, and the topic that holds all of it."""

    topic: str
    load: Synthetic


class _Comparison:
    """Two loads, a short and a long one, in a topic each, which every run reads from its beginning."""

    def __init__(self, load: Synthetic, bootstrap: str, folder: Path, result: Result) -> None:
        short = replace(load, events=max(1, int(load.events * SHORT_SHARE)))
        self._inputs = (Input("events-short", short), Input("events-long", load))
        self._bootstrap = bootstrap
        self._folder = folder
        self._result = result
        self._starts = 0
        self._truths: dict[tuple[Rules, str], Expected] = {}
        self._shoal: dict[Rules, Measured] = {}

    def run(self, chosen: Iterable[Peer]) -> None:
        """Everything, one after the other."""
        for each in self._inputs:
            self._fill(each)
        wanted = list(chosen)
        for shoal in SHOAL:
            if any(peer.rules == shoal.rules for peer in wanted):
                measured = self._each(shoal, shoal.deliveries)
                if measured is not None:
                    self._shoal[shoal.rules] = measured
        for peer in wanted:
            self._each(peer, peer.deliveries)

    def _each(self, peer: Peer, deliveries: Sequence[Delivery]) -> Measured | None:
        """The last of the deliveries that was measured."""
        measured: Measured | None = None
        for delivery in deliveries:
            name = f"{peer.name}, {delivery}"
            try:
                measured = Measured(*(self._measure(peer, delivery, each) for each in self._inputs))
            except PeerUnavailableError as error:
                self._add(peer, name, f"not run: {str(error)[:_REASON_CHARACTERS]}", None)
                continue
            if measured.problem:
                self._result.invalid += f"{name}: {measured.problem}\n"
            self._add(peer, name, "no" if measured.problem else "yes", measured)
        return measured

    def _measure(self, peer: Peer, delivery: Delivery, source: Input) -> Run:
        name = f"run-{self._starts}"
        self._starts += 1
        make_topic(self._bootstrap, name)
        start = Start(self._bootstrap, source.topic, name, self._folder / name, delivery)
        return measure(peer, start, source.load.events, self._truth(peer.rules, source))

    def _truth(self, rules: Rules, source: Input) -> Expected:
        key = rules, source.topic
        if key not in self._truths:
            self._truths[key] = expected(source.load, rules)
        return self._truths[key]

    def _add(self, peer: Peer, name: str, verdict: str, measured: Measured | None) -> None:
        figures: dict[str, Any] = dict.fromkeys(
            ("events", "seconds", "events_a_s", "cpu_s_a_million", "start_cpu_s"), ""
        )
        figures |= dict.fromkeys(("shoal_is_faster", "shoal_takes_less_cpu"), "")
        if measured is not None and measured.complete:
            figures |= {
                "events": measured.events,
                "cpu_s_a_million": measured.cpu_s_a_million,
                "start_cpu_s": measured.start_cpu_s,
            }
            shoal = self._shoal.get(peer.rules, measured)
            if shoal.complete:
                figures["shoal_takes_less_cpu"] = measured.cpu_s_a_million / shoal.cpu_s_a_million
            if measured.timed:
                figures |= {"seconds": measured.seconds, "events_a_s": measured.events_a_s}
            if measured.timed and shoal.timed:
                figures["shoal_is_faster"] = shoal.events_a_s / measured.events_a_s
        row = {"run": name, "version": peer.version, "rules": peer.rules, **figures, "right": verdict}
        self._result.rows.append(row)

    def _fill(self, each: Input) -> None:
        settings = load_settings(
            {}, kafka_bootstrap_servers=self._bootstrap, topic_clickstream=each.topic, partitions=PARTITIONS
        )
        asyncio.run(fill(each.load, settings))
