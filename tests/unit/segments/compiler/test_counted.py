"""Limits that are reached and values that cannot be used are counted, each once, whatever the batches."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord
from tables.counted import MEANINGS

RULES = TimeRules()
START_MS = 1_767_600_000_000

Event = Mapping[str, Any]


def event(name: str, *, at_ms: int = 0, **properties: Any) -> Event:
    return {"type": "track", "event": name, "userId": "u", "at_ms": at_ms, "properties": properties}


def counted(when: str, events: Iterable[Event], *, more: str = "", batch: int = 10_000) -> dict[str, int]:
    """Returns the counts of the batches of these events together."""
    definition = f"segment: s\nwhen: {msgspec.json.encode(when).decode()}\n{more}"
    partition = Partition(compile_catalog(load_catalog({"s.yaml": definition}), RULES), RULES)
    records = []
    for offset, said in enumerate(events):
        message = dict(said)
        at_ms = START_MS + message.pop("at_ms")
        records.append(PipedRecord(offset, at_ms, b"u", msgspec.json.encode(message)))
    found: dict[str, int] = {}
    for start in range(0, len(records), batch):
        outcome = partition.process(records[start : start + batch])
        assert not outcome.dead
        for what, count in outcome.counted.items():
            found[what] = found.get(what, 0) + count
    return found


def views(count: int, **properties: Any) -> list[Event]:
    return [event("Product Viewed", at_ms=number, **properties) for number in range(count)]


@pytest.mark.parametrize(
    "value",
    [
        "sum(price of 'Product Viewed' within 1d)",
        "max(price of 'Product Viewed' since last 'Order Completed')",
        "count('Product Viewed' within 1d) + 0",
        "count('Product Viewed' per price within 1d) + 0",
        "count('Product Viewed' since last 'Order Completed') + 0",
    ],
)
def test_the_events_beyond_the_thousandth_are_counted(value: str) -> None:
    assert counted(f"{value} > 5", views(1_000, price=1)) == {}
    assert counted(f"{value} > 5", views(1_003, price=1)) == {"event_dropped": 3}
    assert counted(f"{value} > 5", views(1_003, price=1), batch=7) == {"event_dropped": 3}


def test_the_events_of_a_windowed_first_beyond_the_thousandth_are_counted() -> None:
    assert counted("first(price of 'Product Viewed' within 1d) > 5", views(1_003, price=1)) == {"event_dropped": 3}


def test_events_that_have_left_the_window_are_not_dropped_by_a_limit() -> None:
    early = views(1_000, price=1)
    late = [event("Product Viewed", at_ms=3_600_000 + number, price=1) for number in range(1_000)]
    assert counted("sum(price of 'Product Viewed' within 1h) > 5", early + late) == {}
    assert counted("count('Product Viewed' within 1h) + 0 > 5", early + late) == {}


def test_a_threshold_that_keeps_as_many_events_as_it_needs_reaches_no_limit() -> None:
    assert counted("count('Product Viewed' within 1d) > 2", views(50)) == {}
    assert counted("count('Product Viewed' within 1d) >= 1000", views(1_010)) == {}
    assert counted("count('Product Viewed' per product_id within 1d) > 2", views(50, product_id="A")) == {}


@pytest.mark.parametrize(
    "when",
    [
        "count('Product Viewed' per product_id within 1d) > 5",
        "count('Product Viewed' per product_id) > 5",
        "distinct(product_id of 'Product Viewed' within 1d) > 5",
        "distinct(product_id of 'Product Viewed') > 5",
        "count('Product Viewed' once per product_id within 1d) > 5",
        "count('Product Viewed' once per product_id) > 5",
        "exists(sequence('Product Viewed' then 'Order Completed' matching product_id))",
    ],
)
def test_values_beyond_the_hundredth_are_counted(when: str) -> None:
    events = [event("Product Viewed", at_ms=number, product_id=f"p{number:03}") for number in range(104)]
    assert counted(when, events[:100]) == {}
    assert counted(when, events) == {"value_dropped": 4}


def test_products_beyond_the_hundredth_in_the_cart_are_counted() -> None:
    events = [event("Product Added", at_ms=number, product_id=f"p{number:03}") for number in range(102)]
    assert counted("cart.items > 5", events) == {"cart_item_dropped": 2}


def test_items_of_a_cart_event_that_say_nothing_are_counted() -> None:
    events = [event("Product Added", quantity=1), event("Product Removed", product_id="A", quantity=0)]
    assert counted("cart.items > 5", events) == {"cart_item_ignored": 2}


def test_a_value_that_is_no_date_is_counted_at_each_evaluation() -> None:
    events = [event("Booked", at_ms=number, day=day) for number, day in enumerate(("soon", True, "2026-11-27"))]
    assert counted("until(last(day of 'Booked')) > 5d", events) == {"no_instant": 2}
    assert counted("until_anniversary(last(day of 'Booked')) > 5d", events) == {"no_instant": 2}


def test_a_price_or_quantity_that_is_no_number_is_counted() -> None:
    wrong = event("Product Added", product_id="A", quantity="2 pieces", price="$9.99")
    assert counted("cart.items > 5", [wrong]) == {"no_number": 2}
    assert counted("cart.items > 5", [event("Product Added", product_id="A", price=1e13)]) == {"number_out_of_range": 1}
    assert counted("cart.items > 5", [event("Product Added", product_id="A", price=None)]) == {}


def test_absent_events_beyond_the_hundredth_are_counted_while_they_could_still_matter() -> None:
    when = "exists(sequence('Product Added' then no 'Order Completed' for 30m))"
    orders = [event("Order Completed", at_ms=number) for number in range(103)]
    assert counted(when, orders) == {"absent_dropped": 3}
    spread = [event("Order Completed", at_ms=number * 900_000) for number in range(300)]
    assert counted(when, spread) == {}


def test_message_ids_beyond_the_thousandth_are_counted_while_they_could_still_matter() -> None:
    events = [{**event("Product Viewed", at_ms=number), "messageId": f"m{number}"} for number in range(1_002)]
    assert counted("exists(page)", events) == {"message_id_dropped": 2}
    day_later = {**event("Product Viewed", at_ms=86_401_001), "messageId": "late"}
    assert counted("exists(page)", [*events[:1_000], day_later]) == {}


@pytest.mark.parametrize("function", ["sum", "avg", "min", "max"])
@pytest.mark.parametrize("window", ["", " within 1d", " since last 'Order Completed'"])
def test_what_is_no_number_where_one_is_needed_is_counted(function: str, window: str) -> None:
    when = f"{function}(price of 'Product Viewed'{window}) > 5"
    assert counted(when, views(3, price="$12")) == {"no_number": 3}
    assert counted(when, views(3, price="12")) == {}
    assert counted(when, views(1, price=[1, "2", "2,5", True])) == {"no_number": 2}
    assert counted(when, views(2, price=-1_000_000_000_001)) == {"number_out_of_range": 2}
    assert counted(when, views(2, price=1_000_000_000_000)) == {}
    assert counted(when, views(2)) == {}


LONG = "x" * 1_100


@pytest.mark.parametrize(
    "when",
    [
        "count('Product Viewed' per category within 1d) > 5",
        "distinct(category of 'Product Viewed') > 5",
        "count('Product Viewed' once per category) > 5",
        "exists(sequence('Product Viewed' then 'Order Completed' matching category))",
        "last(category of 'Product Viewed') = 'x'",
        "first(category of 'Product Viewed' within 1d) = 'x'",
    ],
)
def test_texts_that_are_too_long_to_be_remembered_are_counted(when: str) -> None:
    assert counted(when, views(2, category=LONG)) == {"text_shortened": 2}
    assert counted(when, views(2, category="x" * 64)) == {}


@pytest.mark.parametrize(
    ("when", "value", "times"),
    [
        ("last(category of 'Product Viewed') contains 'yz'", "x" * 1_100 + "yz", 1),
        ("last(category of 'Product Viewed') contains 'xx'", "x" * 1_100 + "yz", 0),
        ("last(category of 'Product Viewed') contains 'yz'", "x" * 1_000 + "yz", 0),
        ("last(category of 'Product Viewed') starts with 'y'", "x" * 1_100, 0),
        (f"last(category of 'Product Viewed') starts with '{'x' * 1_020}'", "x" * 1_100, 1),
        (f"last(category of 'Product Viewed') starts with '{'x' * 1_100}'", "x" * 1_100, 0),
        ("last(category of 'Product Viewed') matches 'x$'", "x" * 1_100, 1),
        ("last(category of 'Product Viewed') matches 'x$'", "x" * 1_000, 0),
        ("last(category of 'Product Viewed') matches 'y'", ["x", "x" * 100], 1),
        ("last(category of 'Product Viewed') contains 'y'", ["x", "x" * 100], 0),
        ("key(count('Product Viewed' per category)) contains 'y'", "x" * 300, 1),
        ("exists('Product Viewed' where category contains 'y')", "x" * 1_100, 0),
    ],
)
def test_a_search_that_what_is_left_of_a_text_does_not_decide_is_counted(when: str, value: Any, times: int) -> None:
    found = counted(when, views(1, category=value))
    assert found.get("cut_text_searched", 0) == times


@pytest.mark.parametrize("when", ["traits.plan = 'x'", "context.page.path = 'x'", "session.landing_page = 'x'"])
def test_texts_of_traits_context_and_visits_that_are_too_long_are_counted(when: str) -> None:
    said = {"page": {"path": LONG}, "traits": {"plan": LONG}}
    assert counted(when, [{**event("Product Viewed"), "context": said}]) == {"text_shortened": 1}


def test_a_trait_in_an_identify_that_is_too_long_is_counted() -> None:
    said = {"type": "identify", "userId": "u", "at_ms": 0, "traits": {"plan": LONG}}
    assert counted("traits.plan = 'x'", [said]) == {"text_shortened": 1}


def test_a_product_id_that_is_too_long_is_counted() -> None:
    assert counted("cart.items > 5", [event("Product Added", product_id=LONG)]) == {"text_shortened": 1}


def test_a_list_that_is_too_long_to_be_remembered_is_counted() -> None:
    assert counted("last(tags of 'Product Viewed') = 'x'", views(2, tags=list("abcdefghijklmnopqrst"))) == {}
    assert counted("last(tags of 'Product Viewed') = 'x'", views(2, tags=list(range(21)))) == {"list_shortened": 2}


def test_what_is_counted_has_a_meaning() -> None:
    assert set(MEANINGS) >= {"event_dropped", "cart_item_ignored", "text_shortened"}
    assert all(name.replace("_", "").islower() and meaning for name, meaning in MEANINGS.items())
