"""Values are cleaned before anything reads them: on both paths, by the catalog in force, only where a rule says so."""

import re
from typing import Any

import msgspec
import pytest

from app.events.instants import iso
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import CLEANING_FILE
from app.segments.definitions.cleaning_rules import CleaningRule
from app.segments.evaluation.cleaning import Cleaner
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.fast_path import BUILT
from app.segments.partition.partition import Batch, Partition
from app.segments.review.scenario import PipedRecord
from tables.counted import Counted

RULES = TimeRules()
START_MS = 1_767_600_000_000
READERS = {
    "shirts.yaml": "segment: shirts\nwhen: count('Viewed' where category = 't-shirt') >= 2\n",
    "kinds.yaml": "segment: kinds\nwhen: distinct(category of 'Viewed') >= 1\n"
    "attach: {kinds: distinct(category of 'Viewed'), last: last(category of 'Viewed')}\nupdates: [kinds, last]\n",
    "cart.yaml": "segment: filled\nwhen: cart.items > 0\nattach: {products: cart.products}\nupdates: [products]\n",
    "tea.yaml": "segment: tea\nwhen: exists('Tea Poured' where category = 'Green')\n",
}
CLEANING = """
rules:
  - {event: Viewed, property: category, do: [trim, lower], map: {tees: t-shirt, tee: t-shirt}, default: other}
  - {event: Product Added, property: product_id, do: [trim, lower]}
  - {event: Viewed, property: nobody.reads.it, default: 1}
"""


def program(cleaning: str = "", readers: dict[str, str] = READERS) -> Program:
    return compile_catalog(load_catalog(readers | ({CLEANING_FILE: cleaning} if cleaning else {})), RULES)


def record(offset: int, event: str, properties: Any = None, **more: Any) -> PipedRecord:
    message = {"type": "track", "event": event, "userId": "ann", "messageId": f"m{offset}"}
    message |= {"timestamp": iso(START_MS + offset)}
    said = {} if properties is None else {"properties": properties}
    return PipedRecord(offset, START_MS + offset, b"ann", msgspec.json.encode(message | said | more))


def play(program: Program, records: list[PipedRecord], *, fast: bool) -> Batch:
    return Partition(program, RULES, fast=fast).process(records)


def attached(batch: Batch, segment: str) -> list[Any]:
    return [change.attach for change in batch.changes if change.segment == segment]


@pytest.fixture(params=[False, True], ids=["python", "c"])
def fast(request: pytest.FixtureRequest) -> bool:
    if request.param and not BUILT:
        pytest.skip("the extension module is not built")
    return bool(request.param)


def test_conditions_values_and_the_cart_read_cleaned_values(fast: bool) -> None:
    records = [
        record(0, "Viewed", {"category": " Tees "}),
        record(1, "Viewed", {"category": "T-SHIRT"}),
        record(2, "Product Added", {"product_id": " A1 ", "quantity": 1}),
        record(3, "Product Added", {"product_id": "a1", "quantity": 1}),
        record(4, "Tea Poured", {"category": "green"}),
        record(5, "Tea Poured", {"category": "Green"}),
    ]
    batch = play(program(CLEANING), records, fast=fast)
    entered = [(change.segment, change.cause.message_id) for change in batch.changes if change.change == "entered"]
    assert entered == [("kinds", "m0"), ("shirts", "m1"), ("filled", "m2"), ("tea", "m5")]
    assert attached(batch, "kinds") == [{"kinds": 1, "last": "t-shirt"}]
    assert attached(batch, "filled") == [{"products": ["a1"]}]
    assert batch.cleaned == {"Viewed: category": 2, "Product Added: product_id": 1}
    assert batch.quickly == (len(records) if fast else 0), "rules take no event out of the fast path"


@pytest.mark.parametrize("properties", [None, {}, {"category": None}, {"category": ""}, {"category": "  "}, [], "text"])
def test_the_default_stands_for_what_is_missing_and_none_of_it_stays(properties: Any, fast: bool) -> None:
    records = [record(0, "Viewed", properties), record(1, "Viewed", {"category": "B"}), record(2, "Viewed", properties)]
    batch = play(program(CLEANING), records, fast=fast)
    assert [each["last"] for each in attached(batch, "kinds")] == ["other", "b", "other"]
    assert batch.cleaned == {"Viewed: category": 3}


