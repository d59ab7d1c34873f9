"""Token bucket: how much may go through, at a rate and with bursts. Pure."""

from dataclasses import dataclass
from typing import Final

SLACK: Final = 1e-9
"""Tokens that may be missing: what rounding takes, for which nobody waits."""


@dataclass(slots=True)
class TokenBucket:
    """Fills with `rate` tokens a second, up to `size`. More may be taken than there are: the debt is filled up first.

    Times are in seconds of a monotonic clock.
    """

    rate: float
    size: float
    tokens: float
    _counted_s: float | None = None

    def __post_init__(self) -> None:
        assert self.rate > 0, self.rate

    def wait_s(self, wanted: float, *, now_s: float) -> float:
        """Seconds until there are so many tokens, at most `size`; 0: now.

        >>> TokenBucket(rate=2, size=4, tokens=-1).wait_s(1, now_s=0.0)
        1.0
        """
        self._fill(now_s)
        missing = wanted - self.tokens
        return missing / self.rate if missing > SLACK else 0.0

    def take(self, count: float, *, now_s: float) -> None:
        """So many tokens less."""
        self._fill(now_s)
        self.tokens -= count

    def _fill(self, now_s: float) -> None:
        if self._counted_s is not None:
            self.tokens = min(self.size, self.tokens + (now_s - self._counted_s) * self.rate)
        self._counted_s = now_s
