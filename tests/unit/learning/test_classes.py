"""Models with several classes on planted truths: what is there is found, what is not there is not praised."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from app.console.class_report import class_report_lines, class_report_values
from app.errors import UserError
from app.learning.classes import FREQUENCIES, ClassTraining, class_candidates, split_of_classes, train_classes
from app.learning.exported_classes import exported_classes
from app.learning.rows_of_label import LabelRows
from app.offline.class_training import ClassMeasures, Figures, Measures
from app.offline.row_files import RowsMetadata
from app.segments.definitions.model_file import Column, read_model, write_model
from app.segments.definitions.model_forecast import forecasts

DAY_MS = 86_400_000
CLASSES = ("buyers", "bargain-hunters", "none")
NAMES = ("views", "sales", "in_buyers", "in_bargains", "noise")
EXPRESSIONS = {"in_buyers": "segment('buyers')", "in_bargains": "segment('bargain-hunters')"}
COLUMNS = tuple(Column(name=name, expression=EXPRESSIONS.get(name, f"count('{name}')")) for name in NAMES)
METADATA = RowsMetadata(
    features="f",
    version="abc123",
    values={each: each for each in NAMES},
    labels=("next",),
    ahead_ms={"next": DAY_MS},
    classes={"next": CLASSES},
)


def planted(seed: int, rows: int = 3_000, *, views: float = 1.0) -> tuple[LabelRows, Any]:
    """Rows of a shop whose truth is known, and how probable each class is. views: what they say beside the segments."""
    chance = np.random.default_rng(seed)
    numbers = np.column_stack(
        [
            chance.poisson(3, rows),
            chance.poisson(0.7, rows),
            chance.random(rows) < 0.3,
            chance.random(rows) < 0.2,
            chance.normal(size=rows),
        ]
    ).astype(np.float64)
    margins = np.column_stack(
        [
            -1.2 + 0.6 * views * (numbers[:, 0] - 3) + 1.3 * numbers[:, 2],
            -1.5 + 1.0 * views * (numbers[:, 1] - 0.7) + 1.6 * numbers[:, 3],
            np.zeros(rows),
        ]
    )
    powers = np.exp(margins)
    probable = powers / powers.sum(axis=1, keepdims=True)
    made = LabelRows(
        name="next",
        columns=COLUMNS,
        names=NAMES,
        numbers=numbers,
        label=(chance.random(rows)[:, None] > probable.cumsum(axis=1)).sum(axis=1).clip(0, 2),
        users=np.array([f"u{chance.integers(rows // 2)}" for _ in range(rows)], dtype=object),
        at_ms=np.sort(chance.random(rows)) * 60 * DAY_MS,
        ahead_ms=DAY_MS,
        metadata=METADATA,
        classes=CLASSES,
    )
    return made, probable


def verdict_of(rows: LabelRows, training: ClassTraining) -> str:
    found = class_report_values(exported_classes("next", rows, training), training.figures)
    assert found["is_better"] is found["verdict"].startswith(f"{training.chosen} forecasts better")
    return str(found["verdict"])


@pytest.mark.parametrize("kind", ["linear", "forest", "boosted"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_file_of_a_model_says_what_the_estimator_says(kind: str, classes: int) -> None:
    rows, _ = planted(4, 1_500)
    rows = replace(rows, label=np.minimum(rows.label, classes - 1), classes=CLASSES[:classes])
    split = split_of_classes(rows, np.arange(len(rows.label)), 20)
    makers = class_candidates(0, 60 if kind == "boosted" else classes)
    estimator = makers[kind]().fit(rows.numbers[split.train], rows.label[split.train])
    measured = train_of_kind(rows, estimator, kind, split)
    model = read_model(write_model(exported_classes("m", rows, measured)))
    test = rows.numbers[split.test]
    said = [list(forecasts(model, numbers).values()) for numbers in test.tolist()]
    assert np.abs(np.array(said) - estimator.predict_proba(test)).max() < 1e-6


def train_of_kind(rows: LabelRows, estimator: Any, kind: str, split: Any) -> ClassTraining:
    """A training whose chosen model is of a kind, without any measures that are true."""
    measures = Measures(kind, 0.5, 0.5, (0.0, 0.0))
    classes = tuple(ClassMeasures(each, 1, 1, 0.5, (0.5, 0.5), 0.5, 0.5, 0.5) for each in rows.classes)
    return ClassTraining(kind, estimator, split, Figures(measures, measures, (measures,), classes, (), 0, 0))


def test_a_class_with_too_few_rows_is_refused() -> None:
    rows, _ = planted(4, 1_000)
    rare = replace(rows, label=np.where((rows.label == 1) & (np.arange(1_000) % 9 > 0), 2, rows.label))
    with pytest.raises(UserError, match="of them with next = bargain-hunters: too few to learn from") as caught:
        train_classes(rare)
    assert "leave bargain-hunters out of the label" in str(caught.value.hint)


@pytest.mark.long
def test_a_planted_truth_is_found_as_well_as_it_can_be() -> None:
    rows, probable = planted(1, 8_000)
    training = train_classes(rows)
    truth, best = rows.label[training.split.test], probable[training.split.test]
    for place, each in enumerate(training.figures.classes):
        assert each.auc > roc_auc_score(truth == place, best[:, place]) - 0.02
        assert each.auc_interval[0] < each.auc < each.auc_interval[1]
    assert {name for name, lost in training.figures.important if lost > 0.01} == set(NAMES) - {"noise"}
    assert f"{training.chosen} forecasts better than {training.figures.baseline.name}." in verdict_of(rows, training)
    lines = "\n".join(class_report_lines(exported_classes("next", rows, training), training.figures))
    assert f"| baseline: {training.figures.baseline.name} |" in lines
    assert f"| {FREQUENCIES} |" in lines


@pytest.mark.long
def test_a_label_that_means_nothing_gets_no_praise() -> None:
    rows, _ = planted(2, 2_000)
    for seed in range(2):
        shuffled = replace(rows, label=np.random.default_rng(seed).permutation(rows.label))
        training = train_classes(shuffled)
        assert "Not shown that" in verdict_of(shuffled, training)
        for each in training.figures.classes:
            assert each.auc < 0.6


@pytest.mark.long
def test_a_leak_shows_as_the_column_that_explains_all() -> None:
    rows, _ = planted(6, 1_500)
    leaking = replace(rows, numbers=np.column_stack([rows.numbers[:, :4], rows.label]))
    training = train_classes(leaking)
    assert training.figures.important[0][0] == "noise"
    assert training.figures.baseline.name == "a table by noise"
    assert training.figures.baseline.accuracy == 1.0


@pytest.mark.long
def test_where_the_segments_decide_alone_a_matrix_of_transitions_is_as_good() -> None:
    rows, _ = planted(3, views=0.0)
    training = train_classes(rows)
    assert training.figures.baseline.name == "a table by in_buyers, in_bargains"
    assert training.figures.baseline.log_loss < training.figures.frequencies.log_loss - 0.02
    assert "Not shown that" in verdict_of(rows, training)


@pytest.mark.long
def test_few_rows_of_a_class_are_told() -> None:
    rows, _ = planted(5, 2_000)
    rare = replace(rows, label=np.where((rows.label == 1) & (np.arange(2_000) % 3 > 0), 2, rows.label))
    training = train_classes(rare)
    (few,) = (each.test_rows for each in training.figures.classes if each.name == "bargain-hunters")
    assert 20 <= few < 100
    assert f"Too few rows to rely on: {few} of bargain-hunters." in verdict_of(rare, training)
