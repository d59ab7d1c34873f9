"""The simulated shop: an endless, reproducible stream of its visitors' messages, in order of arrival."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from app.simulation.visit import walk
from app.simulation.visitor import Visitor, new_campaign, new_visitor
from app.simulation.wire import Delivery, deliver

#: Visits begin this long before the first message is sent, so that a shop opens with people in it; less if that would
#: be too many to make up in a second or two. (A shop of a very high rate then fills within its first minutes.)
_PRELUDE_MS_MAX: Final = 20 * 60_000
_PRELUDE_EVENTS_MAX: Final = 50_000
#: Visitors with a full cart come back for it, buyers come again: (share, median minutes until then).
_BACK_FOR_CART: Final = (0.35, 50.0)
_BACK_AFTER_ORDER: Final = (0.12, 240.0)
_BACK_FOR_MORE: Final = (0.12, 90.0)
_BACK_SIGMA: Final = 0.8
#: Share of the visits made without a network, and how long they then stay on the device.
_OFFLINE_SHARE: Final = 0.003
_OFFLINE_MS: Final = (2 * 60_000, 40 * 60_000)
#: Share of the visits that happened a day or two ago and arrive only now: later than an allowed lateness of a day.
_LATE_SHARE: Final = 0.001
_LATE_MS: Final = (25 * 3_600_000, 50 * 3_600_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """Settings of a simulated shop. All times are shop time in milliseconds since the epoch.

    `events_per_s` is per second of shop time from `start_ms` on. The `history_ms` before it hold about
    `history_events`, sent first. Shares are of the messages (0 to 1).
    """

    seed: int
    start_ms: int
    events_per_s: float
    users: int
    history_ms: int = 0
    history_events: int = 0
    duplicate_share: float = 0.01
    broken_share: float = 0.002

    def __post_init__(self) -> None:
        assert self.events_per_s > 0, self.events_per_s
        assert self.users > 0, self.users
        assert self.history_ms >= 0, self.history_ms


class Shop:
    """Iterates over deliveries for ever, by `arrival_ms`. Equal settings give equal deliveries, byte for byte."""

    def __init__(self, settings: ShopSettings) -> None:
        self._settings = settings
        self._rng = Random(settings.seed)
        self._visitors: dict[int, Visitor] = {}
        self._orders = 0
        self._count = 0
        self._prelude_ms = min(_PRELUDE_MS_MAX, int(1000 * _PRELUDE_EVENTS_MAX / settings.events_per_s))
        self._live_ms = settings.start_ms - self._prelude_ms
        self._opening_ms = settings.start_ms - settings.history_ms
        self._next_visit_ms = self._opening_ms - self._prelude_ms
        self._returns: list[tuple[int, int, Visitor]] = []
        self._deliveries: list[tuple[int, int, Delivery]] = []

    def __iter__(self) -> Iterator[Delivery]:
        while True:
            visit_ms = min(self._next_visit_ms, self._returns[0][0] if self._returns else self._next_visit_ms)
            while self._deliveries and self._deliveries[0][0] < visit_ms:
                yield heapq.heappop(self._deliveries)[2]
            if visit_ms < self._next_visit_ms:
                self._visit(heapq.heappop(self._returns)[2], visit_ms)
            else:
                self._visit(self._someone(), visit_ms)

    def _visit(self, visitor: Visitor, start_ms: int) -> None:
        rng, settings = self._rng, self._settings
        offline_ms = rng.randint(*_OFFLINE_MS) if rng.random() < _OFFLINE_SHARE else 0
        late_ms = rng.randint(*_LATE_MS) if rng.random() < _LATE_SHARE else 0
        hits = walk(rng, visitor, start_ms - late_ms, order_number=self._next_order)
        sent = 0
        for delivery in deliver(
            rng,
            visitor,
            new_campaign(rng),
            hits,
            duplicate_share=settings.duplicate_share,
            broken_share=settings.broken_share,
            offline_ms=offline_ms + late_ms,
        ):
            if delivery.arrival_ms >= self._opening_ms:
                self._count += 1
                heapq.heappush(self._deliveries, (delivery.arrival_ms, self._count, delivery))
            sent += 1
        self._come_back(visitor, hits[-1].at_ms + late_ms, ordered=hits[-1].path == "/thank-you")
        self._next_visit_ms += int(rng.expovariate(1.0) * 1000 * sent / self._events_per_s(start_ms))
        if start_ms < self._live_ms:  # the long pauses of the past end where the present begins
            self._next_visit_ms = min(self._next_visit_ms, self._live_ms)

    def _come_back(self, visitor: Visitor, end_ms: int, *, ordered: bool) -> None:
        share, median_min = _BACK_AFTER_ORDER if ordered else _BACK_FOR_CART if visitor.cart else _BACK_FOR_MORE
        if self._rng.random() < share:
            away_ms = int(60_000 * median_min * self._rng.lognormvariate(0.0, _BACK_SIGMA))
            self._count += 1
            heapq.heappush(self._returns, (end_ms + away_ms, self._count, visitor))

    def _someone(self) -> Visitor:
        """One of the population; the lower the number, the more often: a few come daily, most once."""
        number = 1 + int(self._settings.users * self._rng.random() ** 1.7)
        visitor = self._visitors.get(number)
        if visitor is None:
            visitor = self._visitors[number] = new_visitor(self._rng, number)
        return visitor

    def _events_per_s(self, instant_ms: int) -> float:
        settings = self._settings
        if instant_ms >= self._live_ms or not settings.history_events:
            return settings.events_per_s
        return settings.history_events / (settings.history_ms / 1000)

    def _next_order(self) -> int:
        self._orders += 1
        return self._orders
