"""Users whom a backfill fills, also those of whom a partition knows nothing."""

from typing import NamedTuple

from app.events.control_record import write_control
from app.events.instants import iso
from app.offline.backfill_plan import plan_of
from app.offline.backfill_shadow import Shadow
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
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


def event(offset: int, user: str, name: str) -> LogRecord:
    value = f'{{"type":"track","event":"{name}","userId":"{user}","timestamp":"{iso(START_MS)}"}}'
    return LogRecord(offset, START_MS, user.encode(), value.encode())


def test_a_change_that_a_fill_brings_about_is_told_of_the_user_who_is_filled() -> None:
    plan = plan_of(CATALOG, ["viewers"], RULES, source="files")
    history = Shadow(plan, RULES, partitions=1)
    history.play_history([(0, event(-1, user, "A")) for user in ("ann", "ben", "cat")])
    core = Partition(compile_catalog(CATALOG, RULES), RULES)
    core.process([event(0, "ben", "B")])
    begun = write_control(plan.begun(plan.aggregates, history.fed_ms(0)))
    fills = [(None, begun), *((user.encode(), value) for user, value in history.fills(0, 10))]
    records = [LogRecord(offset, -1, key, value) for offset, (key, value) in enumerate(fills, start=1)]
    changes = core.process(records).changes
    assert [(each.user, each.change) for each in changes] == [(user, "entered") for user in ("ann", "ben", "cat")]
    assert core.members() == {"viewers": 3}
