"""Bugs on purpose in what a catalog with an order does: events wait, and are taken in their turn."""

from tests.model.mutation import Mutation

ORDER_MUTATIONS = (
    Mutation(
        "of two events of one instant that wait the later one is taken first",
        "tables/waiting.py",
        "while at and events[at - 1][T] > t:",
        "while at and events[at - 1][T] >= t:",
    ),
    Mutation(
        "events that wait are taken as they came",
        "tables/waiting.py",
        "while at and events[at - 1][T] > t:",
        "while False:",
    ),
    Mutation(
        "an event is taken a millisecond after its turn",
        "app/segments/partition/waiting_events.py",
        "waiting.first_ms(known.waiting) <= turn_ms:",
        "waiting.first_ms(known.waiting) < turn_ms:",
    ),
    Mutation(
        "an event that waited happens when its turn has come",
        "app/segments/partition/waiting_events.py",
        "now = max(t, profile.highest_ms, profile.fired_ms)",
        "now = max(t, self.clock_ms, profile.highest_ms, profile.fired_ms)",
    ),
    Mutation(
        "the clock does not stay behind by a wait longer than the disorder",
        "app/segments/compiler/program.py",
        "lag_ms=max(self.rules.disorder_ms, wait_ms),",
        "lag_ms=self.rules.disorder_ms,",
    ),
    Mutation(
        "an event waits until nothing earlier can come at all",
        "app/segments/compiler/program.py",
        "early_ms=max(self.rules.disorder_ms - wait_ms, 0) if wait_ms else FOREVER,",
        "early_ms=0 if wait_ms else FOREVER,",
    ),
    Mutation(
        "no timer says when the turn of an event comes",
        "app/segments/partition/user_table.py",
        "return min(timer, max(waiting.first_ms(profile.waiting) - self.program.early_ms, 0))",
        "return min(timer, FOREVER)",
    ),
    Mutation(
        "the first event of a user throws away what waits behind it",
        "app/segments/partition/user_table.py",
        "profile.waiting = known.waiting",
        "pass",
    ),
    Mutation(
        "who is forgotten takes along what waits",
        "app/segments/partition/partition.py",
        "self._leave(user, profile.waiting)",
        "self._leave(user, None)",
    ),
    Mutation(
        "an event that waited says nothing of who is known",
        "app/segments/partition/waiting_events.py",
        "identified = user_of(message, self.rules.user_ids)[1]",
        "identified = False",
    ),
    Mutation(
        "what waits is forgotten when a profile is read again",
        "tables/profile.py",
        "profile = _decode(body)",
        "profile = _decode(body)\n        profile.waiting = None",
    ),
)
