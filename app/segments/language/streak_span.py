"""The time after which a comparison of a streak has been seen in full."""

import math

from app.segments.language import syntax as s
from tables.calendar_days import DAY_MS


def streak_span(node: s.Comparison) -> tuple[s.Aggregate, int] | None:
    """The streak that is compared with a fixed number, and how long it takes to see the days that decide, in ms.

    These are that many days, yesterday's or today's, and the day in which it begins, of which a part was missed.
    None: it is no such comparison, or the streak starts anew by events.
    """
    left, right = node.left, node.right
    if isinstance(left, s.Number):
        left, right = right, left
    if not isinstance(left, s.Aggregate) or left.function != "streak" or left.since_last is not None:
        return None
    if not isinstance(right, s.Number):
        return None
    return left, (max(math.ceil(right.value), 0) + 2) * DAY_MS
