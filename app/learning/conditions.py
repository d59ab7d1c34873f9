"""Conditions over the columns of rows: which rows a condition holds for, where it asks for columns alone."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from app.errors import UserError
from app.learning.points import Numbers
from app.segments.language import canonical
from app.segments.language import syntax as s

Columns = Mapping[str, Numbers]
"""By the canonical text of its expression, the values of a column, NaN where one is missing. True is 1, false is 0."""

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_CALCULATE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


def holds(condition: s.Expression, columns: Columns, *, where: str) -> Any:
    """A truth for each row. A missing value compares with nothing. UserError for what is no column, naming `where`."""
    rows = len(next(iter(columns.values())))
    return np.broadcast_to(_truth(condition, columns, where), (rows,))


def _truth(node: s.Expression, columns: Columns, where: str) -> Any:
    known = columns.get(canonical.text(node))
    if known is not None:
        return np.nan_to_num(known) > 0
    match node:
        case s.Boolean():
            return np.array(node.value)
        case s.And():
            return np.logical_and.reduce(np.broadcast_arrays(*(_truth(each, columns, where) for each in node.operands)))
        case s.Or():
            return np.logical_or.reduce(np.broadcast_arrays(*(_truth(each, columns, where) for each in node.operands)))
        case s.Not():
            return ~_truth(node.operand, columns, where)
        case s.Known():
            return ~np.isnan(_numbers(node.operand, columns, where))
        case s.Comparison() if node.operator in _COMPARE:
            left, right = _numbers(node.left, columns, where), _numbers(node.right, columns, where)
            return _COMPARE[node.operator](left, right) & ~np.isnan(left) & ~np.isnan(right)
        case _:
            raise _unknown(node, where)


def _numbers(node: s.Expression, columns: Columns, where: str) -> Any:
    known = columns.get(canonical.text(node))
    if known is not None:
        return known
    match node:
        case s.Number() | s.Boolean():
            return np.array(float(node.value))
        case s.Duration():
            return np.array(float(node.ms))
        case s.Arithmetic():
            left, right = _numbers(node.left, columns, where), _numbers(node.right, columns, where)
            with np.errstate(divide="ignore", invalid="ignore"):
                found = _CALCULATE[node.operator](left, right)
            return np.where(np.isfinite(found), found, np.nan)
        case _:
            raise _unknown(node, where)


def _unknown(node: s.Expression, where: str) -> UserError:
    return UserError(
        f"{where} asks for {canonical.text(node)}, which is no column of numbers in the rows",
        hint="add it to the values of the features file, and make the rows again",
    )
