"""The keys of a person who is to be erased, by what the profiles of a deployment say. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tables.identity import ASKED, GIVEN
from tables.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Result of an erasure, or what it would be. `keys`: the user's first. `suppressed`: later events of the user
    are dropped."""

    user: str
    keys: tuple[str, ...]
    written: bool
    suppressed: bool


def keys_behind(user: str, moved: Mapping[str, str]) -> dict[str, str]:
    """The keys that have moved to a user, also by way of others, each with the key that it has moved to.

    >>> keys_behind("ann", {"a-1": "ann", "a-2": "bea", "bea": "ann", "a-3": "carl"})
    {'a-1': 'ann', 'bea': 'ann', 'a-2': 'bea'}
    """
    behind: dict[str, list[str]] = {}
    for key, to in moved.items():
        behind.setdefault(to, []).append(key)
    found: dict[str, str] = {}
    left = [user]
    while left:
        to = left.pop(0)
        for key in behind.get(to, ()):
            if key not in found and key != user:
                found[key] = to
                left.append(key)
    return found


def claimed_by(persons: Mapping[str, Profile], keys: Iterable[str]) -> dict[str, str]:
    """Other keys that these of a person have claimed, each with its user: claims that hold or are not answered yet."""
    own = set(keys)
    return {
        source: user
        for user, profile in persons.items()
        if profile.identity is not None
        for source, claim in profile.identity.claims.items()
        if claim.state in (ASKED, GIVEN) and source not in own
    }


def is_persons(profile: Profile | None, user: str) -> bool:
    """True for a claimed key that belongs to the user who has claimed it, or to nobody else: no other user has it, and
    it is no user itself."""
    if profile is None:
        return True
    return profile.moved_to == user if profile.moved_to is not None else not profile.identified
