"""Models that say how probable each of several classes is, measured on rows that came later, against a table by hand.

Theory of operation. Rows are split by time as for a label that is true or false. The baseline is what a person could
write down: the part of each class among all rows, or a table of these parts by the values of one column, or by the
segments that the user is in (a matrix of transitions). The one with the least log loss on an inner split is the
baseline, and the kind of model as well, so the test has no say in either. An interval says if the log loss of the model
is lower for certain: users are drawn anew, since rows of one user belong together.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score

from app.errors import UserError
from app.learning.estimator_parts import fits, parts_of_classes
from app.learning.points import Numbers
from app.learning.rows_of_label import LabelRows
from app.learning.scaled_logistic import ScaledLogistic
from app.learning.training import RESAMPLES, TEST_SHARE, Split, chosen_of
from app.offline.class_training import ClassMeasures, Figures, Measures
from app.segments.definitions.model_file import Kind

ROWS_LEAST: Final = 20
INNER_ROWS_LEAST: Final = 5
"""Rows of a class in the training and in the test; in those of the inner split."""
TREES: Final = 240
"""Trees of all classes together: more do not fit into a file that a worker reads."""
VALUES_MAX: Final = 10
"""A column with more values is divided into fifths for the table."""
PSEUDO_ROWS: Final = 10
"""Rows with the parts of all that each line of the table begins with, so that few rows do not decide."""
CHANCE_LEAST: Final = 1e-6
FREQUENCIES: Final = "the part of each class"
PARTS_OF_SEGMENT: Final = re.compile(r"segment\('[a-z0-9-]+'\)")

Estimator = Any
Forecast = Any
"""rows x classes."""


@dataclass(frozen=True, slots=True)
class ClassTraining:
    """Result of a training. too_large: kinds that were better on the inner split, but have files that are too large for
    a folder of definitions."""

    chosen: str
    estimator: Estimator
    split: Split
    figures: Figures
    too_large: tuple[str, ...] = ()


def train_classes(rows: LabelRows, *, seed: int = 0, kind: Kind | None = None) -> ClassTraining:
    """Trains and measures. UserError where too few rows of a class are there to say anything.

    kind: the model to choose; None: the best on the inner split whose file a folder of definitions takes.
    """
    outer = split_of_classes(rows, np.arange(len(rows.at_ms)), ROWS_LEAST)
    inner = split_of_classes(rows, outer.train, INNER_ROWS_LEAST)
    makers = class_candidates(seed, len(rows.classes))
    found = {name: _mean_loss(rows, inner, _fitted(make(), rows, inner)) for name, make in makers.items()}
    ranked = sorted(found, key=lambda name: found[name])
    tables = {name: _Table(rows, groups) for name, groups in _groupings(rows, outer.train)}
    by_hand = min(tables, key=lambda name: _mean_loss(rows, inner, tables[name].forecast(inner)))
    base = tables[by_hand].forecast(outer)
    truth, users = rows.label[outer.test], rows.users[outer.test]
    drawn = _drawn(users, seed)
    fitted = {name: make().fit(rows.numbers[outer.train], rows.label[outer.train]) for name, make in makers.items()}
    chosen, too_large = chosen_of(
        ranked, kind, lambda name: fits(rows.columns, parts_of_classes(fitted[name], len(rows.classes)))
    )
    forecasts = {name: each.predict_proba(rows.numbers[outer.test]) for name, each in fitted.items()}
    figures = Figures(
        frequencies=_measures(FREQUENCIES, truth, tables[FREQUENCIES].forecast(outer), base, drawn),
        baseline=_measures(by_hand, truth, base, base, drawn),
        measured=tuple(_measures(name, truth, each, base, drawn) for name, each in forecasts.items()),
        classes=tuple(
            _of_class(rows, outer, place, forecasts[chosen], base, drawn) for place in range(len(rows.classes))
        ),
        important=_important(rows, fitted[chosen], outer, seed),
        test_rows=len(outer.test),
        users_in_both=len(set(rows.users[outer.train].tolist()) & set(users.tolist())),
    )
    return ClassTraining(chosen, fitted[chosen], outer, figures, too_large)


def split_of_classes(rows: LabelRows, places: Any, least: int) -> Split:
    """The last quarter of some rows as the test, what ends before it with its label as training. UserError."""
    at_ms = rows.at_ms[places]
    begin_ms = np.quantile(at_ms, 1 - TEST_SHARE, method="nearest")
    split = Split(places[at_ms + rows.ahead_ms < begin_ms], places[at_ms >= begin_ms])
    for part, inside in (("training", split.train), ("test", split.test)):
        counted = np.bincount(rows.label[inside], minlength=len(rows.classes))
        for name, found in zip(rows.classes, counted.tolist(), strict=True):
            if found < least:
                raise UserError(
                    f"the {part} has {len(inside):,} rows, {found:,} of them with {rows.name} = {name}: "
                    "too few to learn from",
                    hint=f"give more events, or leave {name} out of the label: {ROWS_LEAST} rows are the least",
                )
    return split


def class_candidates(seed: int, classes: int) -> dict[str, Callable[[], Estimator]]:
    """The kinds of models, each by what makes an untrained one."""
    rounds = TREES // classes
    return {
        "linear": ScaledLogistic,
        "forest": lambda: RandomForestClassifier(200, min_samples_leaf=20, random_state=seed, n_jobs=1),
        "boosted": lambda: GradientBoostingClassifier(
            n_estimators=rounds,
            max_depth=3,
            learning_rate=10 / (10 + rounds),
            subsample=0.7,
            min_samples_leaf=20,
            random_state=seed,
        ),
    }


class _Table:
    """The parts of each class by group, of the rows of training."""

    def __init__(self, rows: LabelRows, groups: Any) -> None:
        self._rows = rows
        self._groups = groups

    def forecast(self, split: Split) -> Forecast:
        """The forecast for the test, by the rows of training."""
        label, groups = self._rows.label[split.train], self._groups[split.train]
        all_rows = np.bincount(label, minlength=len(self._rows.classes)) / len(label)
        counted = np.zeros((int(self._groups.max()) + 1, len(self._rows.classes)))
        np.add.at(counted, (groups, label), 1)
        parts: Forecast = counted + PSEUDO_ROWS * all_rows
        parts /= parts.sum(axis=1, keepdims=True)
        return parts[self._groups[split.test]]


def _groupings(rows: LabelRows, train: Any) -> Iterator[tuple[str, Any]]:
    """Ways to put rows into groups, each with its name: all in one, by a column, by the segments of the user."""
    yield FREQUENCIES, np.zeros(len(rows.label), dtype=np.int64)
    inside: list[Any] = []
    names: list[str] = []
    places = count()
    for column in rows.columns:
        own = [next(places) for _ in range(1 if column.categories is None else len(column.categories))]
        if column.categories is not None:
            groups: Any = rows.numbers[:, own] @ np.arange(1, len(own) + 1)
        else:
            groups = _grouped(rows.numbers[:, own[0]], train)
            if PARTS_OF_SEGMENT.fullmatch(column.expression):
                inside.append(rows.numbers[:, own[0]] > 0)
                names.append(column.name)
        yield f"a table by {column.name}", groups.astype(np.int64)
    if len(inside) > 1:
        _, groups = np.unique(np.column_stack(inside), axis=0, return_inverse=True)
        yield f"a table by {', '.join(names)}", groups.reshape(-1)


def _grouped(numbers: Numbers, train: Any) -> Any:
    values: Any = np.unique(numbers)
    if len(values) > VALUES_MAX:
        values = np.unique(np.quantile(numbers[train], (0.2, 0.4, 0.6, 0.8)))
    return np.searchsorted(values, numbers)


def _fitted(estimator: Estimator, rows: LabelRows, split: Split) -> Forecast:
    estimator.fit(rows.numbers[split.train], rows.label[split.train])
    return estimator.predict_proba(rows.numbers[split.test])


def _mean_loss(rows: LabelRows, split: Split, forecast: Forecast) -> float:
    return float(_losses(rows.label[split.test], forecast).mean())


def _losses(truth: Any, forecast: Forecast) -> Any:
    """The log loss of each row."""
    return -np.log(np.maximum(forecast[np.arange(len(truth)), truth], CHANCE_LEAST))


def _drawn(users: Any, seed: int) -> list[Any]:
    """Weights of the rows, for each time that users are drawn anew."""
    chance = np.random.default_rng(seed)
    names, inverse = np.unique(users, return_inverse=True)
    return [
        np.bincount(chance.integers(0, len(names), len(names)), minlength=len(names))[inverse] for _ in range(RESAMPLES)
    ]


def _measures(name: str, truth: Any, forecast: Forecast, base: Forecast, drawn: list[Any]) -> Measures:
    losses = _losses(truth, forecast)
    less = _losses(truth, base) - losses
    return Measures(
        name=name,
        log_loss=float(losses.mean()),
        accuracy=float((forecast.argmax(axis=1) == truth).mean()),
        gain=_interval([float((less * weights).sum() / weights.sum()) for weights in drawn]),
    )


def _of_class(
    rows: LabelRows, split: Split, place: int, forecast: Forecast, base: Forecast, drawn: list[Any]
) -> ClassMeasures:
    """A class against all others, by the chosen model."""
    truth, order = rows.label[split.test] == place, forecast[:, place]
    aucs = [
        float(roc_auc_score(truth, order, sample_weight=weights))
        for weights in drawn
        if 0 < (truth * weights).sum() < weights.sum()
    ]
    return ClassMeasures(
        name=rows.classes[place],
        training_rows=int((rows.label[split.train] == place).sum()),
        test_rows=int(truth.sum()),
        auc=float(roc_auc_score(truth, order)),
        auc_interval=_interval(aucs),
        baseline_auc=float(roc_auc_score(truth, base[:, place])),
        mean_forecast=float(order.mean()),
        part=float(truth.mean()),
    )


def _interval(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _important(rows: LabelRows, estimator: Estimator, split: Split, seed: int) -> tuple[tuple[str, float], ...]:
    """The columns whose shuffling costs most log loss on the test."""
    chance = np.random.default_rng(seed)
    numbers, truth = rows.numbers[split.test], rows.label[split.test]
    whole = _losses(truth, estimator.predict_proba(numbers)).mean()
    lost: list[tuple[str, float]] = []
    for column, name in enumerate(rows.names):
        shuffled = numbers.copy()
        chance.shuffle(shuffled[:, column])
        lost.append((name, float(_losses(truth, estimator.predict_proba(shuffled)).mean() - whole)))
    return tuple(sorted(lost, key=lambda each: -each[1])[:10])
