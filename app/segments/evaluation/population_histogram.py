"""Histograms of a value over all users, and the value that a share of them reaches. Integers only.

A value is counted in a bucket between two edges. The edges are whole millionths, made once by integer arithmetic, so
every machine has the same. The next edge is at most 101/99 of the one before: the lower edge of a bucket is less than
2 % below every value in it. Whole numbers are edges as far as buckets are wide enough, and beyond 50 all edges are
whole numbers, so a threshold of counts is a count. Histograms of partitions are added bucket by bucket: the sum depends
neither on the order of users nor on how they are spread over partitions.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

MILLION: Final = 10**6
WIDER: Final = 101
NARROWER: Final = 99
VALUE_MAX: Final = 10**12
"""Larger values are counted in the last bucket."""
SHARE_UNITS: Final = 100
"""Shares are hundredths of a percent: the smallest is 0.01 %."""
WHOLE_SHARE: Final = 100 * SHARE_UNITS

Histogram: TypeAlias = dict[int, int]
"""Bucket -> users whose value is in it; empty buckets are left out."""


def _edges() -> list[int]:
    edges = [1]
    while edges[-1] < VALUE_MAX * MILLION:
        last = edges[-1]
        widest = max(last + 1, last * WIDER // NARROWER)
        whole = widest // MILLION * MILLION
        edges.append(whole if whole > last else widest)
    return edges


EDGES: Final = _edges()
"""The lower edges of all buckets, in millionths."""


def bucket_of(value: Any) -> int | None:
    """The bucket of a value; None for one that is missing, or not above zero.

    >>> bucket_of(0), bucket_of(0.000001), EDGES[bucket_of(3)]
    (None, 0, 3000000)
    """
    if value is None or value.__class__ is bool or not isinstance(value, int | float):
        return None
    if value >= VALUE_MAX:
        return len(EDGES) - 1
    millionths = round(value * MILLION) if value > 0 else 0
    return bisect_right(EDGES, millionths) - 1 if millionths > 0 else None


def add_all(histograms: Iterable[Mapping[int, int]]) -> Histogram:
    """The sum of histograms, in order of buckets.

    >>> add_all([{5: 1, 2: 1}, {5: 2}])
    {2: 1, 5: 3}
    """
    total: Histogram = {}
    for histogram in histograms:
        for bucket, users in histogram.items():
            total[bucket] = total.get(bucket, 0) + users
    return dict(sorted(total.items()))


def users_in(histogram: Mapping[int, int]) -> int:
    """The users who were counted."""
    return sum(histogram.values())


def top_threshold(histogram: Mapping[int, int], part: int) -> int | float | None:
    """The lower edge of the bucket with the value of the last user of the highest `part`.

    Above 0, it is a share in hundredths of a percent: of n users, the ceil(n * share) with the highest values, at least
    one. Below 0, it is so many users, or all if there are fewer. None where nobody was counted.

    >>> ten = {bucket_of(value): 1 for value in range(1, 11)}
    >>> top_threshold(ten, 2_000), top_threshold(ten, -3), top_threshold(ten, -11)
    (9, 8, 1)
    """
    users = users_in(histogram)
    wanted = min(-part, users) if part < 0 else -(-users * part // WHOLE_SHARE)
    found = 0
    for bucket in sorted(histogram, reverse=True):
        found += histogram[bucket]
        if found >= wanted > 0:
            return edge_value(bucket)
    return None


def edge_value(bucket: int) -> int | float:
    """The lower edge of a bucket as a number of definitions."""
    edge = EDGES[bucket]
    return edge // MILLION if edge % MILLION == 0 else edge / MILLION
