"""Models of other libraries become model files that say the same, or are refused: with the libraries themselves."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloats
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from app.cli import main as cli
from app.errors import UserError
from app.segments.definitions.model_file import read_model
from app.segments.definitions.model_forecast import forecast, numbers_of
from tests.support.foreign_models import (
    FEATURES,
    LIMIT,
    NAMES,
    Made,
    converted,
    lightgbm_of,
    made_lightgbm,
    made_xgboost,
    rows_file,
    training_of,
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rows_file(tmp_path_factory.mktemp("rows") / "rows.parquet")


def made_pickle(estimator: Any, *, missing: float | None = None) -> Made:
    def make(folder: Path, rows: Path) -> dict[str, Any]:
        numbers, label = training_of(rows, missing=np.nan if missing is None else missing)
        (folder / "m.pkl").write_bytes(pickle.dumps(estimator.fit(numbers, label)))
        return {"path": folder / "m.pkl", "columns": NAMES, "missing": missing, "trust_pickle": True}

    return make


def made_onnx(estimator: Any, *, missing: float | None = None, zipmap: bool = True, apart: bool = False) -> Made:
    def make(folder: Path, rows: Path) -> dict[str, Any]:
        numbers, label = training_of(rows, missing=np.nan if missing is None else missing)
        numbers = numbers.astype(np.float32)
        inputs = [(name, FloatTensorType([None, 1])) for name in NAMES] if apart else None
        model = to_onnx(
            estimator.fit(numbers, label),
            None if apart else numbers[:1],
            initial_types=inputs,
            options={} if zipmap else {id(estimator): {"zipmap": False}},
        )
        (folder / "m.onnx").write_bytes(model.SerializeToString())
        return {"path": folder / "m.onnx", "columns": None if apart else NAMES, "missing": missing}

    return make


def made_onnx_lightgbm(folder: Path, rows: Path) -> dict[str, Any]:
    model = convert_lightgbm(lightgbm_of(rows, missing=-1.0), initial_types=[("x", OtherFloats([None, len(NAMES)]))])
    onnx.save(model, folder / "m.onnx")
    return {"path": folder / "m.onnx", "columns": NAMES, "missing": -1.0}


def made_onnx_xgboost(folder: Path, rows: Path) -> dict[str, Any]:
    numbers, label = training_of(rows)
    estimator = xgboost.XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1, base_score=0.5).fit(numbers, label)
    onnx.save(convert_xgboost(estimator, initial_types=[("x", OtherFloats([None, len(NAMES)]))]), folder / "m.onnx")
    return {"path": folder / "m.onnx", "columns": NAMES}


FOREST = {"n_estimators": 15, "max_depth": 5, "random_state": 1}
SAME: dict[str, Made] = {
    "xgboost": made_xgboost(),
    "xgboost, base_score": made_xgboost(base_score=0.2),
    "xgboost, forest": made_xgboost(num_parallel_tree=3, subsample=0.6, rounds=8),
    "xgboost, a rate of 1": made_xgboost(eta=1.0, reg_lambda=0.0, min_child_weight=0.0),
    "lightgbm": made_lightgbm(),
    "lightgbm, sigmoid": made_lightgbm(sigmoid=2.5),
    "lightgbm, no missing in training": made_lightgbm(missing=-1.0),
    "lightgbm, missing as 0": made_lightgbm(use_missing=False),
    "logistic": made_pickle(LogisticRegression(max_iter=5000), missing=-1.0),
    "scaled logistic": made_pickle(make_pipeline(StandardScaler(), LogisticRegression()), missing=-1.0),
    "tree": made_pickle(DecisionTreeClassifier(max_depth=6)),
    "random forest": made_pickle(RandomForestClassifier(**FOREST)),
    "extra trees": made_pickle(ExtraTreesClassifier(**FOREST), missing=-1.0),
    "gradient boosting, missing as 0": made_pickle(GradientBoostingClassifier(n_estimators=20), missing=0.0),
    "histogram boosting": made_pickle(HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=8)),
    "onnx scaled logistic": made_onnx(make_pipeline(StandardScaler(), LogisticRegression()), missing=-1.0),
    "onnx random forest": made_onnx(RandomForestClassifier(**FOREST)),
    "onnx without ZipMap": made_onnx(RandomForestClassifier(**FOREST), zipmap=False),
    "onnx of named inputs": made_onnx(make_pipeline(StandardScaler(), LogisticRegression()), missing=-1.0, apart=True),
    "onnx gradient boosting": made_onnx(GradientBoostingClassifier(n_estimators=20), missing=-1.0),
    "onnx lightgbm": made_onnx_lightgbm,
    "onnx xgboost": made_onnx_xgboost,
}


@pytest.mark.parametrize("made", SAME)
def test_a_model_file_says_what_its_source_says(made: str, rows: Path, tmp_path: Path) -> None:
    options = SAME[made](tmp_path, rows)
    found = converted(options.pop("path"), rows, **options)
    assert found.proof.difference <= LIMIT
    assert found.proof.rows == 900
    other = rows_file(tmp_path / "other.parquet", seed=2, rows=300)
    given = options.get("missing")
    numbers, _ = training_of(other, missing=np.nan if given is None else given)
    theirs = found.source.score(numbers)
    model = read_model(found.content)
    ours = [forecast(model, numbers_of(row, model.columns)) for row in row_dicts(other)]
    assert np.abs(ours - theirs).max() <= LIMIT
    assert np.ptp(theirs) > 0.3, "a model that says the same of all proves nothing"


def row_dicts(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def test_training_that_stopped_early_uses_its_best_round(rows: Path, tmp_path: Path) -> None:
    numbers, label = training_of(rows)
    estimator = xgboost.XGBClassifier(n_estimators=200, eta=0.5, early_stopping_rounds=3, n_jobs=1)
    estimator.fit(numbers[:600], label[:600], eval_set=[(numbers[600:], label[600:])], verbose=False)
    estimator.save_model(tmp_path / "m.json")
    found = converted(tmp_path / "m.json", rows, columns=NAMES)
    assert len(found.model.trees) == estimator.best_iteration + 1
    assert found.source.notes
    theirs = estimator.predict_proba(numbers)[:, 1]
    ours = [forecast(found.model, numbers_of(row, found.model.columns)) for row in row_dicts(rows)]
    assert np.abs(ours - theirs).max() <= LIMIT


def test_only_columns_that_the_model_asks_for_are_in_the_file(rows: Path, tmp_path: Path) -> None:
    numbers, label = training_of(rows, missing=-1.0)
    numbers[:, [0, 1, 3, 4]] = 0.0
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(DecisionTreeClassifier(max_depth=4).fit(numbers, label)))
    model = converted(tmp_path / "m.pkl", rows, columns=NAMES, missing=-1.0, trust_pickle=True).model
    assert [(each.name, each.categories) for each in model.columns] == [("views", None), ("plan", ("free",))]


def test_quality_is_measured_on_the_rows(rows: Path, tmp_path: Path) -> None:
    model = converted(**made_xgboost()(tmp_path, rows), rows=rows).model
    assert (model.rows, model.label, model.name, model.moments) == (900, "bought", "bought", "exists('Viewed')")
    assert model.quality is not None
    assert 0.7 < model.quality.auc <= 1
    assert model.trained_from == ""


@pytest.mark.parametrize(
    ("names", "weight", "said"),
    [
        (("stays", "buys"), None, "worse than chance: is the class that it forecasts"),
        ((0, 1), {0: 1, 1: 12}, "The level of its forecasts is another one"),
    ],
)
def test_forecasts_of_the_other_class_or_of_another_level_are_told(
    names: Any, weight: Any, said: str, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers, label = training_of(rows, missing=-1.0)
    tree = DecisionTreeClassifier(max_depth=4, class_weight=weight).fit(numbers, np.array(names)[label])
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(tree))
    given = ["--rows", str(rows), "--output", f"{tmp_path}/o.json", "--missing", "-1", "--trust-pickle"]
    assert cli.main(["model", "convert", f"{tmp_path}/m.pkl", *given, "--columns", *NAMES]) == 0
    told = capsys.readouterr().out
    assert said in told
    assert ("It forecasts the second of its classes 'buys', 'stays'." in told) == (weight is None)


def planted_comparison(content: dict[str, Any]) -> None:
    for tree in content["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"] = [
            each if left < 0 else float(np.nextafter(np.float32(each), np.float32(np.inf)))
            for each, left in zip(tree["split_conditions"], tree["left_children"], strict=True)
        ]


def planted_directions(content: dict[str, Any]) -> None:
    for tree in content["learner"]["gradient_booster"]["model"]["trees"]:
        tree["default_left"] = [1 - each for each in tree["default_left"]]


def planted_base(content: dict[str, Any]) -> None:
    content["learner"]["learner_model_param"]["base_score"] = "5E-1"


@pytest.mark.parametrize("plant", [planted_comparison, planted_directions, planted_base])
def test_a_file_that_says_something_else_is_found(
    plant: Callable[[dict[str, Any]], None], rows: Path, tmp_path: Path
) -> None:
    """As if a reader took `<` for `<=`, or the wrong way for missing numbers, or forgot where the sum begins."""
    from app.learning.foreign import conversion, xgboost_models

    path = made_xgboost(base_score=0.2)(tmp_path, rows)["path"]
    content = json.loads(path.read_text())
    source = xgboost_models.read_xgboost(path, content)
    plant(content)
    wrong = xgboost_models.read_xgboost(path, content)
    assert wrong.score(training_of(rows)[0]).tolist() == source.score(training_of(rows)[0]).tolist()
    with pytest.raises(UserError, match="the model file would differ from its source"):
        conversion.convert_source(wrong, rows, label=None, name=None, columns=None, missing=None, limit=LIMIT)


def test_the_command_writes_a_model_that_scores(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_xgboost()(tmp_path, rows)
    (tmp_path / "features.yaml").write_text(FEATURES)
    given = ["--rows", str(rows), "--output", f"{tmp_path}/likely.model.json", "--name", "likely"]
    given += ["--features", f"{tmp_path}/features.yaml"]
    assert cli.main(["model", "convert", f"{tmp_path}/m.json", *given]) == 0
    said = capsys.readouterr().out
    assert "900 rows" in said
    assert "The largest difference of two probabilities is 0.00000" in said
    (tmp_path / "likely.yaml").write_text("segment: likely\nwhen: model('likely') > 0.3\n")
    (tmp_path / "m.json").unlink()
    (tmp_path / "features.yaml").unlink()
    assert cli.main(["validate", str(tmp_path)]) == 0
    model, forecasts = ["--model", f"{tmp_path}/likely.model.json"], ["--output", f"{tmp_path}/f.csv"]
    assert cli.main(["predict", str(rows), *model, *forecasts]) == 0
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 901
