"""Bugs on purpose in sequences with events that must not lie between two steps, and in the filter of such a Q."""

from tests.model.mutation import Mutation

_PATH = "tables/sequences.py"

BETWEEN_MUTATIONS = (
    Mutation(
        "a B between two steps does nothing",
        "app/segments/evaluation/matched_aggregate.py",
        "    if match.between:\n",
        "    if False:\n",
    ),
    Mutation(
        "a B of the instant of the next step comes too late",
        _PATH,
        "return self.has_between and t >= partial[2]",
        "return self.has_between and t > partial[2]",
    ),
    Mutation(
        "a B of the instant of the step before comes too early",
        _PATH,
        "elif times[place] <= follows and not (is_step and times[place] == t):",
        "elif times[place] < follows and not (is_step and times[place] == t):",
    ),
    Mutation(
        "an event lies between itself and the next step",
        _PATH,
        "elif times[place] <= follows and not (is_step and times[place] == t):",
        "elif times[place] <= follows:",
    ),
    Mutation(
        "a B that came before a late step is forgotten",
        _PATH,
        "return [start, t, self._first_between(state, key, step, t), times]",
        "return [start, t, FOREVER, times]",
    ),
    Mutation(
        "a B that comes late does nothing to a match that has gone on",
        _PATH,
        "                    levels[level] = None\n",
        "                    pass\n",
    ),
    Mutation(
        "a B that comes late does nothing to a completion that waits",
        _PATH,
        "if pending is not None and pending[2][place] <= follows < pending[2][place + 1]:",
        "if False:",
    ),
    Mutation(
        "a B ends its match for earlier steps, too",
        _PATH,
        "                partial[2] = min(partial[2], t)\n",
        "                levels[level] = None\n",
    ),
    Mutation(
        "a B lies behind whatever step",
        _PATH,
        "if b > t and own_place == place and own in (None, key)",
        "if b > t and own in (None, key)",
    ),
    Mutation(
        "of two events that must not lie between only the first counts",
        "app/segments/compiler/event_code.py",
        "for each in no if looks_at(each, self.key)))",
        "for each in no[:1] if looks_at(each, self.key)))",
    ),
    Mutation(
        "a sequence is Q whatever its filter says",
        "app/segments/compiler/event_code.py",
        "passes = self.matches(what.since_last.where, _instant_of(what.since_last))",
        'passes = "True"',
    ),
    Mutation(
        "a sequence that waits is Q whatever its filter says",
        "app/segments/evaluation/matched_aggregate.py",
        "                if payload is not NOT_PASSED:\n                    self._forget(state, at)",
        "                if True:\n                    self._forget(state, at)",
    ),
)
"""What a merge does to them is in `merge_mutations`."""
