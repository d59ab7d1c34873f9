"""What the comparisons and arithmetic of the language do with values that are only known at run time.

Values: None (missing), bool, int, float, str, or a list of these. See docs/exact-meaning.md, "Comparisons".
"""

import re
from collections.abc import Callable
from typing import Any

from tables.values import at_path, plain_number
from tables.windows import FOREVER

CONTAINERS = frozenset({list, dict})


def scalar_or_list(value: Any) -> Any:
    """A property as it is compared: objects and lists in lists are no values."""
    return at_path(value, ()) if value.__class__ is list else None if value.__class__ is dict else value


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and (a.__class__ is bool) == (b.__class__ is bool)


def same(a: Any, b: Any) -> bool:
    """Equal as JSON values, lists item by item."""
    if a.__class__ is list and b.__class__ is list:
        return len(a) == len(b) and all(map(_same, a, b))
    return _same(a, b)


def _any_pair(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(a: Any, b: Any) -> bool:
        if a is None or b is None:
            return False
        if a.__class__ is list:
            return any(compare(item, b) for item in a)
        if b.__class__ is list:
            return any(test(a, item) for item in b)
        return test(a, b)

    return compare


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(a: Any, b: Any) -> bool:
        if a.__class__ is str:
            return b.__class__ is str and test(a, b)
        if a.__class__ is bool or b.__class__ is bool or b.__class__ is str:
            return False
        return test(a, b)

    return _any_pair(compare)


equal = _any_pair(_same)
unequal = _any_pair(lambda a, b: not _same(a, b))
less = _ordered(lambda a, b: a < b)
at_most = _ordered(lambda a, b: a <= b)
greater = _ordered(lambda a, b: a > b)
at_least = _ordered(lambda a, b: a >= b)


def is_in(a: Any, items: list[Any]) -> bool:
    """The value, or any of a list's, equals one of `items`."""
    return equal(a, items)


def contains(a: Any, b: Any) -> bool:
    """A text contains a text; a list has an equal value."""
    if a is None or b is None:
        return False
    if b.__class__ is list:
        return any(contains(a, item) for item in b)
    if a.__class__ is list:
        return any(_same(item, b) for item in a)
    return a.__class__ is str and b.__class__ is str and b in a


starts_with = _any_pair(lambda a, b: a.__class__ is str and b.__class__ is str and a.startswith(b))


def matcher(pattern: str) -> Callable[[Any], bool]:
    """A search for a regular expression that the catalog's check has found to be linear."""
    search = compile_pattern(pattern)

    def matches(value: Any) -> bool:
        if value.__class__ is list:
            return any(matches(item) for item in value)
        return value.__class__ is str and search(value)

    return matches


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """The search itself."""
    compiled = re.compile(pattern)
    return lambda text: compiled.search(text) is not None


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": equal,
    "!=": unequal,
    "<": less,
    "<=": at_most,
    ">": greater,
    ">=": at_least,
    "in": is_in,
    "contains": contains,
    "starts with": starts_with,
}


def number(value: Any) -> int | float | None:
    """The value if it is a number."""
    return value if value.__class__ is int or value.__class__ is float else None


def add(a: Any, b: Any) -> Any:
    """Sum; missing if either is no number."""
    a, b = number(a), number(b)
    return None if a is None or b is None else a + b


def subtract(a: Any, b: Any) -> Any:
    """Difference; missing if either is no number."""
    a, b = number(a), number(b)
    return None if a is None or b is None else a - b


def multiply(a: Any, b: Any) -> Any:
    """Product; missing if either is no number."""
    a, b = number(a), number(b)
    return None if a is None or b is None else a * b


def divide(a: Any, b: Any) -> Any:
    """Quotient; missing if either is no number or b is 0."""
    a, b = number(a), number(b)
    return None if a is None or b is None or b == 0 else plain_number(a / b)


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": add, "-": subtract, "*": multiply, "/": divide}

_SIGN_TRUTH: dict[str, tuple[bool, bool, bool]] = {  # for signs -1, 0, 1 of left minus right
    "=": (False, True, False),
    "!=": (True, False, True),
    "<": (True, False, False),
    "<=": (True, True, False),
    ">": (False, False, True),
    ">=": (False, True, True),
}
_FAR_MS = 1 << 44


def sign(a: Any, b: Any) -> int | None:
    """-1, 0 or 1 for a below, equal to or above b; None if either is missing."""
    a, b = number(a), number(b)
    return None if a is None or b is None else (a > b) - (a < b)


def crossing(operator: str, sign_at: Callable[[int], int | None], now: int) -> tuple[bool, int]:
    """Whether the comparison holds at `now`, and the first later instant at which it does not any more (or does).

    `sign_at` never turns back: it goes from -1 over 0 to 1, or the other way. Bisection, so exact to the millisecond.
    """
    current = sign_at(now)
    if current is None:
        return False, FOREVER
    truths = _SIGN_TRUTH[operator]
    truth = truths[current + 1]
    start = now
    while True:
        step = 60_000
        while sign_at(start + step) == current:
            if step >= _FAR_MS:
                return truth, FOREVER
            step <<= 2
        low, high = start, start + step
        while high - low > 1:
            middle = (low + high) >> 1
            if sign_at(middle) == current:
                low = middle
            else:
                high = middle
        following = sign_at(high)
        assert following is not None
        if truths[following + 1] != truth:
            return truth, high
        start, current = high, following
