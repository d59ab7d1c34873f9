"""Ends a worker that cannot make progress, so that its partitions move to another one.

An operating system thread: it sees what nothing in the event loop could see, a loop that is blocked. It looks at the
loop's pulse, at rebalances, and at each partition's life, which knows itself when it is overdue.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.events.visible_text import visible_line

LOOK_S = 0.5
EXIT_CODE = 70


@dataclass(frozen=True, slots=True)
class Sight:
    """State of one partition as the watchdog sees it: `overdue` as in `Lifecycle.overdue`."""

    partition: int
    overdue: str | None


def verdict(
    *, loop_silent_s: float, rebalancing_s: float, partitions: Sequence[Sight], stall_s: float, commit_stall_s: float
) -> str | None:
    """Returns why the worker has to end; None while it makes progress."""
    if loop_silent_s > stall_s:
        return f"the event loop stands still for {loop_silent_s:.0f} s: something blocks it"
    if rebalancing_s > commit_stall_s:
        return f"a rebalance does not come to its end for {rebalancing_s:.0f} s"
    return next((f"partition {each.partition} {each.overdue}" for each in partitions if each.overdue), None)


class Watchdog:
    """The thread. `look` is called in it: it must only read."""

    def __init__(
        self,
        look: Callable[[], tuple[float, Sequence[Sight]]],
        *,
        stall_ms: int,
        commit_stall_ms: int,
        end: Callable[[str], None] | None = None,
    ) -> None:
        self._look = look
        self._stall_s = stall_ms / 1000
        self._commit_stall_s = commit_stall_ms / 1000
        self._end = end or _end_process
        self._pulse_s = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._pulse_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch, not the process."""
        self._stopped.set()

    def pulse(self) -> None:
        """The event loop is alive: to be called in it several times per `stall`."""
        self._pulse_s = time.monotonic()

    @property
    def loop_silent_s(self) -> float:
        """Seconds since the last pulse."""
        return time.monotonic() - self._pulse_s

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_S):
            rebalancing_s, partitions = self._look()
            why = verdict(
                loop_silent_s=self.loop_silent_s,
                rebalancing_s=rebalancing_s,
                partitions=partitions,
                stall_s=self._stall_s,
                commit_stall_s=self._commit_stall_s,
            )
            if why is not None:
                self._end(why)
                return


def _end_process(why: str) -> None:
    sys.stderr.write(
        f"watchdog: {visible_line(why)}; this worker ends (exit code {EXIT_CODE}), another one takes its partitions\n"
    )
    sys.stderr.flush()
    os._exit(EXIT_CODE)
