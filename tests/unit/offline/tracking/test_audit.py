"""An audit finds each kind of mistake, and nothing in events that are as planned."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from app.events.instants import iso
from app.offline.heard_message import EventKey
from app.offline.tracking.audit import DAY_MS, DOUBLED_MS, TrackingAudit
from app.offline.tracking.plan import TrackingPlan

START_MS = 1_767_571_200_000
PLAN = TrackingPlan(
    {
        EventKey("track", "Product Viewed"): {
            "type": "object",
            "properties": {
                "sku": {"type": "string"},
                "price": {"type": ["integer", "number"], "minimum": 0},
                "currency": {"type": "string", "enum": ["EUR", "USD"]},
                "parts": {"type": "array", "items": {"type": "object", "required": ["id"]}},
            },
            "required": ["sku"],
        },
        EventKey("page", None): {"type": "object"},
    }
)
PAGE = {"type": "page", "userId": "u", "properties": {}}


def viewed(at_ms: int = 0, name: str = "Product Viewed", **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": name,
        "userId": "u",
        "messageId": f"m{at_ms}",
        "timestamp": iso(START_MS + at_ms),
        "properties": properties,
    }


def found_in(messages: Iterable[dict[str, Any]]) -> set[tuple[str, str, str]]:
    audit = TrackingAudit(PLAN)
    for number, message in enumerate(messages, 1):
        audit.hear(json.dumps(message).encode(), f"line {number}")
    return {(each.event, each.property, each.problem) for each in audit.findings()}


def test_events_as_planned_have_nothing() -> None:
    assert found_in([viewed(sku="a", price=1.5, currency="EUR", other=None), PAGE]) == set()


@pytest.mark.parametrize(
    ("properties", "place", "problem"),
    [
        ({}, "sku", "missing"),
        ({"sku": 5}, "sku", "integer in place of string"),
        ({"sku": "a", "price": "1,50"}, "price", "string in place of integer or number"),
        ({"sku": "a", "price": -1}, "price", "too small"),
        ({"sku": "a", "currency": "eur"}, "currency", "not among the values"),
        ({"sku": " "}, "sku", "blank"),
        ({"sku": "undefined"}, "sku", "blank"),
        ({"sku": "a", "parts": [{}]}, "parts.[]", "against required"),
    ],
)
def test_a_wrong_value_is_found_at_its_property(properties: dict[str, Any], place: str, problem: str) -> None:
    assert found_in([viewed(**properties), PAGE]) == {("Product Viewed", place, problem)}


def test_an_event_that_is_not_in_the_plan_may_be_misspelt() -> None:
    found = found_in([viewed(sku="a"), PAGE, viewed(1, name="Product Veiwed"), viewed(2, name="Shipped")])
    assert found == {
        ("Product Veiwed", "", "not in the plan; Product Viewed misspelt?"),
        ("Shipped", "", "not in the plan"),
    }


def test_a_planned_event_that_never_came_is_found() -> None:
    assert found_in([PAGE]) == {("Product Viewed", "", "never came")}


@pytest.mark.parametrize(
    ("second", "is_double"),
    [
        (viewed(DOUBLED_MS, sku="a"), True),
        (viewed(DOUBLED_MS + 1, sku="a"), False),
        (viewed(10, sku="b"), False),
        (viewed(0, sku="a"), False),  # the same message id: a repeat, which a worker takes once
        (viewed(10, sku="a") | {"userId": "v"}, False),
    ],
)
def test_an_equal_event_within_two_seconds_was_sent_twice(second: dict[str, Any], is_double: bool) -> None:
    found = found_in([viewed(sku="a"), second, PAGE])
    assert found == ({("Product Viewed", "", "sent twice")} if is_double else set())


def week(events_a_day: int, first_day: int) -> list[dict[str, Any]]:
    return [
        viewed(day * DAY_MS + number * 10_000, sku=str(number))
        for day in range(first_day, first_day + 7)
        for number in range(events_a_day)
    ]


@pytest.mark.parametrize(("now", "problem"), [(10, None), (25, "more than the week before: 175 after 70"), (12, None)])
def test_a_week_with_far_more_events_is_found(now: int, problem: str | None) -> None:
    last_day = [viewed(15 * DAY_MS, sku="a"), PAGE]
    found = found_in([*week(10, 1), *week(now, 8), viewed(0, sku="a"), *last_day])
    assert found == (set() if problem is None else {("Product Viewed", "", problem)})


def test_what_cannot_be_read_is_counted() -> None:
    audit = TrackingAudit(PLAN)
    for line in (b"{", b"[]", b'{"type": 5}', json.dumps(PAGE).encode()):
        audit.hear(line, "line 1")
    assert (audit.messages, audit.unreadable) == (1, 3)
