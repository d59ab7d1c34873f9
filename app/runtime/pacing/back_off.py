"""Back-off: the pauses between tries of something that fails. Pure; chance is handed in.

Libraries for retries (tenacity, stamina, backoff) call a function again and sleep in between. Here a state machine, a
queue of changes or a simulated clock decides when something is tried, so only the arithmetic is shared.
"""

import random
from dataclasses import dataclass
from typing import Final

REOPEN_MS_FIRST: Final = 100
"""First pause of what a process opens again by itself; the longest is the setting `retry_wait_max`."""


@dataclass(slots=True, kw_only=True)
class BackOff:
    """Pauses of one thing that is tried again: doubled after each failure in a row, from `first_ms` up to `longest_ms`.

    >>> back_off = BackOff(first_ms=100, longest_ms=350)
    >>> [back_off.failed(), back_off.failed(), back_off.failed()]
    [100, 200, 350]
    >>> back_off.reset()
    >>> back_off.failed()
    100
    """

    first_ms: int
    longest_ms: int
    failures: int = 0
    """Failures in a row."""

    def failed(self) -> int:
        """Counts a failure; the pause until the next try, in ms."""
        self.failures += 1
        return self.pause_ms

    @property
    def pause_ms(self) -> int:
        """The pause after the last failure, in ms; the first one if there was none."""
        return back_off_ms(self.failures, first_ms=self.first_ms, longest_ms=self.longest_ms)

    def reset(self) -> None:
        """It works again: the next failure is a first one."""
        self.failures = 0


def back_off_ms(failures: int, *, first_ms: int, longest_ms: int) -> int:
    """The pause after so many failures in a row, in ms. As after the first one if there was none.

    >>> [back_off_ms(failures, first_ms=100, longest_ms=5_000) for failures in (0, 1, 2, 3, 10)]
    [100, 100, 200, 400, 5000]
    """
    # This number of doublings exceeds any limit; a shift by millions would use all memory of the machine.
    return min(longest_ms, first_ms << min(max(failures - 1, 0), 40))


def spread_ms(pause_ms: int, chance: random.Random) -> float:
    """A random part of a pause, at least half of it, so that those that failed together do not come back together."""
    return pause_ms * (0.5 + chance.random() / 2)
