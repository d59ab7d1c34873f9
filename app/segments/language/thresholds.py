"""Comparisons with a fixed number that a limit makes pointless: always true, or never."""

import math
from collections.abc import Iterator

from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.errors import LanguageError
from app.segments.language.functions import AGGREGATES
from app.segments.language.mistakes.side_hints import shown
from app.segments.language.walk import walk

CART_ITEMS_MAX = 100
"""Different products that a cart keeps."""

_FLIPPED: dict[str, s.ComparisonOperator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def check_thresholds(node: s.Expression) -> list[LanguageError]:
    """The comparisons in an expression that a limit makes pointless."""
    return [error for comparison in walk(node) if isinstance(comparison, s.Comparison) for error in _check(comparison)]


def _check(node: s.Comparison) -> Iterator[LanguageError]:
    sign, left, right = node.operator, node.left, node.right
    if isinstance(left, s.Number | s.Duration):
        sign, left, right = _FLIPPED.get(sign, sign), right, left
    limit = _limit(left)
    if limit is not None:
        most, reason, is_cut = limit
        numbers = right.items if isinstance(right, s.ListOf) else (right,)
        for number in numbers:
            if isinstance(number, s.Number) and _needed(sign, number.value, is_cut=is_cut) > most:
                yield _pointless(node, sign, left, number, most, reason)
    if isinstance(left, s.ModelValue):
        yield from _check_probability(node, left, right)
    if isinstance(right, s.Duration):
        yield from _check_since(node, sign, left, right)


def _limit(node: s.Expression) -> tuple[int, str, bool] | None:
    """The highest number that an expression can reach, and why. True: it stands for all higher ones as well."""
    match node:
        case s.Aggregate(function=name):
            bounded = node.within_ms is not None or node.since_last is not None
            entry = AGGREGATES[name]
            if (touched := entry.touched_within(node.within_ms)) is not None:
                window = format_duration(node.within_ms or 0)
                return touched, f"a window of {window} touches at most {touched} {name}", False
            latest = node.pattern.latest
            if latest is not None and not entry.of_property:
                return latest, f"last {latest} are at most {latest} events", False
            most = entry.most[0 if bounded else 1]
            return None if most is None else (most, entry.why_most, True)
        case s.CartField(name="items"):
            return CART_ITEMS_MAX, f"at most {CART_ITEMS_MAX} products of a cart are kept", True
        case _:
            return None


def _needed(sign: s.ComparisonOperator, number: int | float, *, is_cut: bool) -> int:
    """Returns how far one must count to decide the comparison."""
    if sign in (">", "<="):
        return math.floor(number) + 1
    if sign in ("=", "!="):
        return math.ceil(number) + is_cut
    return math.ceil(number)


def _pointless(
    node: s.Comparison, sign: str, left: s.Expression, number: s.Number, most: int, reason: str
) -> LanguageError:
    if number.value > most:
        message = f"{shown(left)} never reaches {_plain(number.value)}"
    else:
        message = f"{shown(left)} never exceeds {most}"
    highest = f">= {most}" if sign not in ("<", "<=") else f"< {most}"
    return LanguageError(message, node.span, f"the highest threshold is {highest}", reason)


def _check_probability(node: s.Comparison, model: s.ModelValue, bound: s.Expression) -> Iterator[LanguageError]:
    for number in bound.items if isinstance(bound, s.ListOf) else (bound,):
        if isinstance(number, s.Number) and not 0 <= number.value <= 1:
            likely = number.value / 100 if 1 < number.value <= 100 else 0.7  # a share in percent
            hint = f"write {shown(model)} {node.operator if node.operator != 'in' else '>'} {likely:g}"
            reason = "a model says how probable its label is"
            yield LanguageError(f"{shown(model)} lies between 0 and 1", node.span, hint, reason)


def _plain(number: int | float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _check_since(node: s.Comparison, sign: str, left: s.Expression, right: s.Duration) -> Iterator[LanguageError]:
    if not isinstance(left, s.Aggregate) or AGGREGATES[left.function].reading != "since" or left.within_ms is None:
        return
    if sign in (">", ">=", "=") and right.ms >= left.within_ms:
        yield LanguageError(
            f"{shown(left)} is always less than {format_duration(left.within_ms)}",
            node.span,
            "leave within out of since(...)",
            "an event that is older is outside the window, and then the value is missing",
        )
