"""The peers that are written in Java, run as the others are."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from tests.benchmarks.peers.java_jobs import FLINK, KAFKA_STREAMS, JavaJob
from tests.benchmarks.peers.peer import Delivery, Peer, PeerUnavailableError, Start
from tests.support.maven import JavaUnavailableError


def _command(job: JavaJob, options: tuple[str, ...], start: Start) -> Sequence[str]:
    given = ["--delivery", start.delivery, *options]
    try:
        return job.command(start.bootstrap, start.input_topic, start.output_topic, start.state, given)
    except JavaUnavailableError as error:
        raise PeerUnavailableError(str(error)) from None


def _peer(job: JavaJob, deliveries: tuple[Delivery, ...], *options: str, how: str = "") -> Peer:
    return Peer(job.name + how, job.version, "all", job.timers, deliveries, partial(_command, job, options))


_BOTH: Final[tuple[Delivery, ...]] = ("exactly-once", "at-least-once")
JAVA_PEERS: Final = (
    _peer(FLINK, _BOTH, "--checkpoints", "on", how=", checkpoints"),
    _peer(FLINK, ("at-least-once",), "--checkpoints", "off", how=", no checkpoints"),
    _peer(KAFKA_STREAMS, _BOTH),
)
