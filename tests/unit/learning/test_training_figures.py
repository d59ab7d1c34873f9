"""Figures for the pictures of a training: each against a slow computation of the same, or a law that it must obey."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from app.learning.figures import DAY_MS, MONDAY_MS, figures_of
from app.learning.rows_of_label import LabelRows
from app.learning.scaled_logistic import ScaledLogistic
from app.learning.training import Training, train
from app.offline.training_figures import TrainingFigures
from tests.unit.learning.test_training import planted

Shown = tuple[LabelRows, Training, TrainingFigures]


@pytest.fixture(scope="module")
def shown() -> Shown:
    rows, _ = planted(1, 2_000)
    training = train(rows)
    return rows, training, figures_of(rows, training)


def area(curve: tuple[tuple[float, float], ...]) -> float:
    return sum((right[0] - left[0]) * (left[1] + right[1]) / 2 for left, right in pairwise(curve))


def test_the_area_under_the_gain_is_that_of_the_auc(shown: Shown) -> None:
    rows, training, figures = shown
    truth = rows.label[training.split.test]
    forecast = training.estimator.predict_proba(rows.numbers[training.split.test])[:, 1]
    share = truth.mean()
    for curve, order in ((figures.gain, forecast), (figures.gain_of_baseline, training.baseline_order)):
        assert (curve[0], curve[-1]) == ((0.0, 0.0), (1.0, 1.0))
        assert area(curve) == pytest.approx(share / 2 + (1 - share) * roc_auc_score(truth, order), abs=0.003)


def test_the_precision_begins_with_the_highest_forecasts_and_ends_with_all_rows(shown: Shown) -> None:
    rows, training, figures = shown
    truth = rows.label[training.split.test]
    forecast = training.estimator.predict_proba(rows.numbers[training.split.test])[:, 1]
    assert figures.precision[-1][0] == 1.0
    assert figures.precision[-1][1] == pytest.approx(truth.mean(), abs=0.05)
    assert figures.precision[0][0] < 0.05
    assert all(left[0] <= right[0] for left, right in pairwise(figures.precision))
    assert area(figures.precision) == pytest.approx(average_precision_score(truth, forecast), abs=0.03)


def test_the_tenths_are_those_of_the_training_with_intervals(shown: Shown) -> None:
    _, training, figures = shown
    told = np.array([(each.forecast, each.true, each.rows) for each in figures.tenths])
    assert np.allclose(told, np.array(training.tenths))
    assert all(each.low <= each.true <= each.high for each in figures.tenths)
    assert all(0.03 < each.high - each.low < 0.3 for each in figures.tenths)


def test_the_scores_of_each_group_are_parts_of_one(shown: Shown) -> None:
    _, _, figures = shown
    assert sum(figures.scores_with) == pytest.approx(1)
    assert sum(figures.scores_without) == pytest.approx(1)
    step = figures.scores_max / len(figures.scores_with)
    means = [
        sum(part * (place + 0.5) * step for place, part in enumerate(parts))
        for parts in (figures.scores_with, figures.scores_without)
    ]
    assert means[0] > means[1] + 0.05


@pytest.mark.parametrize(
    ("days", "period", "spans"), [(9, "day", (9, 10)), (60, "week", (9, 10)), (900, "weeks", (40, 52))]
)
def test_periods_hold_all_rows_and_begin_on_days_or_mondays(
    shown: Shown, days: int, period: str, spans: tuple[int, int]
) -> None:
    rows, training, _ = shown
    stretched = replace(rows, at_ms=rows.at_ms / 60 * days)
    simple = replace(training, estimator=ScaledLogistic().fit(rows.numbers, rows.label))
    figures = figures_of(stretched, simple)
    assert figures.period == period
    assert spans[0] <= len(figures.periods) <= spans[1]
    assert sum(each.level.rows for each in figures.periods) == len(rows.label)
    positives = sum(each.level.rows * each.level.true for each in figures.periods)
    assert positives == pytest.approx(rows.label.sum())
    week_ms = 7 * DAY_MS
    if period != "day":
        assert all(each.begin_ms % week_ms == MONDAY_MS for each in figures.periods)
    begin_ms = stretched.at_ms[training.split.test].min()
    assert all(each.is_test == (each.begin_ms >= begin_ms) for each in figures.periods)
    assert any(each.is_test for each in figures.periods)


def test_a_level_that_moves_shows_in_the_periods(shown: Shown) -> None:
    rows, training, _ = shown
    is_late = rows.at_ms > 40 * DAY_MS
    moved = replace(rows, label=np.where(is_late & (np.arange(len(rows.label)) % 2 == 0), 0.0, rows.label))
    figures = figures_of(moved, training)
    early, late = figures.periods[1].level, figures.periods[-2].level
    assert early.low < early.forecast < early.high
    assert late.forecast > late.high
