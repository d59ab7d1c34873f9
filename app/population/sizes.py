"""Sizes of segments: now, a day and a week ago, and at evenly spaced instants in between."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from app.events.instants import iso
from app.population.membership_sets import Count, MembershipSets

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
POINTS: Final = 28
"""Instants over time that are shown: every six hours of a week."""
SEGMENTS_A_CALL: Final = 50


class SizeAt(msgspec.Struct, frozen=True):
    """Number of users in a segment, as counted last at or before an instant; null: nothing was counted near it."""

    at: str
    users: int | None


class SegmentSize(msgspec.Struct, kw_only=True, frozen=True):
    """Number of users in a segment now and before. `last_entry`: the latest entry of those who are in it."""

    segment: str
    users: int
    day_ago: int | None
    week_ago: int | None
    last_entry: str | None
    over_time: list[SizeAt]


@dataclass(frozen=True, slots=True)
class Period:
    """The time that a report looks back over. `every_ms`: the interval of the counts."""

    now_ms: int
    back_ms: int = WEEK_MS
    every_ms: int = 3_600_000

    @property
    def since_ms(self) -> int:
        """The first instant of counts that are needed for it, and for a week ago."""
        return self.now_ms - max(self.back_ms, WEEK_MS) - self.tolerance_ms

    @property
    def tolerance_ms(self) -> int:
        """The age to which a count still tells the size at an instant: one counting may have been missed."""
        return 2 * self.every_ms

    @property
    def points_ms(self) -> list[int]:
        """Evenly spaced instants; the last is now."""
        return [self.now_ms - self.back_ms * left // POINTS for left in range(POINTS - 1, -1, -1)]


async def segment_sizes(sets: MembershipSets, names: Sequence[str], period: Period) -> list[SegmentSize]:
    """The sizes of these segments, in their order. NotReadyError."""
    generation = await sets.ready()
    users, newest = await sets.sizes(names), await sets.newest(names)
    found: list[SegmentSize] = []
    for start in range(0, len(names), SEGMENTS_A_CALL):
        some = names[start : start + SEGMENTS_A_CALL]
        for name, counts in zip(
            some, await sets.counts(some, since_ms=period.since_ms, until_ms=period.now_ms), strict=True
        ):
            entered_ms = newest[name]
            found.append(
                SegmentSize(
                    segment=name,
                    users=users[name],
                    day_ago=size_at(counts, period.now_ms - DAY_MS, period),
                    week_ago=size_at(counts, period.now_ms - WEEK_MS, period),
                    last_entry=None if entered_ms is None else iso(entered_ms),
                    over_time=[SizeAt(iso(at_ms), size_at(counts, at_ms, period)) for at_ms in period.points_ms],
                )
            )
    await sets.check(generation)
    return found


def size_at(counts: Sequence[Count], at_ms: int, period: Period) -> int | None:
    """The users that were counted last at or before an instant; None if that was too long before.

    >>> size_at([Count(1_000, 7), Count(2_000, 8)], 2_500, Period(now_ms=9_000, every_ms=1_000))
    8
    """
    place = bisect_right(counts, at_ms, key=lambda count: count.at_ms)
    if place == 0 or at_ms - counts[place - 1].at_ms > period.tolerance_ms:
        return None
    return counts[place - 1].users
