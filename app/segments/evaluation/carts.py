"""Content of cart events, as plain values. See language.md, "Cart"."""

from typing import Any, Final

from tables import cart as carts
from tables.cart import Cart
from tables.counted import CART_ITEM_IGNORED, Counted
from tables.values import MICROS, key_of, number_of


def _items(products: Any, product_id: Any, quantity: Any, price: Any) -> list[tuple[Any, Any, Any]]:
    """(id, quantity, price) of the products list, or of the event itself where there is none."""
    if products.__class__ is not list:
        return [(product_id, quantity, price)]
    return [
        (item.get("product_id"), item.get("quantity"), item.get("price")) if item.__class__ is dict else (None,) * 3
        for item in products
    ]


def _lines(
    products: Any, product_id: Any, quantity: Any, price: Any, counted: Counted
) -> list[tuple[str, int | None, Any]]:
    """(key, quantity in millionths, price) of each item; what has no id, or a quantity not above 0, is only counted."""
    lines = []
    for item, many, each in _items(products, product_id, quantity, price):
        key = key_of(item, counted)
        amount = number_of(many, counted)
        if key is None or (amount is not None and amount <= 0):
            counted[CART_ITEM_IGNORED] += 1
            continue
        lines.append((key, amount, each))
    return lines


def added(
    cart: Cart | None, t: int, products: Any, product_id: Any, quantity: Any, price: Any, counted: Counted
) -> Cart | None:
    """After an event that adds."""
    for key, amount, each in _lines(products, product_id, quantity, price, counted):
        cart = carts.add(cart, t, key, MICROS if amount is None else amount, number_of(each, counted), counted)
    return cart


def removed(
    cart: Cart | None, t: int, products: Any, product_id: Any, quantity: Any, price: Any, counted: Counted
) -> Cart | None:
    """After an event that removes."""
    for key, amount, _ in _lines(products, product_id, quantity, price, counted):
        cart = carts.remove(cart, t, key, amount)
    return cart


def replaced(
    cart: Cart | None, t: int, products: Any, product_id: Any, quantity: Any, price: Any, counted: Counted
) -> Cart | None:
    """After an event whose products are the whole cart; without a list of them it is ignored and counted."""
    if products.__class__ is not list:
        counted[CART_ITEM_IGNORED] += 1
        return cart
    lines = [
        (key, MICROS if amount is None else amount, number_of(each, counted))
        for key, amount, each in _lines(products, product_id, quantity, price, counted)
    ]
    return carts.replace(cart, t, lines, counted)


def ordered(
    cart: Cart | None, t: int, products: Any, product_id: Any, quantity: Any, price: Any, counted: Counted
) -> Cart | None:
    """After an order that takes the products that it lists; one without a list takes all."""
    if products.__class__ is not list:
        return carts.empty(cart, t)
    keys = [key_of(item, counted) for item, _, _ in _items(products, product_id, quantity, price)]
    counted[CART_ITEM_IGNORED] += keys.count(None)
    return carts.take(cart, t, [key for key in keys if key is not None])


UPDATES: Final = {"add": added, "remove": removed, "replace": replaced, "take": ordered}
"""The update of the cart by an event -> its function; `empty` reads nothing of the event."""
