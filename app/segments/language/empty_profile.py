"""Evaluates a condition for a user without any events: true, false, or dependent on the clock.

A condition that depends on the clock alone would have to wake everybody at its instants, so it is an error.
Three-valued logic: a clock function has an unknown value, and so has what depends on the id of a user, or on how many
there are; what follows from it whatever that is, is known. With both, the clock decides.
"""

import operator
from collections.abc import Callable, Collection
from enum import Enum
from typing import Any, Protocol

from app.segments.language import syntax as s
from app.segments.language.functions import AGGREGATES


class Unclear(Enum):
    """Values that are none."""

    MISSING = "missing"
    CLOCK = "depends on the clock"
    WHO = "depends on the id of the user, or on all users"


MISSING, CLOCK, WHO = Unclear.MISSING, Unclear.CLOCK, Unclear.WHO
_OPEN = (CLOCK, WHO)


class Others(Protocol):
    """Truth of the other definitions for a user without any events."""

    def segment(self, name: str) -> bool:
        """True if a user without events would be in that segment."""

    def score(self, name: str) -> int | float:
        """The score of this user."""

    def consent(self, purpose: str) -> bool:
        """True if this user agrees to a purpose."""


def depends_on_clock(condition: s.Expression, others: Others) -> bool:
    """True if the clock alone decides the condition for somebody of whom nothing is known."""
    return value_of_nobody(condition, others) is CLOCK


def value_of_nobody(node: s.Expression, others: Others) -> Any:
    """The value for somebody of whom nothing is known: a plain value, MISSING or CLOCK. Durations in milliseconds."""
    match node:
        case s.Number() | s.Text() | s.Boolean():
            return node.value
        case s.Duration():
            return node.ms
        case s.ListOf():
            return [value_of_nobody(item, others) for item in node.items]
        case s.Known():
            return value_of_nobody(node.operand, others) is not MISSING
        case s.Not():
            inner = value_of_nobody(node.operand, others)
            return inner if inner in _OPEN else not inner
        case s.And():
            return _all([value_of_nobody(operand, others) for operand in node.operands])
        case s.Or():
            return _any([value_of_nobody(operand, others) for operand in node.operands])
        case s.Comparison(right=s.Top()):
            return _against_share(node.operator, value_of_nobody(node.left, others))
        case s.Comparison():
            return _compare(node.operator, value_of_nobody(node.left, others), value_of_nobody(node.right, others))
        case s.Arithmetic():
            return _calculate(node.operator, value_of_nobody(node.left, others), value_of_nobody(node.right, others))
        case s.Membership():
            return others.segment(node.segment)
        case s.ScoreValue():
            return others.score(node.score)
        case s.SegmentMark(function=function):
            return {"times": 0, "since_left": MISSING}.get(function, False)
        case s.Bucket() | s.UserField(name="id") | s.SegmentSize():
            return WHO
        case s.Lower(of=of):
            inner = value_of_nobody(of, others)
            return inner.lower() if isinstance(inner, str) else inner
        case s.Consent():
            return others.consent(node.purpose)
        case s.Clock():
            return CLOCK
        case s.Aggregate():
            nothing = AGGREGATES[node.function].nothing
            return MISSING if nothing is None else nothing
        case s.CartField(name="items" | "quantity" | "value") | s.CartLineField(name="quantity"):
            return 0
        case s.SessionField(name="number") | s.ValueCount():
            return 0
        case s.ModelValue():
            return MISSING
        case s.UserField(name="identified") | s.StaticList() | s.Near():
            return False
        case _:
            return MISSING


def _against_share(sign: str, left: Any) -> Any:
    """The number of a share is above zero, if there is one."""
    if left is MISSING or (left not in _OPEN and left <= 0 and sign in (">", ">=")):
        return False
    return WHO


def _all(values: list[Any]) -> Any:
    if any(value not in _OPEN and not value for value in values):
        return False
    return _open_among(values) or True


def _any(values: list[Any]) -> Any:
    if any(value not in _OPEN and value for value in values):
        return True
    return _open_among(values) or False


def _open_among(values: Collection[Any]) -> Unclear | None:
    """The value that is none, of several: the clock before the id."""
    return next((each for each in _OPEN if each in values), None)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
}
_CALCULATE: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _compare(sign: str, left: Any, right: Any) -> Any:
    if MISSING in (left, right):
        return False
    if (unclear := _open_among((left, right))) is not None:
        return unclear
    compare = _COMPARE.get(sign)
    return compare is not None and compare(left, right)


def _calculate(sign: str, left: Any, right: Any) -> Any:
    if MISSING in (left, right) or (sign == "/" and right == 0 and right is not False):
        return MISSING
    return _open_among((left, right)) or _CALCULATE[sign](left, right)
