"""Limits of attempts to log in: a few a minute for each name and each address."""

from typing import Final

from app.runtime.pacing.token_bucket import TokenBucket

ATTEMPTS: Final = 5
PER_S: Final = ATTEMPTS / 60
BUCKETS_MAX: Final = 10_000


class LoginThrottle:
    """Counts attempts. Names and addresses that were seen longest ago are forgotten where there are too many."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], TokenBucket] = {}

    def wait_s(self, name: str, address: str, *, now_s: float) -> float:
        """Seconds until another attempt is allowed; 0: now, and it is counted."""
        buckets = [self._bucket(each) for each in (("name", name), ("address", address))]
        wait_s = max(bucket.wait_s(1, now_s=now_s) for bucket in buckets)
        if not wait_s:
            for bucket in buckets:
                bucket.take(1, now_s=now_s)
        return wait_s

    def _bucket(self, key: tuple[str, str]) -> TokenBucket:
        found = self._buckets.pop(key, None) or TokenBucket(PER_S, ATTEMPTS, ATTEMPTS)
        self._buckets[key] = found
        while len(self._buckets) > BUCKETS_MAX:
            del self._buckets[next(iter(self._buckets))]
        return found
