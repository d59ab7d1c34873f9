"""Comparisons of versions. A list: true if it is for any of its values that is a version."""

import operator
from collections.abc import Callable
from typing import Any

from tables.versions import numbers_of_version

Numbers = tuple[int, ...]


def as_version(value: Any) -> Any:
    """The value if it is a version, of a list those that are; None if there is none."""
    if value.__class__ is list:
        return [item for item in value if numbers_of_version(item) is not None] or None
    return None if numbers_of_version(value) is None else value


def _versions(value: Any) -> list[Numbers]:
    items = value if value.__class__ is list else (value,)
    return [numbers for item in items if (numbers := numbers_of_version(item)) is not None]


def _any_pair(test: Callable[[Numbers, Numbers], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: any(test(a, b) for a in _versions(left) for b in _versions(right))


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": _any_pair(operator.eq),
    "!=": _any_pair(operator.ne),
    "<": _any_pair(operator.lt),
    "<=": _any_pair(operator.le),
    ">": _any_pair(operator.gt),
    ">=": _any_pair(operator.ge),
    "in": _any_pair(operator.eq),
}
