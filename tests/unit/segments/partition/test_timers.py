"""Timers fire whatever the batches are."""

import random
import sys
from itertools import pairwise
from types import FrameType
from typing import Any

import msgspec
import pytest

from app.events.instants import iso
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Batch, Partition
from app.segments.review.scenario import PipedRecord

START_MS = 1_767_600_000_000
RULES = TimeRules()
PROGRAM = compile_catalog(
    load_catalog(
        {
            "a.yaml": "segment: a\nwhen: exists('A' within 10s)\n",
            "b.yaml": "segment: b\nwhen: exists('B' within 100s)\n",
            "c.yaml": "segment: c\nwhen: exists('C' within 1s)\n",
        }
    ),
    RULES,
)
Told = dict[str, list[tuple[str, str, str]]]


def record(offset: int, at_s: float, user: str, event: str) -> PipedRecord:
    message = {"type": "track", "event": event, "userId": user, "timestamp": iso(START_MS + int(at_s * 1000))}
    return PipedRecord(offset, -1, user.encode(), msgspec.json.encode(message))


def told(batches: list[list[PipedRecord]]) -> Told:
    """Returns each user's changes, to the end of all timers."""
    partition = Partition(PROGRAM, RULES)
    changes = [change for batch in batches for change in partition.process(batch).changes]
    changes += partition.advance(START_MS + 10_000_000).changes
    found: Told = {}
    for change in changes:
        found.setdefault(change.user, []).append((change.segment, change.change, change.at[11:]))
    return found


def test_one_who_is_taken_out_of_the_timers_and_fires_is_armed_again() -> None:
    events: list[list[Any]] = [
        [(0, "u", "A"), (0, "u", "B")],  # armed at 10 s
        [(12, "u", "Z")],  # fires that timer while the clock is at 7 s: the next, at 100 s, relies on the old bucket
        [(12.5, "u", "C"), (40, "v", "Z")],  # the clock passes the bucket, and the timer of c in between
    ]
    rows = [[record(n * 10 + k, *event) for k, event in enumerate(some)] for n, some in enumerate(events)]
    assert told(rows)["u"][-1] == ("b", "exited", "08:01:40.000Z")


@pytest.mark.parametrize("seed", range(40))
def test_batches_make_no_difference(seed: int) -> None:
    chance = random.Random(seed)
    at_s = 0.0
    rows = []
    for offset in range(60):
        at_s += chance.choice([0, 0.1, 0.5, 1, 3, 10, 30])
        rows.append(record(offset, at_s, chance.choice("uvw"), chance.choice("ABCZ")))
    cuts = sorted({0, len(rows), *(chance.randrange(len(rows)) for _ in range(chance.randrange(20)))})
    split = [rows[a:b] for a, b in pairwise(cuts)]
    assert told(split) == told([rows]) == told([[row] for row in rows])


def lines_executed(segments: int) -> int:
    """Of Python code, while the timers of so many segments of one user fire, each at another instant."""
    definition = "segment: s{number}\nwhen: exists('A' within {seconds}s)\n"
    files = {f"s{number}.yaml": definition.format(number=number, seconds=60 + number) for number in range(segments)}
    partition = Partition(compile_catalog(load_catalog(files), RULES), RULES)
    assert len(partition.process([record(0, 0, "u", "A")]).changes) == segments
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        batch = partition.advance(START_MS + 10_000_000)
    finally:
        sys.settrace(before)
    assert len(batch.changes) == segments
    return lines


def test_ten_times_the_segments_that_read_an_event_take_ten_times_the_work() -> None:
    assert lines_executed(400) < 11 * lines_executed(40)


def crowd(users: int) -> list[PipedRecord]:
    """Each user has done something, in the same second, that is over after 1 s, 10 s and 100 s."""
    return [record(3 * n + k, n / users, f"u{n}", event) for n in range(users) for k, event in enumerate("ABC")]


def test_a_jump_of_the_clock_fires_no_more_timers_in_a_batch_than_it_may() -> None:
    users, end_ms = 50, START_MS + 1_000_000
    whole, partition = Partition(PROGRAM, RULES), Partition(PROGRAM, RULES, timers_max=7)
    for each in (whole, partition):
        each.process(crowd(users))
    wanted = whole.advance(end_ms).changes
    assert len(wanted) == 3 * users
    assert not whole.overdue
    slices = [partition.advance(end_ms)]
    while partition.overdue:
        slices.append(partition.advance(partition.clock_ms))
    assert max(len(batch.changes) for batch in slices) == 7
    assert len(slices) >= 3 * users / 7
    assert sorted(change.encode() for batch in slices for change in batch.changes) == sorted(
        change.encode() for change in wanted
    )


@pytest.mark.parametrize("timers_max", [1, 2, 5])
def test_records_and_restarts_between_two_parts_of_a_jump_change_nothing(timers_max: int) -> None:
    """The clock jumps; then a record of one of those who wait for their timers, a restart, and a jump on."""
    users = 12
    rows = [*crowd(users), record(36, 50, "u3", "A"), record(37, 51, "u7", "C")]
    whole = Partition(PROGRAM, RULES)
    batches = [whole.process(rows[:36]), whole.advance(START_MS + 40_000), whole.process(rows[36:])]
    wanted = by_user([*batches, whole.advance(START_MS + 500_000)])

    partition = Partition(PROGRAM, RULES, timers_max=timers_max)
    batches = [partition.process(rows[:36]), partition.advance(START_MS + 40_000), partition.process(rows[36:37])]
    assert partition.overdue
    restored = Partition(PROGRAM, RULES, timers_max=timers_max)
    restored.restore_position(partition.position())
    kept = {user: profile for batch in batches for user, profile in batch.profiles.items()}
    for user, profile in kept.items():
        restored.restore(user, profile, offset=37)
    batches += [restored.process(rows[37:]), restored.advance(START_MS + 500_000)]
    while restored.overdue:
        batches.append(restored.advance(restored.clock_ms))
    assert by_user(batches) == wanted


def by_user(batches: list[Batch]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for batch in batches:
        for change in batch.changes:
            found.setdefault(change.user, []).append(change.encode())
    return found


def test_whether_a_timer_is_due_is_found_without_looking_at_all_of_them() -> None:
    partition = Partition(PROGRAM, RULES)
    partition.process(crowd(2_000))
    asked = 0

    class Counting(dict[str, bytes]):
        def get(self, *given: Any) -> Any:
            nonlocal asked
            asked += 1
            return super().get(*given)

    partition._encoded = Counting(partition._encoded)
    assert partition.has_due(START_MS + 1_000_000)
    assert asked == 1
    assert len(partition.advance(START_MS + 1_000_000).changes) == 6_000
