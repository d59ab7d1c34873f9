"""The lines of a cart by product."""

from collections.abc import Callable

import pytest

from tables import cart, cart_lines
from tables.cart import Cart
from tables.counted import Counted
from tables.values import joined_key

KEPT_MS = -1


def cart_of(*lines: tuple[int, str, int, int | None]) -> Cart:
    """A cart after some additions: time, key, quantity and price, the latter two in millionths."""
    found = None
    for t, key, quantity, price in lines:
        found = cart.add(found, t, key, quantity, price, Counted(), kept_ms=KEPT_MS)
    assert found is not None
    return found


def test_no_cart_has_no_lines() -> None:
    assert cart_lines.lines_of(None).get("A1") is None
    assert cart_lines.lines_of(None) == {}
    assert cart_lines.changed(cart_lines.seen(None), None) == set()


def test_the_line_of_a_product_is_that_of_the_cart() -> None:
    found = cart_of((1, "A1", 2_000_000, 500_000), (2, "B2", 1_000_000, None))
    assert cart_lines.lines_of(found).get("A1") == [2_000_000, 500_000, 1, 1]
    assert cart_lines.lines_of(found).get("C3") is None
    assert cart_lines.lines_of(found) is found[0]


def test_lines_that_differ_in_another_property_are_one() -> None:
    red, blue = joined_key(["A1", "red"]), joined_key(["A1", None])
    found = cart_of((5, red, 2_000_000, 500_000), (3, blue, 1_000_000, 700_000), (4, joined_key(["B2", "red"]), 1, 2))
    assert cart_lines.lines_of(found).get("A1") == [3_000_000, 500_000, 5, 1]
    assert set(cart_lines.lines_of(found)) == {"A1", "B2"}
    more = cart.add(found, 6, "A1", 1_000_000, 900_000, Counted(), kept_ms=KEPT_MS)
    assert cart_lines.lines_of(more)["A1"] == [4_000_000, 900_000, 6, 4]


def test_of_lines_touched_at_one_instant_the_price_is_that_of_the_later_arrival() -> None:
    keys = [joined_key(["A1", variant]) for variant in ("a", "b")]
    found = cart_of((5, keys[1], 1_000_000, 500_000), (5, keys[0], 1_000_000, 700_000))
    assert cart_lines.lines_of(found).get("A1") == [2_000_000, 700_000, 5, 2]


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (lambda found: cart.add(found, 3, "A1", 1, None, Counted(), kept_ms=KEPT_MS), {"A1"}),
        (lambda found: cart.add(found, 3, "C3", 1, None, Counted(), kept_ms=KEPT_MS), {"C3"}),
        (lambda found: cart.remove(found, 3, "B2", 1, kept_ms=KEPT_MS), {"B2"}),
        (lambda found: cart.remove(found, 3, "B2", None, kept_ms=KEPT_MS), {"B2"}),
        (lambda found: cart.remove(found, 3, "C3", None, kept_ms=KEPT_MS), set()),
        (lambda found: cart.empty(found, 3), {"A1", "B2"}),
        (lambda found: cart.empty(found, 1), {"A1"}),
        (lambda found: cart.empty(found, 0), set()),
        (lambda found: cart.replace(found, 3, [("B2", 1, None)], Counted(), kept_ms=KEPT_MS), {"A1", "B2"}),
        (lambda found: cart.replace(found, 1, [("C3", 1, None)], Counted(), kept_ms=KEPT_MS), {"A1", "C3"}),
    ],
)
def test_products_are_changed_whose_line_was_touched_or_is_gone(
    event: Callable[[Cart], Cart | None], changed: set[str]
) -> None:
    found = cart_of((1, "A1", 2_000_000, 500_000), (2, "B2", 1_000_000, None))
    before = cart_lines.seen(found)
    assert cart_lines.changed(before, event(found)) == changed


def test_a_price_that_was_never_said_is_nothing_and_that_of_no_line_is_missing() -> None:
    found = cart_of((1, "A1", 1_500_000, None))
    line = cart_lines.lines_of(found).get("A1")
    assert (cart_lines.quantity(line), cart_lines.price(line)) == (1.5, 0)
    assert (cart_lines.quantity(None), cart_lines.price(None)) == (0, None)
