"""Comparisons and arithmetic of the language on values that are only known at run time.

Values: None (missing), bool, int, float, str, or a list of these. See docs/exact-meaning.md, "Comparisons".
"""

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from app.segments.language.regular_expressions import compile_search
from tables.counted import CUT_TEXT_SEARCHED, Counted
from tables.cut_texts import TEXT_BYTES_SURE_MAX, beginning_of, same_text, what_is_left
from tables.values import at_path, number_in, plain_number
from tables.windows import FOREVER

CONTAINERS = frozenset({list, dict})


def scalar_or_list(value: Any) -> Any:
    """A property as it is compared: objects and lists in lists are no values."""
    return at_path(value, ()) if value.__class__ is list else None if value.__class__ is dict else value


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and (a.__class__ is bool) == (b.__class__ is bool)


def _equal(a: Any, b: Any) -> bool:
    """Equal values; a number and a text that is a number are compared as numbers.

    A long text equals what is remembered of it.
    """
    if a.__class__ is str:
        if b.__class__ is str:
            return same_text(a, b)
        if b.__class__ is int or b.__class__ is float:
            a = number_in(a)
    elif b.__class__ is str and (a.__class__ is int or a.__class__ is float):
        b = number_in(b)
    return _same(a, b)


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
        if a.__class__ is bool or b.__class__ is bool:
            return False
        if a.__class__ is str and b.__class__ is str:
            return test(a, a if same_text(a, b) else b)
        if a.__class__ is str or b.__class__ is str:
            a, b = number(a), number(b)
            return a is not None and b is not None and test(a, b)
        return test(a, b)

    return _any_pair(compare)


equal = _any_pair(_equal)
unequal = _any_pair(lambda a, b: not _equal(a, b))
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
        return any(_equal(item, b) for item in a)
    return a.__class__ is str and b.__class__ is str and (b in what_is_left(a) or same_text(a, b))


starts_with = _any_pair(
    lambda a, b: a.__class__ is str and b.__class__ is str and (what_is_left(a).startswith(b) or same_text(a, b))
)


def matcher(pattern: str) -> Callable[[Any], bool]:
    """A search for a regular expression that the catalog's check has found to be linear."""
    search = compile_search(pattern)

    def matches(value: Any) -> bool:
        if value.__class__ is list:
            return any(matches(item) for item in value)
        return value.__class__ is str and search(what_is_left(value))

    return matches


def pattern_search(pattern: str) -> Callable[[Any, Any], bool]:
    """`matches` as an operator of two sides; the pattern is the right one already."""
    matches = matcher(pattern)
    return lambda value, _: matches(value)


def counting(operator: str, search: Callable[[Any, Any], bool], counted: Counted) -> Callable[[Any, Any], bool]:
    """`contains`, `starts with` or `matches` on remembered values, that counts what a cut text leaves open."""

    def compare(a: Any, b: Any) -> bool:
        found = search(a, b)
        if not (found and operator != "matches") and _leaves_open(operator, a, b):
            counted[CUT_TEXT_SEARCHED] += 1
        return found

    return compare


def _leaves_open(operator: str, a: Any, b: Any) -> bool:
    """True if the whole text could be another answer than its beginning."""
    if a.__class__ is list:
        return operator != "contains" and any(_leaves_open(operator, item, b) for item in a)
    if b.__class__ is list:
        return any(_leaves_open(operator, a, item) for item in b)
    if a.__class__ is not str or b.__class__ is not str:
        return False
    left = beginning_of(a)
    if left is None:
        return operator != "matches" and beginning_of(b) is not None
    return operator != "starts with" or len(b) > len(left)


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


def lowered(value: Any) -> Any:
    """A text in small letters, of a list each; anything else as it is."""
    if value.__class__ is list:
        return [lowered(item) for item in value]
    return value.lower() if value.__class__ is str else value


def lowered_and_counted(value: Any, counted: Counted) -> Any:
    """`lower` of a remembered value; counts a cut text, of which another part may have been in capital letters."""
    small = lowered(value)
    texts = value if value.__class__ is list else (value,)
    if any(text.__class__ is str and beginning_of(text) is not None for text in texts):
        counted[CUT_TEXT_SEARCHED] += 1
    return small


def rounded_score(value: float) -> int | float:
    """A score as it is compared and shown: six places."""
    return plain_number(round(value, 6))


def is_plain_text(text: str) -> bool:
    """True if only the same text equals it, no number and no beginning of a longer one."""
    return number_in(text) is None and len(text.encode(errors="replace")) <= TEXT_BYTES_SURE_MAX


def number(value: Any) -> int | float | None:
    """The value if it is a number, or a text that is one."""
    if value.__class__ is str:
        return number_in(value)
    return value if value.__class__ is int or value.__class__ is float else None


