"""The cart by product, for definitions that ask for the line of their value: `item.quantity`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from tests.model.cart import CartKey, Item, cart
from tests.model.history import Arrival, History
from tests.model.plain import MILLION, Length, Name, Scalar, Value, number

Items = Mapping[CartKey, Item]


@dataclass(frozen=True, slots=True)
class Line:
    """All of one product in the cart. Quantity and price in millionths; the price is that of what was touched last."""

    product: Scalar
    quantity: int
    price: int
    touched_ms: int


def items_of(history: History) -> Items:
    """The items of the cart, as they are now."""
    return {key: replace(item) for key, item in cart(history).items.items()}


def lines_of(items: Items) -> dict[Name, Line]:
    """One line for each product; a key with several properties may have several items of it."""
    found = {}
    for name in dict.fromkeys(product_of(key) for key in items):
        own = [item for key, item in items.items() if product_of(key) == name]
        last = max(own, key=lambda item: (item.touched_ms, item.touched_order))
        found[name] = Line(last.product, sum(item.quantity for item in own), last.price, last.touched_ms)
    return found


def product_of(key: CartKey) -> Name:
    name = key[0]
    assert name is not None, "a line without a product"
    return name


def changed(before: Items, after: Items) -> set[Name]:
    """The products of which an item was touched, came or went."""
    return {product_of(key) for key in {*before, *after} if before.get(key) != after.get(key)}


def is_of_cart(arrival: Arrival, history: History) -> bool:
    """True for an event that the cart looks at."""
    policy, message = history.cart_policy, arrival.message
    names = (*policy.add, *policy.remove, *policy.clear, *policy.order, *policy.replace)
    return message.type == "track" and message.name in names


def value(name: str, line: Line | None, now: int) -> Value:
    """A field of the line; of a product that is not in the cart 0, or missing."""
    match name:
        case "quantity":
            return 0 if line is None else number(Fraction(line.quantity, MILLION))
        case "price":
            return None if line is None else number(Fraction(line.price, MILLION))
        case "idle":
            return None if line is None else Length(now - line.touched_ms)
    raise AssertionError(name)
