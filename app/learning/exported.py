"""A trained estimator as a model file; both give the same probabilities."""

from datetime import UTC, datetime
from math import log
from typing import Any, Final

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from app.learning.rows_of_label import LabelRows
from app.learning.training import ScaledLogistic, Training
from app.segments.definitions.model_file import FORMAT, Kind, Linear, Model, Tree
from app.segments.definitions.model_forecast import forecast

COMPARED_ROWS: Final = 500
DIFFERENCE_MAX: Final = 1e-6
"""A forecast has six places."""


def exported(name: str, rows: LabelRows, training: Training) -> Model:
    """The chosen model of a training, as a file. It says the same as the estimator for rows of the test: checked."""
    estimator = training.estimator
    train, test = training.split.train, training.split.test
    quality = next(each.quality for each in training.measured if each.name == training.chosen)
    kind: Kind
    linear, base = None, 0.0
    trees: tuple[Tree, ...] = ()
    if isinstance(estimator, ScaledLogistic):
        kind, linear = "linear", _linear(estimator)
    elif isinstance(estimator, RandomForestClassifier):
        kind = "forest"
        share = 1 / len(estimator.estimators_)
        trees = tuple(tree_of(each.tree_, _probabilities(each.tree_) * share) for each in estimator.estimators_)
    else:
        assert isinstance(estimator, GradientBoostingClassifier), f"a model of the type {type(estimator).__name__}"
        kind = "boosted"
        positive = float(estimator.init_.class_prior_[1])
        base = log(positive / (1 - positive))
        rate = estimator.learning_rate
        trees = tuple(tree_of(each.tree_, each.tree_.value[:, 0, 0] * rate) for each in estimator.estimators_[:, 0])
    model = Model(
        format=FORMAT,
        name=name,
        label=rows.name,
        features=rows.metadata.features,
        features_version=rows.metadata.version,
        columns=rows.columns,
        kind=kind,
        trained_from=day_of(rows.at_ms[train].min()),
        trained_until=day_of(rows.at_ms[train].max()),
        rows=len(train),
        positives=int(rows.label[train].sum()),
        quality=quality,
        linear=linear,
        base=base,
        trees=trees,
        moments=rows.metadata.moments,
        warmup=rows.metadata.warmup,
    )
    compared = rows.numbers[test][:COMPARED_ROWS]
    own = [forecast(model, numbers) for numbers in compared.tolist()]
    difference = float(np.abs(own - estimator.predict_proba(compared)[:, 1]).max())
    assert difference <= DIFFERENCE_MAX, f"the file and the estimator differ by {difference}"
    return model


def kind_of(estimator: Any) -> Kind:
    """The kind of a trained estimator, as a file says it."""
    if isinstance(estimator, ScaledLogistic):
        return "linear"
    return "forest" if isinstance(estimator, RandomForestClassifier) else "boosted"


def _linear(estimator: ScaledLogistic) -> Linear:
    return Linear(
        weights=tuple(map(float, estimator.inner.coef_[0])),
        intercept=float(estimator.inner.intercept_[0]),
        logarithm=tuple(bool(each) for each in estimator.logarithm.tolist()),
        mean=tuple(map(float, estimator.mean)),
        deviation=tuple(map(float, estimator.deviation)),
    )


def tree_of(nodes: Any, values: Any) -> Tree:
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


def _probabilities(nodes: Any) -> Any:
    """The part of positives in each node of a tree of a forest."""
    counts = nodes.value[:, 0, :]
    return counts[:, 1] / counts.sum(axis=1)


def day_of(at_ms: float) -> str:
    """The day of an instant, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
