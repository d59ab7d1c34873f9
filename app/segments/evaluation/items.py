"""Items of a list in an event: which there are, and what holds of one or is calculated of each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.segments.language.syntax import Arithmetic, Expression, ItemProperty, Path, Property
from app.segments.language.walk import walk
from tables.counted import Counted
from tables.values import number_of


def items_at(value: Any, path: Path) -> list[Any] | None:
    """The items of the list at a path, those of lists within lists' items in one; None where there is no value.

    A value that is no list is its only item; null is no item.

    >>> items_at({"lines": [{"ids": [1, None]}, {"ids": 2}, {}]}, ("lines", "ids"))
    [1, 2]
    """
    for depth, name in enumerate(path):
        if value.__class__ is dict:
            value = value.get(name)
        elif value.__class__ is list:
            inner = [items_at(item, path[depth:]) for item in value if item.__class__ is dict]
            known = [found for found in inner if found is not None]
            return [item for found in known for item in found] if known else None
        else:
            return None
    if value.__class__ is list:
        return [item for item in value if item is not None]
    return [value] if value.__class__ in (dict, str, int, float, bool) else None


def any_item(items: list[Any] | None, holds: Callable[[dict[str, Any]], bool]) -> bool:
    """True if something holds of one item; of an item that is no object nothing does."""
    return items is not None and any(holds(item) for item in items if item.__class__ is dict)


def count(items: list[Any] | None) -> int | None:
    """The number of items; None if there is no list."""
    return None if items is None else len(items)


def numbers(items: list[Any] | None, calculate: Callable[[dict[str, Any]], Any], counted: Counted) -> list[int]:
    """Results for all items, in millionths; an item of which there is none is left out."""
    results = [calculate(item) for item in items or () if item.__class__ is dict]
    return [number for result in results if (number := number_of(result, counted)) is not None]


def by_item(node: Arithmetic) -> tuple[Path, Arithmetic]:
    """The path of the list whose items arithmetic is about, and the arithmetic with properties of one item.

    It is about the innermost list, or object, that all its properties have in common; empty: about the event.
    """
    paths = [each.path for each in walk(node) if isinstance(each, Property)]
    depth = 0
    while all(len(path) > depth + 1 and path[: depth + 1] == paths[0][: depth + 1] for path in paths):
        depth += 1
    return paths[0][:depth], _within(node, depth)


def _within(node: Arithmetic, depth: int) -> Arithmetic:
    def inner(side: Expression) -> Expression:
        if isinstance(side, Property):
            return ItemProperty(side.path[depth:])
        return _within(side, depth) if isinstance(side, Arithmetic) else side

    return replace(node, left=inner(node.left), right=inner(node.right))
