"""Values that definitions ask for and could not use, with the first of each kind and where it stands."""

import codecs
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from app.offline.event_files import EventFiles
from app.offline.value_census import ValueCensus
from app.segments.definitions.catalog import load_catalog


def unusable(when: str, messages: Iterable[dict[str, Any] | bytes], more: str = "") -> list[str]:
    census = ValueCensus(load_catalog({"s.yaml": f"segment: s\nwhen: >-\n  {when}\n{more}"}))
    for number, message in enumerate(messages, 1):
        census.hear(message if isinstance(message, bytes) else json.dumps(message).encode(), f"line {number}")
    found = census.unusable()
    assert all(each.definitions == ("s",) for each in found)
    return [each.text for each in found]


def track(name: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "properties": properties}


def identify(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "traits": traits}


def test_texts_that_are_no_numbers_are_counted_with_the_first() -> None:
    orders = [track("Ordered", revenue=each) for each in ("19.99", 5, "$19.99", None, "4,245.42", ["x", 1, "2"])]
    assert unusable("sum(revenue of 'Ordered') > 5", orders) == [
        "revenue of 'Ordered': 3 texts that are no numbers, first \"$19.99\" in line 3"
    ]
    assert unusable("sum(revenue of 'Ordered') > 5", orders[:3]) == [
        "revenue of 'Ordered': 1 text that is no number, \"$19.99\" in line 3"
    ]
    assert unusable("count('Ordered') > 5", orders) == []
    assert unusable("sum(other of 'Ordered') > 5", orders) == []
    assert unusable("sum(revenue of 'Paid') > 5", orders) == []


def test_values_that_are_no_dates_are_counted() -> None:
    traits = [
        identify(day=each) for each in ("2026-11-27", "tomorrow", 1_795_132_800, None, "27.11.2026", "--05-17", True)
    ]
    assert unusable("until(traits.day) > 1d", traits) == [
        'traits.day: 4 values that are no dates, first "tomorrow" in line 2'
    ]
    assert unusable("until_anniversary(traits.day) > 1d", traits) == [
        'traits.day: 3 values that are no dates, first "tomorrow" in line 2'
    ]
    trips = [track("Booked", departs=each) for each in ("2026-11-27T08:30+01:00", "08:30")]
    assert unusable("until(last(departs of 'Booked')) > 1d", trips) == [
        "departs of 'Booked': 1 value that is no date, \"08:30\" in line 2"
    ]


def test_values_are_looked_at_as_definitions_read_them() -> None:
    rules = "rules: [{event: Ordered, property: revenue, do: [trim], map: {free: 0}, default: 1}]"
    files = {"s.yaml": "segment: s\nwhen: sum(revenue of any('Ordered', 'Paid')) > 5\n", "cleaning.yaml": rules}
    census = ValueCensus(load_catalog(files))
    for message in (
        track("Ordered", revenue=" free"),
        track("Ordered", revenue="gratis"),
        track("Paid", revenue="free"),
    ):
        census.hear(json.dumps(message).encode(), "line 1")
    assert [each.text for each in census.unusable()] == [
        "revenue of 'Ordered' or 'Paid': 2 texts that are no numbers, first \"gratis\" in line 1"
    ]


def test_other_values_that_are_no_numbers_are_told_apart() -> None:
    orders = [track("Ordered", revenue=each) for each in (True, 10**13, "1e13", "x")]
    assert unusable("max(revenue of 'Ordered') > 5", orders) == [
        "revenue of 'Ordered': 1 true or false for a number, true in line 1",
        "revenue of 'Ordered': 2 numbers beyond 10^12, first 10000000000000 in line 2",
        "revenue of 'Ordered': 1 text that is no number, \"x\" in line 4",
    ]
    assert unusable("exists('Ordered' where revenue > 5)", orders[1:3]) == []


