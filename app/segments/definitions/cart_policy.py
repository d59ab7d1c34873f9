"""Policy of the cart: which events change it, and by which properties.

`catalog.yaml` says it; it is part of what a catalog means.
"""

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from app.segments.definitions.definition_format import (
    CART_ADD,
    CART_CLEAR,
    CART_KEY,
    CART_ORDER,
    CART_PRICE,
    CART_PRODUCTS,
    CART_QUANTITY,
    CART_REMOVE,
    CART_REPLACE,
    ORDER_TAKES,
)
from app.segments.definitions.yaml_fields import Fields

CartUpdate = Literal["add", "remove", "empty", "take", "replace"]
"""The update by an event: products come in, go out, all go, those of an order go, or the cart is another one."""

NAMES_MAX: Final = 20
KEY_PROPERTIES_MAX: Final = 3
_LISTS: Final = (CART_ADD, CART_REMOVE, CART_CLEAR, CART_ORDER, CART_REPLACE)
_PROPERTIES: Final = (CART_QUANTITY, CART_PRICE, CART_PRODUCTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CartPolicy:
    """Names of the events that change the cart, and of their properties; those of the Segment specification if nothing
    else is said.

    takes_listed: an order takes only the products that it lists; otherwise all. key: the properties by which two lines
    are of the same product. products: the list of lines.
    """

    add: tuple[str, ...] = ("Product Added",)
    remove: tuple[str, ...] = ("Product Removed",)
    clear: tuple[str, ...] = ("Cart Cleared",)
    order: tuple[str, ...] = ("Order Completed",)
    replace: tuple[str, ...] = ()
    takes_listed: bool = False
    key: tuple[str, ...] = ("product_id",)
    quantity: str = "quantity"
    price: str = "price"
    products: str = "products"

    @property
    def line_names(self) -> tuple[str, ...]:
        """The properties of a line: those of its key, its quantity, its price."""
        return (*self.key, self.quantity, self.price)

    def updates(self) -> dict[str, CartUpdate]:
        """The update of the cart by each event, by its name."""
        order: CartUpdate = "take" if self.takes_listed else "empty"
        found: dict[str, CartUpdate] = dict.fromkeys(self.clear, "empty")
        found |= dict.fromkeys(self.add, "add")
        found |= dict.fromkeys(self.remove, "remove")
        found |= dict.fromkeys(self.replace, "replace")
        return found | dict.fromkeys(self.order, order)


DEFAULT_CART: Final = CartPolicy()
_NAMES_OF_LINES: Final = (CART_KEY.name, *(key.name for key in _PROPERTIES))


def read_cart_policy(fields: Fields) -> CartPolicy:
    """The policy under `cart:`; what is not said is as usual. Problems are added to the file's."""
    problems = len(fields.source.problems)
    said = {key.name: key.read(fields) for key in _LISTS if key.name in fields}
    usual = {key.name: getattr(DEFAULT_CART, key.name) for key in _LISTS}
    names = usual | said
    seen: dict[str, str] = {}
    for key, events in names.items():
        if len(events) > NAMES_MAX:
            fields.wrong(key, f"{key} has {len(events)} events", f"the most is {NAMES_MAX}")
        for event in events:
            other = seen.setdefault(event, key)
            if other != key:
                at = key if key in said else other
                fields.wrong(at, f"'{event}' stands under {other} and under {key}", _hint(event, other, key, said))
    if not (names["add"] or names["replace"] or len(fields.source.problems) > problems):
        fields.wrong("add", "no event fills this cart", f"write add: [{DEFAULT_CART.add[0]}]")
    return CartPolicy(**names, **_read_properties(fields), takes_listed=ORDER_TAKES.read(fields) == "listed")


def _read_properties(fields: Fields) -> dict[str, Any]:
    """The names of properties that are said."""
    said: dict[str, Any] = {key.name: key.read(fields) for key in _PROPERTIES if key.name in fields}
    if CART_KEY.name in fields:
        key = said[CART_KEY.name] = CART_KEY.read(fields)
        if not 0 < len(key) <= KEY_PROPERTIES_MAX:
            hint = f"write [{', '.join(DEFAULT_CART.key)}], or up to {KEY_PROPERTIES_MAX} properties"
            fields.wrong(CART_KEY.name, f"key has {len(key)} properties", hint)
        twice = next((name for name in key if key.count(name) > 1), None)
        if twice is not None:
            fields.wrong(CART_KEY.name, f"'{twice}' stands twice in key", "leave one of them out")
    for name, value in said.items():
        if not value and name != CART_KEY.name:
            fields.wrong(name, f"{name} names no property", f"write {name}: {getattr(DEFAULT_CART, name)}")
    return said


def _hint(event: str, other: str, key: str, said: dict[str, tuple[str, ...]]) -> str:
    left_out = next((each for each in (other, key) if each not in said), None)
    if left_out is None:
        return "leave it out of one of them"
    return f"'{event}' is the usual event under {left_out}: write {left_out}: [], or another event"


def cart_meaning(policy: CartPolicy) -> dict[str, Any]:
    """All that makes a policy what it is, in one order."""
    found = {each.name: getattr(policy, each.name) for each in fields(policy)}
    usual = {name: getattr(DEFAULT_CART, name) for name in _NAMES_OF_LINES}
    lines = {name: found.pop(name) for name in _NAMES_OF_LINES}
    events = {name: sorted(set(value)) if isinstance(value, tuple) else value for name, value in found.items()}
    return events | {name: value for name, value in lines.items() if value != usual[name]}


def cart_text(policy: CartPolicy) -> str:
    """A policy for people, in one line: what differs from the usual one."""
    usual, own = cart_meaning(DEFAULT_CART), cart_meaning(policy)
    said = [f"{key.name}: [{', '.join(own[key.name])}]" for key in _LISTS if own[key.name] != usual[key.name]]
    said += ["order_takes: listed"] if policy.takes_listed else []
    said += [f"key: [{', '.join(policy.key)}]"] if CART_KEY.name in own else []
    return ", ".join([*said, *(f"{key.name}: {own[key.name]}" for key in _PROPERTIES if key.name in own)])
