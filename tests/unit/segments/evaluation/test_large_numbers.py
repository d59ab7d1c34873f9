"""No number in an event stops a partition: a number that cannot be kept is missing."""

from typing import Any

import msgspec
import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord

RULES = TimeRules()
START_MS = 1_767_600_000_000
HUGE = int("9" * 400)


def played(definition: str, *properties: dict[str, Any], event: str = "A", timestamp: str | None = None) -> Batch:
    partition = Partition(compile_catalog(load_catalog({"s.yaml": f"segment: s\n{definition}\n"}), RULES), RULES)
    records = []
    for offset, said in enumerate(properties):
        value: dict[str, Any] = {"type": "track", "event": event, "userId": "u", "properties": {}}
        value["timestamp"] = timestamp
        text = msgspec.json.encode(value).decode().replace('"properties":{}', f'"properties":{as_json(said)}')
        records.append(PipedRecord(offset, -1 if timestamp else START_MS + offset, b"u", text.encode()))
    return partition.process(records)


def as_json(properties: dict[str, Any]) -> str:
    """Numbers of any size, which msgspec does not write."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in properties.items()) + "}"


def attached(definition: str, *properties: dict[str, Any], event: str = "A") -> Any:
    """Returns the values sent last, as read from the JSON."""
    return msgspec.json.decode(played(definition, *properties, event=event).changes[-1].encode())["attach"]


@pytest.mark.parametrize(
    "where", ["x * 1.5 > 0", "x / 7 > 0", "x + 0.5 > 0", "x - 0.5 > 0", "x * x * 1.5 > 0", "1 / x > 0", "x / y > 0"]
)
def test_arithmetic_in_a_filter_beyond_what_a_number_holds_is_missing(where: str) -> None:
    assert played(f"when: exists('A' where {where})", {"x": HUGE, "y": 0.001}).changes == []


@pytest.mark.parametrize(
    "value",
    [
        "last(x of 'A') * last(x of 'A')",
        "last(x of 'A') * 10 - last(x of 'A') * 10",
        "last(x of 'A') / 0.001",
        "last(x of 'A') + last(x of 'A')",
    ],
)
def test_arithmetic_beyond_what_a_number_holds_is_missing(value: str) -> None:
    assert attached(f"when: exists('A')\nattach: {{v: {value}}}", {"x": 1.7e308}) == {"v": None}


def test_an_update_with_such_a_value_is_said_once() -> None:
    definition = "when: exists('A')\nattach: {v: last(x of 'A') * 10 - last(x of 'A') * 10}\nupdates: [v]"
    assert len(played(definition, {"x": 1.7e308}, {"x": 1.7e308}).changes) == 1


def test_whole_numbers_beyond_64_bits_are_said_as_the_nearest_double() -> None:
    definition = "when: exists('A')\nattach: {v: sum(x of 'A') * sum(x of 'A')}"
    assert attached(definition, {"x": 10**12}) == {"v": 1e24}
    evidence = played("when: sum(x of 'A') * sum(x of 'A') > 5", {"x": 10**12}).changes[0].evidence
    assert evidence[0].value == 1e24


def test_a_cart_of_any_price_is_said() -> None:
    definition = "when: cart.items > 0\nattach: {value: cart.value}"
    cart = {"product_id": 1, "quantity": 10**12, "price": 10**12}
    assert attached(definition, cart, event="Product Added") == {"value": 1e24}


def test_the_quantity_of_a_product_does_not_exceed_what_a_number_may_be() -> None:
    definition = "when: cart.items > 0\nattach: {quantity: cart.quantity}\nupdates: [quantity]"
    cart = {"product_id": 1, "quantity": 6 * 10**11}
    assert attached(definition, *[cart] * 40, event="Product Added") == {"quantity": 10**12}


@pytest.mark.parametrize("value", ["user.idle * last(x of 'A')", "1d * last(x of 'A')"])
def test_durations_of_any_length_are_said(value: str) -> None:
    assert attached(f"when: exists('A')\nattach: {{v: {value}}}", {"x": 1.7e308}).keys() == {"v"}
    assert attached(f"when: exists('A')\nattach: {{v: {value}}}", {"x": 10**30}).keys() == {"v"}


@pytest.mark.parametrize("factor", ["1e5", "-1e5"])
def test_an_instant_that_no_calendar_has_is_null(factor: str) -> None:
    definition = "when: exists('A')\nattach: {v: user.first_seen + 3650d * last(x of 'A')}"
    assert attached(definition, {"x": factor}) == {"v": None}


def test_a_time_after_the_year_9000_is_no_time() -> None:
    (letter,) = played("when: exists('A' within 1d)", {}, timestamp="9999-12-31T23:00:00.000Z").dead
    assert letter.reason == "invalid-time"
    assert played("when: exists('A' within 1d)", {}, timestamp="8999-12-31T23:00:00.000Z").changes


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 4_400])
def test_a_number_that_cannot_be_held_is_missing_and_nothing_else_is(number: str) -> None:
    definition = "when: exists('A')\nattach: {x: last(x of 'A'), y: last(y of 'A')}"
    assert attached(definition, {"x": number, "y": 5}) == {"x": None, "y": 5}
    assert attached("when: exists('A' where y = 5)\nattach: {x: sum(x of 'A')}", {"x": number, "y": 5}) == {"x": 0}


def test_a_number_that_cannot_be_held_in_what_is_read_of_the_context_is_missing_and_nothing_else_is() -> None:
    definition = "segment: s\nwhen: context.device.type = 'mobile'\nattach: {v: context.device.width}\n"
    partition = Partition(compile_catalog(load_catalog({"s.yaml": definition}), RULES), RULES)
    said = b'{"type": "page", "userId": "u", "context": {"device": {"type": "mobile", "width": 1e400}}}'
    changes = partition.process([PipedRecord(0, START_MS, b"u", said)]).changes
    assert [change.attach for change in changes] == [{"v": None}]


@pytest.mark.parametrize("rest", ["", ', "context": 5'])
def test_what_is_nested_too_deeply_is_a_dead_letter(rest: str) -> None:
    nested = "[" * 5_000 + "]" * 5_000
    said = f'{{"type": "page", "userId": "u", "properties": {{"x": {nested}}}{rest}}}'.encode()
    partition = Partition(compile_catalog(load_catalog({"s.yaml": "segment: s\nwhen: exists(page)\n"}), RULES), RULES)
    batch = partition.process([PipedRecord(0, START_MS, b"u", said)])
    assert [letter.reason for letter in batch.dead] == ["invalid-json"]
