"""Bugs on purpose in the merge of two users who are one."""

from tests.model.mutation import Mutation

MERGE_MUTATIONS = (
    # ---- values
    Mutation(
        "a threshold keeps the oldest events of both",
        "tables/windows.py",
        "return united[outside + beyond :] or None",
        "return united[outside : len(united) - beyond] or None",
    ),
    Mutation(
        "the average of both has the number of events of one",
        "tables/windows.py",
        "return [_pack(int(state[0]) + int(other[0])), state[1] + other[1]]",
        "return [_pack(int(state[0]) + int(other[0])), state[1]]",
    ),
    Mutation(
        "the last three of the other come first",
        "tables/latest_events.py",
        "for each in (state, other) if each is not None for event",
        "for each in (other, state) if each is not None for event",
    ),
    Mutation(
        "a day of both ends with the last event of the other",
        "tables/days.py",
        "united[number] = max(united.get(number, t), t)",
        "united[number] = t",
    ),
    Mutation(
        "the points of the other do not fade",
        "tables/tallies.py",
        "return self.add(state, other[1], other[0], now)",
        "return self.add(state, now, other[0], now)",
    ),
    Mutation(
        "a user was first seen under their own key",
        "app/segments/merging/profiles.py",
        "profile.first_seen_ms = min(profile.first_seen_ms, given.first_seen_ms)",
        "pass",
    ),
    Mutation(
        "the ids of the other's messages are forgotten",
        "tables/message_ids.py",
        "for digest, at in _entries(other):",
        "for digest, at in _entries(other[:0]):",
    ),
    Mutation(
        "the other's events that wait are lost",
        "tables/waiting.py",
        "for t, _, timestamp, value in other[EVENTS]:",
        "for t, _, timestamp, value in ():",
    ),
    # ---- since last, once per
    Mutation(
        "the other's Q forgets nothing of the user",
        "app/segments/evaluation/matched_aggregate.py",
        "            self._forget(state, other[LAST])",
        "            state[LAST] = max(other[LAST], -1 if last is None else last)",
    ),
    Mutation(
        "the user's Q forgets what the other did at its instant",
        "app/segments/evaluation/matched_aggregate.py",
        "self._leave_out(other, last - 1)",
        "self._leave_out(other, last)",
    ),
    Mutation(
        "a value that both know counts twice",
        "app/segments/evaluation/matched_aggregate.py",
        "repeated = {t for t in theirs.values() if t > start} - new",
        "repeated = set[int]()",
    ),
    # ---- cart and visit
    Mutation(
        "an order of the user leaves the other's cart",
        "tables/cart.py",
        "        if t <= cart[1]:\n",
        "        if False:\n",
    ),
    Mutation(
        "an order of the other leaves the user's cart",
        "tables/cart.py",
        "for key, item in cart[0].items() if item[2] > other[1]}",
        "for key, item in cart[0].items()}",
    ),
    Mutation(
        "a product in both carts is there twice",
        "tables/cart.py",
        'return own if rule == "user" else max(own, other)',
        'return own if rule == "user" else own + other',
    ),
    Mutation(
        "a visit of both counts twice",
        "tables/session.py",
        "        number - 1,\n",
        "        number,\n",
    ),
    Mutation(
        "two visits exactly the gap apart are one",
        "tables/session.py",
        "if second[START] >= first[LAST] + gap_ms:",
        "if second[START] > first[LAST] + gap_ms:",
    ),
    # ---- sequences
    Mutation(
        "the partial match that starts earlier stays",
        "tables/sequences.py",
        "if partial is not None and (there is None or partial[0] > there[0]):\n                    known",
        "if partial is not None and (there is None or partial[0] < there[0]):\n                    known",
    ),
    Mutation(
        "an R of the other discards nothing of the user",
        "tables/sequences.py",
        "            self._discard(state[0], t, absent_key)",
        "            pass",
    ),
    Mutation(
        "an R of the user discards nothing of the other",
        "tables/sequences.py",
        "if entry[1] is not None and self._is_discarded(state[1], key, entry[1][0]):",
        "if False:",
    ),
    Mutation(
        "a B of the other does not lie between the user's steps",
        "tables/sequences.py",
        "((other[0], state[2], 1), (state[0], other[2], 0))",
        "((other[0], state[2], 1),)",
    ),
    Mutation(
        "a B of the user does not lie between the other's steps",
        "tables/sequences.py",
        "((other[0], state[2], 1), (state[0], other[2], 0))",
        "((state[0], other[2], 0),)",
    ),
    Mutation(
        "a B of the user comes after what the other did at its instant",
        "tables/sequences.py",
        "((other[0], state[2], 1), (state[0], other[2], 0))",
        "((other[0], state[2], 0), (state[0], other[2], 0))",
    ),
    # ---- segments
    Mutation(
        "for begins anew with the merge",
        "app/segments/merging/memberships.py",
        "member[TRUE_SINCE] = _earlier(member[TRUE_SINCE], _true_since(other, segment.for_ms, now))",
        "pass",
    ),
    Mutation(
        "for has not run for whom the other was in",
        "app/segments/merging/memberships.py",
        "min(member[SINCE], now) - for_ms if",
        "min(member[SINCE], now) if",
    ),
    Mutation(
        "a cool-down of the other is over",
        "app/segments/merging/memberships.py",
        "member[OUT_AT] = _later(member[OUT_AT], other[OUT_AT], now)",
        "pass",
    ),
    Mutation(
        "of two persons in one the later first value stays",
        "app/segments/merging/profiles.py",
        "if own is None or entry[0] < own[0]:",
        "if own is None or entry[0] > own[0]:",
    ),
)
