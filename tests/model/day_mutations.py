"""Bugs on purpose in calendar days and streaks."""

from tests.model.mutation import Mutation

DAY_MUTATIONS = (
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
