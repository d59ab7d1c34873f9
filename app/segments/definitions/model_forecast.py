"""Forecast of a model for a row: the same on every machine, to the last bit.

A row becomes numbers: a number as it is, a missing one -1 (no count or amount is below zero), true 1 and false 0, a
text one number for each category that training has seen, 1 for its own. A linear model adds weights times scaled
numbers, and boosted trees the leaves that the row falls into: the probability is the logistic function of that margin.
The probability of a forest is the mean of its leaves. Trees compare numbers as floats of 32 bits, as in training.
Of several classes each has such a margin, and the probabilities are the powers of e to them, divided by their sum.

Theory of operation. Only operations that IEEE 754 rounds correctly are used, in one order: addition, subtraction,
multiplication and division of doubles, and comparisons. Logarithms and the exponential are made of these, since those
of a platform are its own. A margin counts in whole millionths, a probability too.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import frexp, inf, ldexp
from struct import Struct
from typing import Any, Final

from app.segments.definitions.model_file import Column, Linear, Model, Summed, Tree, names_of

MISSING: Final = -1.0
MICROS: Final = 1_000_000
NUMBER_MOST: Final = 3e38
"""The largest number that a float of 32 bits holds, nearly; those beyond it count as it."""
CERTAIN_MARGIN: Final = 16.0
"""The probability of a margin beyond it is 0 or 1, to six places."""
HOPELESS_MARGIN: Final = 32.0
"""A class whose margin is so much below the largest has the probability 0."""
MARGIN_MOST: Final = 1e6
"""A margin of a class beyond it counts as it."""

_SHORT: Final = Struct("<f")
_HALF_ROOT: Final = 0.7071067811865476
_LN_2: Final = 0.6931471805599453
_DIVISORS: Final = tuple(map(float, range(14, 0, -1)))
_ODD: Final = tuple(1.0 / odd for odd in range(23, 0, -2))


def number(value: Any) -> float:
    """A value of a row as a number; what is none counts as missing."""
    kind = value.__class__
    if kind is int or kind is float or kind is bool:
        if -NUMBER_MOST <= value <= NUMBER_MOST:
            return value  # type: ignore[no-any-return]  # its class was looked at
        if value in (inf, -inf) or value != value:  # no number
            return MISSING
        return NUMBER_MOST if value > 0 else -NUMBER_MOST
    return MISSING


def numbers_of(row: dict[str, Any], columns: tuple[Column, ...]) -> list[float]:
    """The numbers of a row."""
    found: list[float] = []
    for column in columns:
        value = row[column.name]
        if column.categories is None:
            found.append(float(number(value)))
        else:
            found += [1.0 if value == category else 0.0 for category in column.categories]
    return found


def forecast(model: Model, numbers: Sequence[float]) -> float:
    """The probability of the label for the numbers of a row, to six places."""
    return probability(model, total(model, numbers))


def forecasts(model: Model, numbers: Sequence[float]) -> dict[str, float]:
    """The probability of each class for the numbers of a row, to six places."""
    return probabilities(model, [total(each, numbers) for each in model.classes])


def total(of: Summed, numbers: Sequence[float]) -> float:
    """The sum of what weights or leaves add: a margin, of a forest a probability."""
    if of.linear is not None:
        return linear_margin(of.linear, numbers)
    short = [_SHORT.unpack(_SHORT.pack(each))[0] for each in numbers]
    found = of.base
    for tree in of.trees:
        found += tree.value[_path(tree, short)[-1]]
    return found


def probability(model: Model, found: float) -> float:
    """The probability that a sum stands for, in whole millionths.

    >>> [logistic(each) for each in (0.0, 0.8472978, -1000.0, 1000.0)]
    [0.5, 0.7, 0.0, 1.0]
    """
    return _share(found) if model.kind == "forest" else logistic(found)


def probabilities(model: Model, found: Sequence[float]) -> dict[str, float]:
    """The probability of each class, by the sums of all, in whole millionths."""
    shares = [_share(each) for each in found] if model.kind == "forest" else softmax(found)
    return {each.name: share for each, share in zip(model.classes, shares, strict=True)}


def _share(found: float) -> float:
    return round(min(max(found, 0.0), 1.0) * MICROS) / MICROS


def logistic(margin: float) -> float:
    """The logistic function of a margin in whole millionths, in whole millionths."""
    if not -CERTAIN_MARGIN < margin < CERTAIN_MARGIN:
        return 1.0 if margin > 0 else 0.0
    return round(MICROS / (1.0 + exponential(-round(margin * MICROS) / MICROS))) / MICROS


def softmax(margins: Sequence[float]) -> list[float]:
    """The probabilities of classes with these margins, which are taken in whole millionths, in whole millionths.

    >>> softmax([0.0, 0.0]), softmax([1.0, 0.0, -1e300]), softmax([0.8472978, 0.0])[0] == logistic(0.8472978)
    ([0.5, 0.5], [0.731059, 0.268941, 0.0], True)
    """
    whole = [round(_bounded(margin) * MICROS) for margin in margins]
    most = max(whole)
    powers, together = [], 0.0
    for each in whole:
        below = (each - most) / MICROS
        power = exponential(below) if below > -HOPELESS_MARGIN else 0.0
        powers.append(power)
        together += power
    return [round(MICROS * power / together) / MICROS for power in powers]


def _bounded(margin: float) -> float:
    if -MARGIN_MOST < margin < MARGIN_MOST:
        return margin
    return MARGIN_MOST if margin > 0 else -MARGIN_MOST


def exponential(each: float) -> float:
    """e to the power of a number between -32 and 16: powers of two, and the series of the rest.

    >>> exponential(0.0), round(exponential(1.0), 12), round(exponential(-15.5) * 1e6, 12)
    (1.0, 2.718281828459, 0.185539136262)
    """
    twos = round(each / _LN_2)
    rest = each - twos * _LN_2
    series = 1.0
    for divisor in _DIVISORS:
        series = 1.0 + rest / divisor * series
    return ldexp(series, twos)


def linear_margin(linear: Linear, numbers: Sequence[float]) -> float:
    """The margin of a linear model."""
    margin = linear.intercept
    for place, each in enumerate(numbers):
        margin += _part(linear, place, each)
    return margin


def _part(linear: Linear, place: int, each: float) -> float:
    raw = logarithm(each) if linear.logarithm[place] else each
    return linear.weights[place] * ((raw - linear.mean[place]) / linear.deviation[place])


def logarithm(each: float) -> float:
    """log(1 + x), of a number that is at least 0: the series of the inverse hyperbolic tangent.

    >>> logarithm(0.0), round(logarithm(1.0), 12), round(logarithm(99.0), 12)
    (0.0, 0.69314718056, 4.605170185988)
    """
    mantissa, exponent = frexp(1.0 + max(each, 0.0))
    if mantissa < _HALF_ROOT:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    part = (mantissa - 1.0) / (mantissa + 1.0)
    square, series = part * part, 0.0
    for factor in _ODD:
        series = series * square + factor
    return exponent * _LN_2 + 2.0 * part * series


def _path(tree: Tree, short: Sequence[float]) -> list[int]:
    """The nodes of a tree that a row comes through, the root first."""
    path = [0]
    while (feature := tree.feature[path[-1]]) >= 0:
        node = path[-1]
        path.append(tree.left[node] if short[feature] <= tree.threshold[node] else tree.right[node])
    return path


def contributions(of: Summed, columns: tuple[Column, ...], numbers: Sequence[float]) -> dict[str, float]:
    """The part of each column in a sum: what it adds or takes away, against a row of which nothing is known.

    Of a linear model that is the weight times the scaled number; of trees, what changes in the mean of the leaves below
    with each decision about the column.
    """
    names = names_of(columns)
    found = dict.fromkeys(names, 0.0)
    if of.linear is not None:
        for place, each in enumerate(numbers):
            found[names[place]] += _part(of.linear, place, each)
        return found
    short = [_SHORT.unpack(_SHORT.pack(each))[0] for each in numbers]
    for tree in of.trees:
        path = _path(tree, short)
        for node, below in pairwise(path):
            found[names[tree.feature[node]]] += tree.value[below] - tree.value[node]
    return found
