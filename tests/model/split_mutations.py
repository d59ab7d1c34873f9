"""Bugs on purpose in what an administrator does to keys: splits and merges."""

from tests.model.mutation import Mutation

SEPARATED = "app/segments/partition/separated_keys.py"
KEYS = "app/segments/partition/linked_keys.py"
SETTLEMENT = "app/segments/evaluation/settlement.py"
SPLIT = "app/offline/key_split.py"

SPLIT_MUTATIONS = (
    Mutation(
        "a visitor is a user under another name",
        KEYS,
        "given.identified or (link.source != user and not by_force)",
        "given.identified or link.source != user",
    ),
    Mutation(
        "what was on its way to the user stays there",
        SEPARATED,
        "if claim is None or claim.state != SPLIT:",
        "if claim is None or claim.state:",
    ),
    Mutation(
        "the user can claim a key again that was split off",
        "tables/identity.py",
        "if claim.state in (ASKED, GIVEN, SPLIT) or claim.is_refused:",
        "if claim.state in (ASKED, GIVEN) or claim.is_refused:",
    ),
    Mutation(
        "nothing goes back to the key",
        SEPARATED,
        "if control.profile:\n            back",
        "if not control.profile:\n            back",
    ),
    Mutation(
        "an event that comes back counts as a repeat",
        SEPARATED,
        "message_ids.forget(profile.message_ids, message_ids.digest_of(message_id.encode()))",
        "pass",
    ),
    Mutation(
        "ids of events that count elsewhere are given away",
        KEYS,
        "profile.message_ids = profile.message_ids, message_ids.own(profile.message_ids)",
        "profile.message_ids = profile.message_ids, profile.message_ids",
    ),
    Mutation(
        "what came from the key stays in the profile of the user",
        SPLIT,
        "if isinstance(between, Link) and self._key == sender:",
        "if isinstance(between, Link) and self._key == sender and between.step == 'give':",
    ),
    Mutation(
        "an earlier split is undone by a later one",
        SPLIT,
        "if record.offset <= out.get(sender, -1):",
        "if record.offset < 0 <= out.get(sender, -1):",
    ),
    Mutation(
        "who leaves by a split is not told",
        SETTLEMENT,
        "elif was_in and not own[INSIDE]:",
        "elif was_in and own[INSIDE] > 1:",
    ),
    Mutation(
        "who enters by a split is not told",
        SETTLEMENT,
        "if own[INSIDE] and not was_in:",
        "if own[INSIDE] > 1 and not was_in:",
    ),
    Mutation(
        "a user keeps the marks from before a split",
        SETTLEMENT,
        "own, was = profile.members.get(segment.id), before.members.get(segment.id)",
        "own = was = before.members.get(segment.id)",
    ),
    Mutation(
        "a split forgets the groups that a membership has told",
        SETTLEMENT,
        "own[TIMES], own[SENT:] = (0, [None]) if was is None else (was[TIMES], was[SENT:])",
        "own[TIMES], own[SENT] = (0, None) if was is None else (was[TIMES], was[SENT])",
    ),
    Mutation(
        "who is out by a value since a split is told nothing of it",
        "app/segments/evaluation/by_value.py",
        "for key in sorted({*state, *was}, key=key_order):",
        "for key in sorted(state, key=key_order):",
    ),
    Mutation(
        "a split lets nobody enter by a value",
        "app/segments/evaluation/by_value.py",
        "                settlement.become_one(part, former, self.code, now)",
        "                pass",
    ),
)
