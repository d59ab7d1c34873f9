"""Recommendations measured on later events: how often the next new item of a user is among the best ones.

A case is a step of a user after the split to an item that they had not come to before, and whose history is not empty;
at most three of a user. What was learnt is from before the split. The history of a case is all that the user did before
it. Cases of a user are alike, so the intervals are by users, not by cases.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from app.errors import UserError
from app.recommendations.histories import Histories, Stays
from app.recommendations.model import Recommendations, ranked

CASES_OF_USER_MAX: Final = 3
TEST_SHARE: Final = 0.25
CASES_FEW: Final = 100
Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """A share, or the difference of two, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to choose items: how often the next one was among them, how many different ones it shows, and how much
    more often than the popular ones it hit (None: it is those)."""

    name: str
    hit_rate: Share
    items_shown: int
    gain: Share | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The result. most: items that are shown. unseen: cases whose next item was not there before the split."""

    cases: int
    users: int
    unseen: int
    most: int
    split: str
    ways: tuple[Way, ...]

    @property
    def is_better(self) -> bool:
        """True if the neighbours hit more often than popular items for certain, on enough cases."""
        gain = self.ways[1].gain
        return self.cases >= CASES_FEW and gain is not None and gain.low > 0


@dataclass(frozen=True, slots=True)
class Case:
    """A step to a new item. history: the latest first."""

    user: str
    at_ms: int
    history: tuple[str, ...]
    next: str


def split_of(histories: Histories) -> int:
    """The instant at which the last quarter of the time begins."""
    instants = sorted(histories.instants)
    if not instants:
        raise UserError("no event with an item", hint="--events names the events, --item the property with the item")
    return instants[0] + round((instants[-1] - instants[0]) * (1 - TEST_SHARE))


def cases_of(histories: Histories, split_ms: int) -> Iterator[Case]:
    """The cases after the split, by user."""
    for user, steps in sorted(histories.of.items()):
        seen: dict[str, None] = {}
        found = 0
        for at_ms, item in steps:
            if seen and item not in seen and at_ms >= split_ms and found < CASES_OF_USER_MAX:
                found += 1
                yield Case(user, at_ms, tuple(reversed(seen)), item)
            seen.pop(item, None)  # the latest time counts
            seen[item] = None


def measure(
    learnt: Recommendations, cases: Sequence[Case], *, most: int, split: str, stays: Stays | None = None
) -> Measured:
    """Compares popular items, neighbours, and with `stays` neighbours with the popular items of a user's segment."""
    if not cases:
        raise UserError("no user came to a new item after the split", hint="give more events, or an earlier --split")
    popular = {segment.segment: segment.items for segment in learnt.segments}

    def filler(case: Case) -> Sequence[str]:
        inside = frozenset(() if stays is None else stays.at(case.user, case.at_ms))
        return next((items for segment, items in popular.items() if segment in inside), learnt.popular)

    shown: dict[str, list[set[str]]] = {"popular": [], "neighbours": []}
    by_segment = bool(popular) and stays is not None
    if by_segment:
        shown |= {"popular in the segment": [], "neighbours, filled by segment": []}
    for case in cases:
        shown["popular"].append(_items(case, {}, learnt.popular, most))
        shown["neighbours"].append(_items(case, learnt.neighbours, learnt.popular, most))
        if by_segment:
            own = filler(case)
            shown["popular in the segment"].append(_items(case, {}, own, most))
            shown["neighbours, filled by segment"].append(_items(case, learnt.neighbours, own, most))
    base = [case.next in items for case, items in zip(cases, shown["popular"], strict=True)]
    ways = []
    for name, chosen in shown.items():
        hits = [case.next in items for case, items in zip(cases, chosen, strict=True)]
        gains = [int(hit) - int(was) for hit, was in zip(hits, base, strict=True)]
        ways.append(
            Way(
                name=name,
                hit_rate=_mean(cases, [int(hit) for hit in hits]),
                items_shown=len(set().union(*chosen)),
                gain=None if name == "popular" else _mean(cases, gains),
            )
        )
    known = learnt.neighbours.keys() | set(learnt.popular)
    return Measured(
        cases=len(cases),
        users=len({case.user for case in cases}),
        unseen=sum(case.next not in known for case in cases),
        most=most,
        split=split,
        ways=tuple(ways),
    )


def _items(
    case: Case, neighbours: Mapping[str, Sequence[tuple[str, float]]], own: Sequence[str], most: int
) -> set[str]:
    return {each.item for each in ranked(case.history, neighbours, own, most=most)}


def _mean(cases: Sequence[Case], values: Sequence[int]) -> Share:
    """The mean of all cases with its interval: users are drawn, not cases (ratio estimator)."""
    mean = sum(values) / len(values)
    off: dict[str, float] = {}
    for case, value in zip(cases, values, strict=True):
        off[case.user] = off.get(case.user, 0.0) + value - mean
    users = len(off)
    if users < 2:
        return Share(mean, -1.0, 1.0)
    reach = Z_95 * sqrt(sum(each * each for each in off.values()) * users / (users - 1)) / len(values)
    return Share(mean, mean - reach, mean + reach)
