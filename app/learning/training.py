"""Models that say how probable a label is, measured on rows that came later, against points by hand.

Theory of operation. Rows are ordered by time. The last part is the test; between it and the rows of training lies a gap
as long as the label looks ahead, so that no label of training has seen the test. A linear model, a forest and boosted
trees are trained; the one with the best average precision on an inner split of the same kind is chosen, so the test has
no say in it. One whose file is too large for a folder of definitions is left out, unless it is asked for. Then all are
measured on the test, next to the baseline: the one column, of those rows, that orders best by itself. An interval says
if the model beats the baseline for certain: users are drawn anew, since rows of one user belong together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from app.errors import UserError
from app.learning.estimator_parts import fits, parts_of
from app.learning.rows_of_label import LabelRows
from app.learning.scaled_logistic import ScaledLogistic
from app.segments.definitions.model_file import Kind, Quality

TEST_SHARE: Final = 0.25
POSITIVES_LEAST: Final = 20
RESAMPLES: Final = 200

Estimator = Any


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of training and of the test, as places in the rows."""

    train: Any
    test: Any


@dataclass(frozen=True, slots=True)
class Measured:
    """A candidate on the test. gain: its average precision less that of the baseline, the 95 % interval of that."""

    name: str
    quality: Quality
    gain: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Training:
    """Result of a training. tenths: of the chosen model on the test: (mean forecast, part that was true, rows).

    baseline_order: a number for each row of the test, highest first. too_large: kinds that were better on the inner
    split, but have files that are too large for a folder of definitions."""

    chosen: str
    estimator: Estimator
    baseline: str
    baseline_order: Any
    baseline_quality: Quality
    measured: tuple[Measured, ...]
    split: Split
    tenths: tuple[tuple[float, float, int], ...]
    important: tuple[tuple[str, float], ...]
    users_in_both: int
    too_large: tuple[str, ...] = ()


def train(rows: LabelRows, *, seed: int = 0, kind: Kind | None = None) -> Training:
    """Trains and measures. UserError where too few rows or positives are there to say anything.

    kind: the model to choose; None: the best on the inner split whose file a folder of definitions takes.
    """
    outer = split_by_time(rows, np.arange(len(rows.at_ms)))
    inner = split_by_time(rows, outer.train)
    makers = candidates(seed)
    scores = {name: _average_precision(rows, make(), inner) for name, make in makers.items()}
    ranked = sorted(scores, key=lambda name: -scores[name])
    forecasts, fitted = {}, {}
    for name, make in makers.items():
        fitted[name] = make().fit(rows.numbers[outer.train], rows.label[outer.train])
        forecasts[name] = fitted[name].predict_proba(rows.numbers[outer.test])[:, 1]
    chosen, too_large = chosen_of(ranked, kind, lambda name: fits(rows.columns, [parts_of(fitted[name])]))
    truth, users = rows.label[outer.test], rows.users[outer.test]
    column, order = _baseline(rows, outer)
    measured = tuple(
        Measured(name, quality_of(truth, forecast), _gain(truth, forecast, order, users, seed))
        for name, forecast in forecasts.items()
    )
    both = len(set(rows.users[outer.train].tolist()) & set(users.tolist()))
    return Training(
        chosen=chosen,
        estimator=fitted[chosen],
        baseline=column,
        baseline_order=order,
        baseline_quality=quality_of(truth, order, is_probability=False),
        measured=measured,
        split=outer,
        tenths=_tenths(truth, forecasts[chosen]),
        important=_important(rows, fitted[chosen], outer, seed),
        users_in_both=both,
        too_large=too_large,
    )


def chosen_of(ranked: Sequence[str], kind: str | None, is_small: Callable[[str], bool]) -> tuple[str, tuple[str, ...]]:
    """The chosen kind, and those before it that are too large. ranked: the best first; kind: the one asked for."""
    if kind is not None:
        return kind, ()
    for place, name in enumerate(ranked):
        if is_small(name):
            return name, tuple(ranked[:place])
    return ranked[0], ()


