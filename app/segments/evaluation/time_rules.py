"""The settings that decide how times, users and link records are read; the same for a whole partition."""

from dataclasses import dataclass

from app.events.user_ids import USUAL_IDS, UserIds

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRules:
    """Times are in milliseconds.

    disorder_ms: how far the watermark stays behind the highest event time.
    lateness_ms: an event further behind `now` is late.
    skew_max_ms: an event further ahead of its receipt is not believed.
    session_gap_ms: silence after which a visit is over.
    retention_ms: silence after which a user is forgotten.
    user_ids: tells ids of users from values that name nobody.
    app: the app whose link records count; those of others are passed over.
    """

    disorder_ms: int = 5_000
    lateness_ms: int = DAY_MS
    skew_max_ms: int = 5 * MINUTE_MS
    session_gap_ms: int = 30 * MINUTE_MS
    retention_ms: int = 400 * DAY_MS
    user_ids: UserIds = USUAL_IDS
    app: str = "shoal"
