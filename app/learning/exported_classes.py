"""A trained estimator of several classes as a model file; both give the same probabilities."""

import numpy as np

from app.learning.classes import ClassTraining
from app.learning.estimator_parts import kind_of, parts_of_classes
from app.learning.exported import COMPARED_ROWS, DIFFERENCE_MAX, day_of
from app.learning.rows_of_label import LabelRows
from app.segments.definitions.model_file import CLASSES_FORMAT, ClassesQuality, Model, ModelClass
from app.segments.definitions.model_forecast import forecasts


def exported_classes(name: str, rows: LabelRows, training: ClassTraining) -> Model:
    """The chosen model of a training, as a file. It says the same as the estimator for rows of the test: checked."""
    train, test = training.split.train, training.split.test
    quality = next(each for each in training.figures.measured if each.name == training.chosen)
    summed = parts_of_classes(training.estimator, len(rows.classes))
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
