"""Overlap of pairs of segments, and which of them are candidates to be merged.

All pairs of 2,000 segments are two million, too many for one intersection each. So a sample of each segment's users is
asked for all of their segments; that estimates each pair from its smaller side. Only the pairs that are shown are then
counted: exactly, or where even the smaller set is large by a larger sample.
"""

import heapq
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from app.population.membership_sets import MembershipSets

Order = Literal["share", "jaccard", "users"]
Candidate = Literal["same", "nested", "overlapping"]
SAMPLE_USERS: Final = 500
EXACT_USERS_MAX: Final = 10_000
"""Users of the smaller set up to which Redis counts a pair exactly: it does nothing else for some milliseconds."""
LARGE_SAMPLE_USERS: Final = 10_000
MERGE_SHARE: Final = 0.9
ESTIMATE_MARGIN: Final = 0.05
"""An estimate that is lower than `MERGE_SHARE` by so much may still be of a pair above it."""
CANDIDATES_MAX: Final = 200


class Pair(msgspec.Struct, kw_only=True, frozen=True):
    """Two segments. `share`: the part of the smaller's users that are also in the larger. `exact`: not by a sample.

    `candidate` to be merged: nearly the same users (`same`), all of the smaller's (`nested`), or most (`overlapping`).
    """

    smaller: str
    larger: str
    users_smaller: int
    users_larger: int
    users_both: int
    share: float
    jaccard: float
    exact: bool
    candidate: Candidate | None


