"""Neighbours of items and popular items, out of the histories of users."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import sqrt
from typing import Final

from app.errors import UserError
from app.events.instants import iso
from app.recommendations.histories import Histories, Stays
from app.recommendations.model import FORMAT, Recommendations, SegmentItems, Weighted

SHRINKING: Final = 20
"""A pair with so many users has half of its cosine: few users say little."""
PAIR_USERS_LEAST: Final = 2
"""A pair of one user would tell what that user looked at."""
NEIGHBOURS_MAX: Final = 50
POPULAR_MAX: Final = 100
ITEMS_OF_USER_MAX: Final = 100
"""Of a user, the latest items count: a program that visits every page would pair all with all."""
SEGMENT_USERS_LEAST: Final = 50

Steps = Sequence[tuple[int, str]]


def train(
    histories: Histories, *, events: Sequence[str], item: str, until_ms: int | None = None, stays: Stays | None = None
) -> Recommendations:
    """Learns from all steps, or from those before an instant. UserError where there are none."""
    steps_of = {user: _before(steps, until_ms) for user, steps in histories.of.items()}
    steps_of = {user: steps for user, steps in steps_of.items() if steps}
    if not steps_of:
        raise UserError(
            f"no event {' or '.join(events)} with the property {item}",
            hint="--events names the events, --item the property with the item: product_id",
        )
    users: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for steps in steps_of.values():
        items = sorted(_latest_items(steps, ITEMS_OF_USER_MAX))
        users.update(items)
        pairs.update(combinations(items, 2))
    instants = [at_ms for steps in steps_of.values() for at_ms, _ in steps]
    return Recommendations(
        format=FORMAT,
        events=tuple(events),
        item=item,
        trained_from=iso(min(instants)),
        trained_until=iso(max(instants)),
        users=len(steps_of),
        neighbours=_neighbours(users, pairs),
        popular=_most_frequent(users),
        segments=() if stays is None else _of_segments(steps_of, stays),
    )


def _before(steps: Steps, until_ms: int | None) -> Steps:
    return steps if until_ms is None else [step for step in steps if step[0] < until_ms]


def _latest_items(steps: Steps, most: int) -> list[str]:
    """The different items of a user, the latest first."""
    return list(dict.fromkeys(item for _, item in reversed(steps)))[:most]


def _neighbours(users: Mapping[str, int], pairs: Mapping[tuple[str, str], int]) -> dict[str, tuple[Weighted, ...]]:
    found: dict[str, list[Weighted]] = {}
    for (one, other), both in pairs.items():
        if both < PAIR_USERS_LEAST:
            continue
        weight = round(both / sqrt(users[one] * users[other]) * both / (both + SHRINKING), 6)
        found.setdefault(one, []).append((other, weight))
        found.setdefault(other, []).append((one, weight))
    return {
        item: tuple(sorted(others, key=lambda each: (-each[1], each[0]))[:NEIGHBOURS_MAX])
        for item, others in sorted(found.items())
    }


def _most_frequent(users: Mapping[str, int]) -> tuple[str, ...]:
    common = (item for item, count in users.items() if count >= PAIR_USERS_LEAST)
    return tuple(sorted(common, key=lambda item: (-users[item], item))[:POPULAR_MAX])


def _of_segments(steps_of: Mapping[str, Steps], stays: Stays) -> tuple[SegmentItems, ...]:
    """The popular items of each segment: of what users did while they were in it."""
    members: dict[str, set[str]] = {}
    users: dict[str, Counter[str]] = {}
    for user, steps in steps_of.items():
        for segment, items in _by_segment(user, steps, stays).items():
            members.setdefault(segment, set()).add(user)
            users.setdefault(segment, Counter()).update(items)
    large = [segment for segment, inside in members.items() if len(inside) >= SEGMENT_USERS_LEAST]
    return tuple(
        SegmentItems(segment=segment, users=len(members[segment]), items=_most_frequent(users[segment]))
        for segment in sorted(large, key=lambda each: (len(members[each]), each))
    )


def _by_segment(user: str, steps: Iterable[tuple[int, str]], stays: Stays) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for at_ms, item in steps:
        for segment in stays.at(user, at_ms):
            found.setdefault(segment, set()).add(item)
    return found
