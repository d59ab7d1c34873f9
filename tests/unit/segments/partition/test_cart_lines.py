"""One product in the cart (`item.quantity`): which events touch it, what makes it known, and what keeps it."""

from functools import partial
from typing import Any

import msgspec
import pytest

from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.merging.profiles import merge_profiles
from app.segments.partition.partition import Batch, Partition
from app.segments.review.scenario import PipedRecord
from tables.by_value import LATEST, VALUES_MAX, State
from tables.profile import decode
from tests.support.restored import changes_in_any_batches

RULES = TimeRules()
START_MS = 1_767_600_000_000
MINUTE_MS = 60_000
IN_CART = "segment: left\neach: product_id\nwhen: item.quantity > 0\n"
LEFT = "segment: left\neach: product_id\nwhen: item.quantity > 0 and item.idle >= 30m\nattach: {price: item.price}\n"
VIEWED = "segment: viewed\nwhen: exists('Product Viewed')\n"


def program(*definitions: str, settings: str = "") -> Program:
    texts = {f"{n}.yaml": text for n, text in enumerate(definitions)}
    return compile_catalog(load_catalog({**texts, "catalog.yaml": settings}), RULES)


def event(minute: float, name: str, product: Any = None, **more: Any) -> PipedRecord:
    """An event so many minutes after the start; its number is that of the minute."""
    properties = {**({} if product is None else {"product_id": product}), **more}
    message = {"type": "track", "event": name, "userId": "u", "properties": properties}
    at_ms = START_MS + int(minute * MINUTE_MS)
    return PipedRecord(int(minute * 1_000), at_ms, b"u", msgspec.json.encode(message))


def add(minute: float, product: Any, **more: Any) -> PipedRecord:
    return event(minute, "Product Added", product, **more)


def told(batch: Batch) -> list[tuple[Any, str, str]]:
    return [(change.value, change.change, change.cause.kind) for change in batch.changes]


def known(partition: Partition) -> set[str]:
    return set(state_of(partition))


def state_of(partition: Partition) -> State:
    found = decode(partition.encoded["u"] or b"").aggregates
    return next((state for own, state in found.items() if own >= 1 << 32), {})


def test_each_product_is_due_by_its_own_line() -> None:
    partition = Partition(program(LEFT), RULES)
    assert told(partition.process([add(0, "A1", price=4), add(10, "B2"), add(20, "A1")])) == []
    profile = partition.profile("u")
    assert profile is not None
    assert list(profile.due.values()) == [START_MS + 40 * MINUTE_MS]
    batch = partition.advance(START_MS + 50 * MINUTE_MS)
    assert [(change.value, change.attach, change.at[11:16]) for change in batch.changes] == [
        ("B2", {"price": 0}, "08:40"),
        ("A1", {"price": 4}, "08:50"),
    ]


def test_the_evidence_is_about_the_product() -> None:
    partition = Partition(program(LEFT), RULES)
    partition.process([add(0, "A1", quantity=2), add(5, "B2", quantity=7)])
    (change,) = partition.advance(START_MS + 30 * MINUTE_MS).changes
    assert [(atom.expression, atom.value) for atom in change.evidence] == [
        ("item.quantity > 0", 2),
        ("item.idle >= 30m", "30m"),
    ]
    (change,) = partition.process([event(31, "Product Removed", "A1")]).changes
    assert [(atom.expression, atom.value) for atom in change.evidence] == [
        ("item.quantity > 0", 0),
        ("item.idle >= 30m", None),
    ]


