"""One run of a peer on a topic that is full: started, watched until all that must come is there, judged, ended."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.embedded.process import GuardedProcess
from app.simulation.record import Homes
from tests.benchmarks.peers.moments import Moment
from tests.benchmarks.peers.output_topic import OutputReader
from tests.benchmarks.peers.peer import Peer, Start
from tests.benchmarks.peers.verdict import Expected
from tests.benchmarks.synthetic import START_MS
from tests.benchmarks.worker import PARTITIONS

#: Nothing new for so long: it will not get any further.
STALLED_S: Final = 120.0
STOP_S: Final = 30.0
#: Measured once so much of what must come has been seen: by then a Java machine has compiled what it runs.
WARM_SHARE: Final = 0.4
#: What a transaction made visible has been read after so long.
SETTLED_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Filled:
    """The input: a topic with all events of a load. `events`: how many, by partition."""

    topic: str
    events: tuple[int, ...]
    end_ms: int

    def after(self, moments: Iterable[Moment]) -> float:
        """Number of events behind those that have led to some moments, by their instants, partition by partition."""
        homes = Homes(PARTITIONS)
        reached = [START_MS] * PARTITIONS
        for moment in moments:
            home = homes[moment.user.encode()]
            reached[home] = max(reached[home], moment.at)
        span_ms = self.end_ms - START_MS
        shares = (max(0, self.end_ms - at_ms) / span_ms for at_ms in reached)
        return sum(count * share for count, share in zip(self.events, shares, strict=True))


@dataclass(frozen=True, slots=True)
class Measured:
    """`events` are those between the outputs by which it was warm and the last that had to come.

    `problem`: why the run is invalid, "" if it is not; then the other figures say little.
    """

    events: float
    seconds: float
    cpu_s: float
    problem: str

    @property
    def complete(self) -> bool:
        """True if there was anything to measure: not where it never wrote, or all at once."""
        return self.events > 0 and self.seconds > 0 and self.cpu_s > 0

    @property
    def events_a_s(self) -> float:
        """By the clock on the wall."""
        return self.events / self.seconds

    @property
    def cpu_s_a_million(self) -> float:
        """CPU seconds of the process, for a million events."""
        return self.cpu_s * 1e6 / self.events


def measure(peer: Peer, start: Start, filled: Filled, expected: Expected) -> Measured:
    """PeerUnavailableError if it cannot be installed or built; the output topic is there, and empty."""
    command = peer.command(start)
    start.state.mkdir(parents=True)
    log = start.state.with_suffix(".log")
    with OutputReader(start.bootstrap, start.output_topic, peer.read) as output:
        process = GuardedProcess(command, log=log)
        try:
            measured = _watch(process, output, filled, expected.wanted(timers=peer.timers))
            _end(process)
        finally:
            process.kill()
        output.rest()
        problem = measured.problem or expected.problem(output.found, timers=peer.timers)
    return Measured(measured.events, measured.seconds, measured.cpu_s, problem)


def _watch(process: GuardedProcess, output: OutputReader, filled: Filled, wanted: Counter[Moment]) -> Measured:
    """Until everything wanted has been seen, or nothing more comes."""
    missing = set(wanted)
    began_s = began_cpu_s = events = 0.0
    seen_s = time.perf_counter()
    problem = ""
    while missing and not problem:
        moments = output.more()
        now_s = time.perf_counter()
        if moments:
            missing.difference_update(moments)
            seen_s = now_s
            if not began_s and len(missing) <= (1 - WARM_SHARE) * len(wanted):
                missing.difference_update(output.all_there(SETTLED_S))
                seen_s = began_s = time.perf_counter()
                began_cpu_s, events = cpu_s(process.pid), filled.after(output.found)
        elif not process.running:
            problem = f"it ended; its log ends with:\n{process.log_tail()}"
        elif now_s > seen_s + STALLED_S:
            problem = f"{len(missing):,} of {len(wanted):,} are missing; its log ends with:\n{process.log_tail()}"
    used_s = cpu_s(process.pid) - began_cpu_s if process.running else 0.0
    return Measured(events, seen_s - began_s if began_s else 0.0, used_s, problem)


def _end(process: GuardedProcess) -> None:
    process.signal(signal.SIGTERM)
    with suppress(TimeoutError):
        process.wait(STOP_S)


def cpu_s(pid: int) -> float:
    """CPU seconds that a process and its living children have used, user and system (Linux)."""
    children: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            number = int(stat.parent.name)
            children.setdefault(int(fields[1]), []).append(number)
            used[number] = sum(int(field) for field in fields[11:15])
    ticks = 0
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        ticks += used.get(each, 0)
        waiting += children.get(each, [])
    return ticks / os.sysconf("SC_CLK_TCK")
