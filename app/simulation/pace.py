"""Mapping of shop time to machine time: a line through one instant of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """`start_ms` of shop time is `started_s` of a monotonic clock; from there shop time runs `speed` times as fast."""

    start_ms: int
    started_s: float
    speed: float

    def shop_ms(self, now_s: float) -> int:
        """Shop time at an instant of the monotonic clock.

        >>> Pace(start_ms=1_000, started_s=50.0, speed=30).shop_ms(50.5)
        16000
        """
        return self.start_ms + int((now_s - self.started_s) * 1000 * self.speed)

    def due_s(self, shop_ms: int) -> float:
        """The instant of the monotonic clock at which it is `shop_ms` in the shop.

        >>> Pace(start_ms=1_000, started_s=50.0, speed=30).due_s(16_000)
        50.5
        """
        return self.started_s + (shop_ms - self.start_ms) / 1000 / self.speed
