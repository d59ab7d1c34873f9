"""A plan learnt from messages claims what was seen often, and no more."""

import json
from typing import Any

import pytest

from app.errors import UserError
from app.offline.tracking.learning import SURE_AT, VALUES_MAX, PlanLearner
from app.offline.tracking.plan import read_plan, write_plan


def learnt(*messages: dict[str, Any]) -> dict[str, Any]:
    """The document of the plan."""
    learner = PlanLearner()
    for message in messages:
        learner.hear(json.dumps(message).encode())
    document: dict[str, Any] = json.loads(write_plan(learner.plan()))
    return document


def viewed(**properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Viewed", "properties": properties}


def test_a_property_that_is_always_there_is_required() -> None:
    often = learnt(*[viewed(sku="a")] * SURE_AT, viewed(sku="b", color="red"))
    assert often["track"]["Viewed"]["required"] == ["sku"]
    assert "required" not in learnt(*[viewed(sku="a")] * (SURE_AT - 1))["track"]["Viewed"]


def test_types_are_those_that_came() -> None:
    found = learnt(viewed(a=1, b=1, c=True, d=None, e=[], f={}), viewed(a=1.5, b="x", d="y"))
    properties = found["track"]["Viewed"]["properties"]
    assert {name: each["type"] for name, each in properties.items()} == {
        "a": "number",
        "b": ["integer", "string"],
        "c": "boolean",
        "d": ["null", "string"],
        "e": "array",
        "f": "object",
    }


def test_few_texts_are_a_list_and_many_are_not() -> None:
    few = learnt(*[viewed(currency=each, sku=str(n)) for n in range(SURE_AT) for each in ("EUR", "USD")])
    assert few["track"]["Viewed"]["properties"]["currency"] == {"type": "string", "enum": ["EUR", "USD"]}
    many = [viewed(sku=str(number % (VALUES_MAX + 1))) for number in range(SURE_AT * (VALUES_MAX + 1))]
    assert learnt(*many)["track"]["Viewed"]["properties"]["sku"] == {"type": "string"}


@pytest.mark.parametrize(("least", "minimum"), [(0, {"minimum": 0}), (-0.01, {})])
def test_a_number_that_was_never_below_zero_has_a_minimum(least: float, minimum: dict[str, int]) -> None:
    found = learnt(*[viewed(price=each) for each in [least, *range(1, SURE_AT)]])
    properties = found["track"]["Viewed"]["properties"]
    assert properties["price"].get("minimum") == minimum.get("minimum")


def test_messages_without_a_name_stand_at_their_type() -> None:
    page = {"type": "page", "name": "Home", "properties": {"path": "/"}}
    identify = {"type": "identify", "traits": {"plan": "gold"}, "properties": {"not": "these"}}
    found = learnt(page, identify, {"type": "track"}, {"type": "alias"})
    assert {*found} == {"$schema", "title", "track", "page", "identify"}
    assert [*found["identify"]["properties"]] == ["plan"]


def test_a_plan_that_is_written_and_read_is_the_same() -> None:
    learner = PlanLearner()
    for message in (viewed(sku="a\u202e"), {"type": "page", "properties": {}}, {"type": "track", "event": "page"}):
        learner.hear(json.dumps(message).encode())
    plan = learner.plan()
    assert read_plan(write_plan(plan), file="plan.json") == plan


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "p.json is not JSON"),
        ("[]", "an object is expected"),
        ('{"tracks": {}}', "there is no type of message tracks"),
        ('{"track": []}', "track is no object"),
        ('{"track": {"A": 1}}', "A has no schema but 1"),
        ('{"track": {"A": {"type": "text"}}}', "A: type is no JSON Schema"),
        ('{"page": {"$ref": "http://127.0.0.1/x"}}', "cannot refer to another"),
    ],
)
def test_what_is_no_plan_says_why(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_plan(text.encode(), file="p.json")