@pytest.mark.parametrize(
    ("settings", "last", "gone"),
    [
        ("", event(1, "Order Completed"), ["A1", "B2"]),
        ("", event(1, "Cart Cleared"), ["A1", "B2"]),
        ("", event(1, "Product Removed", "A1", quantity=5), ["A1"]),
        ("", event(1, "Product Removed", products=[{"product_id": "B2"}, {"product_id": "A1"}]), ["A1", "B2"]),
        ("cart: {order_takes: listed}\n", event(1, "Order Completed", products=[{"product_id": "B2"}]), ["B2"]),
        ("cart: {replace: [Cart Viewed]}\n", event(1, "Cart Viewed", products=[{"product_id": "A1"}]), ["B2"]),
        ("cart: {replace: [Cart Viewed]}\n", event(1, "Cart Viewed", products=[]), ["A1", "B2"]),
    ],
)
def test_whatever_takes_a_product_out_lets_the_user_leave_by_it(
    settings: str, last: PipedRecord, gone: list[str]
) -> None:
    partition = Partition(program(IN_CART, settings=settings), RULES)
    partition.process([add(0, "A1"), add(0.5, "B2")])
    assert told(partition.process([last])) == [(each, "exited", "event") for each in gone]


def test_an_event_of_the_cart_settles_only_the_products_that_it_changes() -> None:
    partition = Partition(program(IN_CART + "attach: {n: item.quantity}\nupdates: [n]\n"), RULES)
    partition.process([add(0, each) for each in "abc"])
    assert told(partition.process([add(1, "b", quantity=2)])) == [("b", "updated", "event")]


def test_a_product_that_is_out_is_forgotten_with_the_next_event_of_the_cart() -> None:
    partition = Partition(program(IN_CART), RULES)
    partition.process([add(0, "A1"), event(1, "Product Removed", "A1")])
    assert known(partition) == {"A1"}
    partition.process([add(2, "B2")])
    assert known(partition) == {"B2"}


def test_a_product_in_the_cart_is_known_however_old_its_events_are() -> None:
    text = "segment: left\neach: product_id\nwhen: item.quantity > 0 and not exists('Product Viewed' within 1m)\n"
    partition = Partition(program(text), RULES)
    partition.process([event(0, "Product Viewed", "A1"), add(0, "A1"), event(30, "Product Viewed", "B2")])
    assert known(partition) == {"A1", "B2"}
    assert told(partition.process([event(60, "Product Viewed", "C3")])) == []
    assert known(partition) == {"A1", "C3"}


def test_with_of_only_products_that_its_events_put_in_are_known() -> None:
    text = IN_CART.replace("product_id", "{value: product_id, of: \"'Product Added' where price > 10\"}")
    settings = "cart: {replace: [Cart Viewed]}\n"
    partition = Partition(program(text, settings=settings), RULES)
    first = partition.process([add(0, "A1", price=5), add(1, "B2", price=20)])
    assert told(first) == [("B2", "entered", "event")]
    lines = [{"product_id": "A1"}, {"product_id": "C3", "price": 50}]
    assert told(partition.process([event(2, "Cart Viewed", products=lines)])) == [("B2", "exited", "event")]
    assert told(partition.process([add(3, "A1", price=11)])) == [("A1", "entered", "event")]


def test_variants_of_a_product_count_together() -> None:
    settings = "cart: {key: [product_id, size]}\n"
    text = IN_CART + "attach: {n: item.quantity, price: item.price}\nupdates: [n, price]\n"
    partition = Partition(program(text, settings=settings), RULES)
    records = [add(0, "A1", size="S", price=5), add(1, "A1", size="L", price=6, quantity=2), add(2, "B2", size="S")]
    batch = partition.process(
        [*records, event(3, "Product Removed", "A1", size="L"), event(4, "Product Removed", "A1")]
    )
    assert [(change.value, change.change, change.attach) for change in batch.changes] == [
        ("A1", "entered", {"n": 1, "price": 5}),
        ("A1", "updated", {"n": 3, "price": 6}),
        ("B2", "entered", {"n": 1, "price": 0}),
        ("A1", "updated", {"n": 1, "price": 5}),
    ]


def test_the_products_of_a_list_are_the_values_of_a_path_into_it() -> None:
    text = IN_CART.replace("product_id", "products.product_id") + "attach: {n: count('Cart Viewed' within 1d) + 0}\n"
    partition = Partition(program(text, settings="cart: {replace: [Cart Viewed]}\n"), RULES)
    lines = [{"product_id": "A1"}, {"product_id": "B2"}]
    batch = partition.process([event(0, "Cart Viewed", products=lines), event(1, "Cart Viewed", products=lines[:1])])
    assert [(change.value, change.change, change.attach) for change in batch.changes] == [
        ("A1", "entered", {"n": 1}),
        ("B2", "entered", {"n": 1}),
        ("B2", "exited", {"n": 1}),
    ]


