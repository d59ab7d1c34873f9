"""The idle clock: how a partition's time goes on when nothing is left to read.

It goes on from the clock that the last record left, at the pace of the wall clock (times a speed) since that record
was first read, also over a night without a worker. It does not jump to the wall clock: a replay of old events keeps
its own time.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdleClock:
    """`clock_ms`: the clock after the last record; `wall_ms`: when that record was first read."""

    clock_ms: int
    wall_ms: int
    speed: float

    def at(self, wall_ms: int) -> int:
        """Event time (ms) at an instant of the wall clock. A wall clock that went back counts as standing still.

        >>> IdleClock(clock_ms=1_000, wall_ms=50_000, speed=60).at(50_500)
        31000
        """
        return self.clock_ms + max(0, math.floor((wall_ms - self.wall_ms) * self.speed))

    def wall_ms_of(self, clock_ms: int) -> int:
        """The first instant of the wall clock at which `at` is at least `clock_ms`.

        >>> IdleClock(clock_ms=1_000, wall_ms=50_000, speed=60).wall_ms_of(31_000)
        50500
        """
        wall_ms = self.wall_ms + max(0, math.ceil((clock_ms - self.clock_ms) / self.speed))
        return wall_ms if self.at(wall_ms) >= clock_ms else wall_ms + 1
