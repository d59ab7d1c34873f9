"""A trained estimator as the numbers of a model file: weights, or trees; and how many characters these have."""

from collections.abc import Iterator, Sequence
from math import log
from typing import Any, Final

import msgspec
import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from app.learning.scaled_logistic import ScaledLogistic
from app.segments.definitions.model_file import Column, Kind, Linear, Tree
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX

NOTHING: Final = Tree(feature=(-1,), threshold=(0.0,), left=(0,), right=(0,), value=(0.0,))
"""The trees of the first of two classes: the second has the margin between both."""
OTHER_CHARACTERS: Final = 10_000
"""Characters of a file beside columns and numbers: moments, names, measures."""

Parts = dict[str, Any]
"""linear, or base and trees, as a model or a class of it has them."""


def kind_of(estimator: Any) -> Kind:
    """The kind of a trained estimator, as a file says it."""
    if isinstance(estimator, ScaledLogistic):
        return "linear"
    return "forest" if isinstance(estimator, RandomForestClassifier) else "boosted"


def parts_of(estimator: Any) -> Parts:
    """The numbers of a model without classes."""
    if isinstance(estimator, ScaledLogistic):
        return {"linear": next(_linear(estimator, estimator.inner.coef_, estimator.inner.intercept_))}
    if isinstance(estimator, RandomForestClassifier):
        return {"trees": _forest(estimator, 1)}
    assert isinstance(estimator, GradientBoostingClassifier), f"a model of the type {type(estimator).__name__}"
    positive = float(estimator.init_.class_prior_[1])
    return {"base": log(positive / (1 - positive)), "trees": _boosted(estimator, 0)}


def parts_of_classes(estimator: Any, classes: int) -> list[Parts]:
    """The numbers of each class of a model."""
    if isinstance(estimator, ScaledLogistic):
        weights, intercepts = estimator.inner.coef_, estimator.inner.intercept_
        if classes == 2:
            weights, intercepts = np.vstack([np.zeros_like(weights), weights]), np.append(0.0, intercepts)
        return [{"linear": each} for each in _linear(estimator, weights, intercepts)]
    if isinstance(estimator, RandomForestClassifier):
        return [{"trees": _forest(estimator, place)} for place in range(classes)]
    assert isinstance(estimator, GradientBoostingClassifier), f"a model of the type {type(estimator).__name__}"
    if classes == 2:
        return [{"trees": (NOTHING,)}, parts_of(estimator)]
    priors = estimator.init_.class_prior_
    return [{"base": log(priors[place]), "trees": _boosted(estimator, place)} for place in range(classes)]


def fits(columns: tuple[Column, ...], parts: Sequence[Parts]) -> bool:
    """True if a folder of definitions takes the file of a model with these numbers."""
    return len(msgspec.json.encode([columns, parts])) + OTHER_CHARACTERS <= FILE_LENGTH_MAX


def _linear(estimator: ScaledLogistic, weights: Any, intercepts: Any) -> Iterator[Linear]:
    for own, intercept in zip(weights, intercepts, strict=True):
        yield Linear(
            weights=tuple(map(float, own)),
            intercept=float(intercept),
            logarithm=tuple(bool(each) for each in estimator.logarithm.tolist()),
            mean=tuple(map(float, estimator.mean)),
            deviation=tuple(map(float, estimator.deviation)),
        )


def _boosted(estimator: GradientBoostingClassifier, place: int) -> tuple[Tree, ...]:
    trees = [each.tree_ for each in estimator.estimators_[:, place]]
    return tuple(_tree(each, each.value[:, 0, 0] * estimator.learning_rate) for each in trees)


def _forest(estimator: RandomForestClassifier, place: int) -> tuple[Tree, ...]:
    share = 1 / len(estimator.estimators_)
    return tuple(_tree(each.tree_, _parts(each.tree_, place) * share) for each in estimator.estimators_)


def _tree(nodes: Any, values: Any) -> Tree:
    """A tree of scikit-learn with the values of its nodes."""
    values = _means(nodes, [float(value) for value in values])
    return Tree(
        feature=tuple(
            -1 if left < 0 else int(each) for each, left in zip(nodes.feature, nodes.children_left, strict=True)
        ),
        threshold=tuple(map(float, nodes.threshold)),
        left=tuple(map(int, nodes.children_left)),
        right=tuple(map(int, nodes.children_right)),
        value=tuple(map(float, values)),
    )


def _means(nodes: Any, values: list[float]) -> list[float]:
    """The values, those above leaves as the mean of what is below them, by the rows of training, to six places."""
    weights = nodes.weighted_n_node_samples
    for node in range(len(values) - 1, -1, -1):  # a node comes before those below it
        left, right = nodes.children_left[node], nodes.children_right[node]
        if left >= 0:
            below = float(weights[left]) * values[left] + float(weights[right]) * values[right]
            values[node] = below / float(weights[left] + weights[right])
    return [round(value, 6) if nodes.children_left[node] >= 0 else value for node, value in enumerate(values)]


def _parts(nodes: Any, place: int) -> Any:
    """The part of a class in each node of a tree of a forest."""
    counts = nodes.value[:, 0, :]
    return counts[:, place] / counts.sum(axis=1)
