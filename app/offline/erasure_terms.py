"""The dates at which records of an erased person are gone, by the settings of their topics. Pure.

Kafka deletes whole segments of a log: the newest record of a segment counts, which is up to `segment.ms` younger than
the first. A compacted topic keeps a record until a newer one of the same key is there and `max.compaction.lag.ms` have
passed; the last one, without a value, goes `delete.retention.ms` later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.segments.language.durations import format_duration
from tables.identity import MOVED_KEPT_MS

SEGMENT_MS_DEFAULT: Final = 7 * 86_400_000
TOMBSTONE_MS_DEFAULT: Final = 86_400_000
NO_BOUND_MS: Final = 2**53
"""Beyond what any date can say; what Kafka uses for no bound at all is beyond this."""
UNTOLD: Final = "the broker does not tell its settings"


@dataclass(frozen=True, slots=True)
class Term:
    """`until_ms`: the instant at which all is gone, at the latest; None if nobody knows one. `why`: what says so."""

    until_ms: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Remains:
    """Records of an erased person that a topic still has. `newest_ms`: time of the newest."""

    topic: str
    records: int
    newest_ms: int
    term: Term


@dataclass(frozen=True, slots=True)
class ErasureStatus:
    """State of an erasure. `at_ms`: the instant of the command. `keys`: the person's, the user first.

    waiting: keys that workers have not erased yet. back: keys with events from after the erasure. elsewhere: keys that
    have moved to a user. suppressed: keys whose later events are dropped.
    """

    user: str
    at_ms: int
    keys: tuple[str, ...]
    waiting: tuple[str, ...]
    back: tuple[str, ...]
    elsewhere: tuple[str, ...]
    suppressed: tuple[str, ...]
    remains: tuple[Remains, ...]

    @property
    def until_ms(self) -> int | None:
        """The instant at which nothing is left in any topic, at the latest; None if nobody knows one."""
        known = [each.term.until_ms for each in self.remains]
        return None if None in known else max((each for each in known if each is not None), default=self.at_ms)


def kept_until(config: Mapping[str, str], newest_ms: int) -> Term:
    """The term of records in a topic that deletes by age.

    >>> kept_until({"cleanup.policy": "delete", "retention.ms": "1000", "segment.ms": "500"}, 7)
    Term(until_ms=1507, why='retention.ms 1s, segment.ms 500ms')
    >>> kept_until({"cleanup.policy": "delete", "retention.ms": "-1"}, 7)
    Term(until_ms=None, why='retention.ms=-1: for ever')
    """
    if not config:
        return Term(None, UNTOLD)
    policy = config.get("cleanup.policy", "delete")
    if "delete" not in policy:
        return Term(None, f"cleanup.policy={policy}: nothing is deleted by age")
    retention_ms = int(config.get("retention.ms", "-1"))
    if retention_ms < 0 or retention_ms > NO_BOUND_MS:
        return Term(None, f"retention.ms={retention_ms}: for ever")
    segment_ms = int(config.get("segment.ms", SEGMENT_MS_DEFAULT))
    why = f"retention.ms {format_duration(retention_ms)}, segment.ms {format_duration(segment_ms)}"
    return Term(newest_ms + retention_ms + segment_ms, why)


def profile_until(config: Mapping[str, str], newest_ms: int, *, is_deleted: bool, is_suppressed: bool) -> Term:
    """The term of profiles. `is_deleted`: their last record says so; else the instant of the erasure is kept."""
    if is_suppressed:
        return Term(None, "suppressed: the key stays until shoal users unsuppress")
    if not config:
        return Term(None, UNTOLD)
    lag_ms = int(config.get("max.compaction.lag.ms", NO_BOUND_MS + 1))
    if lag_ms > NO_BOUND_MS:
        return Term(None, "max.compaction.lag.ms is not set: compaction may come at any time")
    tombstone_ms = int(config.get("delete.retention.ms", TOMBSTONE_MS_DEFAULT))
    kept_ms = 0 if is_deleted else MOVED_KEPT_MS
    kept = "" if is_deleted else f"the instant of the erasure {format_duration(kept_ms)}, "
    why = f"{kept}max.compaction.lag.ms {format_duration(lag_ms)}, delete.retention.ms {format_duration(tombstone_ms)}"
    return Term(newest_ms + kept_ms + lag_ms + tombstone_ms, why)