def _calculation(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Missing if either side is not a number, or if there is no result; infinite beyond what a double holds."""

    def calculate(a: Any, b: Any) -> Any:
        a, b = number(a), number(b)
        if a is None or b is None:
            return None
        try:
            result = operate(a, b)
        except (OverflowError, ZeroDivisionError):  # a whole number that no double holds
            return None
        return result if result == result else None  # not a number: infinite minus infinite

    return calculate


add = _calculation(operator.add)
subtract = _calculation(operator.sub)
multiply = _calculation(operator.mul)
divide = _calculation(lambda a, b: plain_number(a / b))


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": add, "-": subtract, "*": multiply, "/": divide}

_FAR_MS = 1 << 44
NEAR = 1e-5  # beyond this, rounding to six places changes no comparison
_HALF_PLACE = 5e-7  # the error of rounding to six places
ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def crossing(
    sign: str, left: Callable[[int], Any], right: Callable[[int], Any], now: int, guess: int = 0
) -> tuple[bool, int]:
    """True if `left <sign> right` holds at `now`, and the first later instant at which that is not so any more.

    The difference of the sides never turns back. Exact to the millisecond, by bisection that begins at `guess`.
    """
    a, b = number(left(now)), number(right(now))
    if a is None or b is None:
        return False, FOREVER
    if sign in ORDERED:
        compare = ORDERED[sign]
        return _turn(_both(compare, left, right), now, guess)
    instant = now
    while instant < FOREVER:
        _, below = _turn(_both(operator.le, left, right), instant, guess)
        _, above = _turn(_both(operator.ge, left, right), instant, guess)
        instant = min(below, above)
        if instant < FOREVER and (left(instant) == right(instant)) != (a == b):
            break
    return (a == b) is (sign == "="), instant


def _both(
    compare: Callable[[Any, Any], bool], left: Callable[[int], Any], right: Callable[[int], Any]
) -> Callable[[int], bool]:
    def holds(n: int) -> bool:
        a, b = left(n), right(n)
        return a is not None and b is not None and bool(compare(a, b))

    return holds


def _turn(holds: Callable[[int], bool], now: int, guess: int) -> tuple[bool, int]:
    """The truth at `now`, and the first later instant with the other truth; there is at most one turn."""
    truth = holds(now)
    return truth, _turn_from(holds, now, guess, truth=truth)


def _turn_from(holds: Callable[[int], bool], now: int, guess: int, *, truth: bool) -> int:
    low, high, step = now, now + 60_000, 60_000
    if guess > now and holds(guess) == truth:
        low, high, step = guess, guess + 2, 2
    elif guess > now:
        high, step = guess, 2
        while guess - step > now and holds(guess - step) != truth:
            high = guess - step
            step <<= 2
        low = max(now, guess - step)
    while holds(high) == truth:
        if step >= _FAR_MS:
            return FOREVER
        low = high
        step <<= 2
        high += step
    while high - low > 1:
        middle = (low + high) >> 1
        if holds(middle) == truth:
            low = middle
        else:
            high = middle
    return high


def score_crossing(
    sign: str, state: list[Any] | None, half_life_ms: int, fixed: float, bound: float, now: int
) -> tuple[bool, int]:
    """A decaying score, to six places, against a number; the same contract as `crossing`.

    `state` is [v, t]; `fixed` is what does not decay.
    """
    value, since = state or (0.0, now)
    decaying = value, since, half_life_ms, fixed
    compare = ORDERED.get(sign)
    if compare is None:
        return crossing(sign, partial(_score_at, *decaying), lambda n: bound, now)
    # Rounding takes the most time, and matters only near the bound.
    exact = value * 2.0 ** (-(now - since) / half_life_ms) + fixed
    truth = bool(compare(exact if abs(exact - bound) > NEAR else round(exact, 6), bound))
    if compare(fixed if abs(fixed - bound) > NEAR else round(fixed, 6), bound) == truth:
        return truth, FOREVER  # it tends to `fixed`: it turns once at most
    # The instant is estimated by the logarithm, then made exact.
    rest = bound - fixed + (_HALF_PLACE if sign in (">", "<=") else -_HALF_PLACE)
    guess = int(since + half_life_ms * math.log2(value / rest)) if rest and value / rest > 0 else 0
    return truth, _turn_from(partial(_score_holds, compare, bound, *decaying), now, guess, truth=truth)


def _score_at(value: float, since: int, half_life_ms: int, fixed: float, n: int) -> float:
    return float(round(value * 2.0 ** (-(n - since) / half_life_ms) + fixed, 6))


def _score_holds(
    compare: Callable[[Any, Any], bool], bound: float, value: float, since: int, half_life_ms: int, fixed: float, n: int
) -> bool:
    return bool(compare(_score_at(value, since, half_life_ms, fixed, n), bound))
