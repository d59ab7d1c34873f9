"""A worker that notes what it is at, each few milliseconds of its CPU time.

`python -m tests.benchmarks.sampled_worker FILE`, and what `shoal` is given. FILE gets a line a sample: the instant (of
`time.perf_counter`) and the number of the stage. What runs in C is its caller's.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

EVERY_S: Final = 0.001  # of CPU time; longer if the clock of the kernel ticks more slowly
#: A sample belongs to the first stage with a frame in one of its places: file, folder, or file:function.
STAGES: Final[dict[str, tuple[str, ...]]] = {
    "encode profiles": ("tables/profile.py:encode",),
    "make and encode changes": ("app/segments/evaluation/change.py", "app/runtime/delivery/commit.py"),
    "decode, evaluate, fire timers": ("app/segments/", "app/events/", "tables/", "<compiled catalog>"),
    "fetch": ("app/runtime/kafka/log_reader.py", "aiokafka/consumer/"),
    "append and compress": ("app/runtime/kafka/log_writer.py", "app/runtime/kafka/producer.py", "aiokafka/producer/"),
    "transactions": (
        "app/runtime/delivery/exactly_once.py",
        "app/runtime/delivery/at_least_once.py",
        "app/runtime/delivery/delivery.py",
    ),
    "network": ("aiokafka/conn.py", "aiokafka/client.py", "aiokafka/protocol/", "asyncio/streams.py"),
}
REST: Final = "the worker around it"
NAMES: Final = (*STAGES, REST)


def rank_of(file: str, function: str) -> int:
    """The number of the first stage that a frame belongs to; that of the rest if to none."""
    path = file.replace(os.sep, "/")
    for rank, places in enumerate(STAGES.values()):
        for place in places:
            where, _, name = place.partition(":")
            if (path.endswith(where) or (where.endswith("/") and f"/{where}" in path)) and name in ("", function):
                return rank
    return len(STAGES)


class Sampler:
    """Writes samples to a file until the process ends."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._ranks: dict[CodeType, int] = {}

    def start(self) -> None:
        """From now on."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        ranks, lowest = self._ranks, len(STAGES)
        while frame is not None:
            code = frame.f_code
            rank = ranks.get(code)
            if rank is None:
                rank = ranks[code] = rank_of(code.co_filename, code.co_name)
            lowest = min(lowest, rank)
            frame = frame.f_back
        os.write(self._file, b"%f %d\n" % (time.perf_counter(), lowest))


def main(arguments: Sequence[str]) -> int:
    """The file, then the command line of `shoal`."""
    Sampler(Path(arguments[0])).start()
    from app.cli.main import main as shoal

    return shoal(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
