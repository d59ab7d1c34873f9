"""State that the delivery loops of one destination share in a process: its limits and its pause."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.destinations.destination import Destination
from app.destinations.outcome import utc_now_s
from app.destinations.positions import Pause
from app.destinations.request_limiter import RequestLimiter
from app.events.instants import iso
from app.runtime.follow.reader_metrics import ReaderMetrics

LOG_EVERY_S: Final = 60.0
"""Dead letters of a destination are logged at most once in this time: the first, then how many there were."""
RECENT_S: Final = 60.0
DETAIL_MAX: Final = 300

log = logging.getLogger(__name__)


@dataclass(slots=True)
class SharedLimits:
    """Limits of one destination in this process, and the loops that wait for them.

    What a service answers may name people: it is stored in `pause` and in dead letters, never logged.
    """

    destination: Destination
    limiter: RequestLimiter
    pause: Pause | None = None
    wakes: set[asyncio.Event] = field(default_factory=set)
    _logged_s: float = float("-inf")
    _unlogged: int = 0

    def wake(self) -> None:
        """Wakes the delivery loops that wait for the limiter."""
        for event in self.wakes:
            event.set()

    def delivered(self, now_s: float, metrics: ReaderMetrics) -> bool:
        """A change was taken. True if nothing had got through before."""
        if not self.limiter.delivered(now_s):
            return False
        name = self.destination.name
        metrics.away(name, away=False)
        metrics.paused(name, paused=False)
        if self.pause is None:
            log.info("destination %s: circuit breaker closed, it answers again", name)
        else:
            log.info("destination %s: pause ended, a change was delivered", name)
        self.pause = None
        self.wake()
        return True

    def refused(self, now_s: float, metrics: ReaderMetrics, *, status: str, detail: str) -> bool:
        """A change was refused. True if it is to be given up, False if it is kept, as the destination is paused."""
        limiter, name = self.limiter, self.destination.name
        given_up = limiter.refused(now_s)
        metrics.away(name, away=False)
        if limiter.paused:
            since = self.pause.since if self.pause is not None else iso(int(utc_now_s() * 1000))
            if self.pause is None:
                metrics.paused(name, paused=True)
                log.warning(
                    "destination %s: paused after %d refusals in a row (last: %s); changes are kept, one is tried at "
                    "least every minute; `shoal destinations status` shows what it answered",
                    *(name, limiter.refusals, status),
                )
            self.pause = Pause(since=since, refusals=limiter.refusals, status=status, detail=detail[:DETAIL_MAX])
        return given_up

    def resume_paused(self, pause: Pause, now_s: float, metrics: ReaderMetrics) -> None:
        """A pause was stored by an earlier process: it goes on, unless changes are getting through here."""
        limiter = self.limiter
        if self.pause is not None or now_s - limiter.succeeded_s < RECENT_S or not limiter.refusals_max:
            return
        limiter.pause(pause.refusals)
        self.pause = pause
        metrics.paused(self.destination.name, paused=True)
        log.warning("destination %s: still paused since %s, tries one change now", self.destination.name, pause.since)

    def log_dead_letter(self, now_s: float, *, segment: str, reason: str, status: str) -> None:
        """Logs that a change became a dead letter, if none was logged lately."""
        self._unlogged += 1
        if now_s - self._logged_s < LOG_EVERY_S:
            return
        count, self._unlogged, self._logged_s = self._unlogged, 0, now_s
        log.warning(
            "destination %s: %d %s to the dead letters, last a change of segment %s: %s (%s)",
            *(self.destination.name, count, "change went" if count == 1 else "changes went", segment, reason, status),
        )


def new_shared_limits(destination: Destination, *, refusals_max: int = 0) -> SharedLimits:
    """The limits of a destination at the start of a process. refusals_max: of a destination whose file has none."""
    limit = refusals_max if destination.refusals_max is None else destination.refusals_max
    limiter = RequestLimiter(rate=destination.rate, at_once=destination.at_once, refusals_max=limit)
    return SharedLimits(destination, limiter)


LimitsByDestination = Mapping[str, SharedLimits]
