"""`where` becomes a Python expression over an event's properties and context."""

from collections.abc import Callable
from typing import Any

from app.segments.compiler.code_writer import CodeWriter
from app.segments.evaluation import operators
from app.segments.language import syntax
from app.segments.language.syntax import Expression, Path

LoadValue = Callable[[str, Path], str]
"""(`properties` or `context`, path) -> the local name of the value, None where missing."""


def filter_text(node: Expression, code: CodeWriter, load: LoadValue) -> str:
    """A Python expression that is true exactly if the filter is."""
    match node:
        case syntax.And(operands=operands):
            return "(" + " and ".join(filter_text(part, code, load) for part in operands) + ")"
        case syntax.Or(operands=operands):
            return "(" + " or ".join(filter_text(part, code, load) for part in operands) + ")"
        case syntax.Not(operand=operand):
            return f"(not {filter_text(operand, code, load)})"
        case syntax.Known(operand=operand):
            return f"({_value(operand, code, load)} is not None)"
        case syntax.Comparison():
            return _comparison(node, code, load)
        case syntax.Boolean(value=value):
            return repr(value)
        case _:
            return f"{code.bind('f', operators.equal)}({_value(node, code, load)}, True)"


def _comparison(node: syntax.Comparison, code: CodeWriter, load: LoadValue) -> str:
    left = _value(node.left, code, load)
    operator, right = node.operator, node.right
    is_name = isinstance(node.left, syntax.Property | syntax.EventContext)
    if operator == "matches":
        assert isinstance(right, syntax.Text)
        return f"{code.constant(operators.matcher(right.value))}({left})"
    compare = f"{code.bind('f', operators.COMPARE[operator])}({left}, {_value(right, code, load)})"
    if is_name and isinstance(right, syntax.Text) and operator == "=" and operators.is_plain_text(right.value):
        return f"({left} == {right.value!r} or ({left}.__class__ is list and {compare}))"
    if is_name and isinstance(right, syntax.Number) and operator in ("<", "<=", ">", ">="):
        simple = f"{left} {operator} {right.value!r}"
        return (
            f"({simple} if {left}.__class__ is float or {left}.__class__ is int"
            f" else ({left}.__class__ is str or {left}.__class__ is list) and {compare})"
        )
    return compare


def _value(node: Expression, code: CodeWriter, load: LoadValue) -> str:
    match node:
        case syntax.Property(path=path):
            return load("properties", path)
        case syntax.EventContext(path=path):
            return load("context", path)
        case syntax.Lower(of=of):
            return f"{code.bind('f', operators.lowered)}({_value(of, code, load)})"
        case syntax.Arithmetic(operator=operator, left=left, right=right):
            helper = code.bind("f", operators.ARITHMETIC[operator])
            return f"{helper}({_value(left, code, load)}, {_value(right, code, load)})"
        case syntax.Number(value=value) | syntax.Text(value=value) | syntax.Boolean(value=value):
            return code.constant(value)
        case syntax.Duration(ms=ms):
            return repr(ms)
        case syntax.ListOf(items=items):
            return code.constant([_literal(item) for item in items])
        case _:
            return filter_text(node, code, load)


def _literal(node: Any) -> Any:
    return node.ms if isinstance(node, syntax.Duration) else node.value
