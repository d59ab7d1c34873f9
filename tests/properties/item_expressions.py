"""Random conditions on the items of a list, and arithmetic with them."""

from typing import TYPE_CHECKING

from tests.properties.places import near, version_test

if TYPE_CHECKING:
    from tests.properties.catalogs import Writer

LISTS = (*["products"] * 6, "products.parts", "products.parts", "tags", "o", "x")
OF_AN_ITEM = ("c", "x", "c", "x", "product_id", "price", "quantity", "parts.c", "properties['in']")
LIKELY = ("1", "'a'", "'a'", "'b'")
ARITHMETIC = (
    "products.price * products.quantity",
    "products.price * products.quantity",
    "(products.price - products.x) * products.quantity",
    "products.parts.x * products.parts.c",
    "products.price + products.parts.x",
    "x * products.price",
    "products.quantity / products.price",
    "x - price * quantity",
    "(x + o.x) / 2",
    "o.x * 2",
    "products.price * -1.5",
)


def item_atom(writer: "Writer") -> str:
    """A condition about a user, on lists in their events."""
    return f"{item_value(writer)} {writer.order()} {writer.threshold()}"


def item_value(writer: "Writer") -> str:
    """A value of a user, from lists in their events."""
    scope = writer.scope() if writer.chance(40) else ""
    if writer.chance(60):
        return f"count({writer.name()} where {item_filter(writer)}{scope})"
    return f"{writer.one_of('sum', 'sum', 'sum', 'avg', 'max')}({writer.one_of(*ARITHMETIC)} of {writer.name()}{scope})"


def item_filter(writer: "Writer") -> str:
    """A condition on the items of a list in an event."""
    if writer.chance(30):
        return f"count({writer.one_of(*LISTS)}) {writer.order()} {writer.threshold()}"
    return f"any {writer.one_of(*LISTS)} ({of_one_item(writer, 2)})"


def of_one_item(writer: "Writer", depth: int) -> str:
    """A condition on one item."""
    if depth and writer.chance(45):
        left, right = of_one_item(writer, depth - 1), of_one_item(writer, depth - 1)
        return writer.one_of(f"({left} and {right})", f"({left} and {right})", f"({left} or {right})", f"not ({left})")
    path = writer.one_of(*OF_AN_ITEM)
    if writer.chance(20):
        return writer.one_of("count(parts) >= 1", "count(parts) = 2", "any parts (c = 'a')", "any parts (x = 2)")
    if writer.chance(60):
        return f"{writer.one_of('c', 'c', 'x', 'product_id')} {writer.one_of('=', '=', '!=')} {writer.one_of(*LIKELY)}"
    return writer.any_of(
        lambda: f"{path} {writer.one_of('=', '!=')} {writer.scalar()}",
        lambda: f"{path} {writer.order()} {writer.number()}",
        lambda: f"{path} in {writer.list_of_scalars()}",
        lambda: f"{path} is {writer.one_of('known', 'missing')}",
        lambda: f"lower({path}) = 'b1'",
        lambda: f"price * quantity {writer.order()} {writer.number()}",
        lambda: f"any parts (c = {writer.scalar()} and x {writer.order()} {writer.number()})",
        lambda: f"count(parts) {writer.order()} {writer.threshold()}",
        lambda: f"c = context.device.type or {path} = {writer.text()}",
        lambda: f"{path} {writer.one_of('contains', 'starts with')} {writer.text()}",
        lambda: version_test(writer, "version"),
        lambda: near(writer, "place"),
        writer.time_filter,
    )
