"""Bugs on purpose in calendar days and streaks."""

from tests.model.mutation import Mutation

DAY_MUTATIONS = (
    Mutation(
        "a segment that waits does not wait for the days of a streak",
        "app/segments/compiler/condition_code.py",
        "self.windows[own] = max(self.windows.get(own, 0), streak[1])",
        "pass",
    ),
    Mutation(
        "a segment that waits waits for fewer days of a streak",
        "app/segments/language/streak_span.py",
        "(max(math.ceil(right.value), 0) + 2) * DAY_MS",
        "(max(math.ceil(right.value), 0) + 1) * DAY_MS",
    ),
    Mutation(
        "a day ends with its first event",
        "tables/days.py",
        "            if t > latest:\n                state[number] = t\n",
        "",
    ),
    Mutation(
        "a week begins on Sunday",
        "tables/calendar_days.py",
        "return (self.day(instant_ms) - 1) // 7",
        "return self.day(instant_ms) // 7",
    ),
    Mutation(
        "what Q leaves of the days is what it took",
        "tables/days.py",
        "for number, at in state.items() if at > t} or None",
        "for number, at in state.items() if at <= t} or None",
    ),
    Mutation(
        "a streak ends with yesterday",
        "tables/days.py",
        "        if day not in state:\n            day -= 1\n",
        "",
    ),
    Mutation(
        "a streak is seen to end a day late",
        "tables/days.py",
        "if self.value(state, instant) != length:\n                return instant",
        "if self.value(state, instant) != length:\n                return self.calendar.next_day_ms(instant)",
    ),
    Mutation(
        "nothing but an event ends a streak",
        "app/segments/compiler/value_code.py",
        "if remembered.within_ms is None and not AGGREGATES[remembered.function].ends_at_midnight:",
        "if remembered.within_ms is None:",
    ),
    Mutation(
        "midnight is that of UTC wherever a user is",
        "tables/calendar_days.py",
        "return (offset.days * 86_400 + offset.seconds) * 1_000",
        "return 0",
    ),
)
