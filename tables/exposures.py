"""The group of a user in an experiment, fixed at the first exposure, and the groups that a membership tells.

State of an experiment: [group, exposed at, crossed].

The groups that a membership tells, from its entry on, whatever experiments there are later:
[group that decides or None, [name of the experiment, group, exposed at, crossed], ...].
"""

from collections.abc import Sequence
from typing import Any, Final

from tables.state_size import HEADER, INSTANT, Size

Exposure = list[Any]
Told = list[Any]
GROUP, EXPOSED_AT, CROSSED = range(3)
TOLD_NAME, TOLD_GROUP, TOLD_AT, TOLD_CROSSED = range(4)
_GROUP_MAX: Final = 64 + 2
SIZE: Final = Size(HEADER + INSTANT + 8, HEADER + INSTANT + _GROUP_MAX)


def exposure(group: str, now: int) -> Exposure:
    """The state of a user who is exposed for the first time.

    >>> exposure("mail", 7)
    ['mail', 7, 0]
    """
    return [group, now, 0]


def merge(own: Exposure | None, other: Exposure) -> Exposure:
    """The state of two users who are one: the group of the user, or that of the other who alone has one.

    A user with two groups has crossed: they have seen both, so that they say nothing about either.

    >>> merge(None, ["mail", 7, 0]), merge(["mail", 8, 0], ["mail", 7, 0])
    (['mail', 7, 0], ['mail', 7, 0])
    >>> merge(["mail", 8, 0], ["holdout", 7, 0])
    ['mail', 8, 1]
    >>> merge(["mail", 8, 0], ["mail", 7, 1])
    ['mail', 7, 1]
    """
    if own is None:
        return list(other)
    if own[GROUP] != other[GROUP]:
        return [own[GROUP], own[EXPOSED_AT], 1]
    return [own[GROUP], min(own[EXPOSED_AT], other[EXPOSED_AT]), own[CROSSED] | other[CROSSED]]


def told_size(names: Sequence[str]) -> Size:
    """The size of the groups that a membership tells of experiments with these names."""
    named = sum(len(name) + 2 for name in names)
    return SIZE.times(len(names), len(names)) + Size(named + 8, named + _GROUP_MAX)


def follow_merge(told: Told, name: str, merged: Exposure) -> None:
    """Two users are one: a membership goes on telling its group; an earlier exposure and that they crossed are added.

    >>> told = ["mail", ["e", "mail", 8, 0], ["f", "a", 8, 0]]
    >>> follow_merge(told, "e", ["mail", 7, 1]), follow_merge(told, "f", ["b", 7, 1])
    (None, None)
    >>> told
    ['mail', ['e', 'mail', 7, 1], ['f', 'a', 8, 0]]
    """
    for entry in told[1:]:
        if entry[TOLD_NAME] == name and entry[TOLD_GROUP] == merged[GROUP]:
            entry[TOLD_AT] = min(entry[TOLD_AT], merged[EXPOSED_AT])
            entry[TOLD_CROSSED] |= merged[CROSSED]
