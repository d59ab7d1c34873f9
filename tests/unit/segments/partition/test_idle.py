"""A user who is idle for a day keeps what some window still shows, and nothing else."""

from typing import Any

import msgspec
import pytest

from app.events.instants import iso
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import IDLE_MS, Partition
from app.segments.review.scenario import PipedRecord

START_MS = 1_767_600_000_000
HOUR_MS = 3_600_000
WAKES = "segment: wakes\nwhen: exists('Wake' within 30h)\n"
RULES = TimeRules()


def partition_of(when: str) -> Partition:
    segments = {"wakes.yaml": WAKES, "asked.yaml": f"segment: asked\nwhen: {when}\n"}
    return Partition(compile_catalog(load_catalog(segments), RULES), RULES)


def event(number: int, hour: float, name: str, **properties: Any) -> PipedRecord:
    message = {
        "type": "track",
        "event": name,
        "userId": "u",
        "messageId": f"m{number}",
        "timestamp": iso(START_MS + int(hour * HOUR_MS)),
        "properties": properties,
    }
    return PipedRecord(number, -1, b"u", msgspec.json.encode(message))


EACH_KIND = [
    "count('A' within {}) >= 3",
    "count('A' within {}) = 3",
    "count('A' per same within {}) >= 3",
    "key(count('A' per same within {0})) = 's' and count('A' per same within {0}) > 2",
    "distinct(other of 'A' within {}) >= 3",
    "sum(price of 'A' within {}) >= 3",
    "first(other of 'A' within {0}) = 'a' and last(other of 'A' within {0}) = 'c'",
]


@pytest.mark.parametrize("when", EACH_KIND)
def test_what_a_window_shows_is_kept(when: str) -> None:
    partition = partition_of(when.format("7d"))
    records = [
        event(0, 0, "A", same="s", other="a", price=1),
        event(1, 72, "A", same="s", other="b", price=1),
        event(2, 72, "Wake"),  # its timer, 30 hours later, finds an idle user
        event(3, 144, "A", same="s", other="c", price=1),
    ]
    told = []
    for record in records:
        told += [(change.segment, change.change, change.at) for change in partition.process([record]).changes]
        told += [(change.segment, change.change, change.at) for change in partition.advance(partition.clock_ms).changes]
    assert told == [
        ("wakes", "entered", iso(START_MS + 72 * HOUR_MS)),
        ("wakes", "exited", iso(START_MS + 102 * HOUR_MS)),
        ("asked", "entered", iso(START_MS + 144 * HOUR_MS)),
    ]


@pytest.mark.parametrize("when", [*EACH_KIND, "exists('A' within {})"])
def test_what_no_window_shows_goes(when: str) -> None:
    partition = partition_of(when.format("2h"))
    partition.process([event(0, 0, "A", same="s", other="a", price=1), event(1, 0, "Wake")])
    before = partition.profile("u")
    assert before is not None
    assert len(before.aggregates) >= 2
    assert len(before.message_ids) == 28
    partition.advance(START_MS + 29 * HOUR_MS)
    still = partition.profile("u")  # a timer of two hours found nobody idle
    assert still is not None
    assert len(still.message_ids) == 28
    partition.advance(START_MS + 30 * HOUR_MS)
    after = partition.profile("u")
    assert after is not None
    assert not after.aggregates
    assert not after.message_ids
    assert after.fired_ms - after.highest_ms >= IDLE_MS


def test_what_has_no_window_stays() -> None:
    partition = partition_of("count('A') >= 2 and sum(price of 'A') >= 2")
    partition.process([event(0, 0, "A", price=1), event(1, 0, "Wake")])
    partition.advance(START_MS + 30 * HOUR_MS)
    told = partition.process([event(2, 100, "A", price=1)]).changes
    assert [(change.segment, change.change) for change in told] == [("asked", "entered")]
