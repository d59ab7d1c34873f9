"""The cart of one user. State: [items, emptied_ms, changed_ms, touches].

`items`: key -> [quantity, price (both in millionths), latest t, number of the latest touch], as they came in.
`emptied_ms`, `changed_ms`: -1 where it never was. See language.md, "Cart".
"""

from typing import Any, Literal

from tables import in_hand
from tables.counted import CART_ITEM_DROPPED, Counted
from tables.cut_texts import LENGTH_SURE_MAX, known_as
from tables.values import MICROS, NUMBER_MAX, key_value

ITEMS_MAX = 100
QUANTITY_MAX = NUMBER_MAX * MICROS
SQUARED_MICROS = 10**12

Cart = list[Any]
MergeRule = Literal["max", "sum", "user"]
"""The quantity of a product in the carts of two users who are one: the larger, both together, or the user's own."""


class Items(dict[str, list[int]]):
    """The items of a large cart, with their sums and their order of touches once they are used often.

    Whoever changes an item says so: `leaves` before, `enters` after. See `tables.in_hand`.
    """

    __slots__ = ("_touched", "_uses", "is_built", "quantity", "value")

    def __init__(self, items: dict[str, list[int]]) -> None:
        super().__init__(items)
        self._uses = 0
        self.is_built = False
        self._touched: dict[str, None] = {}
        self.quantity = 0
        self.value = 0

    def use(self) -> None:
        """Before an event."""
        self._uses += 1
        if not self.is_built and self._uses >= in_hand.OFTEN:
            self.is_built = True
            for key in sorted(self, key=lambda key: self[key][3]):
                self.enters(key)

    def enters(self, key: str) -> None:
        """An item that was just touched is here."""
        if self.is_built:
            self._touched[key] = None
            self.quantity += self[key][0]
            self.value += self[key][0] * self[key][1]

    def leaves(self, key: str) -> None:
        """An item will be changed or taken away."""
        if self.is_built:
            del self._touched[key]
            self.quantity -= self[key][0]
            self.value -= self[key][0] * self[key][1]

    def oldest(self) -> str:
        """The item whose latest touch was first."""
        return next(iter(self._touched)) if self.is_built else min(self, key=lambda key: self[key][3])


def _items(cart: Cart) -> Items | None:
    """The items of a large cart before an event, None for those of a small one."""
    items = cart[0]
    if len(items) < in_hand.LARGE and not isinstance(items, Items):
        return None
    if not isinstance(items, Items):
        items = cart[0] = Items(items)
    items.use()
    return items


def _new() -> Cart:
    return [{}, -1, -1, 0]


def add(cart: Cart | None, t: int, key: str, quantity: int, price: int | None, counted: Counted) -> Cart | None:
    """`quantity` of a product comes in, `price` None keeps the last one; both in millionths."""
    if cart is None:
        cart = _new()
    elif t < cart[1]:
        return cart
    large = _items(cart)
    items = cart[0]
    cart[3] += 1
    if len(key) > LENGTH_SURE_MAX:
        key = known_as(key, items)
    item = items.get(key)
    if item is None:
        items[key] = [min(quantity, QUANTITY_MAX), price or 0, t, cart[3]]
    else:
        if large is not None:
            large.leaves(key)
        item[0] = min(item[0] + quantity, QUANTITY_MAX)
        if price is not None:
            item[1] = price
        item[2] = max(item[2], t)
        item[3] = cart[3]
    if large is not None:
        large.enters(key)
        if len(large) > ITEMS_MAX:
            oldest = large.oldest()
            large.leaves(oldest)
            del large[oldest]
            counted[CART_ITEM_DROPPED] += 1
    cart[2] = max(cart[2], t)
    return cart


def remove(cart: Cart | None, t: int, key: str, quantity: int | None) -> Cart | None:
    """`quantity` of a product goes, all of it where None; nothing happens if the product is not there."""
    if cart is None or t < cart[1]:
        return cart
    items = cart[0]
    if len(key) > LENGTH_SURE_MAX:
        key = known_as(key, items)
    item = items.get(key)
    if item is None:
        return cart
    large = _items(cart)
    items = cart[0]
    if large is not None:
        large.leaves(key)
    cart[3] += 1
    if quantity is None or quantity >= item[0]:
        del items[key]
    else:
        item[0] -= quantity
        item[2] = max(item[2], t)
        item[3] = cart[3]
        if large is not None:
            large.enters(key)
    cart[2] = max(cart[2], t)
    return cart


