"""The cart, replayed from a user's first event each time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from app.segments.definitions.cart_policy import DEFAULT_CART, CartPolicy
from tests.model.history import Arrival, Gift, History
from tests.model.messages import is_scalar
from tests.model.plain import (
    MILLION,
    NUMBER_MAX,
    Length,
    Name,
    Scalar,
    Value,
    millionths,
    name_of,
    number,
    remembered,
)

ITEMS_MAX = 100
MOVES_MAX = 100


@dataclass(slots=True)
class Item:
    """A product in the cart. Quantity and price in millionths; touched by event time, and by order of arrival."""

    product: Scalar
    quantity: int = 0
    price: int = 0
    touched_ms: int = 0
    touched_order: int = 0


@dataclass(slots=True, eq=False)
class Move:
    """Something came in, or went: `quantity` in millionths, None for all of it."""

    t: int
    product: "CartKey"
    quantity: int | None
    comes_in: bool

    def after(self, before: int) -> int:
        if self.comes_in:
            return min(before + (self.quantity or 0), NUMBER_MAX * MILLION)
        return 0 if self.quantity is None else max(before - self.quantity, 0)


CartKey: TypeAlias = tuple[Name | None, ...]
"""The values of the properties that say which product it is; only the first of them is never missing."""


@dataclass(slots=True)
class Cart:
    """`moves`: the latest ones, in the order of their times; `before_moves`: quantities of products before these."""

    policy: CartPolicy = DEFAULT_CART
    items: dict[CartKey, Item] = field(default_factory=dict)
    emptied_ms: int | None = None
    changed_ms: int | None = None
    touches: int = 0
    moves: list[Move] = field(default_factory=list)
    before_moves: dict[CartKey, int] = field(default_factory=dict)
    has_begun: bool = False

    def take(self, arrival: Arrival, lateness_ms: int) -> None:
        message = arrival.message
        if message.type != "track" or (self.emptied_ms is not None and arrival.t < self.emptied_ms):
            return
        while self.moves and self.moves[0].t < arrival.now - lateness_ms:
            self.settle_first()
        listed = message.properties.get(self.policy.products)
        lines = [line for line in listed if isinstance(line, dict)] if isinstance(listed, list) else None
        policy = self.policy
        if message.name in policy.order and policy.takes_listed and lines is not None:
            self.take_listed(lines, arrival.t)
        elif message.name in policy.order or message.name in policy.clear:
            self.empty(arrival.t)
            self.changed(arrival.t)
        elif message.name in policy.replace:
            if lines is not None:
                self.become(lines, arrival)
        elif message.name in policy.add or message.name in policy.remove:
            for line in [message.properties] if lines is None else lines:
                self.take_line(line, arrival.t, comes_in=message.name in policy.add)

    def changed(self, t: int) -> None:
        self.changed_ms = t if self.changed_ms is None else max(self.changed_ms, t)

    def settle_first(self) -> None:
        """The earliest move is too old for anything to come before it."""
        move = self.moves.pop(0)
        self.before_moves[move.product] = move.after(self.before_moves.get(move.product, 0))

    def empty(self, t: int) -> None:
        self.has_begun = True
        self.emptied_ms = t
        while self.moves and self.moves[0].t <= t:
            self.settle_first()
        for product in [product for product, item in self.items.items() if item.touched_ms <= t]:
            del self.items[product]
            self.before_moves[product] = 0

    def take_listed(self, lines: list[dict[str, Any]], t: int) -> None:
        """Of an order, the products that it lists go."""
        for line in lines:
            product = self.product_of(line)
            if product is not None:
                self.move(Move(t, product, None, comes_in=False), price=None)

    def become(self, lines: list[dict[str, Any]], arrival: Arrival) -> None:
        """The lines are the whole cart; what was touched later stays as it is, and a missing price as it was."""
        before = self.items
        self.items = dict(before)
        self.empty(arrival.t)
        self.changed(arrival.t)
        later = set(self.items)
        prices = {product: item.price for product, item in before.items()}
        for line in lines:
            product = self.product_of(line)
            if product is None or product in later:
                continue
            price = millionths(line.get(self.policy.price))
            if self.amount_of(line) is not False and price is not None:
                prices[product] = price
            self.take_line(line, arrival.t, comes_in=True, price=prices.get(product))

    def product_of(self, line: Mapping[str, Any]) -> CartKey | None:
        values = [line.get(name) for name in self.policy.key]
        names = tuple(name_of(remembered(value)) if is_scalar(value) else None for value in values)
        return names if names[0] is not None else None

    def amount_of(self, line: Mapping[str, Any]) -> int | Literal[False] | None:
        """The quantity that a line says; False if it cannot be."""
        quantity = millionths(line.get(self.policy.quantity))
        return False if quantity is not None and quantity <= 0 else quantity

    def take_line(self, line: Mapping[str, Any], t: int, *, comes_in: bool, price: int | None = None) -> None:
        """One product of an event."""
        product, quantity = self.product_of(line), self.amount_of(line)
        if product is None or quantity is False:
            return
        if comes_in:
            quantity = MILLION if quantity is None else quantity
            price = millionths(line.get(self.policy.price)) if price is None else price
        said = line.get(self.policy.key[0])
        assert said is not None, "a line with a key"
        self.move(Move(t, product, quantity, comes_in), price=price, said=remembered(said))

    def move(self, new: Move, *, price: int | None, said: Any = None) -> None:
        """A move at its place among the others; what it brings about is taken anew from before the first of them."""
        self.has_begun = True
        self.moves.insert(sum(move.t <= new.t for move in self.moves), new)
        left, changed = self.before_moves.get(new.product, 0), []
        for move in self.moves:
            if move.product == new.product:
                before, left = left, move.after(left)
                is_after = self.moves.index(move) >= self.moves.index(new)
                if move is new and not new.comes_in and before == left:
                    break
                if is_after and (move.comes_in or before != left):
                    changed.append(move.t)
        else:
            self.becomes(new, left, max(changed), price=price, said=said)
        if len(self.moves) > MOVES_MAX:
            self.settle_first()

    def becomes(self, new: Move, left: int, changed_ms: int, *, price: int | None, said: Any) -> None:
        """The quantity of a product after a move."""
        self.changed(changed_ms)
        item = self.items.get(new.product)
        self.touches += 1
        if left == 0:
            self.items.pop(new.product, None)
            return
        if item is None:
            item = self.items[new.product] = Item(said)
        item.quantity = left
        item.price = item.price if price is None else price
        item.touched_ms = max(item.touched_ms, changed_ms)
        item.touched_order = self.touches
        if len(self.items) > ITEMS_MAX:
            dropped = min(self.items, key=lambda one: self.items[one].touched_order)
            del self.items[dropped]
            self.moves = [move for move in self.moves if move.product != dropped]
            self.before_moves[dropped] = 0


def of_both(one: Cart, other: Cart, rule: str) -> Cart:
    """First the products of `one`. What either touched last before the other's order, or at its instant, is gone.

    `rule`: the quantity of a product in both. What came last is known of one alone only.
    """
    if not other.has_begun or not one.has_begun:
        alone = one if one.has_begun else other
        items = {product: replace(item) for product, item in alone.items.items()}
        return replace(alone, items=items, moves=list(alone.moves), before_moves=dict(alone.before_moves))
    items = {name: replace(item) for name, item in one.items.items() if is_later(item.touched_ms, other.emptied_ms)}
    for name, item in other.items.items():
        if not is_later(item.touched_ms, one.emptied_ms):
            continue
        here = items.get(name)
        price = here.price if here is not None and here.touched_ms > item.touched_ms else item.price
        items[name] = Item(
            product=item.product if here is None else here.product,
            quantity=item.quantity if here is None else quantity_of(rule, here.quantity, item.quantity),
            price=price,
            touched_ms=max(item.touched_ms, 0 if here is None else here.touched_ms),
            touched_order=one.touches + item.touched_order,
        )
    while len(items) > ITEMS_MAX:
        del items[min(items, key=lambda name: items[name].touched_order)]
    return Cart(
        one.policy,
        items,
        emptied_ms=latest_of(one.emptied_ms, other.emptied_ms),
        changed_ms=latest_of(one.changed_ms, other.changed_ms),
        touches=one.touches + other.touches,
        before_moves={name: item.quantity for name, item in items.items()},
        has_begun=True,
    )


def quantity_of(rule: str, own: int, other: int) -> int:
    quantities = {"max": max(own, other), "sum": min(own + other, NUMBER_MAX * MILLION), "user": own}
    return quantities[rule]


def is_later(t: int, than_ms: int | None) -> bool:
    return than_ms is None or t > than_ms


def latest_of(*instants: int | None) -> int | None:
    return max((instant for instant in instants if instant is not None), default=None)


def cart(history: History) -> Cart:
    def replay() -> Cart:
        cart_now = Cart(history.cart_policy)
        for part in history.parts():
            if isinstance(part, Gift):
                cart_now = of_both(cart_now, cart(part.history), part.cart)
            else:
                cart_now.take(part, history.lateness_ms)
        return cart_now

    return history.once("cart", None, replay)


def value(name: str, history: History, now: int) -> Value:
    now_in = cart(history)
    items = now_in.items.values()
    match name:
        case "items":
            return len(items)
        case "quantity":
            return number(Fraction(sum(item.quantity for item in items), MILLION))
        case "value":
            return number(Fraction(sum(item.quantity * item.price for item in items), MILLION * MILLION))
        case "products":
            return tuple({key[0]: item.product for key, item in now_in.items.items()}.values())
        case "idle":
            return None if now_in.changed_ms is None else Length(now - now_in.changed_ms)
    raise AssertionError(name)
