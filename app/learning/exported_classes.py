"""A trained estimator of several classes as a model file; both give the same probabilities."""

from collections.abc import Iterator
from math import log
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from app.learning.classes import ClassTraining
from app.learning.exported import COMPARED_ROWS, DIFFERENCE_MAX, day_of, kind_of, tree_of
from app.learning.rows_of_label import LabelRows
from app.learning.training import ScaledLogistic
from app.segments.definitions.model_file import CLASSES_FORMAT, ClassesQuality, Linear, Model, ModelClass, Tree
from app.segments.definitions.model_forecast import forecasts

NOTHING = Tree(feature=(-1,), threshold=(0.0,), left=(0,), right=(0,), value=(0.0,))
"""The trees of the first of two classes: the second has the margin between both."""


def exported_classes(name: str, rows: LabelRows, training: ClassTraining) -> Model:
    """The chosen model of a training, as a file. It says the same as the estimator for rows of the test: checked."""
    train, test = training.split.train, training.split.test
    quality = next(each for each in training.figures.measured if each.name == training.chosen)
    summed = _summed(training.estimator, len(rows.classes))
    model = Model(
        format=CLASSES_FORMAT,
        name=name,
        label=rows.name,
        features=rows.metadata.features,
        features_version=rows.metadata.version,
        columns=rows.columns,
        kind=kind_of(training.estimator),
        trained_from=day_of(rows.at_ms[train].min()),
        trained_until=day_of(rows.at_ms[train].max()),
        rows=len(train),
        classes_quality=ClassesQuality(log_loss=quality.log_loss, accuracy=quality.accuracy),
        classes=tuple(
            ModelClass(name=each.name, rows=each.training_rows, auc=each.auc, **own)
            for each, own in zip(training.figures.classes, summed, strict=True)
        ),
        moments=rows.metadata.moments,
        warmup=rows.metadata.warmup,
    )
    compared = rows.numbers[test][:COMPARED_ROWS]
    own = [list(forecasts(model, numbers).values()) for numbers in compared.tolist()]
    difference = float(np.abs(np.array(own) - training.estimator.predict_proba(compared)).max())
    assert difference <= DIFFERENCE_MAX, f"the file and the estimator differ by {difference}"
    return model


def _summed(estimator: Any, classes: int) -> Iterator[dict[str, Any]]:
    """The weights or trees of each class."""
    if isinstance(estimator, ScaledLogistic):
        yield from ({"linear": each} for each in _linear(estimator, classes))
    elif isinstance(estimator, RandomForestClassifier):
        share = 1 / len(estimator.estimators_)
        for place in range(classes):
            nodes = [(each.tree_, _parts(each.tree_, place) * share) for each in estimator.estimators_]
            yield {"trees": tuple(tree_of(*each) for each in nodes)}
    else:
        assert isinstance(estimator, GradientBoostingClassifier), f"a model of the type {type(estimator).__name__}"
        priors, rate = estimator.init_.class_prior_, estimator.learning_rate
        if classes == 2:
            yield {"trees": (NOTHING,)}
            yield {"base": log(priors[1] / priors[0]), "trees": _boosted(estimator.estimators_[:, 0], rate)}
            return
        for place in range(classes):
            yield {"base": log(priors[place]), "trees": _boosted(estimator.estimators_[:, place], rate)}


def _linear(estimator: ScaledLogistic, classes: int) -> Iterator[Linear]:
    weights, intercepts = estimator.inner.coef_, estimator.inner.intercept_
    if classes == 2:
        weights, intercepts = np.vstack([np.zeros_like(weights), weights]), np.append(0.0, intercepts)
    for own, intercept in zip(weights, intercepts, strict=True):
        yield Linear(
            weights=tuple(map(float, own)),
            intercept=float(intercept),
            logarithm=tuple(bool(each) for each in estimator.logarithm.tolist()),
            mean=tuple(map(float, estimator.mean)),
            deviation=tuple(map(float, estimator.deviation)),
        )


def _boosted(estimators: Any, rate: float) -> tuple[Tree, ...]:
    return tuple(tree_of(each.tree_, each.tree_.value[:, 0, 0] * rate) for each in estimators)


def _parts(nodes: Any, place: int) -> Any:
    """The part of a class in each node of a tree of a forest."""
    counts = nodes.value[:, 0, :]
    return counts[:, place] / counts.sum(axis=1)
