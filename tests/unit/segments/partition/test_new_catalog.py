"""Another catalog takes effect: once for everyone, at one instant, with the history of what did not change."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Batch, Partition
from app.segments.review.scenario import PipedRecord

RULES = TimeRules()
START_MS = 1_767_600_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
VIEWERS = "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\n"
BUYERS = """
segment: buyers
when: exists('Order Completed' within 1h)
attach: {last: last(order_id of 'Order Completed')}
"""
STRICTER = "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 3\n"
DRINKERS = "segment: drinkers\nwhen: exists('Tea Poured')\n"
ACTIVE = "segment: active\nwhen: user.idle < 10m\n"


def program(*definitions: str) -> Program:
    return compile_catalog(load_catalog({f"{n}.yaml": text for n, text in enumerate(definitions)}), RULES)


def record(offset: int, at_ms: int, user: str, event: str, **properties: Any) -> PipedRecord:
    message = {"type": "track", "event": event, "userId": user, "properties": properties}
    return PipedRecord(offset, at_ms, user.encode(), msgspec.json.encode(message))


def told(batches: Iterable[Batch]) -> list[tuple[str, str, str, str, str]]:
    return [
        (change.user, change.segment, change.change, change.cause.kind, change.at)
        for batch in batches
        for change in batch.changes
    ]


def a_partition() -> tuple[Partition, dict[str, bytes | None]]:
    """Two users: one with two views and an order, one with one view, five minutes later."""
    partition = Partition(program(VIEWERS, BUYERS), RULES)
    batch = partition.process(
        [
            record(0, START_MS, "ann", "Product Viewed"),
            record(1, START_MS + 1, "ann", "Product Viewed"),
            record(2, START_MS + 2, "ann", "Order Completed", order_id="o-1"),
            record(3, START_MS + 5 * MINUTE_MS, "ben", "Product Viewed"),
        ]
    )
    assert [(change.user, change.segment) for change in batch.changes] == [("ann", "viewers"), ("ann", "buyers")]
    return partition, dict(batch.profiles)


def test_members_of_a_segment_that_is_gone_leave_with_what_was_last_sent() -> None:
    partition, _ = a_partition()
    partition.adopt(program(VIEWERS), clock_ms=partition.clock_ms)
    batch = partition.sweep(100)
    (change,) = batch.changes
    assert (change.user, change.segment, change.change, change.cause.kind) == ("ann", "buyers", "exited", "catalog")
    assert change.attach == {"last": "o-1"}
    assert change.evidence == []
    assert change.times == 1
    assert partition.members()["viewers"] == 1
    assert partition.unswept == []


@pytest.mark.parametrize("own", [VIEWERS, STRICTER])
def test_members_are_counted_who_were_read_back_under_a_program_without_their_segment(own: str) -> None:
    """A worker starts with the newest definitions; its journal demands those before them first."""
    _, profiles = a_partition()
    partition = Partition(program(BUYERS, ACTIVE), RULES)
    for user, profile in profiles.items():
        partition.restore(user, profile, offset=4)
    assert (partition.stale, partition.members()) == (True, {"active": 0, "buyers": 1})
    partition.adopt(program(own, BUYERS), clock_ms=START_MS + 6 * MINUTE_MS)
    assert partition.members() == {"active": 0, "buyers": 1, "viewers": 1}
    partition.sweep(100)
    partition.advance(START_MS + 3 * 60 * MINUTE_MS)
    assert partition.members() == {"active": 0, "buyers": 0, "viewers": 0}


def test_a_stricter_condition_takes_effect_at_the_clock_and_not_before() -> None:
    partition, _ = a_partition()
    partition.adopt(program(STRICTER, BUYERS), clock_ms=partition.clock_ms)
    changes = told([partition.sweep(100)])
    assert changes == [("ann", "viewers", "exited", "catalog", "2026-01-05T08:04:55.000Z")]


def test_an_aggregate_that_both_catalogs_have_keeps_its_history() -> None:
    partition, _ = a_partition()
    partition.adopt(program(VIEWERS, DRINKERS), clock_ms=partition.clock_ms)
    partition.sweep(100)
    batch = partition.process([record(4, START_MS + 6 * MINUTE_MS, "ben", "Product Viewed")])
    assert told([batch]) == [("ben", "viewers", "entered", "event", "2026-01-05T08:06:00.000Z")]


@pytest.mark.parametrize("swept_first", [True, False])
def test_who_is_touched_first_and_who_is_swept_first_makes_no_difference(swept_first: bool) -> None:
    partition, _ = a_partition()
    partition.adopt(program(STRICTER, DRINKERS), clock_ms=partition.clock_ms)
    event = record(4, START_MS + 6 * MINUTE_MS, "ann", "Tea Poured")
    if swept_first:
        batches = [partition.sweep(1), partition.sweep(1), partition.process([event])]
    else:
        batches = [partition.process([event]), partition.sweep(1), partition.sweep(1)]
    changes = [change for batch in batches for change in batch.changes if change.user == "ann"]
    assert told(batches) == [
        ("ann", "buyers", "exited", "catalog", "2026-01-05T08:04:55.000Z"),
        ("ann", "viewers", "exited", "catalog", "2026-01-05T08:04:55.000Z"),
        ("ann", "drinkers", "entered", "event", "2026-01-05T08:06:00.000Z"),
    ]
    assert [change.sequence - changes[0].sequence for change in changes] == [0, 1, 2]


def test_a_restore_in_the_middle_of_a_sweep_goes_on_with_it() -> None:
    partition, profiles = a_partition()
    partition.adopt(program(STRICTER), clock_ms=partition.clock_ms)
    first = partition.sweep(1)
    profiles |= first.profiles
    restored = Partition(program(STRICTER), RULES)
    restored.restore_position(partition.position())
    for user, profile in profiles.items():
        restored.restore(user, profile, offset=4)
    assert not restored.stale
    second = restored.sweep(100)
    assert told([first, second]) == [
        ("ann", "buyers", "exited", "catalog", "2026-01-05T08:04:55.000Z"),
        ("ann", "viewers", "exited", "catalog", "2026-01-05T08:04:55.000Z"),
    ]


def test_a_catalog_that_comes_in_the_middle_of_a_sweep_takes_everyone_from_where_he_was() -> None:
    """After a crash: who restores it knows the third catalog only, and ben was never seen under the second."""
    partition, profiles = a_partition()
    partition.process([record(4, START_MS + 6 * MINUTE_MS, "ben", "Order Completed", order_id="o-2")])
    profiles |= {user: partition._encoded[user] for user in ("ann", "ben")}
    partition.adopt(program(STRICTER, DRINKERS), clock_ms=partition.clock_ms)
    first = partition.sweep(1)
    assert partition.unswept == ["ben"]
    profiles |= first.profiles
    restored = Partition(program(VIEWERS, DRINKERS), RULES)
    restored.restore_position(partition.position())
    for user, profile in profiles.items():
        restored.restore(user, profile, offset=5)
    assert restored.stale
    assert restored.unswept == ["ben"]
    restored.adopt(program(VIEWERS, DRINKERS), clock_ms=restored.clock_ms)
    assert (restored.stale, restored.epoch, restored.unswept) == (False, 3, ["ben", "ann"])
    told_of = [(user, segment, change) for user, segment, change, *_ in told([first, restored.sweep(9)])]
    assert sorted(told_of[:2]) == [("ann", "buyers", "exited"), ("ann", "viewers", "exited")]
    # The second catalog kept three instants of ann's views, the third keeps two: the state starts empty.
    assert told_of[2:] == [("ben", "buyers", "exited")]

    again = Partition(program(VIEWERS, BUYERS), RULES)
    rows = [record(n, START_MS + n, "ann", "Product Viewed") for n in range(2)]
    again.process([*rows, record(2, START_MS + 2, "ben", "Product Viewed")])
    again.adopt(program(STRICTER), clock_ms=again.clock_ms, before="ben")
    assert again.unswept == ["ann"]


def test_a_partition_restored_under_another_catalog_says_so() -> None:
    partition, profiles = a_partition()
    restored = Partition(program(VIEWERS), RULES)
    restored.restore_position(partition.position())
    for user, profile in profiles.items():
        restored.restore(user, profile, offset=4)
    before = restored.stale
    restored.adopt(program(VIEWERS), clock_ms=restored.clock_ms)
    assert (before, restored.stale) == (True, False)
    assert [change.segment for change in restored.sweep(100).changes] == ["buyers"]


def test_a_timer_of_someone_who_was_not_swept_fires_under_the_new_catalog() -> None:
    partition, _ = a_partition()
    partition.adopt(program(VIEWERS, ACTIVE), clock_ms=partition.clock_ms)
    batch = partition.advance(START_MS + 20 * MINUTE_MS)
    changes = [change for change in told([batch, partition.sweep(9)]) if change[1] == "active"]
    assert sorted(changes, key=lambda change: change[0]) == [
        ("ann", "active", "entered", "catalog", "2026-01-05T08:04:55.000Z"),
        ("ann", "active", "exited", "time", "2026-01-05T08:10:00.002Z"),
        ("ben", "active", "entered", "catalog", "2026-01-05T08:05:00.000Z"),
        ("ben", "active", "exited", "time", "2026-01-05T08:15:00.000Z"),
    ]


def test_a_segment_that_waits_to_be_warm_lets_nobody_in_before_its_window_was_seen_in_full() -> None:
    waiting = "segment: quiet\nwhen: not exists('Product Viewed' within 1h)\nwarmup: wait\n"
    partition = Partition(program(waiting, DRINKERS), RULES)
    partition.process([record(0, START_MS, "ann", "Tea Poured")])
    assert partition.members()["quiet"] == 0
    batch = partition.advance(START_MS + 3 * 60 * MINUTE_MS)
    assert told([batch]) == [("ann", "quiet", "entered", "time", "2026-01-05T09:00:00.000Z")]


@pytest.mark.parametrize(
    ("when", "at"),
    [
        ("streak('Tea Poured') < 3", "2026-01-10T08:00:00.000Z"),
        ("not 2.5 <= streak('Tea Poured')", "2026-01-10T08:00:00.000Z"),
        ("streak('Tea Poured') < 400", "2027-02-11T08:00:00.000Z"),
        ("streak('Tea Poured') + 0 < 3", "2026-01-05T08:00:00.000Z"),
        ("streak('Tea Poured' since last 'Order Completed') < 3", "2026-01-05T08:00:00.000Z"),
    ],
)
def test_a_segment_that_waits_to_be_warm_waits_for_the_days_of_a_streak(when: str, at: str) -> None:
    rules = TimeRules(retention_ms=500 * DAY_MS)
    files = {"new.yaml": f"segment: new\nwhen: {when}\nwarmup: wait\n"}
    partition = Partition(compile_catalog(load_catalog(files), rules), rules)
    batches = [
        partition.process([record(0, START_MS, "ann", "Tea Poured")]),
        partition.advance(START_MS + 450 * DAY_MS),
    ]
    assert [change[4] for change in told(batches)] == [at]


def test_a_retired_segment_lets_everyone_go_whatever_hold_says() -> None:
    held = BUYERS + "hold: 30m\n"
    partition = Partition(program(held), RULES)
    partition.process([record(0, START_MS, "ann", "Order Completed", order_id=1)])
    partition.adopt(program(held + "status: retired\n"), clock_ms=partition.clock_ms)
    assert [(c.segment, c.change, c.cause.kind) for c in partition.sweep(9).changes] == [
        ("buyers", "exited", "catalog")
    ]


@pytest.mark.parametrize(
    ("condition", "is_kept"),
    [
        ("count('Product Viewed') >= 2", True),
        ("exists(sequence('Product Viewed' then 'Product Viewed' within 1h))", True),
        ("until(last(ends of 'Product Viewed')) > 0s", True),
        ("exists('Product Viewed') and hour_of_day() >= 0", True),
        ("user.first_seen > '2026-01-01'", True),
        ("days('Product Viewed') >= 1", False),
        ("streak('Product Viewed') >= 1", False),
        ("count('Product Viewed' from '2026-01-01') >= 2", False),
        ("count('Product Viewed' where hour_of_day() >= 0) >= 2", False),
        ("count('Product Viewed' where timestamp > '2026-01-01' within 1h) >= 2", False),
        ("last(ends of 'Product Viewed' where date() > '2026-01-01') is known", False),
        ("exists(sequence('Product Viewed' where month() >= 1 then 'Product Viewed'))", False),
        ("count('Product Viewed' since last 'Order Completed' where day_of_month() >= 1) >= 2", False),
        ("score('hours') >= 2", False),
    ],
)
def test_with_another_zone_only_what_no_clock_decided_is_kept(condition: str, *, is_kept: bool) -> None:
    files = {
        "asked.yaml": f"segment: asked\nwhen: {msgspec.json.encode(condition).decode()}\n",
        "hours.yaml": (
            "score: hours\nhalf_life: 30d\npoints: [{on: \"'Product Viewed' where hour_of_day() >= 0\", add: 2}]\n"
        ),
    }
    utc, berlin = (
        compile_catalog(load_catalog(files | {"catalog.yaml": f"zone: {zone}\n"}), RULES)
        for zone in ("UTC", "Europe/Berlin")
    )
    partition = Partition(utc, RULES)
    views = [record(n, START_MS + n, "ann", "Product Viewed", ends="2030-01-01") for n in range(2)]
    assert [change.change for change in partition.process(views).changes] == ["entered"]
    partition.adopt(berlin, clock_ms=partition.clock_ms)
    assert [change.change for change in partition.sweep(100).changes] == ([] if is_kept else ["exited"])
    again = [record(2 + n, START_MS + 2 + n, "ann", "Product Viewed", ends="2030-01-01") for n in range(2)]
    assert [change.change for change in partition.process(again).changes] == ([] if is_kept else ["entered"])
