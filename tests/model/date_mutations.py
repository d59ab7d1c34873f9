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
    # ---- clocks
    Mutation(
        "a clock is looked at when its offset is what it was, not at a change",
        "app/segments/evaluation/clock.py",
        "instant = turn_ms if _offset_ms(zone, turn_ms) == offset_ms else _shift(zone, instant, turn_ms, offset_ms)",
        "instant = turn_ms",
    ),
    Mutation(
        "a clock turns a minute late",
        "app/segments/evaluation/clock.py",
        "turn_ms = instant + step_ms - (instant + offset_ms) % step_ms",
        "turn_ms = instant + step_ms - (instant + offset_ms) % step_ms + 60_000",
    ),
    Mutation(
        "a date turns by the clock of UTC",
        "app/segments/evaluation/clock.py",
        "start_ms, end_ms = start_of_day(zone, day), start_of_day(zone, day + timedelta(days=1))",
        'start_ms = end_ms = start_of_day(zone_named("UTC"), day) - 10 * _DAY_MS',
    ),
    Mutation(
        "a zone that is none is UTC",
        "app/segments/evaluation/clock.py",
        "is_zone(value) else self._common",
        'is_zone(value) else zone_named("UTC")',
    ),
    Mutation(
        "all users have the clock of the first",
        "app/segments/evaluation/clock.py",
        "self._known.get(zone.key, (1, 0, False))",
        "next(iter(self._known.values()), (1, 0, False))",
    ),
    Mutation(
        "a week of the year begins with the year",
        "app/segments/evaluation/clock.py",
        "return local(zone, instant_ms).isocalendar().week",
        "return local(zone, instant_ms).timetuple().tm_yday // 7 + 1",
    ),
    Mutation(
        "a filter asks the clock at the arrival of the event",
        "app/segments/compiler/filters.py",
        "({self._zone(zone)}, {self.time})",
        "({self._zone(zone)}, now)",
    ),
    Mutation(
        "the timestamp of an event is that of its arrival",
        "app/segments/compiler/filters.py",
        "                return self.time\n",
        '                return "now"\n',
    ),
    Mutation(
        "what no R completes has the time of its last event",
        "app/segments/compiler/event_code.py",
        'return f"t + {source.absent_ms}" if',
        'return "t" if',
    ),
    Mutation(
        "a fixed date beside an instant is one of UTC",
        "app/segments/compiler/fixed_instants.py",
        "instant_ms = instant_in(node.value, zone)",
        'instant_ms = instant_in(node.value, "UTC")',
    ),
)
