"""One run of a peer on a topic that is full: started, watched until all that must come is there, judged, ended."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.embedded.process import GuardedProcess
from tests.benchmarks.peers.moments import Moment
from tests.benchmarks.peers.output_topic import OutputReader
from tests.benchmarks.peers.peer import Peer, Start
from tests.benchmarks.peers.verdict import Expected

#: Nothing new for so long: it will not get any further.
STALLED_S: Final = 120.0
STOP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run from the start of the process until everything that must come had been seen, over so many events.

    `cpu_s` is that of the process and its children. `problem`: why the run is invalid, "" if it is not.
    """

    events: int
    seconds: float
    cpu_s: float
    problem: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Difference of a long and a short run: start and warm-up are in both, so they are not in it.

    It does not matter when a peer shows what it has found: by then it has done the work for all events of a run.
    """

    short: Run
    long: Run

    @property
    def problem(self) -> str:
        """The first reason why it does not count."""
        return self.short.problem or self.long.problem

    @property
    def events(self) -> int:
        """Number of events by which the runs differ."""
        return self.long.events - self.short.events

    @property
    def seconds(self) -> float:
        """Time that these events took."""
        return self.long.seconds - self.short.seconds

    @property
    def cpu_s(self) -> float:
        """CPU time that these events took."""
        return self.long.cpu_s - self.short.cpu_s

    @property
    def complete(self) -> bool:
        """True if the CPU time can be compared: not where a run never wrote, or its start cost more than its work."""
        return not self.problem and self.events > 0 and self.cpu_s > 0

    @property
    def timed(self) -> bool:
        """True if the wall time can be compared, too: not where a busy machine took longer for the short run."""
        return self.complete and self.seconds > 0

    @property
    def events_a_s(self) -> float:
        """By the clock on the wall."""
        return self.events / self.seconds

    @property
    def cpu_s_a_million(self) -> float:
        """CPU seconds of the process, for a million events."""
        return self.cpu_s * 1e6 / self.events

    @property
    def start_cpu_s(self) -> float:
        """CPU time of the short run beyond what its events take: start and warm-up."""
        return max(0.0, self.short.cpu_s - self.cpu_s * self.short.events / self.events)


def measure(peer: Peer, start: Start, events: int, expected: Expected) -> Run:
    """PeerUnavailableError if it cannot be installed or built; the output topic is there, and empty."""
    command = peer.command(start)
    start.state.mkdir(parents=True)
    log = start.state.with_suffix(".log")
    with OutputReader(start.bootstrap, start.output_topic, peer.read) as output:
        began_s = time.perf_counter()
        process = GuardedProcess(command, log=log)
        try:
            seen_s, used_s, problem = _watch(process, output, set(expected.wanted(timers=peer.timers)))
            _end(process)
        finally:
            process.kill()
        output.rest()
        problem = problem or expected.problem(output.found, timers=peer.timers)
    return Run(events, seen_s - began_s, used_s, problem)


def _watch(process: GuardedProcess, output: OutputReader, missing: set[Moment]) -> tuple[float, float, str]:
    """Until everything missing has been seen, or no more comes: when, the CPU time until then, and what is wrong."""
    count = len(missing)
    seen_s = time.perf_counter()
    problem = ""
    while missing and not problem:
        moments = output.more()
        now_s = time.perf_counter()
        if moments:
            missing.difference_update(moments)
            seen_s = now_s
        elif not process.running:
            problem = f"it ended; its log ends with:\n{process.log_tail()}"
        elif now_s > seen_s + STALLED_S:
            problem = f"{len(missing):,} of {count:,} are missing; its log ends with:\n{process.log_tail()}"
    return seen_s, cpu_s(process.pid) if process.running else 0.0, problem


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
