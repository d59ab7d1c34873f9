"""Bugs on purpose in dates and instants of data."""

from tests.model.mutation import Mutation

DATE_MUTATIONS = (
    Mutation(
        "a date begins at midnight in UTC, whatever the zone",
        "tables/dates.py",
        'tzinfo=_offset(found["offset"]) or _zone(zone),',
        'tzinfo=_offset(found["offset"]) or UTC,',
    ),
    Mutation(
        "a number is always one of milliseconds",
        "tables/dates.py",
        "floor(number * 1_000 if -SECONDS_BELOW < number < SECONDS_BELOW else number)",
        "floor(number)",
    ),
    Mutation(
        "an offset that is behind is taken for one ahead",
        "tables/dates.py",
        'return timezone(-ahead if text[0] == "-" else ahead)',
        "return timezone(ahead)",
    ),
    Mutation(
        "until turns a millisecond late",
        "app/segments/compiler/condition_code.py",
        "return self._against_duration(node.left, FLIPPED[node.operator], -node.right.ms)",
        "return self._against_duration(node.left, FLIPPED[node.operator], 1 - node.right.ms)",
    ),
    Mutation(
        "until runs the other way",
        "app/segments/compiler/value_code.py",
        'moved = f"{base} - n" if counts_down(node) else f"n - {base}"',
        'moved = f"n - {base}"',
    ),
    Mutation(
        "an instant of a window stays when its event has left it",
        "app/segments/compiler/value_code.py",
        'return self._local(f"{instants}.instant({value})"), until',
        'return self._local(f"{instants}.instant({value})"), None',
    ),
    Mutation(
        "an anniversary lasts 24 hours",
        "tables/dates.py",
        "start, end = start_of_day(zone, named), start_of_day(zone, named + timedelta(days=1))",
        "start, end = start_of_day(zone, named), start_of_day(zone, named) + 86_400_000",
    ),
    Mutation(
        "an anniversary is over a millisecond too late",
        "tables/dates.py",
        "if start < end and now < end:",
        "if start < end and now <= end:",
    ),
    Mutation(
        "29 February is the day before where there is none",
        "tables/dates.py",
        "named = date(year, 3, 1)",
        "named = date(year, 2, 28)",
    ),
    Mutation(
        "nothing wakes at the end of an anniversary",
        "app/segments/compiler/value_code.py",
        "return start, self._least(end, until)",
        "return start, until",
    ),
    # ---- fixed spans
    Mutation(
        "what happens at the end of a span counts",
        "app/segments/compiler/event_code.py",
        'f"{start} <= t < {end}"',
        'f"{start} <= t <= {end}"',
    ),
    Mutation(
        "what happens at the beginning of a span does not count",
        "app/segments/compiler/event_code.py",
        'f"{start} <= t" if end == FOREVER',
        'f"{start} < t" if end == FOREVER',
    ),
    Mutation(
        "a span counts by the instant at which events arrive",
        "app/segments/compiler/event_code.py",
        'f"{start} <= t < {end}"',
        'f"{start} <= now < {end}"',
    ),
    Mutation(
        "a sequence that ends behind a span counts",
        "app/segments/evaluation/matched_aggregate.py",
        "not self.counts_ms[0] <= t < self.counts_ms[1]:",
        "not self.counts_ms[0] <= t:",
    ),
    Mutation(
        "a span begins at midnight in UTC, whatever the zone",
        "app/segments/compiler/aggregates.py",
        "start = instant_in(node.start, zone)",
        'start = instant_in(node.start, "UTC")',
    ),
)
