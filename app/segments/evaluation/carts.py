"""Content of cart events, as plain values. See language.md, "Cart"."""

from collections.abc import Callable
from typing import Any, Final

from app.segments.definitions.cart_policy import CartPolicy, CartUpdate
from tables import cart as carts
from tables.cart import Cart
from tables.counted import CART_ITEM_IGNORED, Counted
from tables.values import MICROS, joined_key, key_of, number_of

Own = tuple[Any, ...]
"""What a line of the cart has: the properties of its key, its quantity, its price."""

Line = tuple[str, int | None, Any]
"""Key, quantity in millionths, price as it came."""


class CartEvents:
    """The updates of a cart by events whose lines have the properties of a policy.

    `products` is the list of lines, `own` the line that the event itself is where there is no list. Moves
    before `kept_ms` are forgotten.
    """

    def __init__(self, policy: CartPolicy) -> None:
        self._names: Final = policy.line_names
        self._nothing: Final = (None,) * len(self._names)

    def update(self, update: CartUpdate) -> Callable[..., Cart | None]:
        """The function of an update that reads the lines of its event."""
        return {"add": self.added, "remove": self.removed, "replace": self.replaced, "take": self.ordered}[update]

    def added(self, cart: Cart | None, t: int, products: Any, own: Own, counted: Counted, kept_ms: int) -> Cart | None:
        """After an event that adds."""
        for key, amount, price in self._lines(products, own, counted):
            many = MICROS if amount is None else amount
            cart = carts.add(cart, t, key, many, number_of(price, counted), counted, kept_ms=kept_ms)
        return cart

    def removed(
        self, cart: Cart | None, t: int, products: Any, own: Own, counted: Counted, kept_ms: int
    ) -> Cart | None:
        """After an event that removes."""
        for key, amount, _ in self._lines(products, own, counted):
            cart = carts.remove(cart, t, key, amount, kept_ms=kept_ms)
        return cart

    def replaced(
        self, cart: Cart | None, t: int, products: Any, own: Own, counted: Counted, kept_ms: int
    ) -> Cart | None:
        """After an event whose products are the whole cart; without a list of them it is ignored and counted."""
        if products.__class__ is not list:
            counted[CART_ITEM_IGNORED] += 1
            return cart
        lines = [
            (key, MICROS if amount is None else amount, number_of(price, counted))
            for key, amount, price in self._lines(products, own, counted)
        ]
        return carts.replace(cart, t, lines, counted, kept_ms=kept_ms)

    def ordered(
        self, cart: Cart | None, t: int, products: Any, own: Own, counted: Counted, kept_ms: int
    ) -> Cart | None:
        """After an order that takes the products that it lists; one without a list takes all."""
        if products.__class__ is not list:
            return carts.empty(cart, t)
        for line in self._items(products, own):
            key = _key(line, counted)
            if key is None:
                counted[CART_ITEM_IGNORED] += 1
            else:
                cart = carts.remove(cart, t, key, None, kept_ms=kept_ms)
        return cart

    def _items(self, products: Any, own: Own) -> list[Own]:
        """The lines of the list, or the event itself where there is none."""
        if products.__class__ is not list:
            return [own]
        names = self._names
        return [tuple(map(item.get, names)) if item.__class__ is dict else self._nothing for item in products]

    def _lines(self, products: Any, own: Own, counted: Counted) -> list[Line]:
        """Lines with a key; what has none, or a quantity not above 0, is only counted."""
        lines = []
        for line in self._items(products, own):
            key = _key(line, counted)
            amount = number_of(line[-2], counted)
            if key is None or (amount is not None and amount <= 0):
                counted[CART_ITEM_IGNORED] += 1
                continue
            lines.append((key, amount, line[-1]))
        return lines


def _key(line: Own, counted: Counted) -> str | None:
    """The key of a line: that of its first property, together with those of the others where there are any."""
    first = key_of(line[0], counted)
    if first is None or len(line) == _LINE_OF_ONE:
        return first
    return joined_key([first, *(key_of(value, counted) for value in line[1:-2])])


_LINE_OF_ONE: Final = 3
"""Values of a line with one property in its key."""
