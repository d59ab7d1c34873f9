"""Token bucket per key. A batch may overdraw it; later batches wait until it is repaid.

A batch is taken whole as soon as the bucket is not empty, whatever its size, and its debt is paid before the next one:
so no batch is too large to ever pass.
"""

import math
from typing import Final

from app.runtime.pacing.token_bucket import TokenBucket

BURST_S: Final = 2.0
KEYS_MAX: Final = 10_000
_SOME: Final = 1e-6
"""Tokens that a bucket has if it is not empty."""


class Throttle:
    """`rate` tokens a second for each key, 0 for no limit; a bucket holds two seconds of them."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: dict[str, TokenBucket] = {}

    def wait_s(self, key: str, *, now_s: float) -> int:
        """Whole seconds until the key may send again; 0: now."""
        return math.ceil(self._bucket_of(key).wait_s(_SOME, now_s=now_s)) if self._rate else 0

    def take(self, key: str, count: int, *, now_s: float) -> None:
        """The key has sent so many events."""
        if self._rate:
            self._bucket_of(key).take(count, now_s=now_s)

    def _bucket_of(self, key: str) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= KEYS_MAX:
                del self._buckets[next(iter(self._buckets))]
            size = max(1.0, self._rate * BURST_S)
            bucket = self._buckets[key] = TokenBucket(self._rate, size, size)
        return bucket
