"""A model as a JSON file: columns with their categories, and a linear model or trees. No code, nothing to unpickle.

A row becomes numbers: a number as it is, a missing one -1 (no count or amount is below zero), true 1 and false 0, a
text one number for each category that training has seen, 1 for its own. A linear model adds weights times scaled
numbers, and boosted trees the leaves that the row falls into: the probability is the logistic function of that margin.
The probability of a forest is the mean of its leaves. Trees compare numbers as floats of 32 bits, as in training.
"""

from collections.abc import Sequence
from math import exp, log1p
from struct import pack, unpack
from typing import Any, Final, Literal

import msgspec

FORMAT: Final = 1

Kind = Literal["linear", "forest", "boosted"]
MISSING: Final = -1.0


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the rows. categories: of a text, those that have a number of their own; None: a number."""

    name: str
    expression: str
    categories: tuple[str, ...] | None = None


class Linear(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of scaled numbers. logarithm: of a number, at least 0, log(1 + x) is taken before it is scaled."""

    weights: tuple[float, ...]
    intercept: float
    logarithm: tuple[bool, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """A tree as arrays over its nodes, the root first. feature: -1 at a leaf; value: what a leaf adds.

    A number that is at most the threshold goes left.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Measures on rows that came later. top_tenth: the part of all positives that the highest tenth holds."""

    auc: float
    average_precision: float
    brier: float
    top_tenth: float


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model and its origin. features_version: of the features whose rows it takes; others are refused."""

    format: int
    name: str
    label: str
    features: str
    features_version: str
    columns: tuple[Column, ...]
    kind: Kind
    trained_from: str
    trained_until: str
    rows: int
    positives: int
    quality: Quality
    linear: Linear | None = None
    base: float = 0.0
    trees: tuple[Tree, ...] = ()


def numbers_of(row: dict[str, Any], columns: tuple[Column, ...]) -> list[float]:
    """The numbers of a row."""
    found: list[float] = []
    for column in columns:
        value = row[column.name]
        if column.categories is None:
            found.append(MISSING if value is None else float(value))
        else:
            found += [1.0 if value == category else 0.0 for category in column.categories]
    return found


def forecast(model: Model, numbers: Sequence[float]) -> float:
    """The probability of the label for the numbers of a row."""
    if model.linear is not None:
        return probability(_margin(model.linear, numbers))
    short = [_short(number) for number in numbers]
    total = model.base + sum(_leaf(tree, short) for tree in model.trees)
    return probability(total) if model.kind == "boosted" else total


def _margin(linear: Linear, numbers: Sequence[float]) -> float:
    margin = linear.intercept
    for place, number in enumerate(numbers):
        raw = log1p(max(number, 0.0)) if linear.logarithm[place] else number
        margin += linear.weights[place] * (raw - linear.mean[place]) / linear.deviation[place]
    return margin


def _leaf(tree: Tree, numbers: Sequence[float]) -> float:
    node = 0
    while (feature := tree.feature[node]) >= 0:
        node = tree.left[node] if numbers[feature] <= tree.threshold[node] else tree.right[node]
    return tree.value[node]


def _short(number: float) -> float:
    """The nearest float of 32 bits."""
    found: float = unpack("f", pack("f", max(min(number, 3e38), -3e38)))[0]
    return found


def probability(margin: float) -> float:
    """The logistic function.

    >>> probability(0.0), probability(-1000.0), probability(1000.0)
    (0.5, 0.0, 1.0)
    """
    if margin < 0:
        grown = exp(margin)
        return grown / (1 + grown)
    return 1 / (1 + exp(-margin))


def write_model(model: Model) -> bytes:
    """The file's content."""
    return msgspec.json.encode(model)


def read_model(content: bytes) -> Model:
    """The reverse. ValueError for what is no model of this format."""
    try:
        model = msgspec.json.decode(content, type=Model)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    if model.format != FORMAT:
        raise ValueError(f"format {model.format} is not known, {FORMAT} is")
    return model
