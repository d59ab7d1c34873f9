"""Figures of a training for its pictures, out of its rows."""

from math import ceil
from typing import Any, Final

import numpy as np
from sklearn.metrics import precision_recall_curve

from app.learning.rows_of_label import LabelRows
from app.learning.training import Training
from app.offline.intervals import wilson
from app.offline.training_figures import Curve, Level, Period, TrainingFigures

POINTS_MAX: Final = 200
STEPS: Final = 20
DAY_MS: Final = 86_400_000
MONDAY_MS: Final = 4 * DAY_MS
"""The first Monday since the epoch."""
DAYS_MAX: Final = 21
"""Rows of a longer time are shown by weeks."""
WEEKS_MAX: Final = 52


def figures_of(rows: LabelRows, training: Training) -> TrainingFigures:
    """Figures of the chosen model on the test, and of all rows over the time."""
    test = training.split.test
    all_forecasts = training.estimator.predict_proba(rows.numbers)[:, 1]
    forecast, truth = all_forecasts[test], rows.label[test]
    top = _rounded_up(float(np.quantile(forecast, 0.999)))
    parts = np.array_split(np.argsort(forecast, kind="stable"), 10)
    periods, period = _periods(rows, all_forecasts, float(rows.at_ms[test].min()))
    return TrainingFigures(
        tenths=tuple(_level(forecast[part], truth[part]) for part in parts if len(part)),
        gain=_gain(truth, forecast),
        gain_of_baseline=_gain(truth, training.baseline_order),
        precision=_precision(truth, forecast),
        precision_of_baseline=_precision(truth, training.baseline_order),
        scores_max=top,
        scores_with=_shares(forecast[truth > 0], top),
        scores_without=_shares(forecast[truth == 0], top),
        periods=periods,
        period=period,
    )


def _level(forecast: Any, truth: Any) -> Level:
    positives, rows = int(truth.sum()), len(truth)
    return Level(float(forecast.mean()), positives / rows, *wilson(positives, rows), rows)


def _thinned(x: Any, y: Any) -> Curve:
    places = np.unique(np.linspace(0, len(x) - 1, POINTS_MAX).round().astype(int))
    return tuple(zip(x[places].tolist(), y[places].tolist(), strict=True))


def _gain(truth: Any, order: Any) -> Curve:
    """Rows of the same order come together: between them the curve is straight."""
    highest = np.argsort(-order, kind="stable")
    last_of_value = np.append(np.flatnonzero(np.diff(order[highest])), len(order) - 1)
    found = np.cumsum(truth[highest])[last_of_value] / truth.sum()
    return _thinned(np.append(0.0, (last_of_value + 1) / len(order)), np.append(0.0, found))


def _precision(truth: Any, order: Any) -> Curve:
    precision, recall, _ = precision_recall_curve(truth, order)
    return _thinned(recall[-2::-1], precision[-2::-1])  # its last point is none of the data


def _rounded_up(value: float) -> float:
    """The next multiple of 0.05, at most 1."""
    return min(1.0, max(0.05, ceil(value * 20) / 20))


def _shares(forecast: Any, top: float) -> tuple[float, ...]:
    counts, _ = np.histogram(np.minimum(forecast, top), bins=STEPS, range=(0.0, top))
    return tuple((counts / len(forecast)).tolist())


def _periods(rows: LabelRows, forecast: Any, test_begin_ms: float) -> tuple[tuple[Period, ...], Any]:
    """Rows by day, by week or by several weeks, from a Monday on. A period that begins before the test is not of it."""
    first, last = float(rows.at_ms.min()), float(rows.at_ms.max())
    days = (last - first) / DAY_MS
    weeks = ceil(days / 7 / WEEKS_MAX) if days > DAYS_MAX else 0
    span_ms, offset_ms = (7 * weeks * DAY_MS, MONDAY_MS) if weeks else (DAY_MS, 0)
    begins = ((rows.at_ms - offset_ms) // span_ms * span_ms + offset_ms).astype(np.int64)
    made = []
    for begin in np.unique(begins).tolist():
        inside = begins == begin
        made.append(Period(begin, _level(forecast[inside], rows.label[inside]), begin >= test_begin_ms))
    return tuple(made), ("day" if not weeks else "week" if weeks == 1 else "weeks")
