"""Keys of one person come to the same wherever a batch ends."""

import json

import pytest

from app.events.instants import iso
from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tables.identity import DAY_MS

START_MS = 1_767_571_200_000
DEFINITIONS = {"viewers.yaml": "segment: viewers\nwhen: count('View' within 90d) >= 2\n"}


@pytest.mark.parametrize("size", [1, 2, 4])
def test_who_was_forgotten_before_a_give_came_has_no_claims(size: int) -> None:
    rules = TimeRules(retention_ms=3 * DAY_MS)
    program = compile_catalog(load_catalog(DEFINITIONS | {"identity.yaml": ""}), rules)
    guest = Partition(program, rules)
    user = Partition(program, rules)

    def record(offset: int, key: str, at_ms: int, **ids: str) -> FileRecord:
        message = {"type": "track", "event": "View", "timestamp": iso(at_ms), **ids}
        return FileRecord(offset, at_ms, key.encode(), json.dumps(message).encode())

    later_ms = START_MS + 4 * DAY_MS
    first = record(0, "u", START_MS, userId="u", anonymousId="a")
    (ask,) = user.process([first]).links
    guest.process([record(0, "a", later_ms, anonymousId="a")])
    (give,) = guest.process([FileRecord(1, later_ms, b"a", ask.value)]).links
    again = Partition(program, rules)
    records = [
        first,
        record(1, "w", later_ms, userId="w"),
        record(2, "w", later_ms + 1, userId="w"),
        FileRecord(3, later_ms, b"u", give.value),
    ]
    for start in range(0, len(records), size):
        again.process(records[start : start + size])
    profile = again.profile("u")
    assert profile is not None
    assert profile.identity is not None
    assert profile.identity.claims == {}
    assert profile.highest_ms == later_ms
