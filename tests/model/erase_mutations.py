"""Bugs on purpose in the erasure of people."""

from tests.model.mutation import Mutation

ERASED = "app/segments/partition/erased_keys.py"

ERASE_MUTATIONS = (
    Mutation(
        "an event from before the erasure is taken",
        "app/segments/partition/partition.py",
        "t <= self._erased_of(profile, clock)",
        "t < 0 <= self._erased_of(profile, clock)",
    ),
    Mutation(
        "the fast path takes an event from before the erasure",
        "app/segments/partition/_fast_path.c",
        "return event->t <= at;",
        "return event->t < 0 && event->t <= at;",
    ),
    Mutation(
        "what an id gives is taken after the erasure",
        ERASED,
        'return link.step == "give" and self._is_given_before(link)',
        "return False",
    ),
    Mutation(
        "a claim from before the erasure moves the id",
        ERASED,
        'link.step == "ask" and link.at_ms <= self._erased_ms(link.source)',
        'link.step == "ask" and link.at_ms < 0 <= self._erased_ms(link.source)',
    ),
    Mutation(
        "ids that the person has claimed keep what they remember",
        ERASED,
        "if claim.state in (ASKED, GIVEN) and not",
        "if claim.state in (ASKED, GIVEN) and claim.n < 0 and not",
    ),
    Mutation(
        "nobody is told that an erased id has moved to nobody",
        ERASED,
        "self._tell_end(key, identity, now)",
        "pass",
    ),
    Mutation(
        "who is erased leaves without a word",
        ERASED,
        "self._settlement.leave_everything(known, now)",
        "pass",
    ),
    Mutation(
        "events that wait are taken after the erasure",
        ERASED,
        "left = profiles.waiting_profile(None)",
        "left = profiles.waiting_profile(known.waiting)",
    ),
    Mutation(
        "a repeat of an event of a clock that was ahead is taken",
        ERASED,
        "erased_ms = max(at_ms, profile.highest_ms, _latest_ms(known))",
        "erased_ms = max(at_ms, min(profile.highest_ms, _latest_ms(known)))",
    ),
    Mutation(
        "the erasure is forgotten at once",
        ERASED,
        "rest.used_ms = max(self.clock_ms, erased_ms)",
        "rest.used_ms = 0",
    ),
    Mutation(
        "an id of somebody else is erased with the person",
        ERASED,
        "if profile.moved_to in (None, control.to):",
        "if profile.moved_to != key:",
    ),
    Mutation(
        "who is suppressed comes back with a later event",
        ERASED,
        "suppressed |= {SUPPRESSED, *(",
        "suppressed |= {*(",
    ),
    Mutation(
        "a second erasure ends a suppression",
        ERASED,
        "for name in before if name.startswith(SUPPRESSED)}",
        "for name in before if name.startswith(SUPPRESSED) and at_ms < 0}",
    ),
    Mutation(
        "an id that a suppressed user has claimed is not suppressed",
        ERASED,
        'why = SUPPRESS if step.suppressed else ""',
        'why = ""',
    ),
    Mutation(
        "who is suppressed stays so",
        ERASED,
        "del identity.answered[name]",
        "pass",
    ),
    Mutation(
        "a static list takes who is suppressed",
        "app/segments/partition/static_lists.py",
        "if profile is not None and profile.identity is not None and profile.identity.is_suppressed:",
        "if profile is None and user < user:",
    ),
    Mutation(
        "a suppression is forgotten after 37 days",
        "tables/identity.py",
        "return FOREVER_MS if identity.is_suppressed else identity.used_ms + MOVED_KEPT_MS",
        "return identity.used_ms + MOVED_KEPT_MS",
    ),
    Mutation(
        "an erased person keeps the claims on their ids",
        ERASED,
        "rest = identities.new_identity()",
        "rest = identity",
    ),
)
