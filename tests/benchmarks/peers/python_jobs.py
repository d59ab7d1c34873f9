"""The peers that are written in Python."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.benchmarks.peers.environments import pinned, python_of
from tests.benchmarks.peers.peer import Peer, Start

#: Number of events in a batch of Faust's `take_events`.
TAKEN: Final = 1_000


def _command(python: Path, program: str, start: Start, *options: str) -> Sequence[str]:
    topics = (start.bootstrap, start.input_topic, start.output_topic)
    given = (*topics, str(start.state), "--delivery", start.delivery, *options)
    return (str(python), "-m", f"tests.benchmarks.peers.programs.{program}", *given)


def _faust(start: Start) -> Sequence[str]:
    return _command(Path(sys.executable), "faust_job", start)


def _faust_in_batches(start: Start) -> Sequence[str]:
    return _command(Path(sys.executable), "faust_job", start, "--take", str(TAKEN))


def _quix(start: Start) -> Sequence[str]:
    return _command(python_of("quix"), "quix_job", start)


def _quix_windows(start: Start) -> Sequence[str]:
    return _command(python_of("quix"), "quix_windows_job", start)


def _bytewax(start: Start) -> Sequence[str]:
    return _command(python_of("bytewax"), "bytewax_job", start)


_FAUST: Final = version("faust-streaming")
_QUIX: Final = pinned("quix", "quixstreams")
PYTHON_PEERS: Final = (
    Peer("Faust", _FAUST, "windows", False, ("at-least-once", "exactly-once"), _faust),
    Peer("Faust, batches", _FAUST, "windows", False, ("at-least-once",), _faust_in_batches),
    Peer("Quix Streams", _QUIX, "windows", False, ("at-least-once", "exactly-once"), _quix),
    Peer("Quix Streams, windows", _QUIX, "windows", False, ("at-least-once",), _quix_windows),
    Peer("Bytewax", pinned("bytewax", "bytewax"), "windows", False, ("at-least-once",), _bytewax),
)
