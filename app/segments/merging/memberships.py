"""Marks of memberships of two users who are one: who waits to enter, who cools down, and which groups they tell."""

from collections.abc import Iterator

from app.segments.evaluation.settlement import SegmentCode
from tables import exposures
from tables.by_value import MEMBER, is_state
from tables.exposures import Exposure
from tables.profile import INSIDE, OUT_AT, SENT, SINCE, TOLD, TRUE_SINCE, Membership, Profile


def merge_memberships(profile: Profile, given: Profile, segments: tuple[SegmentCode, ...], now: int) -> None:
    """Adds the marks of a given profile, in place. Memberships, and how often there was one, stay the user's own.

    Where the user is out, `for` has run as long as for the other, and for all of it where the other was in; the later
    exit of the two is remembered, so that a cool-down of either holds.
    """
    for segment in segments:
        other = given.members.get(segment.id)
        if segment.hidden:
            if other is not None:
                _merge_score(profile, segment.id, other, now)
        elif segment.values is None:
            merge_membership(profile, given, segment, now)


def merge_membership(profile: Profile, given: Profile, segment: SegmentCode, now: int) -> None:
    """The same for one segment."""
    other = given.members.get(segment.id)
    if other is None or not (segment.for_ms or segment.keeps_exit):
        return
    member = profile.members.get(segment.id) or [0, 0, 0, None, None, None]
    if segment.keeps_exit:
        member[OUT_AT] = _later(member[OUT_AT], other[OUT_AT], now)
    if not member[INSIDE]:
        member[TRUE_SINCE] = _earlier(member[TRUE_SINCE], _true_since(other, segment.for_ms, now))
    if member[OUT_AT] is not None or member[TRUE_SINCE] is not None:
        profile.members[segment.id] = member


def _merge_score(profile: Profile, own: int, given: Membership, now: int) -> None:
    """Of two scores by a model the later one counts, of one instant the user's own."""
    member = profile.members.get(own)
    if given[SENT] is None:
        return
    if member is None:
        member = profile.members[own] = [0, 0, 0, None, None, None]
    if member[SENT] is None or member[SINCE] < given[SINCE]:
        member[SINCE], member[SENT] = min(given[SINCE], now), given[SENT]


def merge_exposures(profile: Profile, own: int, name: str, given: Exposure) -> None:
    """Adds a given exposure to that of the experiment `own` with this name, and to what memberships tell of it."""
    merged = profile.aggregates[own] = exposures.merge(profile.aggregates.get(own), given)
    for member in _memberships(profile):
        for told in member[TOLD:]:
            exposures.follow_merge(told, name, merged)


def _memberships(profile: Profile) -> Iterator[Membership]:
    """All memberships of a user, those by value too."""
    yield from profile.members.values()
    for own, state in profile.aggregates.items():
        if is_state(own):
            yield from (entry[MEMBER] for entry in state.values() if entry[MEMBER] is not None)


def _true_since(member: Membership, for_ms: int, now: int) -> int | None:
    """Returns since when the condition holds for who waits, and since when at least for who is in."""
    since: int | None = min(member[SINCE], now) - for_ms if member[INSIDE] else member[TRUE_SINCE]
    return None if since is None else min(since, now)


def _earlier(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _later(one: int | None, other: int | None, now: int) -> int | None:
    """The later of two instants; one of the other user that lies after `now` is `now`."""
    if other is None:
        return one
    return min(other, now) if one is None else max(one, min(other, now))
