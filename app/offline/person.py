"""A person: a user with the keys that they have claimed, as profiles remember them."""

from collections.abc import Awaitable, Callable, Collection, Mapping

import msgspec

from app.events.instants import iso
from tables.identity import ASKED, Identity
from tables.profile import Profile

Read = Callable[[Collection[str]], Awaitable[Mapping[str, Profile]]]
"""Reads the profiles of some keys; keys of which nothing is known are left out."""
MOVED = "moved"
"""State of a claim on an id that has moved to the user, and of which nothing has come: there was nothing to give, or it
is on its way."""


class Move(msgspec.Struct, kw_only=True, frozen=True, rename={"source": "from"}):
    """A key that has moved to another. `at`: of the latest claim. `forced`: by an administrator."""

    source: str
    to: str
    at: str
    forced: bool


class Key(msgspec.Struct, kw_only=True, frozen=True):
    """An id that the user has claimed.

    state: asked, moved, given, refused, lost, released, split. why: what made the claim (identify, alias, seen, force).
    reason: of a refusal. at: of the latest claim, or of the split. owner: the user that the id has moved to, where the
    claim itself does not say it.
    """

    id: str
    state: str
    why: str
    at: str
    owner: str | None = None
    reason: str | None = None


class Person(msgspec.Struct, kw_only=True, frozen=True):
    """`asked`: the key of the question. `user`: the key that it has moved to, by way of `moves`, or itself.

    identified: the user was a `userId`. first_seen, last_seen: null if nothing is remembered under this key.
    shared_until: the id has changed hands too often, and belongs to nobody until then.
    """

    asked: str
    user: str
    moves: list[Move]
    identified: bool
    first_seen: str | None
    last_seen: str | None
    shared_until: str | None
    keys: list[Key]


def claims_of(profile: Profile | None) -> list[Key]:
    """The ids that a user has claimed, as they alone remember it, the latest claim first.

    Of an id that has not answered, that does not say whether it belongs to the user: it had nothing to give, or the
    answer is on its way.
    """
    identity = None if profile is None else profile.identity
    claims = () if identity is None else sorted(identity.claims.items(), key=lambda pair: (-pair[1].at_ms, pair[0]))
    found = []
    for each, claim in claims:
        state, _, reason = claim.state.partition(":")
        found.append(Key(id=each, state=state, why=claim.why, at=iso(max(claim.at_ms, 0)), reason=reason or None))
    return found


async def find_person(key: str, read: Read) -> Person | None:
    """The person with this key, wherever it has moved; None if nothing is known of the key."""
    user = key
    profile = (await read([key])).get(key)
    if profile is None:
        return None
    moves: list[Move] = []
    passed = {key}
    while profile is not None and (identity := profile.identity) is not None and identity.moved_to is not None:
        at = iso(max(identity.moved_at_ms, 0))
        moves.append(Move(source=user, to=identity.moved_to, at=at, forced=identity.is_forced))
        user = identity.moved_to
        if user in passed:
            break
        passed.add(user)
        profile = (await read([user])).get(user)
    begun = profile is not None and profile.begun
    shared_until_ms = -1 if profile is None or profile.identity is None else profile.identity.shared_until_ms
    return Person(
        asked=key,
        user=user,
        moves=moves,
        identified=profile is not None and profile.identified,
        first_seen=iso(profile.first_seen_ms) if begun and profile is not None else None,
        last_seen=iso(profile.highest_ms) if begun and profile is not None else None,
        shared_until=iso(shared_until_ms) if shared_until_ms > 0 else None,
        keys=[] if profile is None or profile.identity is None else await _keys(user, profile.identity, read),
    )


async def _keys(user: str, identity: Identity, read: Read) -> list[Key]:
    """The claimed ids, the latest claim first. One that has nothing to give does not answer: its profile says more."""
    asked = [each for each, claim in identity.claims.items() if claim.state == ASKED]
    found = await read(asked) if asked else {}
    keys: list[Key] = []
    for each, claim in sorted(identity.claims.items(), key=lambda pair: (-pair[1].at_ms, pair[0])):
        profile = found.get(each)
        owner = None if profile is None else profile.moved_to
        state, _, reason = claim.state.partition(":")
        if state == ASKED and owner == user:
            state = MOVED
        other = owner if owner != user else None
        at = iso(max(claim.at_ms, 0))
        keys.append(Key(id=each, state=state, why=claim.why, at=at, owner=other, reason=reason or None))
    return keys