@pytest.mark.parametrize("value", [False, 0, 1.5, "t-shirt", {"a": 1}, True])
def test_other_values_stay_and_are_not_counted(value: Any, fast: bool) -> None:
    batch = play(program(CLEANING), [record(0, "Viewed", {"category": value})], fast=fast)
    assert batch.cleaned == {}


def test_a_default_that_the_next_rule_replaces_is_the_same_each_time(fast: bool) -> None:
    chain = """
rules:
  - {event: Viewed, property: category, default: a}
  - {event: Viewed, property: category, map: {a: b, b: c}}
"""
    batch = play(program(chain), [record(offset, "Viewed") for offset in range(3)], fast=fast)
    assert attached(batch, "kinds") == [{"kinds": 1, "last": "b"}]
    assert batch.cleaned == {"Viewed: category": 6}


def test_each_object_of_a_list_and_each_value_of_one_is_cleaned(fast: bool) -> None:
    readers = {
        "s.yaml": "segment: s\nwhen: exists('Order')\n"
        "attach: {kinds: distinct(products.category of 'Order'), tags: last(tags of 'Order')}\n"
    }
    rules = """
rules:
  - {event: [Order, Refund], property: products.category, do: [lower], default: none}
  - {event: Order, property: tags, do: [trim]}
"""
    products = [{"category": "A"}, {"category": "a"}, {}, {"category": "b"}, "odd", None]
    batch = play(
        program(rules, readers), [record(0, "Order", {"products": products, "tags": [" x", "y", 1]})], fast=fast
    )
    assert attached(batch, "s") == [{"kinds": 3, "tags": ["x", "y", 1]}]
    assert batch.cleaned == {"Order: products.category": 2, "Order: tags": 1}


def test_an_event_is_cleaned_by_the_catalog_in_force_at_its_offset(fast: bool) -> None:
    partition = Partition(program(CLEANING), RULES, fast=fast)
    batches = [partition.process([record(0, "Viewed", {"category": "A "})])]
    for offset, cleaning in ((1, CLEANING.replace("trim, lower", "lower")), (2, ""), (3, CLEANING)):
        partition.adopt(program(cleaning), clock_ms=partition.clock_ms)
        batches.append(partition.sweep(10))
        batches.append(partition.process([record(offset, "Viewed", {"category": "A "})]))
    assert [attach["last"] for batch in batches for attach in attached(batch, "kinds")] == ["a", "a ", "A ", "a"]
    assert [sum(batch.cleaned.values()) for batch in batches if batch.accepted] == [1, 1, 0, 1]


def test_ids_times_and_names_are_never_cleaned(fast: bool) -> None:
    rules = (
        "rules: [{event: Viewed, property: messageId, default: m}, {event: Viewed, property: userId, do: [lower]}]\n"
    )
    readers = {"s.yaml": "segment: s\nwhen: count('Viewed' where messageId = 'm' and userId = 'x') >= 2\n"}
    records = [record(offset, "Viewed", {"userId": "X"}) for offset in (0, 1)]
    batch = play(program(rules, readers), records, fast=fast)
    (change,) = batch.changes
    assert (change.user, change.cause.message_id) == ("ann", "m1"), "only properties of these names are"


def test_events_without_a_rule_cost_nothing() -> None:
    plain, cleaning = (
        re.sub(r"\bF_[0-9]+\b", "F", made.source).split("\ndef ") for made in (program(), program(CLEANING))
    )
    changed = [after for before, after in zip(plain, cleaning, strict=True) if before != after]
    assert len(changed) == 2, "the handlers of Viewed and Product Added, and no other function"
    assert all(text.startswith("handle_") and "q = F(q)" in text for text in changed)
    unread = program("rules: [{event: Viewed, property: colour, do: [trim]}]\n").source
    assert unread == program().source, "a rule about a property that nobody reads"


def test_a_value_that_is_clean_is_not_copied() -> None:
    handler = program(CLEANING).track_handlers["Viewed"]
    assert handler.properties is not None
    decoded = handler.properties(b'{"category": "t-shirt"}')
    rule = CleaningRule(events=("Viewed",), path=("category",), steps=("trim", "lower"))
    assert Cleaner("Viewed", ["category"], [rule], Counted()).clean(decoded) is decoded
