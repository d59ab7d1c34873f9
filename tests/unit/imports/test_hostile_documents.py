"""Broken, deep and hostile documents get clear errors, and what is written stays valid."""

import json
from typing import Any

import pytest

from app.errors import UserError
from app.imports.translation import PRODUCTS, translate
from app.segments.definitions.catalog import load_catalog


def cohort(*values: Any, name: Any = "Somebody", **more: Any) -> dict[str, Any]:
    return {"id": 1, "name": name, "filters": {"properties": {"type": "AND", "values": list(values)}}, **more}


def person(key: Any, value: Any, operator: str = "exact") -> dict[str, Any]:
    return {"type": "person", "key": key, "operator": operator, "value": value}


def imported(*cohorts: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    found = translate("posthog", json.dumps(list(cohorts)).encode(), "cohorts.json")
    if found.files:
        load_catalog(found.files)
    return found.files, [str(gap) for gap in found.gaps]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.json:1:1: not JSON: Expecting value"),
        (b'{"data": [1,}', "x.json:1:13: not JSON"),
        (b"\xff\xfe", "x.json is not UTF-8 text (byte 0)"),
        (b'{"a": NaN}', "x.json: not JSON: NaN is no value of JSON"),
        (b"[" * 100_000, "x.json: nested too deeply"),
        (b"9" * 5_000, "x.json: not JSON: "),
        (b"{}", "x.json: no "),
        (b"[]", "x.json: no "),
        (b"null", "x.json: no "),
        (b'"text"', "x.json: no "),
        (b'[1, "two", null, [3]]', "x.json: no "),
    ],
)
def test_a_file_without_definitions_gets_one_clear_error(product: str, data: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        translate(product, data, "x.json")
    assert caught.value.message.startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("product", "document"),
    [
        ("klaviyo", {"condition_groups": 5}),
        ("klaviyo", {"condition_groups": [7, {"conditions": [None, {"type": []}, {"type": "profile-metric"}]}]}),
        ("klaviyo", {"data": {"id": [], "attributes": {"name": 3, "definition": {"condition_groups": [{}]}}}}),
        ("segment-engage", {"definition": {"query": 5}}),
        ("segment-engage", {"name": [], "key": {}, "definition": {"query": "trait('a')", "type": []}}),
        ("segment-engage", {"definition": {"query": "event().count() >= 1"}}),
        ("segment-engage", {"definition": {"query": "event('A').within(999999999999 days).count() >= 1"}}),
        ("segment-engage", {"definition": {"query": "event('A').mode(property('b'), 'x') = 'c'"}}),
        ("segment-engage", {"definition": {"query": "event('A').where(1).unique().count() >= trait('x')"}}),
        ("customerio", {"filter": [1]}),
        ("customerio", {"filter": {"and": {}, "or": []}}),
        ("customerio", {"filter": {"attribute": {"field": "a", "operator": "eq", "value": {"deep": 1}}}}),
        ("posthog", {"name": "x", "filters": "none"}),
        ("posthog", {"filters": {"properties": {"type": "XOR", "values": []}}}),
        ("posthog", cohort({"type": "behavioral", "value": "performed_event", "key": "a"}, "text", [])),
        ("posthog", cohort({"type": "cohort", "value": 1}, {"type": "cohort", "value": [1, 2]})),
    ],
)
def test_values_of_a_wrong_type_are_gaps_with_their_place(product: str, document: Any) -> None:
    found = translate(product, json.dumps(document).encode(), "x.json")
    assert not found.files
    assert any(gap.left_out for gap in found.gaps)


@pytest.mark.parametrize("depth", [40, 400])
def test_groups_that_are_nested_too_deeply_are_left_out(depth: int) -> None:
    inner: dict[str, Any] = person("plan", "gold")
    for _ in range(depth):
        inner = {"type": "OR", "values": [inner]}
    files, gaps = imported(cohort(inner, person("country", "DE")))
    assert "status: draft" in files["somebody.yaml"]
    assert "traits.country = 'DE'" in files["somebody.yaml"]
    assert any("nested more than 30 deep" in gap for gap in gaps)
    negations: dict[str, Any] = {"attribute": {"field": "a", "operator": "eq", "value": "b"}}
    for _ in range(depth):
        negations = {"not": negations}
    found = translate("customerio", json.dumps({"filter": negations}).encode(), "x.json")
    assert not found.files
    assert any("nested more than 30 deep" in str(gap) for gap in found.gaps)
    query = "(" * depth + "trait('a') = 'b'" + ")" * depth
    found = translate("segment-engage", json.dumps({"definition": {"query": query}}).encode(), "x.json")
    assert any("nested more than 30 deep" in str(gap) for gap in found.gaps)
    query = "NOT " * depth + "trait('a') = 'b'"
    found = translate("segment-engage", json.dumps({"definition": {"query": query}}).encode(), "x.json")
    assert bool(found.files) != bool(found.gaps)


