"""The profile of a user, with all that a profile given to it remembers.

Theory of operation. A visitor collects a profile under an anonymous id, until an event says who they are. Then the
whole profile is given to the user's. The user's timers due at or before one instant, `merge_instant`, fire first; then,
as one step at that instant, what the given profile remembers arrives: in its order, never late, after all that the
user's own remembers. So what depends on the times of events alone is as if one user had had all of them. What depends
on the order in which they came (cart, visit, sequences, `once per`) has a rule of its own: docs/identity.md.

Whoever merges settles every segment once, at that instant, as after a new catalog. `merge_profiles` makes the profile
ready for that. Either may have been evaluated under another catalog than `program`: what a profile lacks is empty, and
what the program does not know is left behind.
"""

from typing import Any

from app.segments.compiler.leaf_ids import is_first
from app.segments.compiler.program import Program
from app.segments.definitions.identity_policy import DEFAULT_POLICY
from app.segments.merging.memberships import merge_exposures, merge_memberships
from app.segments.merging.values import merge_values
from tables import cart, message_ids, session, waiting
from tables.profile import Profile, waiting_profile


def merge_instant(profile: Profile | None, given: Profile, *, clock_ms: int) -> int:
    """The instant at which a profile is given to a user, who may have none yet; `clock_ms`: of the user's partition."""
    own = () if profile is None else (profile.highest_ms, profile.fired_ms)
    return max(clock_ms, given.highest_ms, given.fired_ms, *own)


def left_of(given: Profile, now: int, *, retention_ms: int) -> Profile | None:
    """Returns what is left to give of a profile: only its waiting events if its retention ends at or before `now`."""
    if not given.begun or given.highest_ms + retention_ms > now:
        return given
    return None if given.waiting is None else waiting_profile(given.waiting)


def merge_profiles(profile: Profile, given: Profile, program: Program, *, now: int) -> None:
    """Adds to a profile, in place, what the given one remembers, which is not used any more. Settles nothing.

    The timers of `profile` due at or before `now` have fired. If it has not begun, `given` has not either.
    """
    profile.waiting = waiting.merge(profile.waiting, given.waiting)
    merge_leaves(profile, given, program)
    if not given.begun:
        return
    assert profile.begun, "a profile that has begun is given to one that has not"
    counted = program.counted
    profile.highest_ms = max(profile.highest_ms, given.highest_ms)
    profile.fired_ms = max(profile.fired_ms, given.fired_ms)
    profile.first_seen_ms = min(profile.first_seen_ms, given.first_seen_ms)
    _merge_aggregates(profile, given, program, now)
    profile.cart = cart.merge(profile.cart, given.cart, counted, rule=(program.identity or DEFAULT_POLICY).cart)
    profile.session = session.merge(profile.session, given.session, gap_ms=program.rules.session_gap_ms)
    profile.message_ids = message_ids.merge(profile.message_ids, given.message_ids, now, counted)
    merge_memberships(profile, given, program.segments, now)
    for values in program.by_value:
        merge_values(profile, given, values, now)
    profile.watched = 0


def merge_leaves(profile: Profile, given: Profile, program: Program) -> None:
    """Adds to a profile, in place, the traits, context and static lists of the given one: the later counts."""
    for leaf, entry in given.leaves.items():
        own = profile.leaves.get(leaf)
        if is_first(leaf):
            if own is None or entry[0] < own[0]:
                profile.leaves[leaf] = entry
        elif own is None or own[0] < entry[0] or (own[0] == entry[0] and _denies(leaf, entry, program)):
            profile.leaves[leaf] = entry


def _denies(leaf: int, entry: list[Any], program: Program) -> bool:
    """True for a value that does not agree to a purpose: of two of one instant it counts."""
    purpose = program.consents.get(leaf)
    return purpose is not None and not purpose.is_granted(entry[1])


def _merge_aggregates(profile: Profile, given: Profile, program: Program, now: int) -> None:
    aggregates = profile.aggregates
    for own, state in list(given.aggregates.items()):
        what = program.remembered.get(own)
        if what is None:
            if own in program.experiments:
                merge_exposures(profile, own, program.experiments[own], state)
            continue
        if what.matched is not None:
            what.matched.merge(profile, given, now)
            continue
        merged = what.kind.merge(aggregates.get(own), state, now)
        if merged is not None:
            aggregates[own] = merged
        else:
            aggregates.pop(own, None)
