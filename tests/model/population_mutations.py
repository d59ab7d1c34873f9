"""Bugs on purpose in what censuses and their numbers do."""

from tests.model.mutation import Mutation

COUNTED = "app/segments/partition/counted_users.py"
HISTOGRAM = "app/segments/evaluation/population_histogram.py"

POPULATION_MUTATIONS = (
    Mutation(
        "who is passed by a number is not evaluated",
        COUNTED,
        "            self._settlement.settle(profile, mask, now)\n",
        "",
    ),
    Mutation(
        "timers that are due come after other numbers",
        COUNTED,
        "                self._load(user)\n        self._reach_clock()",
        "                self._load(user)",
    ),
    Mutation(
        "an older census takes its numbers back",
        COUNTED,
        "        if control.n < before.census:\n            return\n",
        "",
    ),
    Mutation(
        "a number that nobody has any more stays",
        COUNTED,
        "(before.numbers | said).items() if number is not None}",
        "(before.numbers | {n: v for n, v in said.items() if v is not None}).items() if number is not None}",
    ),
    Mutation(
        "numbers that are not said again are gone",
        COUNTED,
        "(before.numbers | said).items()",
        "said.items()",
    ),
    Mutation(
        "only users between the numbers are evaluated, not those at them",
        COUNTED,
        "span[0] <= value <= span[1]",
        "span[0] < value < span[1]",
    ),
    Mutation(
        "a number that was not there passes nobody",
        COUNTED,
        "(span is None or span[0]",
        "(span is not None and span[0]",
    ),
    Mutation(
        "numbers are forgotten by a restart",
        "app/segments/partition/live_catalog.py",
        "        self.entry.population = population\n        self._written = False",
        "        self.entry.population = population",
    ),
    Mutation(
        "a new user is not compared with all",
        "app/segments/compiler/reads.py",
        "            mask |= self.features.get(POPULATION + number, 0)",
        "            pass",
    ),
    Mutation(
        "the size of a segment passes nobody",
        COUNTED,
        "        return lambda profile, now: True",
        "        pass",
    ),
    Mutation(
        "one user too few is at the top",
        HISTOGRAM,
        "else -(-users * part // WHOLE_SHARE)",
        "else users * part // WHOLE_SHARE",
    ),
    Mutation(
        "where there are fewer users than asked for, nobody is at the top",
        HISTOGRAM,
        "wanted = min(-part, users) if",
        "wanted = -part if",
    ),
    Mutation(
        "the threshold is the upper edge",
        HISTOGRAM,
        "            return edge_value(bucket)",
        "            return edge_value(bucket + 1)",
    ),
    Mutation(
        "users of whom nothing is known are counted",
        HISTOGRAM,
        "return bisect_right(EDGES, millionths) - 1 if millionths > 0 else None",
        "return max(bisect_right(EDGES, millionths) - 1, 0)",
    ),
    Mutation(
        "a census counts values as they were at the last event",
        COUNTED,
        "                now = max(self.clock_ms, profile.highest_ms, profile.fired_ms)\n                for measure",
        "                now = profile.highest_ms\n                for measure",
    ),
    Mutation(
        "a census for another app counts",
        "app/segments/partition/separated_keys.py",
        "        if control.app != self.rules.app:",
        "        if False:",
    ),
)
