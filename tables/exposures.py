"""The group of a user in an experiment: fixed at the first exposure.

State: [group, exposed at, crossed, since]. `since` is the instant from which on this user has the group: later than the
exposure where another was exposed who has turned out to be the same user.
"""

from typing import Any, Final

from tables.state_size import HEADER, INSTANT, Size

Exposure = list[Any]
GROUP, EXPOSED_AT, CROSSED, SINCE = range(4)
_GROUP_MAX: Final = 64 + 2
SIZE: Final = Size(HEADER + 2 * INSTANT + 8, HEADER + 2 * INSTANT + _GROUP_MAX)


def exposure(group: str, now: int) -> Exposure:
    """The state of a user who is exposed for the first time.

    >>> exposure("mail", 7)
    ['mail', 7, 0, 7]
    """
    return [group, now, 0, now]


def merge(own: Exposure | None, other: Exposure, now: int) -> Exposure:
    """The state of two users who are one: the group of the user, or that of the other who alone has one.

    A user with two groups has crossed: they have seen both, so that they say nothing about either.

    >>> merge(None, ["mail", 7, 0, 7], 9), merge(["mail", 8, 0, 8], ["mail", 7, 0, 7], 9)
    (['mail', 7, 0, 9], ['mail', 7, 0, 8])
    >>> merge(["mail", 8, 0, 8], ["holdout", 7, 0, 7], 9)
    ['mail', 8, 1, 8]
    >>> merge(["mail", 8, 0, 8], ["mail", 7, 1, 7], 9)
    ['mail', 7, 1, 8]
    """
    if own is None:
        return [*other[:SINCE], now]
    if own[GROUP] != other[GROUP]:
        return [own[GROUP], own[EXPOSED_AT], 1, own[SINCE]]
    return [own[GROUP], min(own[EXPOSED_AT], other[EXPOSED_AT]), own[CROSSED] | other[CROSSED], own[SINCE]]
