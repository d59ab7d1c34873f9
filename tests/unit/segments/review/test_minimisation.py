"""The collector takes of an event the part that definitions read; if its user refuses it, the answer alone."""

from typing import Any

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import CONSENT_FILE
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.minimisation import Minimisation, minimisation, minimised

RULES = TimeRules()
VIEWERS = (
    "segment: viewers\nwhen: sum(price of 'Viewed' where brand.name = 'A' within 1h) > 5 and traits.plan = 'gold' "
    "and context.device.type = 'phone' and count(page where name = 'Home' within 1d) < 3\n"
)
CONSENT = "purposes:\n  analytics: {default: granted, category: C2, collect: true}\n  mail: {default: denied}\n"
IDS: dict[str, Any] = {"userId": "u", "anonymousId": "a", "messageId": "m", "timestamp": "2026-01-05T00:00:00Z"}


def rules_of(*texts: str, consent: str | None = None, keep: Any = "catalog") -> Minimisation:
    files = {f"{number}.yaml": text for number, text in enumerate(texts)}
    if consent is not None:
        files[CONSENT_FILE] = consent
    return minimisation([load_catalog(files)], RULES, keep)


def taken(rules: Minimisation, kind: str | None = None, **event: Any) -> tuple[Any, str | None, list[str]]:
    return minimised(event, kind, rules, RULES.user_ids)


def test_of_an_event_what_definitions_read_is_kept_with_ids_and_times() -> None:
    properties = {"price": 3, "brand": {"name": "A"}, "email": "ann@example.org"}
    context = {"ip": "10.0.0.1", "device": {"type": "phone", "id": "x"}, "page": {"url": "https://a.example"}}
    left, purpose, parts = taken(
        rules_of(VIEWERS), type="track", event="Viewed", **IDS, properties=properties, context=context, channel="web"
    )
    assert left == {
        **IDS,
        "type": "track",
        "event": "Viewed",
        "properties": {"price": 3, "brand": {"name": "A"}},
        "context": {"device": {"type": "phone"}},
    }
    assert (purpose, parts) == (None, ["properties", "context"])


@pytest.mark.parametrize(
    ("event", "left"),
    [
        ({"type": "track", "event": "Other", "properties": {"price": 1}}, {"type": "track", "event": "Other"}),
        ({"type": "identify", "traits": {"plan": "gold", "a": 1}}, {"type": "identify", "traits": {"plan": "gold"}}),
        ({"type": "identify", "properties": {"plan": 1}}, {"type": "identify"}),
        ({"type": "group", "groupId": "g", "traits": {"plan": "gold"}}, {"type": "group"}),
        ({"type": "alias", "previousId": "old"}, {"type": "alias", "previousId": "old"}),
        ({"type": "page", "name": "Home"}, {"type": "page", "name": "Home"}),
        ({"type": "screen", "name": "Home"}, {"type": "screen"}),
        (
            {"type": "track", "event": "Viewed", "properties": "text", "context": 5},
            {"type": "track", "event": "Viewed"},
        ),
        ({"type": "page", "context": {"device": None}}, {"type": "page", "context": {"device": None}}),
        ({"type": "page", "context": {"consent": {"x": 1}}}, {"type": "page", "context": {"consent": {"x": 1}}}),
    ],
)
def test_each_type_keeps_what_is_read_of_it(event: dict[str, Any], left: dict[str, Any]) -> None:
    assert taken(rules_of(VIEWERS), **event)[0] == left


def test_drafts_retired_segments_and_the_catalog_before_read_too() -> None:
    draft = "segment: tried\nstatus: draft\nwhen: max(size of 'Viewed' within 1h) > 1\n"
    retired = "segment: old\nstatus: retired\nwhen: max(colour of 'Viewed' within 1h) > 1\n"
    before = load_catalog({"b.yaml": "segment: before\nwhen: max(weight of 'Viewed' within 1h) > 1\n"})
    rules = minimisation([load_catalog({"a.yaml": draft, "c.yaml": retired}), before], RULES, "catalog")
    properties = {"size": 1, "colour": 2, "weight": 3}
    left = taken(rules, type="track", event="Viewed", properties={**properties, "other": 4})[0]
    assert left["properties"] == properties


def test_a_visit_reads_where_it_landed_of_every_event() -> None:
    rules = rules_of("segment: landed\nwhen: session.landing_page = '/sale'\n")
    for event in ({"type": "page"}, {"type": "track", "event": "A"}, {"type": "identify"}):
        left = taken(rules, **event, properties={"path": "/sale", "title": "x"})[0]
        assert left == {**event, "properties": {"path": "/sale"}}


def test_an_event_that_its_user_refuses_leaves_its_answer_alone() -> None:
    rules = rules_of(VIEWERS, consent=CONSENT, keep="all")
    consent = {"categoryPreferences": {"C2": False, "mail": True}}
    left, purpose, _ = taken(
        rules, "page", **IDS, name="Secret", properties={"price": 1}, context={"consent": consent, "ip": "10.0.0.1"}
    )
    assert purpose == "analytics"
    assert left == {
        "type": "track",
        "event": "Segment Consent Preference Updated",
        "userId": "u",
        "messageId": "m",
        "timestamp": "2026-01-05T00:00:00Z",
        "context": {"consent": consent},
    }
    anonymous, _, _ = taken(rules, type="track", event="A", anonymousId="a", context={"consent": consent})
    assert anonymous["anonymousId"] == "a"


@pytest.mark.parametrize(
    ("context", "is_refused"),
    [
        ({"consent": {"categoryPreferences": {"C2": "no"}}}, True),
        ({"consent": {"categoryPreferences": {"C2": True}}}, False),
        ({"consent": {"categoryPreferences": {"C2": None}}}, False),
        ({"consent": {"categoryPreferences": {"mail": False}}}, False),
        ({"consent": None}, False),
        ({}, False),
        (None, False),
        ("text", False),
    ],
)
def test_only_an_answer_of_the_event_itself_refuses_it(context: Any, is_refused: bool) -> None:
    rules = rules_of(VIEWERS, consent=CONSENT, keep="all")
    event = {"type": "track", "event": "A", "userId": "u", "context": context}
    left, purpose, _ = minimised(dict(event), None, rules, RULES.user_ids)
    assert (purpose == "analytics") == is_refused
    assert is_refused or left == event


def test_an_answer_that_is_taken_back_refuses_what_is_denied_by_default() -> None:
    rules = rules_of(VIEWERS, consent="purposes: {a: {default: denied, collect: true}}\n", keep="all")
    assert taken(rules, "page", context={"consent": {"categoryPreferences": {"a": None}}})[1] == "a"
    assert taken(rules, "page", context={"consent": {"categoryPreferences": {}}})[1] is None


@pytest.mark.parametrize("event", ["text", None, [], {"type": "teleport"}, {"type": "link", "secret": 1}, {"type": 5}])
def test_what_is_no_event_stays_for_the_check_that_names_it(event: Any) -> None:
    assert minimised(event, None, rules_of(VIEWERS, consent=CONSENT), RULES.user_ids) == (event, None, [])


def test_a_purpose_that_is_collected_by_consent_makes_another_catalog() -> None:
    without = load_catalog({"a.yaml": VIEWERS, CONSENT_FILE: CONSENT.replace(", collect: true", "")})
    assert load_catalog({"a.yaml": VIEWERS, CONSENT_FILE: CONSENT}).version != without.version
