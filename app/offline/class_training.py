"""Measures of a training with several classes, as its report says them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measures:
    """A forecast of the test. log_loss: mean, natural logarithm; accuracy: the part of the rows whose most probable
    class was the true one; gain: what its log loss is lower than that of the baseline, the 95 % interval of that."""

    name: str
    log_loss: float
    accuracy: float
    gain: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ClassMeasures:
    """A class against all others. auc_interval: 95 %; part: of the rows of the test."""

    name: str
    training_rows: int
    test_rows: int
    auc: float
    auc_interval: tuple[float, float]
    baseline_auc: float
    mean_forecast: float
    part: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the report of a training says. baseline: the table that was chosen; frequencies: the parts of all rows;
    measured: each kind of model; important: the columns whose shuffling adds most log loss; users_in_both: users with
    rows in training and in the test."""

    frequencies: Measures
    baseline: Measures
    measured: tuple[Measures, ...]
    classes: tuple[ClassMeasures, ...]
    important: tuple[tuple[str, float], ...]
    test_rows: int
    users_in_both: int