HOSTILE = "a\x1b[2J\u202e\n- {at: 0s}\x00"


def test_names_and_texts_with_control_characters_reach_no_terminal_and_no_file() -> None:
    files, gaps = imported(
        cohort(person("plan", "gold"), name=HOSTILE, description=HOSTILE),
        cohort(person(HOSTILE, "x"), person("plan", HOSTILE), name=HOSTILE),
        cohort({"type": HOSTILE}, person("plan", "gold", HOSTILE), name='\'; DROP "TABLE" # : {x}'),
    )
    assert len(files) == 1
    for text in [*files, *files.values(), *gaps]:
        assert not set(text) & set("\x1b\u202e\x00")
        assert "\n- {at" not in text
    assert sum("control character" in gap for gap in gaps) == 2


@pytest.mark.parametrize(
    "text", ["it's", "a'b'c", "#", "a: b", "{x}", "[y]", '"', "\\", "é 字 🙂", "%", "yes", "-1", "&a", "*a"]
)
def test_any_printable_text_is_written_as_it_is(text: str) -> None:
    event = {
        "type": "behavioral",
        "value": "performed_event",
        "event_type": "events",
        "time_value": 1,
        "time_interval": "day",
    }
    files, gaps = imported(
        cohort({**event, "key": text}, person(text, text), person("path", text, "icontains"), name=text)
    )
    assert not gaps
    (definition,) = load_catalog(files).segments
    assert len(definition.tests) == 2
    assert definition.title == text.strip() or definition.title == text


def test_a_cohort_that_is_in_itself_and_a_chain_that_is_too_long_are_gaps() -> None:
    chain = [
        cohort(person("a", "b"), {"type": "cohort", "value": number + 1}, name=f"n {number}") | {"id": number}
        for number in range(24)
    ]
    files, gaps = imported(*chain)
    assert any("a chain of more than 20 segments" in gap for gap in gaps)
    circle = [
        cohort({"type": "cohort", "value": 2}, name="one") | {"id": 1},
        cohort({"type": "cohort", "value": 1}, name="two") | {"id": 2},
    ]
    files, gaps = imported(*circle)
    assert not files
    assert any("cannot depend on itself" in gap for gap in gaps)


def test_what_our_limits_refuse_is_a_gap_in_our_words() -> None:
    event = {"type": "behavioral", "event_type": "events", "key": "x", "time_interval": "year", "time_value": 1}
    _, gaps = imported(
        cohort({**event, "value": "performed_event", "time_value": 3}),
        cohort({**event, "value": "performed_event_multiple", "operator": "gte", "operator_value": 5000}),
    )
    assert any("retention" in gap.lower() or "400d" in gap for gap in gaps)
    assert any("never reaches 5000" in gap for gap in gaps)


@pytest.mark.parametrize(
    ("date", "until"),
    [
        ("1970-01-01", "1970-01-01"),
        ("1970-01-01T00:00:00+14:00", None),
        ("0001-01-01", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("2026-02-30", None),
        ("2026-06-01", "2026-05-01"),
        ("yesterday", "-1d"),
        ("-0d", "-99999y"),
        ("-30d", "2026-05-01"),
        ([], {}),
    ],
)
def test_odd_dates_are_gaps_or_valid_definitions(date: Any, until: Any) -> None:
    event = {"type": "behavioral", "event_type": "events", "key": "x", "value": "performed_event"}
    files, gaps = imported(cohort({**event, "explicit_datetime": date, "explicit_datetime_to": until}))
    assert files or gaps


def test_two_definitions_with_one_title_become_two_files() -> None:
    files, _ = imported(*(cohort(person("plan", "gold"), name="Same!") | {"id": number} for number in range(3)))
    assert sorted(files) == ["same-2.yaml", "same-3.yaml", "same.yaml"]
