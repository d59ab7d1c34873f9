"""Drift: the memberships are spread over the segments in other shares than a week ago.

The measure is the population stability index (PSI) of the shares: the sum of (p - q) * ln(p / q) over the segments,
where p is a segment's share of all memberships now and q its share before. A shop that grows does not drift by that.
"""

from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import Final, Literal

import msgspec

from app.events.instants import iso
from app.population.membership_sets import MembershipSets
from app.population.sizes import SEGMENTS_A_CALL, Period, size_at

Verdict = Literal["stable", "moderate", "large"]
MODERATE_PSI, LARGE_PSI = 0.1, 0.25
"""The usual bands: below 0.1 nothing has happened, above 0.25 it is another population."""
MODERATE_RATIO, LARGE_RATIO = 1.25, 2.0
DEVIATIONS: Final = 3
"""A difference below so many standard deviations of two counts is chance."""
HALF_A_USER: Final = 0.5
"""Stands for nobody, of which no logarithm can be taken."""


class NoCountsError(Exception):
    """Nothing was counted at the instant that is to be compared with. Its text says when."""


class SegmentDrift(msgspec.Struct, kw_only=True, frozen=True):
    """A segment now and before. `share`: of all memberships. `ratio`: of both shares. `psi`: its part of the index."""

    segment: str
    users: int
    users_before: int
    share: float
    share_before: float
    ratio: float
    psi: float
    verdict: Verdict


class Drift(msgspec.Struct, kw_only=True, frozen=True):
    """Drift of all segments together, those that drifted most first. `uncounted`: segments without a count of then."""

    at: str
    before: str
    psi: float
    verdict: Verdict
    segments: list[SegmentDrift]
    uncounted: list[str]


async def drift(sets: MembershipSets, names: Sequence[str], period: Period) -> Drift:
    """The drift of all these segments since the beginning of the period. NotReadyError, NoCountsError."""
    generation = await sets.ready()
    then_ms = period.now_ms - period.back_ms
    now = await sets.sizes(names)
    before: dict[str, int] = {}
    for start in range(0, len(names), SEGMENTS_A_CALL):
        some = names[start : start + SEGMENTS_A_CALL]
        found = await sets.counts(some, since_ms=then_ms - period.tolerance_ms, until_ms=then_ms)
        for name, counts in zip(some, found, strict=True):
            if (users := size_at(counts, then_ms, period)) is not None:
                before[name] = users
    await sets.check(generation)
    if not before:
        raise NoCountsError(f"the users of segments were not counted around {iso(then_ms)}")
    rows = shares_drift(now, before)
    total = sum(row.psi for row in rows)
    return Drift(
        at=iso(period.now_ms),
        before=iso(then_ms),
        psi=_figure(total),
        verdict=verdict_of_psi(total),
        segments=rows,
        uncounted=sorted(now.keys() - before.keys()),
    )


def shares_drift(now: Mapping[str, int], before: Mapping[str, int]) -> list[SegmentDrift]:
    """The drift of each segment that has both sizes, the one with the most different share first.

    >>> [(row.segment, row.ratio, row.verdict) for row in shares_drift({"a": 500, "b": 500}, {"a": 800, "b": 200})]
    [('b', 2.5, 'large'), ('a', 0.625, 'moderate')]
    """
    names = now.keys() & before.keys()
    all_now = sum(max(now[name], HALF_A_USER) for name in names)
    all_before = sum(max(before[name], HALF_A_USER) for name in names)
    rows = [_row(name, now[name], before[name], all_now, all_before) for name in names]
    return sorted(rows, key=lambda row: (_ORDER[row.verdict], -abs(log(row.ratio)), row.segment))


def _row(name: str, users: int, users_before: int, all_now: float, all_before: float) -> SegmentDrift:
    share, share_before = max(users, HALF_A_USER) / all_now, max(users_before, HALF_A_USER) / all_before
    ratio = share / share_before
    expected = users_before * all_now / all_before
    is_chance = abs(users - expected) <= DEVIATIONS * sqrt(users + expected * all_now / all_before)
    return SegmentDrift(
        segment=name,
        users=users,
        users_before=users_before,
        share=_figure(share),
        share_before=_figure(share_before),
        ratio=_figure(ratio),
        psi=_figure((share - share_before) * log(ratio)),
        verdict="stable" if is_chance else _verdict(max(ratio, 1 / ratio), MODERATE_RATIO, LARGE_RATIO),
    )


def _figure(value: float) -> float:
    return float(f"{value:.6g}")


def verdict_of_psi(psi: float) -> Verdict:
    """The usual reading of an index.

    >>> verdict_of_psi(0.05), verdict_of_psi(0.1), verdict_of_psi(0.25)
    ('stable', 'moderate', 'large')
    """
    return _verdict(psi, MODERATE_PSI, LARGE_PSI)


def _verdict(value: float, moderate: float, large: float) -> Verdict:
    if value < moderate:
        return "stable"
    return "moderate" if value < large else "large"


_ORDER: Final[Mapping[Verdict, int]] = {"large": 0, "moderate": 1, "stable": 2}