@pytest.mark.parametrize(
    ("when", "messages", "place"),
    [
        ("exists('Ordered' where 5 < a.b)", [track("Ordered", a={"b": "x"})], "a.b of 'Ordered'"),
        ("exists('Ordered' where a * 2 = 5)", [track("Ordered", a="x")], "a of 'Ordered'"),
        ("exists('Ordered' where context.app.build >= 7)", [{"type": "page", "context": {"app": {"build": "x"}}}], ""),
        ("traits.age >= 18", [identify(age="x")], "traits.age"),
        ("traits.age >= 18", [{"type": "page", "context": {"traits": {"age": "x"}}}], "traits.age"),
        ("last(n of page) + 1 > 2", [{"type": "page", "properties": {"n": "x"}}], "n of page"),
        ("cart.value > 5", [track("Product Added", product_id="A", price="x")], "price of 'Product Added'"),
        (
            "cart.items > 5",
            [track("Product Removed", products=[{"product_id": "A", "quantity": "x"}])],
            "products.quantity of 'Product Removed'",
        ),
        (
            "exists(sequence('A' then 'B' where n > 1))",
            [track("A", n="y"), track("B", n="x")],
            "n of 'B'",
        ),
        ("min(n of sequence('A' then 'B')) > 1", [track("A", n="y"), track("B", n="x")], "n of 'B'"),
    ],
)
def test_wherever_a_number_is_needed(when: str, messages: list[dict[str, Any]], place: str) -> None:
    (found,) = unusable(when, messages)
    assert found == f'{place or "context.app.build"}: 1 text that is no number, "x" in line {len(messages)}'


@pytest.mark.parametrize(
    "when", ["exists('Ordered' where n = 5)", "last(n of 'Ordered') = 5", "exists('Ordered' where n contains 'x')"]
)
def test_what_may_be_a_text_is_none_of_them(when: str) -> None:
    assert unusable(when, [track("Ordered", n="x")]) == []


@pytest.mark.parametrize(
    ("when", "message", "bytes_max"),
    [
        ("distinct(n of 'A') > 1", track("A", n="é" * 129), "256"),
        ("count('A' per n) > 1", track("A", n="n" * 257), "256"),
        ("cart.items > 1", track("Product Added", product_id="n" * 257), "256"),
        ("first(n of 'A') = 'x'", track("A", n="n" * 1_025), "1,024"),
        ("traits.n = 'x'", identify(n="n" * 1_025), "1,024"),
        ("session.landing_page = 'x'", {"type": "page", "context": {"page": {"path": "n" * 1_025}}}, "1,024"),
    ],
)
def test_texts_that_are_cut_are_told(when: str, message: dict[str, Any], bytes_max: str) -> None:
    (found,) = unusable(when, [message])
    assert f"1 text longer than {bytes_max} bytes, " in found
    assert "…" in found
    assert len(found) < 150


def test_texts_that_are_only_compared_lose_nothing() -> None:
    long = [track("A", n="n" * 2_000), track("B", n="n" * 2_000)]
    assert unusable("count('A' once per n) > 1", long) == []
    assert unusable("exists(sequence('A' then 'B' matching n))", long) == []
    assert unusable("exists('A' where n = 'x')", long) == []


def test_what_is_no_message_and_what_is_no_object_says_nothing() -> None:
    odd: list[dict[str, Any] | bytes] = [
        b"",
        b"[]",
        b"{",
        b'{"type": 5}',
        {"type": "track", "event": 5},
        {**track("A"), "properties": "x"},
    ]
    assert unusable("sum(n of 'A') > 1", odd) == []


def test_a_place_names_the_line_and_the_file_where_there_are_several(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text("{}\n\n{}\n")
    two.write_text("\n{}\n")
    alone, both = EventFiles([one]), EventFiles([one, two])
    assert [alone.place for _ in alone] == ["line 1", "line 3"]
    assert [both.place for _ in both] == ["line 1 of one.jsonl", "line 3 of one.jsonl", "line 2 of two.jsonl"]


def test_a_mark_before_a_message_is_left_out_and_one_nested_too_deep_says_nothing() -> None:
    marked = codecs.BOM_UTF8 + json.dumps(track("Ordered", revenue="x")).encode()
    deep = b'{"type":"track","event":"Ordered","properties":' + b'[{"a":' * 5_000 + b"1" + b"}]" * 5_000 + b"}"
    assert unusable("sum(revenue of 'Ordered') > 5", [deep, marked]) == [
        "revenue of 'Ordered': 1 text that is no number, \"x\" in line 2"
    ]


def test_one_product_in_the_cart_needs_numbers_as_the_cart_does() -> None:
    (found,) = unusable("item.price > 5", [track("Product Added", product_id="A", price="x")], "each: product_id\n")
    assert found == "price of 'Product Added': 1 text that is no number, \"x\" in line 1"
