"""Bugs on purpose in static lists."""

from tests.model.mutation import Mutation

STATIC = "app/segments/partition/static_lists.py"

LIST_MUTATIONS = (
    Mutation(
        "a list of another app counts",
        STATIC,
        "if found.app != self.rules.app:",
        "if False:",
    ),
    Mutation(
        "who is on a list is not evaluated at once",
        STATIC,
        "        if profile.begun:\n            profile.fired_ms",
        "        if False:\n            profile.fired_ms",
    ),
    Mutation(
        "who was taken off a list stays on it",
        STATIC,
        "= [found.at_ms, found.on]",
        "= [found.at_ms, True]",
    ),
    Mutation(
        "timers that are due come after a list",
        STATIC,
        "            self._fire(user, profile, now)\n",
        "",
    ),
    Mutation(
        "a list is forgotten by the first event",
        "app/segments/partition/user_table.py",
        "            profile.leaves = known.leaves\n",
        "",
    ),
    Mutation(
        "the first event does not see a list",
        "app/segments/partition/partition.py",
        "program.begin_mask | program.lists_mask if profile.leaves else",
        "program.begin_mask if profile.leaves else",
    ),
    Mutation(
        "a list without an event is never forgotten",
        "app/segments/partition/user_table.py",
        "kept_ms += [entry[0] + self.rules.retention_ms for entry in profile.leaves.values()]",
        "kept_ms += [FOREVER for entry in profile.leaves.values()]",
    ),
)
"""Static lists of one user."""

PEOPLE_LIST_MUTATIONS = (
    Mutation(
        "lists of an id without events stay behind",
        "app/segments/partition/linked_keys.py",
        "and profile.waiting is None and not profile.leaves:",
        "and profile.waiting is None:",
    ),
    Mutation(
        "lists that are given are not evaluated",
        "app/segments/partition/linked_keys.py",
        "if left.begun or (left.leaves and profile.begun):",
        "if left.begun:",
    ),
)
"""Static lists of people with several keys."""
