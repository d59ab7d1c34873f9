"""Bugs on purpose in a backfill: in what is computed of users, when it is written, and what is done with it."""

from tests.model.mutation import Mutation

KEYS = "app/segments/partition/filled_keys.py"
CATALOG = "app/segments/partition/live_catalog.py"
SHADOW = "app/offline/backfill_shadow.py"

BACKFILL_MUTATIONS = (
    Mutation(
        "a fill is written though something of its user has come in between",
        SHADOW,
        "return set(users) - {",
        "return set(users) or {",
    ),
    Mutation(
        "the backfill ends before the last fill",
        SHADOW,
        "return not log.left",
        "return True",
    ),
    Mutation(
        "a give has what the worker knew",
        SHADOW,
        "value = write_link(replace(given, profile=profiles.encode(known, 0, 0)))",
        "value = write_link(given)",
    ),
    Mutation(
        "moves of the clock are left out",
        SHADOW,
        "moves = {each for each in entries if isinstance(each, IdleMove) and",
        "moves = {each for each in entries if isinstance(each, Poisoned) and",
    ),
    Mutation(
        "aggregates stay as they are",
        KEYS,
        "_take(profile.aggregates, given.aggregates, own)",
        "pass",
    ),
    Mutation(
        "marks of memberships stay as they are",
        KEYS,
        "_take(profile.members, given.members, own)",
        "pass",
    ),
    Mutation(
        "time between the computation and the fill does nothing",
        KEYS,
        "given.timer(self.rules.retention_ms) > now:",
        "given.timer(self.rules.retention_ms) >= 0:",
    ),
    Mutation(
        "who is filled is not warm",
        KEYS,
        "profile.aggregates[filling.marker] = 1",
        "pass",
    ),
    Mutation(
        "after the backfill the aggregates are as young as before",
        CATALOG,
        "entry.fed_ms, entry.filling = filled_ms(entry, entry.filling), None",
        "entry.filling = None",
    ),
    Mutation(
        "what was filled under a catalog that has gone since counts as filled",
        SHADOW,
        "record.offset >= log.since",
        "record.offset >= 0",
    ),
    Mutation(
        "a fill counts whose backfill has ended with its catalog",
        SHADOW,
        "elif not log.has_begun:",
        "elif False:",
    ),
    Mutation(
        "records of another backfill hold the place in the log",
        SHADOW,
        "return self._logs[partition].place",
        "return self._logs[partition].core.next_offset",
    ),
    Mutation(
        "a change that a fill brings about is told to nobody",
        KEYS,
        "settlement.become(profile, before, now)",
        "",
    ),
    Mutation(
        "values of a segment by value are not filled",
        "app/segments/partition/live_catalog.py",
        "return frozenset(program.remembered) | {each.state_id for each in program.by_value}",
        "return frozenset(program.remembered)",
    ),
    Mutation(
        "by a fill a user is in a segment by value since now",
        "app/segments/evaluation/by_value.py",
        "            whole.members[self.segment][SINCE] = given[SINCE]",
        "            pass",
    ),
    Mutation(
        "what was before the beginning of a log is left out",
        SHADOW,
        "self._play_before(number, self._logs[number], own)",
        "pass",
    ),
)
