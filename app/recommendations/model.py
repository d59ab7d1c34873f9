"""Neighbours of items as a file, and the ranking of items for a user.

An item is the value of a property, such as a product's id. Its neighbours are the items that the same users came to,
by the cosine of their users, made smaller for pairs with few users. Nothing about a user is in the file.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec

FORMAT: Final = 1
RECENCY: Final = 0.5
"""Each item of a history counts so much of the one that came after it."""
HISTORY_MAX: Final = 20
ITEM_CHARACTERS_MAX: Final = 256

Weighted = tuple[str, float]


class SegmentItems(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, how many users did something with an item while they were in it, and its most frequent items."""

    segment: str
    users: int
    items: tuple[str, ...]


class Recommendations(msgspec.Struct, frozen=True, kw_only=True):
    """The result of learning. neighbours: item -> others with their weights, the highest first. popular: items by their
    users, the most frequent first. segments: the smallest first."""

    format: int
    events: tuple[str, ...]
    item: str
    trained_from: str
    trained_until: str
    users: int
    neighbours: dict[str, tuple[Weighted, ...]]
    popular: tuple[str, ...]
    segments: tuple[SegmentItems, ...] = ()


class Recommended(msgspec.Struct, frozen=True, kw_only=True):
    """One item. `because`: the item of the history that speaks most for it; null: it is a popular one."""

    item: str
    because: str | None


def ranked(
    history: Sequence[str],
    neighbours: Mapping[str, Iterable[Weighted]],
    popular: Iterable[str],
    *,
    most: int,
    left_out: Collection[str] = (),
) -> list[Recommended]:
    """The best items for a history, the latest item first: neighbours of its items, then popular ones.

    Items of the history and those of `left_out` are not among them. Equal weights are in the order of the items.

    >>> ranked(["a"], {"a": [("b", 0.5), ("c", 0.7)]}, ["d", "a"], most=3)
    [Recommended(item='c', because='a'), Recommended(item='b', because='a'), Recommended(item='d', because=None)]
    """
    known = list(dict.fromkeys(history))[:HISTORY_MAX]
    passed = {*history, *left_out}
    totals: dict[str, float] = {}
    reasons: dict[str, tuple[float, str]] = {}
    for place, item in enumerate(known):
        factor = RECENCY**place
        for other, weight in neighbours.get(item, ()):
            if other in passed:
                continue
            part = factor * weight
            totals[other] = totals.get(other, 0.0) + part
            if other not in reasons or part > reasons[other][0]:
                reasons[other] = (part, item)
    best = sorted(totals, key=lambda other: (-totals[other], other))[:most]
    found = [Recommended(item=item, because=reasons[item][1]) for item in best]
    passed.update(best)
    for item in popular:
        if len(found) >= most:
            break
        if item not in passed:
            passed.add(item)
            found.append(Recommended(item=item, because=None))
    return found


def write_recommendations(recommendations: Recommendations) -> bytes:
    """The file's content."""
    return msgspec.json.encode(recommendations)


def read_recommendations(content: bytes) -> Recommendations:
    """The reverse. ValueError for what is none of this format."""
    try:
        found = msgspec.json.decode(content, type=Recommendations)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if found.format != FORMAT:
        raise ValueError(f"format {found.format} is not known, {FORMAT} is")
    return found


def version_of(recommendations: Recommendations) -> str:
    """The same content has the same version."""
    return sha256(write_recommendations(recommendations)).hexdigest()[:12]
