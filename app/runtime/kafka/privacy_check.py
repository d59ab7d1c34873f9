"""Topics against `privacy: strict`: nothing about a user may stay for ever. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from app.segments.language.durations import format_duration

DAY_MS: Final = 86_400_000
RETENTION_MS_MAX: Final = 30 * DAY_MS
COMPACTION_LAG_MS_MAX: Final = 7 * DAY_MS
TOMBSTONES_MS_MAX: Final = DAY_MS


def terms_of(config: Mapping[str, str], *, compacted: bool) -> Iterator[tuple[str, int, str]]:
    """Settings of a topic that keep records for too long, each with the most that is allowed and what is kept."""
    if compacted:
        terms: tuple[tuple[str, int, str], ...] = (
            ("max.compaction.lag.ms", COMPACTION_LAG_MS_MAX, "values that were replaced may stay until then"),
            ("delete.retention.ms", TOMBSTONES_MS_MAX, "who is forgotten may be read until then"),
        )
    else:
        terms = (("retention.ms", RETENTION_MS_MAX, "a single record cannot be deleted: all go by their age"),)
    for setting, most, why in terms:
        value = config.get(setting)
        if value is None:  # the broker does not tell it
            continue
        ms = int(value)
        if not 0 <= ms <= most:
            yield setting, most, f"{why}; privacy=strict allows {format_duration(most)}"