class Overlap(msgspec.Struct, kw_only=True, frozen=True):
    """The pairs that overlap most, the candidates to be merged, and the segments that are small.

    `pairs_total`: pairs that were compared. `sampled`: pairs were chosen by a sample, so one that overlaps about as
    much as the last of them may be missing.
    """

    segments: int
    pairs_total: int
    sampled: bool
    pairs: list[Pair]
    candidates: list[Pair]
    small: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of an overlap. `focus`: only pairs with this segment. `skips_small`: no pairs of small segments,
    which are parts of many others by chance."""

    focus: str | None = None
    order: Order = "share"
    pairs_max: int = 20
    sample_users: int = SAMPLE_USERS
    small_users: int = 100
    skips_small: bool = False


@dataclass(frozen=True, slots=True)
class _Estimate:
    smaller: str
    larger: str
    users_both: float


_Ranked: TypeAlias = tuple[float, float, str, str]
"""An estimate by its rank: the measure, users of both, smaller, larger."""


async def overlap(sets: MembershipSets, names: Sequence[str], wish: Wish) -> Overlap:
    """The overlap of these segments. NotReadyError."""
    generation = await sets.ready()
    sizes = await sets.sizes(names)
    search = _Search(sets, sizes, wish)
    pairs_total = search.pairs_total
    few = pairs_total <= max(wish.pairs_max, CANDIDATES_MAX)
    chosen = search.all_pairs() if few else await search.most_overlapping()
    pairs = [await search.measure(estimate) for estimate in chosen]
    await sets.check(generation)
    ordered = sorted((pair for pair in pairs if pair.users_both), key=lambda pair: _rank(pair, wish.order))
    candidates = [pair for pair in ordered if pair.candidate is not None]
    return Overlap(
        segments=len(names),
        pairs_total=pairs_total,
        sampled=not few,
        pairs=ordered[: wish.pairs_max],
        candidates=sorted(candidates, key=lambda pair: _rank(pair, "jaccard"))[:CANDIDATES_MAX],
        small={name: users for name, users in sorted(sizes.items()) if users < wish.small_users},
    )


class _Search:
    """The pairs of some segments whose sizes are known."""

    def __init__(self, sets: MembershipSets, sizes: Mapping[str, int], wish: Wish) -> None:
        self._sets = sets
        self._sizes = sizes
        self._wish = wish
        least = wish.small_users if wish.skips_small else 1
        compared = (name for name, users in sizes.items() if users and (users >= least or name == wish.focus))
        self._ascending = sorted(compared, key=self._size)
        self._compared = frozenset(self._ascending)

    @property
    def pairs_total(self) -> int:
        """The number of wanted pairs."""
        count, focus = len(self._ascending), self._wish.focus
        if focus is None:
            return count * (count - 1) // 2
        return count - 1 if focus in self._compared else 0

    def _size(self, name: str) -> tuple[int, str]:
        return self._sizes[name], name

    def all_pairs(self) -> list[_Estimate]:
        """Every wanted pair, not yet estimated."""
        focus = self._wish.focus
        return [
            _Estimate(smaller, larger, 0.0)
            for place, smaller in enumerate(self._ascending)
            for larger in self._ascending[place + 1 :]
            if focus is None or focus in (smaller, larger)
        ]

    async def most_overlapping(self) -> list[_Estimate]:
        """The wanted pairs with the largest estimates, and those that may be candidates. Keeps no others in memory."""
        first: list[_Ranked] = []
        likely: list[_Ranked] = []
        async for estimate in self._estimates():
            share = estimate.users_both / self._sizes[estimate.smaller]
            said = estimate.users_both, estimate.smaller, estimate.larger
            _keep(first, (self._measure_of(estimate), *said), self._wish.pairs_max)
            if share >= MERGE_SHARE - ESTIMATE_MARGIN:
                _keep(likely, (self._jaccard(estimate), *said), CANDIDATES_MAX)
        chosen = dict.fromkeys(each[1:] for each in (*first, *likely))
        return [_Estimate(smaller, larger, both) for both, smaller, larger in chosen]

    async def measure(self, estimate: _Estimate) -> Pair:
        """Counts a pair."""
        users_smaller, users_larger = self._sizes[estimate.smaller], self._sizes[estimate.larger]
        exact = users_smaller <= EXACT_USERS_MAX
        if exact:
            both = await self._sets.common(estimate.smaller, estimate.larger)
        else:
            users = await self._sets.draws(estimate.smaller, LARGE_SAMPLE_USERS)
            found = await self._sets.among(users, estimate.larger)
            both = round(users_smaller * found / max(1, len(users)))
        both = min(both, users_smaller)  # somebody may have entered both since the sizes were read
        share, jaccard = both / users_smaller, both / (users_smaller + users_larger - both)
        return Pair(
            smaller=estimate.smaller,
            larger=estimate.larger,
            users_smaller=users_smaller,
            users_larger=users_larger,
            users_both=both,
            share=round(share, 4),
            jaccard=round(jaccard, 4),
            exact=exact,
            candidate=candidate_of(share, jaccard),
        )

    async def _estimates(self) -> AsyncIterator[_Estimate]:
        focus = self._wish.focus
        for smaller in self._ascending:
            among = None if focus in (None, smaller) else focus
            if among is not None and self._size(among) < self._size(smaller):
                continue
            tally = await self._sets.tally(smaller, self._wish.sample_users, among=among)
            for larger, count in tally.counts.items():
                if larger in self._compared and self._size(larger) > self._size(smaller) and count:
                    yield _Estimate(smaller, larger, self._sizes[smaller] * count / tally.users)

    def _jaccard(self, estimate: _Estimate) -> float:
        total = self._sizes[estimate.smaller] + self._sizes[estimate.larger]
        return estimate.users_both / max(1.0, total - estimate.users_both)

    def _measure_of(self, estimate: _Estimate) -> float:
        if self._wish.order == "jaccard":
            return self._jaccard(estimate)
        if self._wish.order == "users":
            return estimate.users_both
        return estimate.users_both / self._sizes[estimate.smaller]


def candidate_of(share: float, jaccard: float) -> Candidate | None:
    """The reason why a pair may be merged.

    >>> candidate_of(0.99, 0.95), candidate_of(1.0, 0.2), candidate_of(0.93, 0.2), candidate_of(0.9, 0.2)
    ('same', 'nested', 'overlapping', None)
    """
    if jaccard > MERGE_SHARE:
        return "same"
    if share >= 1:
        return "nested"
    return "overlapping" if share > MERGE_SHARE else None


def _keep(heap: list[_Ranked], item: _Ranked, count_max: int) -> None:
    if len(heap) < count_max:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def _rank(pair: Pair, order: Order) -> tuple[float, int, str, str]:
    by = {"share": pair.share, "jaccard": pair.jaccard, "users": float(pair.users_both)}[order]
    return -by, -pair.users_both, pair.smaller, pair.larger