def split_by_time(rows: LabelRows, places: Any) -> Split:
    """The last quarter of some rows as the test, what ends before it with its label as training. UserError."""
    at_ms = rows.at_ms[places]
    begin_ms = np.quantile(at_ms, 1 - TEST_SHARE, method="nearest")
    test = places[at_ms >= begin_ms]
    train_ = places[at_ms + rows.ahead_ms < begin_ms]
    for name, part in (("training", train_), ("test", test)):
        positives = int(rows.label[part].sum())
        if min(positives, len(part) - positives) < POSITIVES_LEAST:
            raise UserError(
                f"the {name} has {len(part):,} rows, {positives:,} of them with {rows.name}: too few to learn from",
                hint=f"give more events: {POSITIVES_LEAST} rows with it are the least, and as many without",
            )
    return Split(train_, test)


def quality_of(truth: Any, forecast: Any, *, is_probability: bool = True) -> Quality:
    """The measures of a forecast."""
    highest = np.argsort(-forecast, kind="stable")[: max(1, len(forecast) // 10)]
    return Quality(
        auc=float(roc_auc_score(truth, forecast)),
        average_precision=float(average_precision_score(truth, forecast)),
        brier=float(brier_score_loss(truth, forecast)) if is_probability else -1.0,
        top_tenth=float(truth[highest].sum() / truth.sum()),
    )


def candidates(seed: int) -> dict[str, Callable[[], Estimator]]:
    """The kinds of models, each by what makes an untrained one."""
    return {
        "linear": ScaledLogistic,
        "forest": lambda: RandomForestClassifier(200, min_samples_leaf=20, random_state=seed, n_jobs=1),
        "boosted": lambda: GradientBoostingClassifier(
            n_estimators=200, max_depth=3, learning_rate=0.05, subsample=0.7, min_samples_leaf=20, random_state=seed
        ),
    }


def _average_precision(rows: LabelRows, estimator: Estimator, split: Split) -> float:
    estimator.fit(rows.numbers[split.train], rows.label[split.train])
    forecast = estimator.predict_proba(rows.numbers[split.test])[:, 1]
    return float(average_precision_score(rows.label[split.test], forecast))


def _baseline(rows: LabelRows, split: Split) -> tuple[str, Any]:
    """The column that orders the rows of training best by itself, and its order of the test."""
    numbers = rows.numbers
    best, found, sign = -1.0, 0, 1.0
    for column in range(numbers.shape[1]):
        for direction in (1.0, -1.0):
            score = average_precision_score(rows.label[split.train], direction * numbers[split.train, column])
            if score > best:
                best, found, sign = float(score), column, direction
    return ("" if sign > 0 else "low ") + rows.names[found], sign * numbers[split.test, found]


def _gain(truth: Any, forecast: Any, order: Any, users: Any, seed: int) -> tuple[float, float]:
    """The 95 % interval of the gain in average precision, users drawn anew."""
    chance = np.random.default_rng(seed)
    names, inverse = np.unique(users, return_inverse=True)
    gains = []
    for _ in range(RESAMPLES):
        weights = np.bincount(chance.integers(0, len(names), len(names)), minlength=len(names))[inverse]
        if (truth * weights).sum() > 0:
            own = average_precision_score(truth, forecast, sample_weight=weights)
            gains.append(own - average_precision_score(truth, order, sample_weight=weights))
    low, high = np.quantile(gains, (0.025, 0.975))
    return float(low), float(high)


def _tenths(truth: Any, forecast: Any) -> tuple[tuple[float, float, int], ...]:
    """Rows in order of their forecast, in ten parts."""
    parts = np.array_split(np.argsort(forecast, kind="stable"), 10)
    return tuple((float(forecast[part].mean()), float(truth[part].mean()), len(part)) for part in parts if len(part))


def _important(rows: LabelRows, estimator: Estimator, split: Split, seed: int) -> tuple[tuple[str, float], ...]:
    """The columns whose shuffling costs most average precision on the test."""
    chance = np.random.default_rng(seed)
    numbers, truth = rows.numbers[split.test], rows.label[split.test]
    whole = average_precision_score(truth, estimator.predict_proba(numbers)[:, 1])
    lost: list[tuple[str, float]] = []
    for column, name in enumerate(rows.names):
        shuffled = numbers.copy()
        chance.shuffle(shuffled[:, column])
        lost.append((name, float(whole - average_precision_score(truth, estimator.predict_proba(shuffled)[:, 1]))))
    return tuple(sorted(lost, key=lambda each: -each[1])[:10])
