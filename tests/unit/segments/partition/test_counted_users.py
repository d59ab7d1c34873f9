"""Control records of a census at a partition, in batches of all kinds."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from app.offline.backtest import FileRecord
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.population_numbers import census_record, numbers_record
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition

RULES = TimeRules(retention_ms=3_600_000, disorder_ms=0)
TOP = "top(50%) of count('A' within 10m)"
FILES = {
    "top.yaml": "segment: top\nwhen: count('A' within 10m) >= top(50%)\n",
    "brief.yaml": "segment: brief\nwhen: exists('A' within 5m)\n",
}
PROGRAM = compile_catalog(load_catalog(FILES), RULES)


class Log:
    """Records of one partition, with offsets in order."""

    def __init__(self) -> None:
        self.records: list[FileRecord] = []

    def put(self, value: bytes, key: bytes | None = None) -> "Log":
        self.records.append(FileRecord(len(self.records), -1, key, value))
        return self

    def event(self, user: str, at: str, **more: Any) -> "Log":
        said = {"type": "track", "event": "A", "userId": user, "timestamp": f"2026-01-05T{at}.000Z", **more}
        return self.put(json.dumps(said).encode(), user.encode())

    def census(self, number: int) -> "Log":
        return self.put(census_record(RULES.app, number))

    def numbers(self, number: int, **numbers: float | None) -> "Log":
        return self.put(numbers_record(RULES.app, number, {TOP: numbers["top"]}))


def told(batches: Sequence[Batch]) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.user, each.segment, each.change, each.at[11:19], each.cause.kind)
        for batch in batches
        for each in batch.changes
    ]


def played(log: Log, *, at_once: int = 1_000, program: Program = PROGRAM) -> tuple[Partition, list[Batch]]:
    partition = Partition(program, RULES)
    size = range(0, len(log.records), at_once)
    return partition, [partition.process(log.records[first : first + at_once]) for first in size]


def test_a_user_who_is_forgotten_at_a_census_and_comes_back_in_its_batch_leaves_in_time() -> None:
    log = Log().event("ann", "10:00:00")
    partition, batches = played(log)
    log.event("bob", "11:30:00").census(1).event("ann", "11:31:00")
    batches.append(partition.process(log.records[1:]))
    batches.append(partition.advance(1_767_612_960_000))  # 11:36
    assert ("ann", "brief", "exited", "11:36:00", "time") in told(batches)


@pytest.mark.parametrize("at_once", [1, 2, 3, 1_000])
def test_what_is_counted_and_who_enters_do_not_depend_on_batches(at_once: int) -> None:
    log = Log().event("ann", "10:00:00").event("ann", "10:01:00").event("bob", "10:02:00").event("cat", "10:12:00")
    log.census(1).numbers(1, top=1).event("bob", "10:13:00").census(2).numbers(2, top=2)
    _, batches = played(log, at_once=at_once)
    counts = [(count.census, count.members, count.measures) for batch in batches for count in batch.counts]
    assert [(census, members) for census, members, _ in counts] == [
        (1, {"brief": 1, "top": 0}),
        (2, {"brief": 2, "top": 2}),
    ]
    assert [sum(measures["count('A' within 10m)"][1].values()) for _, _, measures in counts] == [1, 2]
    assert [each for each in sorted(told(batches)) if each[1] == "top"] == [
        ("bob", "top", "entered", "10:13:00", "event"),
        ("bob", "top", "exited", "10:13:00", "population"),
        ("cat", "top", "entered", "10:12:00", "population"),
        ("cat", "top", "exited", "10:13:00", "population"),
    ]


def test_without_users_zero_are_counted_and_the_numbers_are_kept() -> None:
    log = Log().census(1).numbers(1, top=2).event("ann", "10:00:00").event("ann", "10:00:01")
    partition, batches = played(log, at_once=1)
    assert batches[0].counts[0].members == {"brief": 0, "top": 0}
    assert ("ann", "top", "entered", "10:00:01", "event") in told(batches)
    assert partition.epoch == 1


def test_the_same_numbers_once_more_change_nothing_and_older_ones_do_not_count() -> None:
    log = Log().event("ann", "10:00:00").numbers(7, top=1)
    partition, batches = played(log)
    assert len(told(batches)) == 2
    for number, top in ((7, 1), (6, 5)):
        log.numbers(number, top=top)
        assert not told([partition.process(log.records[-1:])])


def test_a_number_that_is_none_lets_everybody_leave() -> None:
    log = Log().event("ann", "10:00:00").numbers(7, top=1).numbers(8, top=None)
    _, batches = played(log)
    assert told(batches)[-1] == ("ann", "top", "exited", "10:00:00", "population")


def test_other_definitions_keep_the_numbers_that_they_still_ask_for() -> None:
    log = Log().event("ann", "10:00:00").numbers(7, top=1)
    partition, _ = played(log)
    new = {"new.yaml": "segment: new\nwhen: exists('B')\n"}
    other = compile_catalog(
        load_catalog({"top.yaml": FILES["top.yaml"], "new.yaml": "segment: new\nwhen: exists('B')\n"}), RULES
    )
    partition.adopt(other, clock_ms=partition.clock_ms)
    assert not [each for each in told([partition.sweep(10)]) if each[1] == "top"], "they stay"
    log.event("bob", "10:01:00")
    assert ("bob", "top", "entered", "10:01:00", "event") in told([partition.process(log.records[-1:])])
    partition.adopt(compile_catalog(load_catalog(new), RULES), clock_ms=partition.clock_ms)
    partition.sweep(10)
    partition.adopt(PROGRAM, clock_ms=partition.clock_ms)
    assert not [each for each in told([partition.sweep(10)]) if each[1:3] == ("top", "entered")], "forgotten meanwhile"


def test_a_restored_partition_has_the_numbers() -> None:
    log = Log().event("ann", "10:00:00").numbers(7, top=1)
    before, batches = played(log)
    again = Partition(PROGRAM, RULES)
    again.restore_position(before.position())
    for batch in batches:
        for user, profile in batch.profiles.items():
            again.restore(user, profile, offset=batch.next_offset)
    log.event("bob", "10:01:00")
    assert ("bob", "top", "entered", "10:01:00", "event") in told([again.process(log.records[-1:])])
