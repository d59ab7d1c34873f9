"""A peer: another stream processor with a program that follows the rules, and how it is started."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tests.benchmarks.peers.moments import Moment, Rules, read_moment

Delivery: TypeAlias = Literal["exactly-once", "at-least-once"]


class PeerUnavailableError(Exception):
    """This machine cannot run the peer; the message says why."""


@dataclass(frozen=True, slots=True)
class Start:
    """Inputs of a run. `state`: a folder of its own, empty; the output topic: its own, empty, and there."""

    bootstrap: str
    input_topic: str
    output_topic: str
    state: Path
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Peer:
    """One way of running a stream processor, of a `version`.

    `rules`: those that its program follows. With `timers` of event time it must say who leaves, and when; without, only
    who enters is looked at. `command`: the whole command line of a start; installs or builds what is missing; raises
    PeerUnavailableError. `read`: how it writes what it finds.
    """

    name: str
    version: str
    rules: Rules
    timers: bool
    deliveries: tuple[Delivery, ...]
    command: Callable[[Start], Sequence[str]]
    read: Callable[[bytes], Moment] = read_moment
