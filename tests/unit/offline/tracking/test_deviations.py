"""Single events against a plan: the quick check never lets pass what the validator finds."""

import random
from typing import Any

from jsonschema import Draft202012Validator

from app.offline.heard_message import EventKey
from app.offline.tracking.deviations import Deviation, PlanCheck
from app.offline.tracking.plan import TrackingPlan

ORDER = EventKey("track", "Order Completed")
VALUES: tuple[Any, ...] = (
    *("EUR", "USD", "", " ", "Null", "x", "5", None, True, False, 0, 1, -1, 5.0, 2.5, -0.5, 10**30),
    *([], ["EUR"], {}, {"a": 1}, float("inf")),
)
PARTS: tuple[Any, ...] = (
    *({}, {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"}, {"type": "object"}),
    *({"type": "array"}, {"type": "null"}, {"type": ["string", "number"]}, {"enum": ["EUR", "USD"]}, {"minimum": 0}),
    *({"type": "string", "enum": ["EUR"]}, {"type": "number", "minimum": 1}, {"enum": [1, "EUR"]}, {"maxLength": 2}),
    *({"const": "EUR"}, True, False, {"type": "string", "description": "for people"}, {"minimum": 0.5}),
)


def test_whatever_the_validator_finds_is_found() -> None:
    chance = random.Random(11)
    wrong = 0
    for _ in range(1_500):
        schema: Any = {"properties": {name: chance.choice(PARTS) for name in chance.sample("abcd", 2)}}
        schema |= {"type": "object"} if chance.random() < 0.9 else {}
        schema |= {"required": chance.sample("abcd", 1)} if chance.random() < 0.5 else {}
        schema |= {"additionalProperties": False} if chance.random() < 0.1 else {}
        check = PlanCheck(TrackingPlan({ORDER: schema}))
        for _ in range(8):
            values = {name: chance.choice(VALUES) for name in chance.sample("abcd", chance.randrange(4))}
            found = check.deviations(ORDER, values)
            is_valid = Draft202012Validator(schema).is_valid(values)
            assert is_valid == (not [each for each in found if each.breaks]), (schema, values, found)
            blanks = {name for name, value in values.items() if value.__class__ is str and value in ("", " ", "Null")}
            assert {each.property for each in found if each.problem == "blank"} == blanks
            wrong += not is_valid
    assert 2_000 < wrong < 10_000, "both kinds were tried"


def test_what_is_wrong_is_told_once_each() -> None:
    schema = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "number", "minimum": 0}}}
    check = PlanCheck(TrackingPlan({ORDER: schema, EventKey("identify", None): {"required": ["plan"]}}))
    assert check.deviations(ORDER, {"a": -1, "c": "undefined"}) == [
        Deviation("Order Completed", "b", "missing"),
        Deviation("Order Completed", "a", "too small", -1),
        Deviation("Order Completed", "c", "blank", "undefined", breaks=False),
    ]
    assert check.deviations(ORDER, {"a": 1, "b": 2}) == []
    assert [each.problem for each in check.deviations(EventKey("track", "Other"), {})] == ["not in the plan"]
    assert [each.problem for each in check.deviations(EventKey("track", None), {})] == ["has no name"]
    assert [each.property for each in check.deviations(EventKey("identify", None), {})] == ["plan"]
    assert check.deviations(EventKey("alias", None), {}) == []


def test_a_pattern_that_is_none_stops_nothing() -> None:
    check = PlanCheck(TrackingPlan({ORDER: {"properties": {"a": {"pattern": "("}}}}))
    (found,) = check.deviations(ORDER, {"a": "x"})
    assert (found.problem.startswith("cannot be checked"), found.breaks) == (True, False)
