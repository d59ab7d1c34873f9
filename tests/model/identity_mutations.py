"""Bugs on purpose in what the keys of one person do: claims, moves, refusals, forwards, logouts."""

from tests.model.list_mutations import PEOPLE_LIST_MUTATIONS
from tests.model.mutation import Mutation

KEYS = "app/segments/partition/linked_keys.py"
PARTITION = "app/segments/partition/partition.py"
MEMBERSHIPS = "app/segments/merging/memberships.py"
FAST_PATH = "app/segments/partition/_fast_path.c"

IDENTITY_MUTATIONS = (
    *PEOPLE_LIST_MUTATIONS,
    Mutation(
        "a give counts as often as it is read",
        KEYS,
        "if not identities.remember_give(identity, give_id, max(self.clock_ms, link.now_ms)):",
        "if identities.remember_give(identity, give_id, max(self.clock_ms, link.now_ms)) is None:",
    ),
    Mutation(
        "the carts of a catalog are never added up",
        "tables/cart.py",
        'if rule == "sum":',
        'if rule == "both":',
    ),
    Mutation(
        "the user's quantity counts under no catalog",
        "tables/cart.py",
        'return own if rule == "user" else max(own, other)',
        "return max(own, other)",
    ),
    Mutation(
        "two users become one through a device",
        KEYS,
        "elif not forced and (profile.identified or now < identity.shared_until_ms):",
        "elif not forced and now < identity.shared_until_ms:",
    ),
    Mutation(
        "a logout of a claim that is forgotten releases nothing",
        KEYS,
        'claim = identity.claims.setdefault(anonymous_id, Claim(t, kept_ms, GIVEN, "seen"))',
        'claim = identity.claims.setdefault(anonymous_id, Claim(t, kept_ms, RELEASED, "seen"))',
    ),
    Mutation(
        "a repeat at a moved key is forwarded",
        KEYS,
        "if self._is_repeated(profile, event.message.messageId, now):\n            return True",
        "self._is_repeated(profile, event.message.messageId, now)",
    ),
    Mutation(
        "an event of a moved key happens at its receipt",
        KEYS,
        "t, received = times_of(message, link.record_ms)",
        "received = t = times_of(message, link.record_ms)[1]",
    ),
    Mutation(
        "how often the visitor was in a segment is added",
        MEMBERSHIPS,
        "if member[OUT_AT] is not None or member[TRUE_SINCE] is not None:",
        "member[2] += other[2]\n        if member[OUT_AT] is not None or member[TRUE_SINCE] is not None:",
    ),
    Mutation(
        "the time of for does not go on where the visitor was in the segment",
        MEMBERSHIPS,
        "min(member[SINCE], now) - for_ms if member[INSIDE] else member[TRUE_SINCE]",
        "None if member[INSIDE] else member[TRUE_SINCE]",
    ),
    Mutation(
        "who moves does not say that they leave",
        KEYS,
        'self._settlement.move(profile, Cause("merged", link=give.id, into=u), now)',
        "pass",
    ),
    Mutation(
        "a repeated event claims",
        PARTITION,
        "                    batch.duplicates += 1\n                    return\n",
        "                    batch.duplicates += 1\n"
        "                    if identified and program.identity is not None:\n"
        "                        self._claim(user, profile, message, t)\n"
        "                    return\n",
    ),
    Mutation(
        "a late event claims",
        PARTITION,
        "batch.late.append(LateEvent(record, now - t))\n            return",
        "batch.late.append(LateEvent(record, now - t))\n"
        "            if identified and profile is not None and self.program.identity is not None:\n"
        "                self._claim(user, profile, message, t)\n"
        "            return",
    ),
    Mutation(
        "changes of hands are not counted",
        KEYS,
        "[at for at in identity.hands if at > now - CLAIM_MS] + [now]",
        "[now]",
    ),
    Mutation(
        "a claim never ends",
        "tables/identity.py",
        "return t_ms < _instant_ms(links, at) + CLAIM_MS",
        "return True",
    ),
    Mutation(
        "the fast path does not look at claims",
        FAST_PATH,
        "if (self->linking && event->identified && may_claim(self, event))",
        "if (0 && may_claim(self, event))",
    ),
    Mutation(
        "a claim that was lost holds",
        "tables/identity.py",
        "if claim.state in (ASKED, GIVEN, SPLIT) or claim.is_refused:",
        "if claim.state in (ASKED, GIVEN, SPLIT, LOST) or claim.is_refused:",
    ),
    Mutation(
        "events after the last claim are the user's under any policy",
        KEYS,
        "event.t > identity.moved_at_ms)",
        "False)",
    ),
)