def test_a_definition_that_is_new_knows_the_products_that_are_in_the_cart() -> None:
    full = "segment: full\nwhen: cart.items > 0\n"
    partition = Partition(program(full), RULES)
    partition.process([add(0, "B2"), add(0, "A1")])
    partition.adopt(program(full, IN_CART), clock_ms=partition.clock_ms)
    assert told(partition.sweep(10)) == [("A1", "entered", "catalog"), ("B2", "entered", "catalog")]


def test_a_definition_that_asks_for_lines_from_now_on_knows_them_beside_the_values_that_it_knew() -> None:
    full = "segment: full\nwhen: cart.items > 0\n"
    partition = Partition(
        program(full, IN_CART.replace("item.quantity > 0", "exists('Product Viewed' within 1d)")), RULES
    )
    partition.process([add(0, "A1"), event(1, "Product Viewed", "B2")])
    more = IN_CART.replace("item.quantity > 0", "item.quantity > 0 or exists('Product Viewed' within 1d)")
    partition.adopt(program(full, more), clock_ms=partition.clock_ms)
    assert told(partition.sweep(10)) == [("A1", "entered", "catalog")]
    assert known(partition) == {"A1", "B2"}


def test_another_catalog_brings_in_no_product_where_there_is_no_room_but_the_next_event_does() -> None:
    full = "segment: full\nwhen: cart.items > 0\n"
    text = "segment: left\neach: product_id\nwhen: exists('Product Viewed' within 1d)\n"
    partition = Partition(program(full, text), RULES)
    partition.process([add(0, "A1"), *(event(1 + n / 1_000, "Product Viewed", f"p{n}") for n in range(VALUES_MAX))])
    partition.adopt(program(full, text.replace("exists", "item.quantity > 0 or exists")), clock_ms=partition.clock_ms)
    assert told(partition.sweep(10)) == []
    assert "A1" not in known(partition)
    batch = partition.process([event(2, "Product Viewed", "p9")])
    assert told(batch) == [("p0", "exited", "limit"), ("A1", "entered", "event")]


def test_who_is_in_by_a_product_that_is_not_in_the_cart_leaves_before_one_that_is() -> None:
    text = "segment: left\neach: product_id\nwhen: item.quantity > 0 or exists('Product Viewed' within 1h)\n"
    partition = Partition(program(text), RULES)
    views = [event(1 + n / 1_000, "Product Viewed", f"p{n}") for n in range(VALUES_MAX)]
    batch = partition.process([add(0, "A1"), *views])
    assert told(batch)[-2:] == [("p0", "exited", "limit"), (f"p{VALUES_MAX - 1}", "entered", "event")]
    assert "A1" in known(partition)


@pytest.mark.parametrize("key", ["product_id", "product_id, color"])
def test_lines_from_before_the_cart_had_another_key_count_for_their_product(key: str) -> None:
    text = IN_CART + "attach: {n: item.quantity}\nupdates: [n]\n"
    partition = Partition(program(text, settings="cart: {key: [product_id, size]}\n"), RULES)
    partition.process([add(0, "A1", size="S"), add(1, "A1", size="L", quantity=2)])
    partition.adopt(program(text, settings=f"cart: {{key: [{key}]}}\n"), clock_ms=partition.clock_ms)
    assert told(partition.sweep(10)) == []
    (change,) = partition.process([add(2, "A1")]).changes
    assert (change.value, change.change, change.attach) == ("A1", "updated", {"n": 4})
    assert known(partition) == {"A1"}
    assert told(partition.process([event(3, "Order Completed")])) == [("A1", "exited", "event")]


