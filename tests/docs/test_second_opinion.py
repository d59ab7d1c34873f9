"""The oracle, which shares no code with the engine but the parser, agrees on every example and shipped definition."""

import json
import re
from functools import cache
from typing import Any

import pytest

from app.events.message import LIST
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import Catalog, TestCase
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import value_of
from tests.model.messages import Advance, Record
from tests.model.oracle import Oracle
from tools.docs_pages import PAGES, ROOT, definitions

RULES = TimeRules()
DAY_MS = 86_400_000
LEFT_TO_THE_ENGINE = ("id", "version", "valid_until")
_USED = re.compile(r"\b(?:segment|score|entered|left|since_left|times)\('([^']+)'")
SHIPPED = ROOT / "deploy" / "segments"
FILES: dict[str, dict[str, str]] = {
    "shipped": {path.name: path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.yaml"))},
    **{page.name: files for page in PAGES if (files := definitions(page))},
}


@cache
def catalog_of(name: str, segment: str) -> Catalog:
    """A definition with those that it uses, live."""
    files = FILES[name]
    needed: dict[str, str] = {}
    waiting = [segment]
    while waiting:
        path = f"{waiting.pop()}.yaml"
        needed[path] = files[path].replace("status: draft", "status: live")
        waiting += _USED.findall(files[path])
    return load_catalog(needed)


CASES = [
    pytest.param(catalog_of(name, segment.name), test, id=f"{name}:{segment.name}:{number}")
    for name, files in FILES.items()
    for segment in load_catalog(files).segments
    if segment.warmup == "none"  # the oracle treats the given events as the whole history
    for number, test in enumerate(segment.tests, 1)
]


def steps_of(test: TestCase) -> list[Record | Advance]:
    """Yields the steps of a time-travel test: records, and moves of the clock."""
    steps: list[tuple[int, int, Record | Advance]] = []
    for offset, event in enumerate(test.events):
        at_ms = test.start_ms + event.at_ms
        user = str(event.message.get("userId") or event.message.get("anonymousId"))
        if event.message["type"] == LIST:
            steps.append((at_ms, -1, Advance(at_ms)))
        value = value_of(event.message, RULES, at_ms=at_ms)
        steps.append((at_ms, 0, Record(offset=offset, timestamp=at_ms, key=user.encode(), value=value)))
    for expectation in test.expect:
        at_ms = test.start_ms + expectation.at_ms
        steps.append((at_ms, 1, Advance(at_ms)))
    return [step for _, _, step in sorted(steps, key=lambda each: each[:2])]


def by_the_engine(catalog: Catalog, steps: list[Record | Advance], end_ms: int) -> list[dict[str, Any]]:
    partition = Partition(compile_catalog(catalog, RULES), RULES)
    changes: list[dict[str, Any]] = []
    for step in [*steps, Advance(end_ms)]:
        batch = partition.advance(step.clock_ms) if isinstance(step, Advance) else partition.process([step])
        changes += [json.loads(change.encode()) for change in batch.changes]
    return changes


def by_the_oracle(catalog: Catalog, steps: list[Record | Advance], end_ms: int) -> list[dict[str, Any]]:
    return [change for said in Oracle(catalog, RULES).run(steps, clock_ms=end_ms).changes.values() for change in said]


def comparable(change: dict[str, Any]) -> str:
    """Returns as text what both must agree about."""
    kept = {field: value for field, value in change.items() if field not in LEFT_TO_THE_ENGINE}
    kept["cause"] = {field: value for field, value in kept["cause"].items() if value is not None}
    return json.dumps(kept, sort_keys=True)


@pytest.mark.parametrize(("catalog", "test"), CASES)
def test_the_oracle_sees_the_same_changes(catalog: Catalog, test: TestCase) -> None:
    steps = steps_of(test)
    end_ms = test.start_ms + max(each.at_ms for each in test.expect) + DAY_MS
    expected = [comparable(change) for change in by_the_oracle(catalog, steps, end_ms)]
    assert [comparable(change) for change in by_the_engine(catalog, steps, end_ms)] == expected
