"""Users whom a backfill fills, also those of whom a partition knows nothing."""

from typing import NamedTuple

from app.events.control_record import write_control
from app.events.instants import iso
from app.offline.backfill_plan import Plan, plan_of
from app.offline.backfill_shadow import Shadow
from app.runtime.records.journal import IdleMove, Poisoned
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.population_numbers import numbers_record
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition

START_MS = 1_767_225_600_000
RULES = TimeRules()
CATALOG = load_catalog({"viewers.yaml": "segment: viewers\nwhen: count('A') >= 1\n"})


class LogRecord(NamedTuple):
    """A record as the pure half reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def event(offset: int, user: str, name: str, at_ms: int = START_MS) -> LogRecord:
    value = f'{{"type":"track","event":"{name}","userId":"{user}","timestamp":"{iso(at_ms)}"}}'
    return LogRecord(offset, at_ms, user.encode(), value.encode())


def filled(core: Partition, plan: Plan, history: Shadow, offset: int) -> list[tuple[str, str, str]]:
    """The changes when all users of a history are filled: who, the segment, the change."""
    begun = write_control(plan.begun(plan.aggregates, history.fed_ms(0)))
    fills = [(None, begun), *((user.encode(), value) for user, value in history.fills(0, 10))]
    records = [LogRecord(number, -1, key, value) for number, (key, value) in enumerate(fills, start=offset)]
    return [(each.user, each.segment, each.change) for each in core.process(records).changes]


def test_a_change_that_a_fill_brings_about_is_told_of_the_user_who_is_filled() -> None:
    plan = plan_of(CATALOG, ["viewers"], RULES, source="files")
    history = Shadow(plan, RULES, partitions=1)
    history.play_history([(0, event(-1, user, "A")) for user in ("ann", "ben", "cat")])
    core = Partition(compile_catalog(CATALOG, RULES), RULES)
    core.process([event(0, "ben", "B")])
    entered = [(user, "viewers", "entered") for user in ("ann", "ben", "cat")]
    assert filled(core, plan, history, 1) == entered
    assert core.members() == {"viewers": 3}


def test_a_fill_remembers_when_a_user_left_a_segment_that_is_not_filled() -> None:
    files = {"seen.yaml": "segment: seen\nwhen: exists('A' within 1s)\n"}
    more = files | {"gone.yaml": "segment: gone\nwhen: since_left('seen') is known\n"}
    core = Partition(compile_catalog(load_catalog(files), RULES), RULES)
    core.process([event(0, "ann", "A")])
    core.advance(START_MS + 60_000)
    catalog = load_catalog(more)
    core.adopt(compile_catalog(catalog, RULES), clock_ms=core.clock_ms)
    core.sweep(10)
    assert core.members() == {"gone": 0, "seen": 0}, "nobody had asked for the exit when it happened"
    plan = plan_of(catalog, ["gone"], RULES, source="topic")
    history = Shadow(plan, RULES, partitions=1)
    history.feed(0, [event(0, "ann", "A")])
    history.note_journal(0, [IdleMove(1, START_MS + 60_000)])
    history.play()
    assert filled(core, plan, history, 1) == [("ann", "gone", "entered")]
    assert core.members() == {"gone": 1, "seen": 0}


def test_who_is_filled_waits_for_windows_that_history_feeds_later_than_the_catalog() -> None:
    later = "segment: later\nwarmup: wait\nwhen: exists('A') and not exists('B' within 2s)\n"
    files = {"viewers.yaml": "segment: viewers\nwhen: exists('C')\n"}
    core = Partition(compile_catalog(load_catalog(files), RULES), RULES)
    core.process([event(0, "ben", "C", START_MS - 5_000)])
    catalog = load_catalog(files | {"later.yaml": later})
    core.adopt(compile_catalog(catalog, RULES), clock_ms=START_MS - 5_000)
    (entered,) = core.process([event(1, "ann", "A")]).changes
    assert (entered.user, entered.segment, entered.change) == ("ann", "later", "entered")
    plan = plan_of(catalog, ["later"], RULES, source="topic")
    history = Shadow(plan, RULES, partitions=1)
    history.begin_at(0, 1)
    history.feed(0, [event(1, "ann", "A")])
    history.play()
    assert filled(core, plan, history, 2) == [("ann", "later", "exited")], "it is not said to be known yet"
    (entered,) = core.advance(START_MS + 10_000).changes
    assert (entered.change, entered.at) == ("entered", iso(START_MS + 2_000))


def test_a_poisoned_record_at_the_end_of_a_log_keeps_nobody_from_being_filled() -> None:
    history = Shadow(plan_of(CATALOG, ["viewers"], RULES, source="topic"), RULES, partitions=1)
    history.feed(0, [event(0, "ann", "A"), event(1, "ben", "A")])
    history.play()
    between = [event(2, "ann", "A"), event(3, "ben", "B")]
    assert history.may_fill(0, ["ann", "ben"], between) == set()
    history.note_journal(0, [Poisoned(2, "cannot digest this")])
    assert history.may_fill(0, ["ann", "ben"], between) == {"ann"}


def test_nobody_is_filled_across_other_numbers_of_all_users() -> None:
    history = Shadow(plan_of(CATALOG, ["viewers"], RULES, source="topic"), RULES, partitions=1)
    history.feed(0, [event(0, "ann", "A")])
    history.play()
    published = LogRecord(1, -1, None, numbers_record(RULES.app, 1, {"top": 2}))
    assert history.may_fill(0, ["ann"], [published]) == set(), "they enter at the place of the numbers, not of the fill"
    other = LogRecord(1, -1, None, numbers_record("other", 1, {"top": 2}))
    assert history.may_fill(0, ["ann"], [other]) == {"ann"}
    history.note_journal(0, [Poisoned(1, "cannot digest this")])
    assert history.may_fill(0, ["ann"], [published]) == {"ann"}


def test_events_that_waited_until_the_clock_moved_on_are_history() -> None:
    files = {"viewers.yaml": "segment: viewers\nwhen: count('A') >= 1\n", "catalog.yaml": "order: {wait: 1m}\n"}
    history = Shadow(plan_of(load_catalog(files), ["viewers"], RULES, source="topic"), RULES, partitions=1)
    history.feed(0, [event(0, "ann", "A")])
    history.play()
    assert history.users(0) == 0, "her event waits for earlier ones"
    history.note_journal(0, [IdleMove(1, START_MS + 120_000), IdleMove(2, START_MS + 180_000)])
    history.play()
    assert (history.users(0), history.next_offset(0)) == (1, 1)
    assert [user for user, _ in history.fills(0, 10)] == ["ann"]


def test_a_poisoned_record_of_a_stranger_does_not_keep_a_backfill_from_its_end() -> None:
    plan = plan_of(CATALOG, ["viewers"], RULES, source="topic")
    history = Shadow(plan, RULES, partitions=1)
    history.feed(0, [event(0, "ann", "A")])
    history.play()
    begun = write_control(plan.begun(plan.aggregates, history.fed_ms(0)))
    fills = [(None, begun), *((user.encode(), value) for user, value in history.fills(0, 10))]
    history.feed(0, [LogRecord(offset, -1, key, value) for offset, (key, value) in enumerate(fills, start=1)])
    history.play()
    between = [event(3, "cat", "A")]
    assert not history.may_end(0, between), "the stranger's event will make them known"
    history.note_journal(0, [Poisoned(3, "cannot digest this")])
    assert history.may_end(0, between)
