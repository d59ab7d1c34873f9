"""Names that definitions ask for and files never have, with the nearest that they do have."""

import codecs
import json
from collections.abc import Iterable
from typing import Any

import pytest

from app.offline.name_census import NameCensus
from app.segments.definitions.catalog import load_catalog


def missing(when: str, messages: Iterable[dict[str, Any] | bytes], more: str = "") -> list[str]:
    census = NameCensus(load_catalog({"s.yaml": f"segment: s\nwhen: >-\n  {when}\n{more}"}))
    for message in messages:
        census.hear(message if isinstance(message, bytes) else json.dumps(message).encode())
    found = census.missing()
    assert all(each.definitions == ("s",) for each in found)
    return [each.text for each in found]


def track(name: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "properties": properties}


VIEWED = [track("Product Viewed", category="shoes", shipping={"method": "post"}, products=[{"sku": "A"}])] * 3
PAGES = [{"type": "page", "name": "Home", "context": {"device": {"type": "mobile"}, "traits": {"plan": "pro"}}}]


def test_an_event_that_does_not_occur_is_told_with_the_nearest_that_does() -> None:
    assert missing("exists('Product Viwed')", VIEWED) == [
        "'Product Viwed' does not occur; 'Product Viewed' occurs 3 times"
    ]
    assert missing("exists('product viewed')", VIEWED) == [
        "'product viewed' does not occur; 'Product Viewed' occurs 3 times"
    ]
    assert missing("exists('Tea Poured')", VIEWED) == ["'Tea Poured' does not occur"]
    assert missing("exists('Product Viewed')", VIEWED) == []


@pytest.mark.parametrize(
    "when",
    [
        "exists('Product Viewed' where categry = 'shoes')",
        "distinct(categry of 'Product Viewed') > 3",
        "count('Product Viewed' per categry) > 3",
        "count('Product Viewed' once per categry) > 3",
        "exists(sequence('Product Viewed' then 'Product Viewed' matching categry))",
        "exists(sequence('Product Viewed' then 'Product Viewed' where categry = 'a'))",
        "count('Product Viewed' since last 'Product Viewed' where categry = 'a') > 3",
    ],
)
def test_a_property_is_sought_wherever_it_stands(when: str) -> None:
    (text,) = missing(when, VIEWED)
    assert text == "no 'Product Viewed' has the property categry; category is there 3 times"


def test_paths_into_objects_and_lists_are_followed() -> None:
    assert missing("exists('Product Viewed' where shipping.method = 'a' and products.sku = 'A')", VIEWED) == []
    assert missing("exists('Product Viewed' where shipping.metod = 'a')", VIEWED) == [
        "no 'Product Viewed' has the property shipping.metod; shipping.method is there 3 times"
    ]
    assert missing("exists('Product Viewed' where products.skus = 'a')", VIEWED) == [
        "no 'Product Viewed' has the property products.skus; products.sku is there 3 times"
    ]


def test_one_of_several_events_is_enough() -> None:
    both = [*VIEWED, track("Product Clicked", position=3)]
    assert missing("exists(any('Product Viewed', 'Product Clicked') where position > 1)", both) == []
    assert missing("exists(any('Product Viewed', 'Product Clicked') where postion > 1)", both) == [
        "no 'Product Clicked' or 'Product Viewed' has the property postion; position is there once"
    ]


def test_an_event_that_does_not_occur_is_told_without_its_properties() -> None:
    assert missing("exists('Tea Poured' where cups > 3)", VIEWED) == ["'Tea Poured' does not occur"]


def test_types_of_messages_traits_and_context_are_sought() -> None:
    assert missing("exists(screen)", PAGES) == ["no message is of type screen"]
    assert missing("exists(page where name = 'Home') and traits.plan = 'pro'", PAGES) == []
    assert missing("context.device.type = 'mobile' and traits.plam = 'pro'", PAGES) == [
        "no message has the trait traits.plam; plan is there once"
    ]
    assert missing("exists(page where context.device.typ = 'a')", PAGES) == [
        "no message has context.device.typ; device.type is there once"
    ]


def test_the_cart_and_one_product_in_it_ask_for_what_fills_it() -> None:
    told = ["'Product Added' does not occur; 'product added' occurs once"]
    assert missing("cart.items > 0", [track("product added")]) == told
    assert missing("item.quantity > 0", [track("product added")], "each: product_id\n") == told


def test_what_is_no_message_says_nothing() -> None:
    junk = [
        b"",
        b"[1]",
        b'{"type":5}',
        b"\xff",
        b'{"type":"track","event":5}',
        b'{"type":"track","event":"A","properties":[1]}',
    ]
    assert missing("exists('A' where x = 1)", junk) == ["no 'A' has the property x"]


def test_names_of_a_file_reach_no_terminal_as_they_are() -> None:
    assert missing("exists('Product Viewed')", [track("Product Viewed\x1b[2J"[:16])]) == [
        "'Product Viewed' does not occur; 'Product Viewed\\x1b[' occurs once"
    ]


def test_a_message_behind_a_byte_order_mark_is_heard_and_what_is_nested_without_end_is_not() -> None:
    marked = codecs.BOM_UTF8 + json.dumps(VIEWED[0]).encode()
    assert missing("exists('Product Viewed')", [b'{"type":' + b"[" * 9_000, marked]) == []
