"""Proof that a model file says what its source says: both score rows, and the largest difference is told.

Besides the rows that are given, rows are made of them: with a number exactly at a threshold and at the floats next to
it, and with missing numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np

from app.errors import UserError
from app.learning.foreign.source_model import neighbour, short_float
from app.learning.points import Numbers
from app.segments.definitions.model_file import Model
from app.segments.definitions.model_forecast import MISSING, NUMBER_MOST, forecast

ROWS_MAX: Final = 5_000
THRESHOLDS_MAX: Final = 1_000
MISSING_MAX: Final = 20
"""Rows that lose each column."""
NUMBER_LEAST: Final = 1e-30
"""LightGBM takes numbers up to 1e-35 for 0."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Rows of each kind that were compared, and the largest difference of the two probabilities."""

    rows: int
    at_thresholds: int
    with_missing: int
    difference: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Both forecasts for features of the source. order: place of each number of the model among the features."""

    model: Model
    order: Sequence[int]
    score: Callable[[Numbers], Any]
    given: float | None

    def differences(self, numbers: Numbers) -> tuple[Any, Any, Any]:
        """For each row the difference, and both probabilities. UserError for what the source does not take."""
        own = np.where(np.isnan(numbers), MISSING, numbers)[:, self.order].tolist()
        told = numbers if self.given is None else np.where(np.isnan(numbers), self.given, numbers)
        try:
            theirs = np.asarray(self.score(told), dtype=np.float64)
        except ValueError as error:
            said = str(error).partition("\n")[0]
            if "NaN" not in said:
                raise UserError("the library cannot score the rows with the model", detail=said) from None
            raise UserError(
                "the model does not take missing values, which the rows can have",
                detail=said,
                hint="say what it was given in their place: --missing -1, as shoal train gives, or --missing 0",
            ) from None
        ours = np.array([forecast(self.model, row) for row in own])
        apart = np.abs(ours - theirs)
        return np.where(np.isnan(apart), inf, apart), ours, theirs


def prove(
    compared: Compared,
    numbers: Numbers,
    *,
    optional: Sequence[int],
    thresholds: dict[int, list[tuple[float, int]]],
    limit: float,
) -> Proof:
    """Compares. UserError where a difference exceeds the limit.

    optional: features that can be missing; thresholds: of features, with a row that comes there.
    """
    places = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), ROWS_MAX)).astype(int))
    kinds = {
        "a row of the file": numbers[places],
        "a row with a number at a threshold": _at_thresholds(numbers, thresholds),
        "a row with missing numbers": _with_missing(numbers, optional),
    }
    worst = 0.0
    for kind, rows in kinds.items():
        if not len(rows):
            continue
        apart, ours, theirs = compared.differences(rows)
        place = int(apart.argmax())
        if apart[place] > limit:
            raise UserError(
                f"the model file would differ from its source by {apart[place]:.6f}, more than {limit:g}",
                detail=f"for {kind} the source says {theirs[place]:.6f}, the file {ours[place]:.6f}; "
                f"{int((apart > limit).sum()):,} of {len(rows):,} such rows differ",
                hint="numbers with more than seven digits, such as instants, are the usual reason: models compare "
                "floats of 32 bits. Divide or shift such a column in the features file",
            )
        worst = max(worst, float(apart[place]))
    counts = [len(rows) for rows in kinds.values()]
    return Proof(counts[0], counts[1], counts[2], worst)


def _at_thresholds(numbers: Numbers, thresholds: dict[int, list[tuple[float, int]]]) -> Numbers:
    """Rows with a number at a threshold, and at the floats of 32 bits beside it."""
    all_ = [(feature, *each) for feature, found in sorted(thresholds.items()) for each in found]
    chosen = [
        all_[each] for each in np.unique(np.linspace(0, len(all_) - 1, min(len(all_), THRESHOLDS_MAX)).astype(int))
    ]
    rows = []
    for feature, threshold, row in chosen:
        for near in _near(threshold):
            made = numbers[row].copy()
            made[feature] = near
            rows.append(made)
    return np.array(rows).reshape(len(rows), numbers.shape[1])


def _near(threshold: float) -> tuple[float, ...]:
    middle = short_float(threshold)
    near = (neighbour(middle, -1), middle, neighbour(middle, 1), neighbour(neighbour(middle, 1), 1))
    return tuple(each for each in near if each == 0 or NUMBER_LEAST <= abs(each) <= NUMBER_MOST)


def _with_missing(numbers: Numbers, optional: Sequence[int]) -> Numbers:
    """Rows without one of the columns that can be missing, and without all of them."""
    places = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), MISSING_MAX)).astype(int))
    rows = []
    for features in [*([each] for each in optional), *([list(optional)] if len(optional) > 1 else [])]:
        made = numbers[places].copy()
        made[:, features] = np.nan
        rows.append(made)
    return np.concatenate(rows) if rows else numbers[:0]
