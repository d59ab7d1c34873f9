"""Memberships by value of two users who are one: each value by itself, as if it were a segment of its own."""

from app.segments.evaluation.by_value import ByValue
from app.segments.merging.memberships import merge_membership
from tables.by_value import LATEST, MEMBER, new_entry
from tables.profile import Profile


def merge_values(profile: Profile, given: Profile, values: ByValue, now: int) -> None:
    """Adds the values of a given profile, in place, when the cart is that of both.

    Those beyond the limit leave when the segment is settled.
    """
    others = given.aggregates.get(values.state_id)
    if not others:
        values.know_lines(profile)
        return
    state = profile.aggregates.setdefault(values.state_id, {})
    lines, their_lines = values.lines_in(profile), values.lines_in(given)
    for key, theirs in others.items():
        own = state.setdefault(key, new_entry(theirs[LATEST]))
        own[LATEST] = max(own[LATEST], theirs[LATEST])
        part, other = values.part(profile, key, own, lines), values.part(given, key, theirs, their_lines)
        for number, kept in list(other.aggregates.items()):
            shown = values.aggregates.get(number)
            if shown is None:
                continue
            if shown.matched is not None:
                shown.matched.merge(part, other, now)
                continue
            merged = shown.kind.merge(part.aggregates.get(number), kept, now)
            if merged is not None:
                part.aggregates[number] = merged
            else:
                part.aggregates.pop(number, None)
        merge_membership(part, other, values.code, now)
        own[MEMBER] = part.members.get(values.segment)
    values.know_lines(profile)
