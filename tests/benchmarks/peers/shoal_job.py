"""Shoal itself, run as its peers are."""

import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Final

import msgspec

from tests.benchmarks.peers.moments import Action, Moment, Rules, folder_of
from tests.benchmarks.peers.oracle import instant_ms
from tests.benchmarks.peers.peer import Peer, Start
from tests.benchmarks.worker import COMMAND, PARTITIONS
from tests.support.kafka_node import free_ports


class _Change(msgspec.Struct):
    """Fields of a change that are needed here."""

    user: str
    segment: str
    change: str
    at: str


_decode: Final = msgspec.json.Decoder(_Change).decode


def read_change(value: bytes) -> Moment:
    """A change as a moment."""
    change = _decode(value)
    action: Action = "left" if change.change == "exited" else "entered"
    return Moment(change.user, change.segment, action, instant_ms(change.at))


def _command(rules: Rules, start: Start) -> Sequence[str]:
    name = start.output_topic
    pairs = {
        "topic_clickstream": start.input_topic,
        "topic_changes": start.output_topic,
        "topic_profiles": f"{name}.profiles",
        "topic_journal": f"{name}.journal",
        "delivery": start.delivery,
        "idle_clock": "off",
    }
    return (
        *(sys.executable, "-c", COMMAND, "worker"),
        *("--segments", str(folder_of(rules)), "--partitions", str(PARTITIONS), "--broker", start.bootstrap),
        *("--app-id", name, "--web-port", str(free_ports(1)[0])),
        *("--set", *(f"{key}={value}" for key, value in pairs.items())),
    )


def _shoal(name: str, rules: Rules) -> Peer:
    return Peer(name, version("shoal"), rules, True, ("exactly-once",), partial(_command, rules), read_change)


#: Runs once for each set of rules: the others are compared with it.
SHOAL: Final = (_shoal("Shoal, five rules", "windows"), _shoal("Shoal, six rules", "all"))
