"""Checks of comparisons with the highest of all users: `sum(revenue of 'Order Completed') >= top(10%)`."""

import math
from collections.abc import Iterable, Iterator
from typing import Final

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.functions import AGGREGATES
from app.segments.language.mistakes.side_hints import shown
from app.segments.language.value_type import Type
from app.segments.language.walk import walk

LEAST_PERCENT: Final = 0.01
BELOW_PERCENT: Final = 100
USERS_MAX: Final = 1_000_000_000
EXAMPLE: Final = "sum(revenue of 'Order Completed' within 90d)"
_COUNTED_CART: Final = ("items", "quantity", "value")
_OPPOSITE: Final[dict[str, str]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def top_errors(node: s.Comparison, top: s.Top) -> list[LanguageError]:
    """The problems of a comparison whose right side is `top`; its left side has none by itself."""
    if node.operator not in _OPPOSITE:
        sign = f"compare with >=: {shown(node.left)} >= {canonical.text(top)}"
        return [LanguageError(f"{canonical.text(top)} is a threshold", node.span, sign)]
    if wrong := _wrong_number(top):
        return [wrong]
    if not is_counted(node.left):
        hint = f"compare a number that is made of events: {EXAMPLE} >= {canonical.text(top)}"
        told = "counts, sums and the like, cart.items, cart.quantity, cart.value, and arithmetic with them"
        return [LanguageError(f"{shown(node.left)} cannot be counted over all users", node.left.span, hint, told)]
    return []


def _wrong_number(top: s.Top) -> LanguageError | None:
    number, said = top.number, canonical.text(top)
    if top.of_users:
        if isinstance(number, int) and 1 <= number <= USERS_MAX:
            return None
        limits = f"a number of users goes from 1 to {USERS_MAX}, and is whole"
        return LanguageError(f"{said} is no number of users", top.span, limits)
    if LEAST_PERCENT <= number < BELOW_PERCENT and round(number * 100) == round(number * 100, 6):
        return None
    limits = f"a share goes from {LEAST_PERCENT}% to 99.99%, in steps of {LEAST_PERCENT}%"
    return LanguageError(f"{said} is no share of the users", top.span, limits)


def unit_hint(number: str) -> str:
    """The hint for a number in `top` that says neither a share nor users."""
    hints = [f"top({number}%)"] if float(number) < BELOW_PERCENT else []
    hints += [f"top({number} users)"] if number.isdigit() else []
    return f"write {', or '.join(hints or ('top(10%)', 'top(100 users)'))}"


def standing_errors(top: s.Top) -> list[LanguageError]:
    """The problem of a `top` that stands anywhere but on the right of a comparison."""
    hint = f"write {EXAMPLE} >= {canonical.text(top)}"
    return [LanguageError(f"{canonical.text(top)} can only stand on the right of a comparison", top.span, hint)]


def is_counted(node: s.Expression) -> bool:
    """True for a number that a census can count: nothing in it moves by itself or asks about others."""
    match node:
        case s.Aggregate(function=name):
            return AGGREGATES[name].result is Type.NUMBER
        case s.CartField(name=name):
            return name in _COUNTED_CART
        case s.Arithmetic():
            parts = (node.left, node.right)
            fixed = [isinstance(part, s.Number) for part in parts]
            return not all(fixed) and all(isinstance(part, s.Number) or is_counted(part) for part in parts)
        case _:
            return False


def population_name(node: s.Node, of: s.Expression | None = None) -> str:
    """The name of a published number: of a `top`, that which users are compared by stands behind it."""
    assert isinstance(node, s.Top | s.SegmentSize)
    return canonical.text(node) if of is None else f"{canonical.text(node)} of {canonical.text(of)}"


def population_names(nodes: Iterable[s.Node]) -> dict[str, list[str]]:
    """The numbers of all users that expressions compare with: their names, by themselves and by how they are written
    there: `top(10%)` is short for each `top(10%) of ...`."""
    found: dict[str, list[str]] = {}
    for each in (each for node in nodes for each in walk(node)):
        names: tuple[str, ...] = ()
        if isinstance(each, s.Comparison) and isinstance(each.right, s.Top):
            names = (canonical.text(each.right), population_name(each.right, each.left))
        elif isinstance(each, s.SegmentSize):
            names = (population_name(each),)
        for name in names:
            full = found.setdefault(name, [])
            full += [names[-1]] if names[-1] not in full else []
    return found


def top_comparisons(node: s.Node) -> Iterator[s.Comparison]:
    """The comparisons with the highest of all users in an expression."""
    return (each for each in walk(node) if isinstance(each, s.Comparison) and isinstance(each.right, s.Top))


def flutter(node: s.Comparison) -> LanguageError:
    """The doubt about a comparison by which a user both enters and leaves."""
    assert isinstance(node.right, s.Top)
    left, wider = canonical.text(node.left), canonical.text(_wider(node.right))
    hint = f"write enter: {left} {node.operator} {canonical.text(node.right)}, and"
    hint += f" exit: {left} {_OPPOSITE[node.operator]} {wider}, or hold: 7d"
    return LanguageError("users near the threshold enter and leave with each census", node.span, hint)


def _wider(top: s.Top) -> s.Top:
    """A fifth more users, by which they leave."""
    if top.of_users:
        return s.Top(min(math.ceil(top.number * 1.2), USERS_MAX), of_users=True)
    return s.Top(min(round(top.number * 1.2, 2), 99.99))
