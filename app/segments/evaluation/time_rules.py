"""The settings that decide how time is read; the same for every user of a partition."""

from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRules:
    """All in milliseconds.

    disorder_ms: how far the watermark stays behind the highest event time.
    lateness_ms: an event further behind `now` is late.
    skew_max_ms: an event further ahead of its receipt is not believed.
    session_gap_ms: silence after which a visit is over.
    retention_ms: silence after which a user is forgotten.
    """

    disorder_ms: int = 5_000
    lateness_ms: int = DAY_MS
    skew_max_ms: int = 5 * MINUTE_MS
    session_gap_ms: int = 30 * MINUTE_MS
    retention_ms: int = 400 * DAY_MS
