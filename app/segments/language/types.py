"""Types of expressions, as far as they are known before any event has come."""

from app.segments.language import syntax as s
from app.segments.language.functions import AGGREGATES
from app.segments.language.value_type import Type

__all__ = ["CLOCK_RANGES", "Type", "arithmetic_type", "can_be_missing", "type_of"]

CLOCK_RANGES: dict[s.ClockReading, tuple[int, int]] = {
    "hour_of_day": (0, 23),
    "day_of_month": (1, 31),
    "month": (1, 12),
    "week_of_year": (1, 53),
}
"""The least and the highest number of each clock that shows one."""


_CART: dict[str, Type] = {"products": Type.LIST, "idle": Type.DURATION}
_SESSION: dict[str, Type] = {
    **dict.fromkeys(("duration", "idle"), Type.DURATION),
    **dict.fromkeys(("source", "landing_page"), Type.TEXT),
}
_USER: dict[str, Type] = {
    **dict.fromkeys(("first_seen", "last_seen"), Type.INSTANT),
    **dict.fromkeys(("age", "idle"), Type.DURATION),
    "identified": Type.BOOLEAN,
    "id": Type.TEXT,
}
_MARKS: dict[str, Type] = {
    **dict.fromkeys(("entered", "left"), Type.BOOLEAN),
    "since_left": Type.DURATION,
    "times": Type.NUMBER,
}
_BY_NODE: dict[type, Type] = {
    s.Number: Type.NUMBER,
    s.Text: Type.TEXT,
    s.Boolean: Type.BOOLEAN,
    s.Duration: Type.DURATION,
    s.ListOf: Type.LIST,
    **dict.fromkeys((s.Comparison, s.Known, s.Not, s.And, s.Or, s.AnyItem, s.Near), Type.BOOLEAN),
    **dict.fromkeys((s.Membership, s.StaticList, s.Consent), Type.BOOLEAN),
    **dict.fromkeys((s.Property, s.EventContext, s.ItemProperty, s.Key), Type.DYNAMIC),
    **dict.fromkeys((s.Trait, s.ContextValue, s.FirstValue), Type.DYNAMIC),
    **dict.fromkeys((s.ScoreValue, s.ModelValue, s.Bucket, s.ItemCount, s.Top, s.SegmentSize), Type.NUMBER),
    s.ValueCount: Type.NUMBER,
    s.EventTime: Type.INSTANT,
    s.Version: Type.TEXT,
    s.Distance: Type.DURATION,
}


def type_of(node: s.Expression) -> Type:
    """The type of an expression. For arithmetic that makes no sense, that of its left side."""
    match node:
        case s.Aggregate():
            return AGGREGATES[node.function].result
        case s.CartField() | s.CartLineField():
            return _CART.get(node.name, Type.NUMBER)
        case s.SessionField():
            return _SESSION.get(node.name, Type.NUMBER)
        case s.UserField():
            return _USER[node.name]
        case s.SegmentMark():
            return _MARKS[node.function]
        case s.Lower():
            return type_of(node.of)
        case s.Clock():
            return Type.TEXT if node.reading in ("day_of_week", "date") else Type.NUMBER
        case s.Arithmetic():
            left, right = type_of(node.left), type_of(node.right)
            return arithmetic_type(node.operator, left, right) or left
        case _:
            return _BY_NODE[type(node)]


def can_be_missing(node: s.Node) -> bool:
    """True for one value that can be missing."""
    match node:
        case s.Aggregate():
            return AGGREGATES[node.function].nothing is None
        case s.CartField(name=name):
            return name == "idle"
        case s.CartLineField(name=name):
            return name != "quantity"
        case s.SessionField(name=name):
            return name != "number"
        case s.SegmentMark(function=function):
            return function == "since_left"
        case s.Lower(of=of):
            return can_be_missing(of)
        case s.Property() | s.EventContext() | s.ItemProperty() | s.ItemCount() | s.Version():
            return True
        case _:
            return isinstance(
                node,
                s.Key | s.Trait | s.ContextValue | s.FirstValue | s.Distance | s.ModelValue | s.SegmentSize,
            )


def arithmetic_type(operator: s.ArithmeticOperator, left: Type, right: Type) -> Type | None:
    """The type of `left operator right`; None if it makes no sense. A property counts as a number.

    Durations and instants: duration +- duration, instant +- duration, instant - instant, duration * number,
    duration / number, duration / duration.
    """
    left = Type.NUMBER if left is Type.DYNAMIC else left
    right = Type.NUMBER if right is Type.DYNAMIC else right
    return _ARITHMETIC.get((operator, left, right))


_N, _D, _I = Type.NUMBER, Type.DURATION, Type.INSTANT
_ARITHMETIC: dict[tuple[str, Type, Type], Type] = {
    **{(operator, _N, _N): _N for operator in "+-*/"},
    **{(operator, _D, _D): _D for operator in "+-"},
    ("/", _D, _D): _N,
    ("*", _D, _N): _D,
    ("*", _N, _D): _D,
    ("/", _D, _N): _D,
    ("+", _I, _D): _I,
    ("+", _D, _I): _I,
    ("-", _I, _D): _I,
    ("-", _I, _I): _D,
}
