"""A model as a JSON file: columns with their categories, and a linear model or trees. No code, nothing to unpickle.

The file has all that scoring needs: the moments at which users are scored, the expressions of the columns, and weights
or trees as numbers. `model_forecast` says what they mean. A model says how probable its label is; one with several
classes, such as the segment that a user enters next, how probable each class is, and has weights or trees for each.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from math import isfinite
from typing import Final, Literal, TypeAlias

import msgspec

FORMAT: Final = 1
CLASSES_FORMAT: Final = 2
"""Format of a model with several classes; earlier versions do not know it, and refuse it."""
CLASSES_MAX: Final = 10
NUMBERS_MAX: Final = 500
"""Numbers of a row: columns, and categories of texts."""
DEPTH_MAX: Final = 30
"""Decisions of a tree one after the other."""

Kind = Literal["linear", "forest", "boosted"]

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


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
    """A tree as arrays over its nodes, the root first, each node before those below it. feature: -1 at a leaf.

    A number that is at most the threshold goes left. value: what a leaf adds; at another node the mean of that over the
    rows of training, for explanations.
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


class ModelClass(msgspec.Struct, frozen=True, kw_only=True):
    """One of several classes: its name, and the weights or trees that make its margin, as a model without classes.

    rows: those of training with it. auc: it against all others, on rows that came later.
    """

    name: str
    rows: int
    auc: float
    linear: Linear | None = None
    base: float = 0.0
    trees: tuple[Tree, ...] = ()


class ClassesQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Measures of a model with several classes on rows that came later; log_loss: mean, natural logarithm."""

    log_loss: float
    accuracy: float


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model and its origin. features_version: of the features whose rows it takes; others are refused.

    moments: the condition at whose entry a user is scored; empty in models of rows that did not say it, which no
    definition can use. warmup: as in the features file. quality, positives: without classes; classes_quality: with.
    """

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
    positives: int = 0
    quality: Quality | None = None
    classes_quality: ClassesQuality | None = None
    classes: tuple[ModelClass, ...] = ()
    linear: Linear | None = None
    base: float = 0.0
    trees: tuple[Tree, ...] = ()
    moments: str = ""
    warmup: Literal["none", "wait"] = "none"

    def meaning(self) -> bytes:
        """All that decides about a score; not where it comes from, and how good it is."""
        parts: list[object] = [
            self.name,
            self.moments,
            self.warmup,
            self.columns,
            self.kind,
            self.linear,
            self.base,
            self.trees,
        ]
        if self.classes:
            parts.append([(each.name, each.linear, each.base, each.trees) for each in self.classes])
        return msgspec.json.encode(parts)

    @property
    def version(self) -> str:
        """Six hexadecimal digits that change with the meaning."""
        return sha256(self.meaning()).hexdigest()[:6]


Summed: TypeAlias = Model | ModelClass
"""What has weights or trees: a model, or one of its classes."""


def names_of(columns: tuple[Column, ...]) -> list[str]:
    """The column behind each number of a row."""
    return [column.name for column in columns for _ in (column.categories if column.categories is not None else (0,))]


def write_model(model: Model) -> bytes:
    """The file's content."""
    return msgspec.json.encode(model)


def read_model(content: bytes) -> Model:
    """The reverse. ValueError for what is no model of this format, or has a number where none can be."""
    try:
        model = msgspec.json.decode(content, type=Model)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    if model.format not in (FORMAT, CLASSES_FORMAT):
        raise ValueError(f"format {model.format} is not known, {FORMAT} and {CLASSES_FORMAT} are")
    for wrong in _wrong(model):
        raise ValueError(wrong)
    return model


def _wrong(model: Model) -> Iterator[str]:
    """The first problem of what a model says, in words; the rest may not make sense then."""
    if _NAME.fullmatch(model.name) is None:
        yield f"{model.name!r:.80} cannot be a name: lower-case letters, digits, - and _, at most 64"
    numbers = names_of(model.columns)
    if len(set(numbers)) < len({column.name for column in model.columns}) or not numbers:
        yield "a column has no number"
    if len({column.name for column in model.columns}) < len(model.columns):
        yield "two columns have the same name"
    if len(numbers) > NUMBERS_MAX:
        yield f"its rows have {len(numbers)} numbers; {NUMBERS_MAX} is the most"
    if model.format == CLASSES_FORMAT:
        yield from _wrong_classes(model, len(numbers))
    elif model.classes or model.quality is None:
        yield f"a model of format {FORMAT} has a quality, and no classes"
    else:
        yield from _wrong_sum(model, model.kind, len(numbers))


def _wrong_classes(model: Model, numbers: int) -> Iterator[str]:
    if model.linear is not None or model.trees or model.base:
        yield "a model with classes has weights or trees in them, not of its own"
    if not 2 <= len(model.classes) <= CLASSES_MAX:
        yield f"it has {len(model.classes)} classes; 2 to {CLASSES_MAX} are possible"
    if len({each.name for each in model.classes}) < len(model.classes):
        yield "two classes have the same name"
    for each in model.classes:
        if _NAME.fullmatch(each.name) is None:
            yield f"{each.name!r:.80} cannot be a class: lower-case letters, digits, - and _, at most 64"
        for wrong in _wrong_sum(each, model.kind, numbers):
            yield f"class {each.name}: {wrong}"


def _wrong_sum(of: Summed, kind: Kind, numbers: int) -> Iterator[str]:
    if (kind == "linear") != (of.linear is not None) or (kind == "linear") == bool(of.trees):
        yield f"a {kind} model has {'weights' if kind == 'linear' else 'trees'}, and nothing else"
    elif of.linear is not None:
        yield from _wrong_linear(of.linear, numbers)
    if not isfinite(of.base):
        yield f"base is {of.base}"
    for place, tree in enumerate(of.trees):
        for wrong in _wrong_tree(tree, numbers):
            yield f"tree {place}: {wrong}"


def _wrong_linear(linear: Linear, numbers: int) -> Iterator[str]:
    parts = (linear.weights, linear.mean, linear.deviation)
    if {len(each) for each in (*parts, linear.logarithm)} != {numbers}:
        yield f"weights, logarithm, mean and deviation must have {numbers} values each, one a number of the row"
    if not all(map(isfinite, chain(*parts, (linear.intercept,)))):
        yield "a weight is no finite number"
    if not all(each > 0 for each in linear.deviation):
        yield "a deviation is not above 0"


def _wrong_tree(tree: Tree, numbers: int) -> Iterator[str]:
    nodes = len(tree.feature)
    if not nodes or {len(each) for each in (tree.threshold, tree.left, tree.right, tree.value)} != {nodes}:
        yield "feature, threshold, left, right and value must have one value a node"
        return
    if not all(map(isfinite, chain(tree.threshold, tree.value))):
        yield "a threshold or value is no finite number"
    depth = [0] * nodes
    for node, feature in enumerate(tree.feature):
        if feature < 0:
            continue
        if feature >= numbers:
            yield f"node {node} asks for number {feature} of {numbers}"
        for below in (tree.left[node], tree.right[node]):
            if not node < below < nodes:
                yield f"node {node} leads to {below}, which must come after it, and before {nodes}"
                return
            depth[below] = max(depth[below], depth[node] + 1)
    if max(depth) > DEPTH_MAX:
        yield f"it is {max(depth)} decisions deep; {DEPTH_MAX} is the most"
