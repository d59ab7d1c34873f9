"""Models that say how probable a label is, measured on rows that came later, against points by hand.

Theory of operation. Rows are ordered by time. The last part is the test; between it and the rows of training lies a gap
as long as the label looks ahead, so that no label of training has seen the test. A linear model, a forest and boosted
trees are trained; the one with the best average precision on an inner split of the same kind is chosen, so the test has
no say in it. Then all are measured on the test, next to the baseline: the one column, of those rows, that orders best
by itself. An interval says if the model beats the baseline for certain: users are drawn anew, since rows of one user
belong together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from app.errors import UserError
from app.learning.points import Numbers
from app.learning.rows_of_label import LabelRows
from app.segments.definitions.model_file import Quality
from app.segments.definitions.model_forecast import MISSING

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

    baseline_order: a number for each row of the test, highest first."""

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


def train(rows: LabelRows, *, seed: int = 0) -> Training:
    """Trains and measures. UserError where too few rows or positives are there to say anything."""
    outer = split_by_time(rows, np.arange(len(rows.at_ms)))
    inner = split_by_time(rows, outer.train)
    makers = candidates(seed)
    scores = {name: _average_precision(rows, make(), inner) for name, make in makers.items()}
    chosen = max(scores, key=lambda name: scores[name])
    forecasts, fitted = {}, {}
    for name, make in makers.items():
        fitted[name] = make().fit(rows.numbers[outer.train], rows.label[outer.train])
        forecasts[name] = fitted[name].predict_proba(rows.numbers[outer.test])[:, 1]
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
    )


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


class ScaledLogistic:
    """A logistic regression of scaled numbers; counts and amounts are taken as logarithms."""

    logarithm: Any

    def fit(self, numbers: Numbers, label: Any) -> "ScaledLogistic":
        """Finds scale and weights."""
        self.logarithm = (numbers >= MISSING).all(axis=0) & (numbers > 1).any(axis=0)
        raw = self._transformed(numbers)
        self.mean, self.deviation = raw.mean(axis=0), raw.std(axis=0)
        self.deviation[self.deviation == 0] = 1.0
        self.inner = LogisticRegression(C=1.0, max_iter=1_000).fit((raw - self.mean) / self.deviation, label)
        return self

    def _transformed(self, numbers: Numbers) -> Numbers:
        made: Numbers = np.maximum(numbers, 0.0) * self.logarithm + numbers * ~self.logarithm
        made[:, self.logarithm] = np.log1p(made[:, self.logarithm])
        return made

    def predict_proba(self, numbers: Numbers) -> Numbers:
        """Both probabilities of each row."""
        found: Numbers = self.inner.predict_proba((self._transformed(numbers) - self.mean) / self.deviation)
        return found


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
