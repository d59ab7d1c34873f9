"""Scores of models: what a row becomes, and the probability, by other means than the engine's."""

import ctypes
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

from app.segments.definitions.definition import Catalog, Segment
from app.segments.definitions.model_file import Linear, Model, Summed, Tree
from app.segments.language.syntax import Expression, ModelValue
from tests.model.plain import Value, number
from tests.model.standing import Standing

SIX_PLACES = Decimal("0.000001")


def moments(name: str, catalog: Catalog) -> Segment:
    """The moments of a model, as a segment."""
    return next(each for each in catalog.models if each.model is not None and each.model.name == name)


def value(node: ModelValue, standings: Mapping[str, Standing]) -> Value:
    """The probability at the latest moment, of a class if one is asked for; None before the first."""
    sent = dict(standings.get(f"model {node.model}", Standing()).sent)
    return number(sent[node.of_class or ""][0]) if sent else None


def more(node: Expression, standings: Mapping[str, Standing]) -> dict[str, object]:
    """The three columns that did most to a score."""
    if not isinstance(node, ModelValue):
        return {}
    sent = dict(standings.get(f"model {node.model}", Standing()).sent)
    return {"because": sent[node.of_class or ""][1]} if sent else {}


def scored(model: Model, row: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Returns what is remembered of a moment: of each class ("" without classes) the probability, and what did most."""
    found = list(numbers(model, row))
    if not model.classes:
        return (("", (Fraction(probability(model, found)), because(model, model, found))),)
    shares = of_classes(model, found)
    return tuple(
        (each.name, (Fraction(share), because(model, each, found)))
        for each, share in zip(model.classes, shares, strict=True)
    )


def because(model: Model, of: Summed, row: list[float]) -> dict[str, float]:
    """The largest parts of a sum, to six places, the larger first, then in the order of the columns."""
    names = [
        column.name for column in model.columns for _ in (("",) if column.categories is None else column.categories)
    ]
    parts = dict.fromkeys(names, Fraction())
    for name, part in each_part(of, row, names):
        parts[name] += Fraction(part)
    rounded = {name: float(round(part, 6)) for name, part in parts.items()}
    order = sorted(rounded, key=lambda name: (-abs(rounded[name]), names.index(name)))
    return {name: rounded[name] for name in order[:3] if rounded[name]}


def each_part(of: Summed, row: list[float], names: list[str]) -> Iterator[tuple[str, Fraction]]:
    if of.linear is not None:
        for place, each in enumerate(row):
            yield names[place], Fraction(part_of(of.linear, place, each))
        return
    for tree in of.trees:
        node = 0
        while tree.feature[node] != -1:
            goes_right = ctypes.c_float(row[tree.feature[node]]).value > tree.threshold[node]
            below = tree.right[node] if goes_right else tree.left[node]
            yield names[tree.feature[node]], Fraction(tree.value[below]) - Fraction(tree.value[node])
            node = below


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
        return six_places(leaves(model, row))
    with localcontext(prec=60) as context:
        return six_places(1 / (1 + context.exp(-six_places(summed(model, row)))))


def of_classes(model: Model, row: list[float]) -> list[Decimal]:
    """The probability of each class, to six places."""
    sums = [summed(each, row) for each in model.classes]
    if model.kind == "forest":
        return [six_places(each) for each in sums]
    with localcontext(prec=60) as context:
        powers = [context.exp(six_places(each)) for each in sums]
        return [six_places(each / sum(powers)) for each in powers]


def six_places(found: float | Decimal) -> Decimal:
    return Decimal(found).quantize(SIX_PLACES, ROUND_HALF_EVEN)


def summed(of: Summed, row: list[float]) -> float:
    return leaves(of, row) if of.linear is None else weighed(of.linear, row)


def leaves(of: Summed, row: list[float]) -> float:
    short = [ctypes.c_float(each).value for each in row]
    total = of.base
    for tree in of.trees:
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
        total = total + part_of(linear, place, each)
    return total


def part_of(linear: Linear, place: int, each: float) -> float:
    raw = math.log1p(max(each, 0)) if linear.logarithm[place] else each
    return linear.weights[place] * ((raw - linear.mean[place]) / linear.deviation[place])
