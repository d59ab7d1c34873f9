"""Command line of every program."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arguments:
    """`state`: an empty folder of the program's own. `take`: events that are processed together, 1 for each alone."""

    bootstrap: str
    input_topic: str
    output_topic: str
    state: Path
    exactly_once: bool
    take: int


def read_arguments() -> Arguments:
    """From `sys.argv`; ends the program with a message if they are wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap", help="host:port")
    parser.add_argument("input_topic")
    parser.add_argument("output_topic")
    parser.add_argument("state", type=Path)
    parser.add_argument("--delivery", choices=["exactly-once", "at-least-once"], default="at-least-once")
    parser.add_argument("--take", type=int, default=1)
    given = parser.parse_args()
    exactly_once = given.delivery == "exactly-once"
    return Arguments(given.bootstrap, given.input_topic, given.output_topic, given.state, exactly_once, given.take)