def empty(cart: Cart | None, t: int) -> Cart:
    """Everything goes but what an event later than `t` touched."""
    if cart is None:
        cart = _new()
    elif t < cart[1]:
        return cart
    items = cart[0]
    for key in [key for key, item in items.items() if item[2] <= t]:
        if isinstance(items, Items):
            items.leaves(key)
        del items[key]
    cart[1] = t
    cart[2] = max(cart[2], t)
    return cart


def replace(cart: Cart | None, t: int, lines: list[tuple[str, int, int | None]], counted: Counted) -> Cart:
    """The cart is `lines` (key, quantity, price), but for what an event later than `t` touched, which stays as it is.

    A price None keeps the last one.
    """
    if cart is not None and t < cart[1]:
        return cart
    prices: dict[str, int | None] = {} if cart is None else {key: item[1] for key, item in cart[0].items()}
    found = empty(cart, t)
    later = set(found[0])
    for written, quantity, price in lines:
        key = known_as(written, prices) if len(written) > LENGTH_SURE_MAX else written
        if key in later:
            continue
        if price is not None:
            prices[key] = price
        found = add(found, t, key, quantity, prices.get(key), counted) or found
    return found


def take(cart: Cart | None, t: int, keys: list[str]) -> Cart | None:
    """The products go, whatever their quantity, but for those that an event later than `t` touched."""
    if cart is None or t < cart[1]:
        return cart
    items = cart[0]
    for written in keys:
        key = known_as(written, items) if len(written) > LENGTH_SURE_MAX else written
        item = items.get(key)
        if item is None or item[2] > t:
            continue
        if isinstance(items, Items):
            items.leaves(key)
        del items[key]
        cart[2] = max(cart[2], t)
    return cart


def merge(cart: Cart | None, other: Cart | None, counted: Counted, *, rule: MergeRule = "max") -> Cart | None:
    """The cart of two users who are one; what was in `other` comes in behind.

    A cart that one of them emptied takes with it what the other touched last at that instant or before. Of a product in
    both, `rule` says the quantity, and the price is that of the later touch.
    """
    if cart is None or other is None:
        return cart or other
    items = {key: item for key, item in cart[0].items() if item[2] > other[1]}
    for key, (amount, price, t, touch) in other[0].items():
        if t <= cart[1]:
            continue
        known = items.get(key)
        if known is not None:
            amount, price = _amount(known[0], amount, rule), price if t >= known[2] else known[1]
            t = max(known[2], t)
        items[key] = [amount, price, t, cart[3] + touch]
    beyond = len(items) - ITEMS_MAX
    if beyond > 0:
        for key in sorted(items, key=lambda key: items[key][3])[:beyond]:
            del items[key]
        counted[CART_ITEM_DROPPED] += beyond
    return [items, max(cart[1], other[1]), max(cart[2], other[2]), cart[3] + other[3]]


def _amount(own: int, other: int, rule: MergeRule) -> int:
    """The quantity of a product that is in both carts."""
    if rule == "sum":
        return min(own + other, QUANTITY_MAX)
    return own if rule == "user" else max(own, other)


def quantity(cart: Cart | None) -> int | float:
    """All quantities together."""
    if cart is None:
        return 0
    items = cart[0]
    total: int = (
        items.quantity if isinstance(items, Items) and items.is_built else sum(item[0] for item in items.values())
    )
    whole, rest = divmod(total, 1_000_000)
    return whole if not rest else total / 1_000_000


def value(cart: Cart | None) -> int | float:
    """Price times quantity, exact."""
    if cart is None:
        return 0
    items = cart[0]
    total: int = (
        items.value
        if isinstance(items, Items) and items.is_built
        else sum(item[0] * item[1] for item in items.values())
    )
    whole, rest = divmod(total, SQUARED_MICROS)
    return whole if not rest else total / SQUARED_MICROS


def products(cart: Cart | None) -> list[Any]:
    """The ids as they came in."""
    return [] if cart is None else [key_value(key) for key in cart[0]]
