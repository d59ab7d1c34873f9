"""Memberships of a user as a profile has them, those by value too."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tables.by_value import MEMBER, state_id
from tables.profile import INSIDE, OUT_AT, SINCE, TRUE_SINCE, Membership, Profile
from tables.values import key_value

ANY: Final = object()
"""In place of a value: a membership of the user as a whole."""


def standing(profile: Profile | None, own: Mapping[int, str]) -> dict[str, Any]:
    """A user's marks in segments, by name. `own`: their names by id."""
    marks = {
        name if value is ANY else f"{name} {value!r}": _marks(member)
        for name, value, member in memberships(profile, own)
    }
    return {name: each for name, each in sorted(marks.items()) if any(each)}


def memberships(profile: Profile | None, names: Mapping[int, str]) -> Iterator[tuple[str, Any, Membership]]:
    """The memberships of a user, by the name of the segment and the value; `ANY`: the user as a whole."""
    if profile is None or not profile.begun:
        return
    for own, name in names.items():
        if own in profile.members:
            yield name, ANY, profile.members[own]
        for key, entry in profile.aggregates.get(state_id(own), {}).items():
            if entry[MEMBER] is not None:
                yield name, key_value(key), entry[MEMBER]


def _marks(member: Membership) -> list[Any]:
    """That the user is in or not, and the instants that decide when they will be in or out."""
    since_ms = member[SINCE] if member[INSIDE] else None
    return [member[INSIDE], since_ms, member[TRUE_SINCE], member[OUT_AT]]
