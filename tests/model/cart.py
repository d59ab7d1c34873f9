"""The cart, replayed from a user's first event each time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

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


@dataclass(slots=True)
class Item:
    """A product in the cart. Quantity and price in millionths; touched by event time, and by order of arrival."""

    product: Scalar
    quantity: int = 0
    price: int = 0
    touched_ms: int = 0
    touched_order: int = 0


@dataclass(slots=True)
class Cart:
    policy: CartPolicy = DEFAULT_CART
    items: dict[Name, Item] = field(default_factory=dict)
    emptied_ms: int | None = None
    changed_ms: int | None = None
    touches: int = 0

    def take(self, arrival: Arrival) -> None:
        message = arrival.message
        if message.type != "track" or (self.emptied_ms is not None and arrival.t < self.emptied_ms):
            return
        listed = message.properties.get("products")
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
                if self.take_line(line, arrival, comes_in=message.name in policy.add):
                    self.changed(arrival.t)

    def changed(self, t: int) -> None:
        self.changed_ms = t if self.changed_ms is None else max(self.changed_ms, t)

    def empty(self, t: int) -> None:
        self.emptied_ms = t
        self.items = {name: item for name, item in self.items.items() if item.touched_ms > t}

    def take_listed(self, lines: list[dict[str, Any]], t: int) -> None:
        """Of an order, the products that it lists go, but for those that were touched later."""
        for line in lines:
            product = line.get("product_id")
            name = name_of(remembered(product)) if is_scalar(product) else None
            if name is not None and name in self.items and self.items[name].touched_ms <= t:
                del self.items[name]
                self.changed(t)

    def become(self, lines: list[dict[str, Any]], arrival: Arrival) -> None:
        """The lines are the whole cart; what was touched later stays as it is, and a missing price as it was."""
        before = self.items
        self.empty(arrival.t)
        self.changed(arrival.t)
        later = set(self.items)
        for line in lines:
            product = line.get("product_id")
            name = name_of(remembered(product)) if is_scalar(product) else None
            if name is None or name in later:
                continue
            keeps_price = name in before and name not in self.items and millionths(line.get("price")) is None
            self.take_line(line, arrival, comes_in=True)
            if keeps_price and name in self.items:
                self.items[name].price = before[name].price

    def take_line(self, line: Mapping[str, Any], arrival: Arrival, *, comes_in: bool) -> bool:
        """One product of an event; whether it changed the cart."""
        product = line.get("product_id")
        if not is_scalar(product):
            return False
        product = remembered(product)
        name = name_of(product)
        quantity = millionths(line.get("quantity"))
        if quantity is not None and quantity <= 0:
            return False
        item = self.items.get(name)
        if comes_in:
            if item is None:
                item = self.items[name] = Item(product)
            item.quantity = min(item.quantity + (MILLION if quantity is None else quantity), NUMBER_MAX * MILLION)
            price = millionths(line.get("price"))
            if price is not None:
                item.price = price
        elif item is None:
            return False
        else:
            item.quantity -= item.quantity if quantity is None else quantity
            if item.quantity <= 0:
                del self.items[name]
        item.touched_ms = max(item.touched_ms, arrival.t)
        self.touches += 1
        item.touched_order = self.touches
        if len(self.items) > ITEMS_MAX:
            del self.items[min(self.items, key=lambda one: self.items[one].touched_order)]
        return True


def of_both(one: Cart, other: Cart, rule: str) -> Cart:
    """First the products of `one`. What either touched last before the other's order, or at its instant, is gone.

    `rule`: the quantity of a product in both.
    """
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
                cart_now.take(part)
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
            return tuple(item.product for item in items)
        case "idle":
            return None if now_in.changed_ms is None else Length(now - now_in.changed_ms)
    raise AssertionError(name)
