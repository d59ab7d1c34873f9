"""Thresholds that even no event meets."""

import msgspec
import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord


@pytest.mark.parametrize("comparison", [">= 0", "> -1", "< 1", "= 0"])
def test_a_count_of_nothing_meets_a_bound_that_asks_for_nothing(comparison: str) -> None:
    rules = TimeRules()
    definition = f"segment: s\nwhen: count('A' within 1h) {comparison}\n"
    partition = Partition(compile_catalog(load_catalog({"s.yaml": definition}), rules), rules)
    value = msgspec.json.encode({"type": "track", "event": "B", "userId": "u"})
    batch = partition.process([PipedRecord(0, 1_767_600_000_000, b"u", value)])
    assert [change.change for change in batch.changes] == ["entered"]
