"""Models on planted truths: what is there is found, what is not there is not praised, the file says the same."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from app.console.model_report import report_lines, size_remarks
from app.errors import UserError
from app.learning.estimator_parts import fits, parts_of
from app.learning.exported import exported
from app.learning.rows_of_label import LabelRows
from app.learning.training import Training, candidates, chosen_of, split_by_time, train
from app.offline.row_files import RowsMetadata
from app.segments.definitions.model_file import Column, read_model, write_model
from app.segments.definitions.model_forecast import MISSING, forecast
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX

DAY_MS = 86_400_000
NAMES = ("views", "adds", "known", "noise")
COLUMNS = tuple(Column(name=name, expression=f"count('{name}')") for name in NAMES)
METADATA = RowsMetadata(
    features="f", version="abc123", values={each: each for each in NAMES}, labels=("buys",), ahead_ms={"buys": DAY_MS}
)


def planted(seed: int, rows: int = 4_000) -> tuple[LabelRows, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Rows of a shop whose truth is known, and how probable the label of each is."""
    chance = np.random.default_rng(seed)
    numbers = np.column_stack(
        [chance.poisson(3, rows), chance.poisson(0.5, rows), chance.random(rows) < 0.3, chance.normal(size=rows)]
    ).astype(np.float64)
    numbers[chance.random(rows) < 0.05, 0] = MISSING
    margin = -3 + 0.9 * np.log1p(np.maximum(numbers[:, 0], 0)) + 1.2 * numbers[:, 1] - 0.8 * numbers[:, 2]
    probable = 1 / (1 + np.exp(-margin))
    made = LabelRows(
        name="buys",
        columns=COLUMNS,
        names=NAMES,
        numbers=numbers,
        label=(chance.random(rows) < probable).astype(np.float64),
        users=np.array([f"u{chance.integers(rows // 2)}" for _ in range(rows)], dtype=object),
        at_ms=np.sort(chance.random(rows)) * 60 * DAY_MS,
        ahead_ms=DAY_MS,
        metadata=METADATA,
    )
    return made, probable


@pytest.fixture(scope="module")
def trained() -> tuple[LabelRows, Training]:
    rows, _ = planted(1)
    return rows, train(rows)


def told(rows: LabelRows, training: Training) -> str:
    model = exported("buys", rows, training)
    test = training.split.test
    return "\n".join(
        report_lines(
            model,
            baseline=training.baseline,
            baseline_quality=training.baseline_quality,
            measured=[(each.name, each.quality, each.gain) for each in training.measured],
            tenths=training.tenths,
            important=training.important,
            test=(len(test), int(rows.label[test].sum()), training.users_in_both),
        )
    )


def test_a_planted_truth_is_found_as_well_as_it_can_be(trained: tuple[LabelRows, Training]) -> None:
    rows, training = trained
    _, probable = planted(1)
    best = roc_auc_score(rows.label[training.split.test], probable[training.split.test])
    quality = next(each.quality for each in training.measured if each.name == training.chosen)
    assert quality.auc > best - 0.02
    assert training.baseline == "adds"
    assert {name for name, lost in training.important if lost > 0.005} == {"views", "adds", "known"}
    assert "orders better than adds alone." in told(rows, training)


@pytest.mark.long
def test_a_label_that_means_nothing_gets_no_praise() -> None:
    rows, _ = planted(2, 2_000)
    shuffled = replace(rows, label=np.random.default_rng(5).permutation(rows.label))
    assert "Not shown that" in told(shuffled, train(shuffled))


@pytest.mark.long
def test_a_leak_shows_as_the_column_that_explains_all() -> None:
    rows, _ = planted(3, 2_000)
    leaking = replace(rows, numbers=np.column_stack([rows.numbers[:, :3], rows.label + rows.numbers[:, 3] / 10]))
    training = train(leaking)
    assert training.important[0][0] == "noise"
    assert training.baseline == "noise"
    assert "Not shown that" in told(leaking, training), "the leak alone is as good"


def test_no_label_of_training_looks_into_the_test(trained: tuple[LabelRows, Training]) -> None:
    rows, training = trained
    assert rows.at_ms[training.split.train].max() + rows.ahead_ms < rows.at_ms[training.split.test].min()
    assert abs(len(training.split.test) - len(rows.at_ms) / 4) < 2


@pytest.mark.parametrize("kind", ["linear", "forest", "boosted"])
def test_the_file_of_a_model_says_what_the_estimator_says(kind: str, trained: tuple[LabelRows, Training]) -> None:
    rows, training = trained
    estimator = candidates(0)[kind]().fit(rows.numbers[training.split.train], rows.label[training.split.train])
    model = read_model(write_model(exported("m", rows, replace(training, chosen=kind, estimator=estimator))))
    test = rows.numbers[training.split.test]
    said = [forecast(model, numbers) for numbers in test.tolist()]
    assert np.abs(said - estimator.predict_proba(test)[:, 1]).max() < 1e-6


@pytest.mark.long
def test_a_file_that_no_folder_of_definitions_takes_is_written_only_if_asked_for() -> None:
    rows, _ = planted(1, 8_000)
    asked = train(rows, kind="forest")
    content = write_model(exported("m", rows, asked))
    assert (asked.chosen, asked.too_large) == ("forest", ())
    assert len(content) > FILE_LENGTH_MAX
    assert not fits(COLUMNS, [parts_of(asked.estimator)])
    assert size_remarks(content, ())[0].startswith(f"The file has {len(content):,} characters")
    training = train(rows)
    assert training.chosen != "forest"
    assert len(write_model(exported("m", rows, training))) <= FILE_LENGTH_MAX


def test_the_best_model_is_chosen_that_is_small_enough() -> None:
    ranked = ["forest", "boosted", "linear"]
    assert chosen_of(ranked, None, lambda _: True) == ("forest", ())
    assert chosen_of(ranked, None, lambda name: name != "forest") == ("boosted", ("forest",))
    assert chosen_of(ranked, None, lambda name: name == "linear") == ("linear", ("forest", "boosted"))
    assert chosen_of(ranked, None, lambda _: False) == ("forest", ())
    assert chosen_of(ranked, "boosted", lambda name: name == "linear") == ("boosted", ())
    (remark,) = size_remarks(b"{}", ("forest",))
    assert "forest was better, but its file is too large for a definition" in remark
    assert "--kind forest writes it" in remark


@pytest.mark.long
def test_few_positives_are_told() -> None:
    rows, _ = planted(4, 3_000)
    rare = replace(rows, label=rows.label * (np.arange(3_000) % 4 == 0))
    assert "too few to rely on" in told(rare, train(rare))


def test_too_few_positives_are_refused() -> None:
    rows, _ = planted(4, 1_000)
    with pytest.raises(UserError, match="too few to learn from"):
        split_by_time(replace(rows, label=rows.label * (np.arange(1_000) < 15)), np.arange(1_000))
