"""What lets requests to one destination through: its rate, its number at once, and a breaker. Pure.

closed      requests go through
open        the destination is taken for dead: none goes through until a while has passed, twice as long each time
half open   one request goes through; its end decides
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

FAILURES_TO_OPEN: Final = 5
OPEN_S_FIRST: Final = 1.0
OPEN_S_MAX: Final = 60.0


class Breaker(Enum):
    """See above."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(slots=True, kw_only=True)
class RequestLimiter:
    """rate: requests a second, 0: any. at_once: requests under way at most."""

    rate: float
    at_once: int
    state: Breaker = Breaker.CLOSED
    in_flight: int = 0
    succeeded_s: float = float("-inf")
    _failures: int = 0
    _openings: int = 0
    _closed_until_s: float = float("-inf")
    _tokens: float = 1.0
    _counted_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """0 if a request may begin now; else how long to wait before asking again; infinite: until one ends."""
        if self.in_flight >= (self.at_once if self.state is Breaker.CLOSED else 1):
            return float("inf")
        if now_s < self._closed_until_s:
            return self._closed_until_s - now_s
        if self.rate:
            self._fill(now_s)
            if self._tokens < 1:
                return (1 - self._tokens) / self.rate
        return 0.0

    def begin(self, now_s: float) -> None:
        """A request begins; `wait_s` has just said 0."""
        if self.state is Breaker.OPEN:
            self.state = Breaker.HALF_OPEN
        if self.rate:
            self._fill(now_s)
            self._tokens -= 1
        self.in_flight += 1

    def answered(self, now_s: float) -> bool:
        """A request ended with an answer that says something about the change; True if the destination was dead."""
        self.in_flight -= 1
        was_dead = self.state is not Breaker.CLOSED
        self.state = Breaker.CLOSED
        self.succeeded_s = now_s
        self._failures = self._openings = 0
        return was_dead

    def failed(self, now_s: float, *, retry_after_s: float | None = None) -> bool:
        """A request ended with nothing, or with an answer that says something about the destination; True if it is
        taken for dead from now on."""
        self.in_flight -= 1
        if retry_after_s is not None:
            self._closed_until_s = max(self._closed_until_s, now_s + retry_after_s)
        self._failures += 1
        if self.state is Breaker.CLOSED and self._failures < FAILURES_TO_OPEN:
            return False
        was_closed = self.state is Breaker.CLOSED
        if self.state is not Breaker.OPEN:
            pause_s = min(OPEN_S_MAX, OPEN_S_FIRST * 2 ** min(self._openings, 30))
            self._openings += 1
            self._closed_until_s = max(self._closed_until_s, now_s + pause_s)
            self.state = Breaker.OPEN
        return was_closed

    def dropped(self) -> None:
        """A request was given up by ourselves; it says nothing."""
        self.in_flight -= 1
        if self.state is Breaker.HALF_OPEN:
            self.state = Breaker.OPEN

    def _fill(self, now_s: float) -> None:
        if self._counted_s is not None:
            burst = max(1.0, self.rate)
            self._tokens = min(burst, self._tokens + (now_s - self._counted_s) * self.rate)
        self._counted_s = now_s
