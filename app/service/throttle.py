"""How much each key may send: a token bucket for each, which may go into debt once.

A batch is taken whole as soon as the bucket is not empty, whatever its size, and its debt is paid before the next one:
so no batch is too large to ever pass.
"""

import math
from dataclasses import dataclass
from typing import Final

BURST_S: Final = 2.0
KEYS_MAX: Final = 10_000


@dataclass(slots=True)
class Bucket:
    """Tokens at an instant of a monotonic clock."""

    tokens: float
    at_s: float


class Throttle:
    """`rate` tokens a second for each key, 0 for no limit; a bucket holds two seconds of them."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._size = max(1.0, rate * BURST_S)
        self._buckets: dict[str, Bucket] = {}

    def wait_s(self, key: str, *, now_s: float) -> int:
        """Whole seconds until the key may send again; 0: now."""
        if not self._rate:
            return 0
        bucket = self._filled(key, now_s)
        return 0 if bucket.tokens > 0 else math.ceil((1e-9 - bucket.tokens) / self._rate)

    def take(self, key: str, count: int, *, now_s: float) -> None:
        """The key has sent so many events."""
        if self._rate:
            self._filled(key, now_s).tokens -= count

    def _filled(self, key: str, now_s: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= KEYS_MAX:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[key] = Bucket(self._size, now_s)
            return bucket
        bucket.tokens = min(self._size, bucket.tokens + (now_s - bucket.at_s) * self._rate)
        bucket.at_s = now_s
        return bucket
