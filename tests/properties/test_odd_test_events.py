"""Odd events have the same verdict in a definition's test, in a backtest and in a worker's partition."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.offline.backtest import Backtest, FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import run_test
from tables.profile import INSIDE
from tests.model.messages import instant_ms

START_MS = instant_ms("2026-01-05T00:00:00Z")
RULES = TimeRules()
WORDS = ["A", " A", "A ", "a", "A\t", "A\n", "\u00a0A", "A\x00", "\ufeffA", "5", "true", "null"]
IDS = ["m", " m", "m ", "n", "5"]
VALUES: Any = st.recursive(
    st.one_of(st.sampled_from([*WORDS, 5, 5.0, "5.0", True, None, 10**30, -(10**400)]), st.floats(allow_nan=False)),
    lambda below: st.one_of(st.lists(below, max_size=2), st.dictionaries(st.sampled_from(["a", "b"]), below)),
    max_leaves=3,
)
EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(WORDS), "properties": st.dictionaries(st.sampled_from(["v", "a", "v "]), VALUES)},
    optional={"messageId": st.sampled_from(IDS), "context": st.dictionaries(st.sampled_from(["v"]), VALUES)},
)
CONDITIONS = [
    "count('A') >= 2",
    "exists('A ')",
    "exists('A' where v = 5)",
    "last(v of 'A') = 'A '",
    "sum(v of 'A') > 4",
    "context.v = 'A '",
]


def definition(when: str, events: list[dict[str, Any]], *, inside: bool) -> str:
    written = [{"at": f"{number}s", **event} for number, event in enumerate(events)]
    test = {"name": "t", "events": written, "expect": [{"at": "1m", "in": inside}]}
    return yaml.safe_dump({"segment": "s", "when": when, "tests": [test]}, width=100_000)


def by_test(when: str, events: list[dict[str, Any]]) -> bool:
    """The verdict that a test of the definition agrees with."""
    verdicts = []
    for inside in (True, False):
        catalog = load_catalog({"s.yaml": definition(when, events, inside=inside)})
        (segment,) = catalog.segments
        if not run_test(catalog, segment, segment.tests[0]):
            verdicts.append(inside)
    (verdict,) = verdicts
    return verdict


def records(events: list[dict[str, Any]]) -> list[FileRecord]:
    said = ({"type": "track", "anonymousId": "visitor", **event} for event in events)
    return [
        FileRecord(number, START_MS + number * 1_000, b"visitor", json.dumps(each).encode())
        for number, each in enumerate(said)
    ]


def by_backtest(when: str, events: list[dict[str, Any]]) -> bool:
    backtest = Backtest(load_catalog({"s.yaml": f"segment: s\nwhen: {json.dumps(when)}"}), RULES)
    backtest.process(0, records(events))
    return backtest.finish(START_MS + 60_000).inside.get("s", 0) == 1


def by_worker(when: str, events: list[dict[str, Any]]) -> bool:
    program = compile_catalog(load_catalog({"s.yaml": f"segment: s\nwhen: {json.dumps(when)}"}), RULES)
    partition = Partition(program, RULES)
    partition.process(list(records(events)))
    partition.advance(START_MS + 60_000)
    profile = partition.profile("visitor")
    member = None if profile is None else profile.members.get(program.segments[0].id)
    return member is not None and bool(member[INSIDE])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from(CONDITIONS), st.lists(EVENTS, min_size=1, max_size=3))
@example("exists('A ')", [{"event": "A ", "properties": {}}])
@example("count('A') >= 2", [{"event": "A", "messageId": "m"}, {"event": "A", "messageId": "m "}])
@pytest.mark.long
def test_an_odd_event_has_one_verdict(when: str, events: list[dict[str, Any]]) -> None:
    verdicts = {way.__name__: way(when, events) for way in (by_test, by_backtest, by_worker)}
    assert len(set(verdicts.values())) == 1, verdicts


@pytest.mark.parametrize("digits", [400, 5_000])
def test_a_number_of_thousands_of_digits_in_a_test_is_read(digits: int) -> None:
    text = f"""
segment: s
when: exists('A')
tests:
  - name: t
    events: [{{at: 0m, event: A, properties: {{v: {"9" * digits}}}}}]
    expect: [{{at: 1m, in: true}}]
"""
    catalog = load_catalog({"s.yaml": text})
    (segment,) = catalog.segments
    assert run_test(catalog, segment, segment.tests[0]) == []
