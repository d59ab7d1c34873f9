"""Figures of a training for its pictures: what the chosen model said of rows, next to what was true."""

from dataclasses import dataclass
from typing import Literal

Curve = tuple[tuple[float, float], ...]
"""Points (x, y), x never falling."""


@dataclass(frozen=True, slots=True)
class Level:
    """Rows together: the mean forecast, the part that was true with its 95 % interval of Wilson, and their number."""

    forecast: float
    true: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class Period:
    """The rows of a day or of some weeks. begin_ms: their beginning, UTC; is_test: they lie in the test."""

    begin_ms: int
    level: Level
    is_test: bool


@dataclass(frozen=True, slots=True)
class TrainingFigures:
    """All that the pictures of a training show.

    tenths: of the test, lowest forecast first. gain: (part of the rows, part of all positives among them), highest
    forecast first; precision: (part of the positives that are found, part of those found that are positive); each of
    the model and of the baseline. scores: the highest forecast that a picture shows, and for each of equal steps up to
    it the part of the rows with the label, then of those without, that have such a forecast.
    """

    tenths: tuple[Level, ...]
    gain: Curve
    gain_of_baseline: Curve
    precision: Curve
    precision_of_baseline: Curve
    scores_max: float
    scores_with: tuple[float, ...]
    scores_without: tuple[float, ...]
    periods: tuple[Period, ...]
    period: Literal["day", "week", "weeks"]
