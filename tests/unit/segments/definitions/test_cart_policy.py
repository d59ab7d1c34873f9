"""The cart of a shop that names its events in another way: what is read, and what the events then do."""

from typing import Any

import msgspec
import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.cart_policy import CartPolicy
from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.definitions.catalog_settings import settings_text, settings_versions
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord
from tables import cart
from tests.model.story import event

SEGMENT = "segment: s\nwhen: cart.items > 0\nattach: {p: cart.products, v: cart.value, q: cart.quantity}\n"
RULES = TimeRules(lateness_ms=3_600_000)


def cart_of(settings: str, *messages: dict[str, Any]) -> cart.Cart | None:
    program = compile_catalog(load_catalog({"s.yaml": SEGMENT, "catalog.yaml": settings}), RULES)
    partition = Partition(program, RULES)
    partition.process([PipedRecord(n, -1, b"u", msgspec.json.encode(said)) for n, said in enumerate(messages)])
    profile = partition.profile("u")
    return None if profile is None else profile.cart


def cart_after(settings: str, *messages: dict[str, Any]) -> tuple[list[Any], list[float]]:
    """The products, and how much of each; both empty for an empty cart."""
    now_in = cart_of(settings, *messages)
    items = {} if now_in is None else now_in[0]
    return list(items), [item[0] / 1_000_000 for item in items.values()]


def shown_after(settings: str, *messages: dict[str, Any]) -> tuple[int, list[Any], float]:
    """The number of products, their ids, and what they cost together."""
    now_in = cart_of(settings, *messages)
    return (0 if now_in is None else len(now_in[0])), cart.products(now_in), cart.value(now_in)


def line(product: str, **more: object) -> dict[str, object]:
    return {"product_id": product, **more}


def test_events_of_another_shop_fill_and_empty_the_cart() -> None:
    settings = "cart: {add: [Added to Cart], remove: [Left Out], clear: [Cart Emptied], order: [Placed Order]}\n"
    added = event("1s", "Added to Cart", line("a", quantity=2))
    usual = event("2s", "Product Added", line("x"))
    assert cart_after(settings, added, usual) == (["a"], [2])
    assert cart_after(settings, added, event("2s", "Left Out", line("a", quantity=1))) == (["a"], [1])
    assert cart_after(settings, added, event("2s", "Order Completed")) == (["a"], [2])
    for name in ("Cart Emptied", "Placed Order"):
        assert cart_after(settings, added, event("2s", name)) == ([], [])


def test_what_is_not_said_is_as_usual() -> None:
    settings = "cart: {add: [Product Added, Added to Cart]}\n"
    messages = [event("1s", "Added to Cart", line("a")), event("2s", "Product Added", line("b"))]
    assert cart_after(settings, *messages) == (["a", "b"], [1, 1])
    assert cart_after(settings, *messages, event("3s", "Order Completed")) == ([], [])


def test_a_whole_cart_takes_the_place_of_the_one_before() -> None:
    settings = "cart: {replace: [Cart Updated]}\n"
    added = event("1s", "Product Added", line("a", quantity=2, price=5))
    updated = event("2s", "Cart Updated", {"products": [line("b", quantity=3), line("a")]})
    assert cart_after(settings, added, updated) == (["b", "a"], [3, 1])
    assert cart_after(settings, added, event("2s", "Cart Updated", {"products": []})) == ([], [])
    assert cart_after(settings, updated, event("1s", "Product Added", line("c"))) == (["b", "a"], [3, 1])


def test_a_whole_cart_that_comes_late_leaves_what_was_touched_later() -> None:
    settings = "cart: {replace: [Cart Updated]}\n"
    later = event("5s", "Product Added", line("a", quantity=2))
    updated = event("2s", "Cart Updated", {"products": [line("a", quantity=7), line("b")]})
    assert cart_after(settings, event("1s", "Product Added", line("z")), later, updated) == (["a", "b"], [2, 1])


@pytest.mark.parametrize("properties", [None, {"product_id": "b"}, {"products": "b"}])
def test_a_whole_cart_without_a_list_changes_nothing(properties: dict[str, Any] | None) -> None:
    settings = "cart: {replace: [Cart Updated]}\n"
    added = event("1s", "Product Added", line("a"))
    assert cart_after(settings, added, event("2s", "Cart Updated", properties)) == (["a"], [1])


