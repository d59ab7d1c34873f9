"""A trained estimator as a model file; both give the same probabilities."""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from app.learning.estimator_parts import kind_of, parts_of
from app.learning.rows_of_label import LabelRows
from app.learning.training import Training
from app.segments.definitions.model_file import FORMAT, Model
from app.segments.definitions.model_forecast import forecast

COMPARED_ROWS: Final = 500
DIFFERENCE_MAX: Final = 1e-6
"""A forecast has six places."""


def exported(name: str, rows: LabelRows, training: Training) -> Model:
    """The chosen model of a training, as a file. It says the same as the estimator for rows of the test: checked."""
    estimator = training.estimator
    train, test = training.split.train, training.split.test
    quality = next(each.quality for each in training.measured if each.name == training.chosen)
    model = Model(
        format=FORMAT,
        name=name,
        label=rows.name,
        features=rows.metadata.features,
        features_version=rows.metadata.version,
        columns=rows.columns,
        kind=kind_of(estimator),
        trained_from=day_of(rows.at_ms[train].min()),
        trained_until=day_of(rows.at_ms[train].max()),
        rows=len(train),
        positives=int(rows.label[train].sum()),
        quality=quality,
        moments=rows.metadata.moments,
        warmup=rows.metadata.warmup,
        **parts_of(estimator),
    )
    compared = rows.numbers[test][:COMPARED_ROWS]
    own = [forecast(model, numbers) for numbers in compared.tolist()]
    difference = float(np.abs(own - estimator.predict_proba(compared)[:, 1]).max())
    assert difference <= DIFFERENCE_MAX, f"the file and the estimator differ by {difference}"
    return model


def day_of(at_ms: float) -> str:
    """The day of an instant, UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
