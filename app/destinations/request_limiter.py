"""Request limiter of a destination: its rate, its requests at once, a circuit breaker, and the pause. Pure.

The breaker:

closed      requests go through
open        none goes through until a while has passed, twice as long each time
half open   one request goes through; its end decides

The breaker opens after failures in a row: no answer, or one that says something about the destination. After
`refusals_max` refusals in a row, answers that say something about the change, the destination is paused: the breaker
opens, too, and now and then one change is tried. A change that is refused meanwhile is kept. The first one that is
delivered ends the pause.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from app.runtime.pacing.back_off import BackOff
from app.runtime.pacing.token_bucket import TokenBucket

FAILURES_TO_OPEN: Final = 5
OPEN_MS_FIRST: Final = 1_000
OPEN_MS_MAX: Final = 60_000


class Breaker(Enum):
    """States of the circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(slots=True, kw_only=True)
class RequestLimiter:
    """rate: requests a second, 0: any. at_once: requests under way at most. refusals_max: to the pause, 0: never."""

    rate: float
    at_once: int
    refusals_max: int = 0
    state: Breaker = Breaker.CLOSED
    paused: bool = False
    refusals: int = 0
    in_flight: int = 0
    succeeded_s: float = float("-inf")
    _failures: int = 0
    _openings: BackOff = field(default_factory=lambda: BackOff(first_ms=OPEN_MS_FIRST, longest_ms=OPEN_MS_MAX))
    _closed_until_s: float = float("-inf")
    _bucket: TokenBucket | None = None

    def __post_init__(self) -> None:
        if self.rate:
            self._bucket = TokenBucket(self.rate, size=max(1.0, self.rate), tokens=1.0)

    def wait_s(self, now_s: float) -> float:
        """0 if a request may begin now; else how long to wait before asking again; infinite: until one ends."""
        if self.in_flight >= (self.at_once if self.state is Breaker.CLOSED else 1):
            return float("inf")
        if now_s < self._closed_until_s:
            return self._closed_until_s - now_s
        return 0.0 if self._bucket is None else self._bucket.wait_s(1, now_s=now_s)

    def begin(self, now_s: float) -> None:
        """A request begins; `wait_s` has just said 0, and `end` is called in any case."""
        if self.state is Breaker.OPEN:
            self.state = Breaker.HALF_OPEN
        if self._bucket is not None:
            self._bucket.take(1, now_s=now_s)
        self.in_flight += 1

    def delivered(self, now_s: float) -> bool:
        """A change was taken. True if the breaker was open, or the destination paused."""
        was_closed = self.state is Breaker.CLOSED
        self._close()
        self.paused = False
        self.refusals = 0
        self.succeeded_s = now_s
        return not was_closed

    def refused(self, now_s: float) -> bool:
        """A change was refused. True if it is to be given up, False if it is kept, as the destination is paused."""
        self.refusals += 1
        if self.paused:
            self._open(now_s)
            return False
        self._close()  # it is there
        if self.refusals_max and self.refusals >= self.refusals_max:
            self.paused = True
            self._open(now_s)
        return True

    def pause(self, refusals: int) -> None:
        """It was paused before this process began: the next change is a try."""
        self.paused = True
        self.refusals = refusals
        self.state = Breaker.OPEN

    def failed(self, now_s: float, *, retry_after_s: float | None = None) -> bool:
        """A request ended without an answer, or with one that says something about the destination.

        True if the breaker opens now.
        """
        if retry_after_s is not None:
            self._closed_until_s = max(self._closed_until_s, now_s + retry_after_s)
        self._failures += 1
        if self.state is Breaker.CLOSED and self._failures < FAILURES_TO_OPEN:
            return False
        was_closed = self.state is Breaker.CLOSED
        self._open(now_s)
        return was_closed

    def end(self) -> None:
        """A request has ended; what it said was told before. One that said nothing leaves the breaker as it was."""
        self.in_flight -= 1
        if self.state is Breaker.HALF_OPEN:
            self.state = Breaker.OPEN

    def _open(self, now_s: float) -> None:
        if self.state is Breaker.OPEN:
            return
        self._closed_until_s = max(self._closed_until_s, now_s + self._openings.failed() / 1000)
        self.state = Breaker.OPEN

    def _close(self) -> None:
        self.state = Breaker.CLOSED
        self._failures = 0
        self._openings.reset()