def test_an_order_takes_what_it_lists() -> None:
    settings = "cart: {order_takes: listed}\n"
    added = event("1s", "Product Added", {"products": [line("a", quantity=3), line("b"), line("c")]})
    ordered = event("3s", "Order Completed", {"products": [line("a"), line("z"), {}, line("c")]})
    assert cart_after(settings, added, ordered) == (["b"], [1])
    touched = event("4s", "Product Added", line("c"))
    assert cart_after(settings, added, touched, ordered) == (["b", "c"], [1, 1])
    assert cart_after(settings, added, event("3s", "Order Completed")) == ([], [])


def test_several_properties_may_say_which_product_it_is() -> None:
    settings = "cart: {key: [sku, size]}\n"
    small, large = {"sku": "a", "size": "S"}, {"sku": "a", "size": "L"}
    added = event("1s", "Product Added", {"products": [small, large, {"sku": "b"}, {"size": "S"}]})
    assert shown_after(settings, added) == (3, ["a", "b"], 0)
    assert shown_after(settings, added, event("2s", "Product Removed", small)) == (2, ["a", "b"], 0)
    assert shown_after(settings, added, event("2s", "Product Removed", {"sku": "a"})) == (3, ["a", "b"], 0)
    assert shown_after(settings, added, event("2s", "Product Removed", {"sku": "b"})) == (2, ["a"], 0)


def test_properties_may_have_other_names() -> None:
    settings = "cart: {key: [ProductID], quantity: Quantity, price: ItemPrice, products: Items}\n"
    item = {"ProductID": "a", "Quantity": 3, "ItemPrice": 2.5}
    listed = event("1s", "Product Added", {"Items": [item], "products": [line("z")]})
    assert shown_after(settings, listed) == shown_after(settings, event("1s", "Product Added", item)) == (1, ["a"], 7.5)
    assert settings_text(load_catalog({"s.yaml": SEGMENT, "catalog.yaml": settings}).settings) == (
        "cart: key: [ProductID], quantity: Quantity, price: ItemPrice, products: Items"
    )


def test_a_removal_that_overtakes_its_addition_takes_the_product_out() -> None:
    removed, added = event("2s", "Product Removed", line("a")), event("1s", "Product Added", line("a", price=3))
    assert shown_after("", added, removed) == shown_after("", removed, added) == (0, [], 0)
    ordered = event("2s", "Order Completed", {"products": [line("a")]})
    assert shown_after("cart: {order_takes: listed}\n", ordered, added) == (0, [], 0)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("{key: []}", "key has 0 properties"),
        ("{key: [a, b, c, d]}", "key has 4 properties"),
        ("{key: [a, a]}", "'a' stands twice in key"),
        ("{key: sku}", "key must be a list"),
        ("{quantity: }", "quantity names no property"),
    ],
)
def test_a_key_that_says_no_product_is_refused(said: str, problem: str) -> None:
    with pytest.raises(CatalogError, match=problem):
        load_catalog({"s.yaml": SEGMENT, "catalog.yaml": f"cart: {said}\n"})


def test_the_order_of_names_changes_no_version() -> None:
    one = load_catalog({"s.yaml": SEGMENT, "catalog.yaml": "cart: {add: [A, B], replace: [C]}\n"}).settings
    other = load_catalog({"s.yaml": SEGMENT, "catalog.yaml": "cart: {replace: [C], add: [B, A, A]}\n"}).settings
    usual = load_catalog({"s.yaml": SEGMENT, "catalog.yaml": "cart: {remove: [Product Removed]}\n"}).settings
    assert settings_versions(one) == settings_versions(other) != {}
    assert settings_versions(usual) == {}
    assert settings_text(one) == "cart: add: [A, B], replace: [C]"
    assert usual.cart == CartPolicy()


def test_names_that_say_two_things_are_refused() -> None:
    for said in ("{add: [A], remove: [A]}", "{replace: [Product Added]}", "{add: []}", "{order_takes: some}"):
        with pytest.raises(CatalogError):
            load_catalog({"s.yaml": SEGMENT, "catalog.yaml": f"cart: {said}\n"})
