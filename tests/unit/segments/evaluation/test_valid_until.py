"""`valid_until` counts `hold`: whatever the condition does, nobody leaves before it is over."""

import json

import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.model.messages import Record
from tests.model.story import event

HOLD_ENDS = "2026-01-05T06:00:00.000Z"


def changes(*definitions: str) -> list[tuple[str, str, str | None]]:
    """The instant, the kind and `valid_until` of each change of the segment that is called s."""
    catalog = load_catalog({f"{number}.yaml": text for number, text in enumerate(definitions)})
    partition = Partition(compile_catalog(catalog, TimeRules()), TimeRules(), keyed=False)
    value = json.dumps(event("0s", "A")).encode()
    batches = [partition.process([Record(0, -1, None, value)]), partition.advance(1_767_571_200_000 + 86_400_000)]
    found = [change for batch in batches for change in batch.changes if change.segment == "s"]
    return [(change.at[11:16], change.change, change.valid_until) for change in found]


@pytest.mark.parametrize(
    "condition", ["exists('A' within 1h)", "exists('A' within 1h) and user.idle < 10m", "segment('other')"]
)
def test_it_lies_not_before_the_end_of_hold(condition: str) -> None:
    other = "segment: other\nwhen: exists('A' within 1h)\n"
    assert changes(f"segment: s\nhold: 6h\nwhen: {condition}\n", other) == [
        ("00:00", "entered", HOLD_ENDS),
        ("06:00", "exited", None),
    ]


def test_a_condition_that_outlives_hold_decides() -> None:
    assert changes("segment: s\nhold: 6h\nwhen: exists('A' within 7h)\n") == [
        ("00:00", "entered", "2026-01-05T07:00:00.000Z"),
        ("07:00", "exited", None),
    ]


def test_updates_come_during_hold() -> None:
    updates = "attach: {recent: \"exists('A' within 2h)\"}\nupdates: [recent]\n"
    assert changes("segment: s\nhold: 6h\nwhen: exists('A' within 1h)\n" + updates) == [
        ("00:00", "entered", "2026-01-05T02:00:00.000Z"),
        ("02:00", "updated", HOLD_ENDS),
        ("06:00", "exited", None),
    ]
