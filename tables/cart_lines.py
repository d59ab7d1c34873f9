"""The lines of a cart by product: [quantity, price (both in millionths), latest t, number of the latest touch].

Where the key of a product has several properties (`key: [product_id, variant]`), all lines with the same first one are
one line here: their quantities together, the price of the one that was touched last. So are those from before the key
of the cart was another one. See language.md, "One membership for each value".
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from tables.cart import Cart
from tables.values import first_of_key, from_micros, may_be_joined

Line = list[int]
QUANTITY, PRICE, TOUCHED_MS, TOUCH = range(4)


class Seen(NamedTuple):
    """A cart before an event: the number of its latest touch, and the keys of its lines."""

    touch: int
    keys: frozenset[str]


def seen(cart: Cart | None) -> Seen:
    """The cart as it is now."""
    return Seen(-1, frozenset()) if cart is None else Seen(cart[3], frozenset(cart[0]))


def products_of(keys: Iterable[str]) -> set[str]:
    """The keys of the products of lines.

    >>> sorted(products_of(["A1", '\\x00k["B2","red"]', '\\x00k["B2",null]']))
    ['A1', 'B2']
    """
    return set(map(first_of_key, keys))


def changed(before: Seen, cart: Cart | None) -> set[str]:
    """The keys of the products whose line was touched since, or is gone."""
    items: dict[str, Line] = {} if cart is None else cart[0]
    touched = [key for key, line in items.items() if line[TOUCH] > before.touch]
    return products_of((*touched, *(before.keys - items.keys())))


def lines_of(cart: Cart | None) -> dict[str, Line]:
    """The lines of all products in the cart, by their keys."""
    if cart is None:
        return {}
    items: dict[str, Line] = cart[0]
    if not may_be_joined(items):
        return items
    found: dict[str, list[Line]] = {}
    for key, line in items.items():
        found.setdefault(first_of_key(key), []).append(line)
    return {product: _one(lines) for product, lines in found.items()}


def _one(lines: list[Line]) -> Line:
    if len(lines) == 1:
        return lines[0]
    last = max(lines, key=lambda line: (line[TOUCHED_MS], line[TOUCH]))
    return [sum(line[QUANTITY] for line in lines), last[PRICE], last[TOUCHED_MS], last[TOUCH]]


def quantity(line: list[Any] | None) -> int | float:
    """The quantity of a line; 0 where there is none."""
    return 0 if line is None else from_micros(line[QUANTITY])


def price(line: list[Any] | None) -> int | float | None:
    """The price of a line, 0 where none was ever said; None where there is no line."""
    return None if line is None else from_micros(line[PRICE])
