"""Two users become one the same way, whether their events came by the fast path or not: equal to the byte."""

import shutil
from typing import Any

import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from tests.model.messages import Advance, Merge, Record
from tests.properties.scenario import Scenario, scenario_of
from tests.support.choices import Choices
from tests.support.merging_partition import MergingPartition

HISTORIES = 150
BATCH = 4

pytestmark = [
    pytest.mark.truth,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the fast path is not built"),
]


def test_what_is_written_is_the_same() -> None:
    quickly = merges = 0
    for seed in range(HISTORIES):
        scenario = scenario_of(Choices.seeded(seed))
        if not any(isinstance(step, Merge) for step in scenario.steps):
            continue
        fast, slow = played(scenario, fast=True), played(scenario, fast=False)
        assert [told(batch) for batch in fast] == [told(batch) for batch in slow], f"seed {seed}: {scenario}"
        quickly += sum(batch.quickly for batch in fast)
        merges += 1
    assert quickly > merges > HISTORIES // 10


def played(scenario: Scenario, *, fast: bool) -> list[Batch]:
    program = compile_catalog(load_catalog(scenario.files), scenario.rules)
    partition = MergingPartition(program, scenario.rules, fast=fast)
    batches: list[Batch] = []
    waiting: list[Record] = []
    for step in [*scenario.steps, Advance(scenario.end_ms)]:
        if isinstance(step, Record):
            waiting.append(step)
            if len(waiting) < BATCH:
                continue
        batches.append(partition.process(waiting))
        waiting = []
        if isinstance(step, Merge):
            batches.append(partition.merge(step.user, step.given))
        elif isinstance(step, Advance):
            batches.append(partition.advance(step.clock_ms))
    return batches


def told(batch: Batch) -> list[Any]:
    return [[change.encode() for change in batch.changes], batch.profiles, dict(batch.counted), batch.clock_ms]
