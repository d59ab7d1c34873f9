"""Scores of models: what a row becomes, and the probability, by other means than the engine's."""

import ctypes
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

from app.segments.definitions.definition import Catalog, Segment
from app.segments.definitions.model_file import Linear, Model, Tree
from tests.model.plain import Value, number
from tests.model.standing import Standing

SIX_PLACES = Decimal("0.000001")


def moments(name: str, catalog: Catalog) -> Segment:
    """The moments of a model, as a segment."""
    return next(each for each in catalog.models if each.model is not None and each.model.name == name)


def value(name: str, standings: Mapping[str, Standing]) -> Value:
    """The probability at the latest moment; None before the first."""
    sent = dict(standings.get(f"model {name}", Standing()).sent)
    return number(sent["score"]) if sent else None


def scored(model: Model, row: dict[str, Any]) -> tuple[tuple[str, Fraction], ...]:
    """Returns what is remembered of a moment."""
    return (("score", Fraction(probability(model, list(numbers(model, row))))),)


def later(own: Standing, theirs: Standing, now: int) -> Standing:
    """Of two users who are one, the score of the later moment counts, of one instant the user's own."""
    if not theirs.sent or theirs.entered_ms is None:
        return own
    if own.sent and own.entered_ms is not None and own.entered_ms >= theirs.entered_ms:
        return own
    return replace(own, sent=theirs.sent, entered_ms=min(theirs.entered_ms, now))


def numbers(model: Model, row: dict[str, Any]) -> Iterator[float]:
    """A number that is missing, or is none, is -1; a text is 1 for its own category."""
    for column in model.columns:
        found = row[column.name]
        if column.categories is not None:
            yield from (float(found == category) for category in column.categories)
        else:
            yield float(found) if isinstance(found, int | float) else -1.0


def probability(model: Model, row: list[float]) -> Decimal:
    """To six places, half to even."""
    if model.kind == "forest":
        return Decimal(leaves(model, row)).quantize(SIX_PLACES, ROUND_HALF_EVEN)
    total = leaves(model, row) if model.linear is None else weighed(model.linear, row)
    with localcontext(prec=60) as context:
        margin = Decimal(total).quantize(SIX_PLACES, ROUND_HALF_EVEN)
        exact = 1 / (1 + context.exp(-margin))
        return exact.quantize(SIX_PLACES, ROUND_HALF_EVEN)


def leaves(model: Model, row: list[float]) -> float:
    short = [ctypes.c_float(each).value for each in row]
    total = model.base
    for tree in model.trees:
        total = total + leaf(tree, short, 0)
    return total


def leaf(tree: Tree, row: list[float], node: int) -> float:
    if tree.feature[node] == -1:
        return tree.value[node]
    goes_right = row[tree.feature[node]] > tree.threshold[node]
    return leaf(tree, row, tree.right[node] if goes_right else tree.left[node])


def weighed(linear: Linear, row: list[float]) -> float:
    total = linear.intercept
    for place, each in enumerate(row):
        raw = math.log1p(max(0, each)) if linear.logarithm[place] else each
        total = total + linear.weights[place] * ((raw - linear.mean[place]) / linear.deviation[place])
    return total
