"""What cart events say, in plain values. See language.md, "Cart"."""

from collections import Counter
from typing import Any

from tables import cart as carts
from tables.cart import Cart
from tables.values import MICROS, key_of, micros

ADDED, REMOVED = "Product Added", "Product Removed"
EMPTIED = ("Order Completed", "Cart Cleared")
NAMES = (ADDED, REMOVED, *EMPTIED)


def _number(value: Any) -> int | None:
    return micros(value) if value.__class__ is int or value.__class__ is float else None


def _items(products: Any, product_id: Any, quantity: Any, price: Any) -> list[tuple[Any, Any, Any]]:
    """(id, quantity, price) of the products list, or of the event itself where there is none."""
    if products.__class__ is not list:
        return [(product_id, quantity, price)]
    return [
        (item.get("product_id"), item.get("quantity"), item.get("price")) if item.__class__ is dict else (None,) * 3
        for item in products
    ]


def added(
    cart: Cart | None, t: int, products: Any, product_id: Any, quantity: Any, price: Any, counted: Counter[str]
) -> Cart | None:
    """After a `Product Added`; what has no id, or a quantity not above 0, is ignored and counted."""
    for item, many, each in _items(products, product_id, quantity, price):
        key = key_of(item)
        amount = _number(many)
        if key is None or (amount is not None and amount <= 0):
            counted["cart_item_ignored"] += 1
            continue
        cart = carts.add(cart, t, key, MICROS if amount is None else amount, _number(each))
    return cart


def removed(
    cart: Cart | None, t: int, products: Any, product_id: Any, quantity: Any, price: Any, counted: Counter[str]
) -> Cart | None:
    """After a `Product Removed`."""
    for item, many, _ in _items(products, product_id, quantity, price):
        key = key_of(item)
        amount = _number(many)
        if key is None or (amount is not None and amount <= 0):
            counted["cart_item_ignored"] += 1
            continue
        cart = carts.remove(cart, t, key, amount)
    return cart
