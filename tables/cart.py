"""The cart of one user. State: [items, emptied_ms, changed_ms, touches, moves].

`items`: key -> [quantity, price (both in millionths), latest t, number of the latest touch], as they came in.
`emptied_ms`, `changed_ms`: -1 where it never was. `moves`: `tables.cart_moves`; it is missing in profiles of earlier
versions. See language.md, "Cart".
"""

from typing import Any, Literal

from tables import cart_moves, in_hand
from tables.counted import CART_ITEM_DROPPED, Counted
from tables.cut_texts import LENGTH_SURE_MAX, known_as
from tables.values import first_of_key, key_value

ITEMS_MAX = 100
SQUARED_MICROS = 10**12
_FORMER_LENGTH = 4
"""Of a cart without moves, as earlier versions wrote it; the moves stand behind."""

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
    return [{}, -1, -1, 0, []]


def _moves(cart: Cart, kept_ms: int) -> list[list[Any]]:
    """The additions and removals since `kept_ms`; those before are forgotten."""
    if len(cart) == _FORMER_LENGTH:
        cart.append([])
    moves: list[list[Any]] = cart[_FORMER_LENGTH]
    cart_moves.forget(moves, kept_ms)
    return moves


def add(
    cart: Cart | None, t: int, key: str, quantity: int, price: int | None, counted: Counted, *, kept_ms: int
) -> Cart | None:
    """`quantity` of a product comes in, `price` None keeps the last one; both in millionths.

    Removals later than `t` that came before it take of it what they take: those since `kept_ms` are remembered.
    """
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
    left, latest_ms = cart_moves.put(_moves(cart, kept_ms), t, key, quantity, 0 if item is None else item[0])
    cart[2] = max(cart[2], latest_ms)
    if item is not None:
        if large is not None:
            large.leaves(key)
        item[0] = left
        if price is not None:
            item[1] = price
        item[2] = max(item[2], latest_ms)
        item[3] = cart[3]
    elif left:
        items[key] = [left, price or 0, latest_ms, cart[3]]
    if not left:
        items.pop(key, None)
    elif large is not None:
        large.enters(key)
        if len(large) > ITEMS_MAX:
            oldest = large.oldest()
            large.leaves(oldest)
            del large[oldest]
            cart_moves.forget_product(_moves(cart, kept_ms), oldest)
            counted[CART_ITEM_DROPPED] += 1
    return cart


def remove(cart: Cart | None, t: int, key: str, quantity: int | None, *, kept_ms: int) -> Cart:
    """`quantity` of a product goes, all of it where None, but for what came in later than `t`.

    It is remembered, until it is before `kept_ms`, for additions that come after it.
    """
    if cart is None:
        cart = _new()
    elif t < cart[1]:
        return cart
    items = cart[0]
    if len(key) > LENGTH_SURE_MAX:
        key = known_as(key, items)
    item = items.get(key)
    before = 0 if item is None else item[0]
    taken = None if quantity is None else -quantity
    left, latest_ms = cart_moves.put(_moves(cart, kept_ms), t, key, taken, before)
    if item is None or latest_ms < 0:
        return cart
    large = _items(cart)
    items = cart[0]
    if large is not None:
        large.leaves(key)
    cart[3] += 1
    cart[2] = max(cart[2], latest_ms)
    if not left:
        del items[key]
        return cart
    item[0] = left
    item[2] = max(item[2], latest_ms)
    item[3] = cart[3]
    if large is not None:
        large.enters(key)
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
    _moves(cart, t + 1)
    cart[1] = t
    cart[2] = max(cart[2], t)
    return cart


def replace(
    cart: Cart | None, t: int, lines: list[tuple[str, int, int | None]], counted: Counted, *, kept_ms: int
) -> Cart:
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
        found = add(found, t, key, quantity, prices.get(key), counted, kept_ms=kept_ms) or found
    return found


def merge(cart: Cart | None, other: Cart | None, counted: Counted, *, rule: MergeRule = "max") -> Cart | None:
    """The cart of two users who are one; what was in `other` comes in behind.

    A cart that one of them emptied takes with it what the other touched last at that instant or before. Of a product in
    both, `rule` says the quantity, and the price is that of the later touch. Of two carts no moves are left.
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
        return min(own + other, cart_moves.QUANTITY_MAX)
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
    """The ids as they came in, each once."""
    return [] if cart is None else [key_value(key) for key in dict.fromkeys(map(first_of_key, cart[0]))]
