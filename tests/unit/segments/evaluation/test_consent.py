"""Consent of users: who may enter, and who leaves at once."""

import json
from typing import Any

import pytest

from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import CONSENT_FILE
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition

POLICY = "purposes: {marketing: {default: denied}, analytics: {default: granted}}\n"
MINUTE_MS = 60_000


def changes(definition: str, *events: tuple[int, dict[str, Any] | None]) -> list[Change]:
    """Changes of a user with these page views: minutes, and what each says of consent."""
    program = compile_catalog(load_catalog({"s.yaml": definition, CONSENT_FILE: POLICY}), TimeRules())
    records = []
    for offset, (minute, said) in enumerate(events):
        context = {} if said is None else {"context": {"consent": {"categoryPreferences": said}}}
        at = {"timestamp": f"2026-01-05T00:{minute:02d}:00Z", "messageId": f"m{offset}"}
        value = json.dumps({"type": "page", "userId": "u", **at, **context}).encode()
        records.append(FileRecord(offset, -1, b"u", value))
    return list(Partition(program, TimeRules()).process(records).changes)


def told(found: list[Change]) -> list[tuple[str, str, str]]:
    return [(each.change, each.at[14:16], each.cause.kind) for each in found]


def test_nobody_enters_without_the_consent_that_a_segment_requires() -> None:
    strict = "segment: s\nwhen: exists(page)\nrequires: [marketing]\n"
    found = changes(strict, (0, None), (1, {"marketing": True}))
    assert told(found) == [("entered", "01", "event")]
    assert [(atom.expression, atom.value) for atom in found[0].evidence] == [
        ("exists(page)", True),
        ("consent('marketing')", True),
    ]


@pytest.mark.parametrize("keys", ["", "hold: 1h\n", "cooldown: 1m\n", "warmup: wait\nhold: 5m\n"])
def test_who_withdraws_leaves_at_once_with_the_purpose_as_the_cause(keys: str) -> None:
    strict = f"segment: s\nwhen: exists(page)\nrequires: [analytics, marketing]\n{keys}"
    found = changes(strict, (0, {"marketing": True}), (2, {"marketing": False}))
    assert told(found) == [("entered", "00", "event"), ("exited", "02", "consent")]
    cause = found[1].cause
    assert (cause.purpose, cause.message_id) == ("marketing", "m1")
    assert [(atom.expression, atom.value) for atom in found[1].evidence] == [("consent('marketing')", False)]


def test_an_older_answer_that_comes_later_changes_nothing() -> None:
    strict = "segment: s\nwhen: exists(page)\nrequires: [marketing]\n"
    assert told(changes(strict, (5, {"marketing": True}), (1, {"marketing": False}))) == [("entered", "05", "event")]


def test_other_answers_than_true_deny_and_null_takes_the_answer_back() -> None:
    asked = "segment: s\nwhen: consent('analytics')\n"
    found = changes(asked, (0, None), (1, {"analytics": "yes"}), (2, {"analytics": None}), (3, {"analytics": 1}))
    assert told(found) == [
        ("entered", "00", "event"),
        ("exited", "01", "event"),
        ("entered", "02", "event"),
        ("exited", "03", "event"),
    ]


def test_an_answer_counts_for_definitions_that_come_later() -> None:
    files = {"s.yaml": "segment: s\nwhen: exists(page)\n", CONSENT_FILE: POLICY}
    rules = TimeRules()
    partition = Partition(compile_catalog(load_catalog(files), rules), rules)
    said = {"consent": {"categoryPreferences": {"marketing": True}}}
    value = json.dumps({"type": "page", "userId": "u", "timestamp": "2026-01-05T00:00:00Z", "context": said}).encode()
    partition.process([FileRecord(0, -1, b"u", value)])
    later = files | {
        "s.yaml": files["s.yaml"] + "requires: [marketing]\n",
        "t.yaml": "segment: t\nwhen: consent('marketing')\n",
    }
    partition.adopt(compile_catalog(load_catalog(later), rules), clock_ms=partition.clock_ms)
    assert [(each.segment, each.change) for each in partition.sweep(10).changes] == [("t", "entered")]