def test_lines_from_before_the_key_had_several_properties_count_for_their_product() -> None:
    text = IN_CART + "attach: {n: item.quantity}\nupdates: [n]\n"
    partition = Partition(program(text), RULES)
    partition.process([add(0, "A1"), add(1, 5)])
    partition.adopt(program(text, settings="cart: {key: [product_id, size]}\n"), clock_ms=partition.clock_ms)
    assert told(partition.sweep(10)) == []
    (change,) = partition.process([add(2, "A1", size="S", quantity=2)]).changes
    assert (change.value, change.change, change.attach) == ("A1", "updated", {"n": 3})
    assert known(partition) == {"A1", "\x005"}


def test_a_product_that_waits_in_the_cart_makes_no_room_for_those_that_were_only_viewed() -> None:
    text = LEFT.replace("item.idle >= 30m", "item.idle >= 30m and not exists('Product Viewed' within 10m)")
    partition = Partition(program(text), RULES)
    views = [event(1 + n / 10, "Product Viewed", f"p{n}") for n in range(VALUES_MAX + 50)]
    assert told(partition.process([add(0, "A1"), *views])) == []
    assert len(known(partition)) == VALUES_MAX
    assert told(partition.advance(START_MS + 30 * MINUTE_MS)) == [("A1", "entered", "time")]


def test_the_products_of_two_carts_that_become_one_are_known() -> None:
    made = program(IN_CART)
    profiles = []
    for product in ("A1", "B2"):
        partition = Partition(made, RULES)
        partition.process([add(0, product)])
        profiles.append(decode(partition.encoded["u"] or b""))
    own, given = profiles
    (values,) = made.by_value
    del given.aggregates[values.state_id]
    merge_profiles(own, given, made, now=START_MS + MINUTE_MS)
    state = own.aggregates[values.state_id]
    assert {key: entry[LATEST] for key, entry in state.items()} == dict.fromkeys(("A1", "B2"), START_MS)


def test_late_events_count_where_their_times_stand() -> None:
    partition = Partition(program(LEFT), RULES)
    partition.process([event(0, "Product Viewed"), event(40, "Product Removed", "A1"), add(20, "A1"), add(5, "B2")])
    assert [(change.value, change.at[11:16]) for change in partition.advance(START_MS + 60 * MINUTE_MS).changes] == []
    assert state_of(partition)["B2"][LATEST] == START_MS + 5 * MINUTE_MS
    assert known(partition) == {"B2"}


def test_changes_are_the_same_whatever_the_batches_and_restores_are() -> None:
    definitions = (
        LEFT + "updates: [price]\ncooldown: 1h\n",
        "segment: any\nwhen: segment('left')\n",
        "segment: many\nwhen: count(segment('left')) >= 2\nattach: {n: count(segment('left'))}\nupdates: [n]\n",
        "segment: dear\neach: product_id\nwhen: segment('left') and item.quantity * item.price > 10\nfor: 5m\n",
        "segment: seen\neach: products.product_id\nwhen: exists('Product Added' within 2h) or item.idle > 3h\n",
    )
    names = ["Product Added", "Product Added", "Product Removed", "Product Added", "Order Completed", "Product Viewed"]
    records = [
        event(
            n * n / 3,
            names[n % 6] if n % 9 else "Product Added",
            ["a", "b", "c", 5][n % 4],
            price=n % 7,
            quantity=n % 3 + 1,
            products=[{"product_id": "a"}, {"product_id": "d", "price": n}] if n % 5 == 0 else None,
        )
        for n in range(70)
    ]
    new = partial(Partition, program(*definitions), RULES)
    assert changes_in_any_batches(new, records, "u") > 60


def test_a_cart_without_a_definition_that_asks_for_lines_is_written_as_before() -> None:
    full = "segment: full\nwhen: cart.items > 0\n"
    alone, beside = Partition(program(full), RULES), Partition(program(full, IN_CART), RULES)
    records = [add(0, "A1", price=3), add(1, "B2"), event(2, "Product Removed", "A1")]
    plain, lines = (decode(each.process(records).profiles["u"] or b"") for each in (alone, beside))
    assert plain.cart == lines.cart
    assert plain.members.items() <= lines.members.items()
