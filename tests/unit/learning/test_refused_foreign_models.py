"""Models of other libraries that have no equal are refused, each with its reason: with the libraries themselves."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import xgboost
from skl2onnx import to_onnx
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from app.cli import main as cli
from app.errors import UserError
from app.learning.foreign.conversion import BYTES_MAX
from tests.support.foreign_models import (
    FEATURES,
    NAMES,
    converted,
    lightgbm_of,
    made_lightgbm,
    made_xgboost,
    rows_file,
    training_of,
    xgboost_of,
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rows_file(tmp_path_factory.mktemp("rows") / "rows.parquet")


def refused_xgboost(folder: Path, rows: Path, **parameters: Any) -> Path:
    xgboost_of(rows, rounds=3, **parameters).save_model(folder / "m.json")
    return folder / "m.json"


def refused_categories(folder: Path, rows: Path) -> Path:
    numbers, label = training_of(rows, missing=0.0)
    kinds = ["c" if name == "views" else "float" for name in NAMES]
    matrix = xgboost.DMatrix(
        numbers, label=label, feature_names=list(NAMES), feature_types=kinds, enable_categorical=True
    )
    said = {"objective": "binary:logistic", "nthread": 1, "tree_method": "hist"}
    xgboost.train(said, matrix, 3).save_model(folder / "m.json")
    return folder / "m.json"


def refused_lightgbm(folder: Path, rows: Path, **parameters: Any) -> Path:
    lightgbm_of(rows, **parameters).save_model(folder / "m.txt")
    return folder / "m.txt"


def refused_dump(folder: Path, rows: Path) -> Path:
    (folder / "m.json").write_text(json.dumps(lightgbm_of(rows).dump_model()))
    return folder / "m.json"


def refused_onnx(folder: Path, rows: Path, estimator: Any, **options: Any) -> Path:
    numbers, label = training_of(rows, missing=-1.0)
    numbers = numbers.astype(np.float32)
    model = to_onnx(estimator.fit(numbers, label), numbers[:1], **options)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


def refused_texts(folder: Path, rows: Path) -> Path:
    path = refused_onnx(folder, rows, RandomForestClassifier(n_estimators=2, max_depth=2))
    model = onnx.load(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("t", onnx.TensorProto.STRING, [None, 1]))
    onnx.save(model, path)
    return path


def refused_pickle(folder: Path, rows: Path, estimator: Any, *, classes: int = 2) -> Path:
    numbers, label = training_of(rows, missing=-1.0)
    label = label if classes == 2 else (numbers[:, 2] % classes).astype(int)
    (folder / "m.pkl").write_bytes(pickle.dumps(estimator.fit(numbers, label)))
    return folder / "m.pkl"


REFUSED: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "three classes": (
        lambda folder, rows: refused_pickle(folder, rows, DecisionTreeClassifier(), classes=3),
        "the model has 3 classes",
    ),
    "gblinear": (lambda folder, rows: refused_xgboost(folder, rows, booster="gblinear"), "the booster is gblinear"),
    "dart": (lambda folder, rows: refused_xgboost(folder, rows, booster="dart"), "the booster is dart"),
    "hinge": (lambda folder, rows: refused_xgboost(folder, rows, objective="binary:hinge"), "the objective is binary:"),
    "classes of xgboost": (
        lambda folder, rows: refused_xgboost(folder, rows, objective="multi:softprob", num_class=4),
        "the model has 4 classes",
    ),
    "categories of xgboost": (refused_categories, "splits a column by sets of categories"),
    "categories of lightgbm": (
        lambda folder, rows: refused_lightgbm(folder, rows, categorical=["views"], missing=0.0, min_data_per_group=1),
        "splits a column by sets of categories",
    ),
    "zero as missing": (
        lambda folder, rows: refused_lightgbm(folder, rows, zero_as_missing=True),
        "takes 0 for missing",
    ),
    "linear leaves": (
        lambda folder, rows: refused_lightgbm(folder, rows, linear_tree=True),
        "the leaves of the model are linear models",
    ),
    "rf": (
        lambda folder, rows: refused_lightgbm(folder, rows, boosting="rf", bagging_freq=1, bagging_fraction=0.5),
        'boosting "rf"',
    ),
    "regression": (
        lambda folder, rows: refused_lightgbm(folder, rows, objective="regression"),
        "objective is regression",
    ),
    "a dump": (refused_dump, "which LightGBM itself cannot read"),
    "an unknown operator": (
        lambda folder, rows: refused_onnx(folder, rows, GaussianNB()),
        "the graph has the operator",
    ),
    "a scaler before trees": (
        lambda folder, rows: refused_onnx(
            folder, rows, make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=2, max_depth=2))
        ),
        "a Scaler stands before the trees",
    ),
    "texts": (refused_texts, "an input is not of floats"),
    "another step": (
        lambda folder, rows: refused_pickle(folder, rows, make_pipeline(MinMaxScaler(), LogisticRegression())),
        "the pipeline has a MinMaxScaler",
    ),
    "another estimator": (lambda folder, rows: refused_pickle(folder, rows, SVC()), "it is a SVC"),
    "a pickle of xgboost": (
        lambda folder, rows: refused_pickle(folder, rows, xgboost.XGBClassifier(n_estimators=2, max_depth=2)),
        "which its own library saves without a pickle",
    ),
    "no missing in a linear model": (
        lambda folder, rows: refused_pickle(folder, rows, LogisticRegression(max_iter=5000)),
        "a linear model weighs a missing number as -1",
    ),
    "no missing in trees": (
        lambda folder, rows: refused_pickle(folder, rows, GradientBoostingClassifier(n_estimators=3)),
        "does not take missing values",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_equal_is_refused_with_its_reason(kind: str, rows: Path, tmp_path: Path) -> None:
    make, message = REFUSED[kind]
    path = make(tmp_path, rows)
    columns = NAMES if path.suffix in (".pkl", ".onnx") else None
    with pytest.raises(UserError) as refused:
        converted(path, rows, columns=columns, trust_pickle=True)
    assert message in str(refused.value)


class Touching:
    """An object whose pickle makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_is_read_only_by_somebody_who_trusts_it(rows: Path, tmp_path: Path) -> None:
    told = tmp_path / "ran"
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Touching(told)))
    with pytest.raises(UserError, match="reading it runs any code"):
        converted(tmp_path / "m.pkl", rows, columns=NAMES)
    assert not told.exists()
    with pytest.raises(UserError, match="no trained classifier"):
        converted(tmp_path / "m.pkl", rows, columns=NAMES, trust_pickle=True)
    assert told.exists()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (None, "does not name its 6 columns"),
        (NAMES[:5], "has 6 columns, and 5 are named"),
        ((*NAMES[:5], "views"), "two columns of the model have the same name"),
        ((*NAMES[:5], "visits"), "asks for the column visits, which the rows do not have"),
        ((*NAMES[:5], "plan"), "the column plan has texts"),
    ],
)
def test_columns_are_found_or_asked_for(columns: Any, message: str, rows: Path, tmp_path: Path) -> None:
    path = refused_pickle(tmp_path, rows, DecisionTreeClassifier(max_depth=3))
    with pytest.raises(UserError, match=message):
        converted(path, rows, columns=columns, missing=-1.0, trust_pickle=True)


def test_names_of_the_model_hold(rows: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the model names its columns"):
        converted(**made_xgboost(rounds=2)(tmp_path, rows), rows=rows, columns=NAMES[::-1])


def test_a_number_that_stands_for_missing_is_refused(tmp_path: Path) -> None:
    rows = rows_file(tmp_path / "rows.parquet", FEATURES.replace("traits.balance", "traits.balance * 1"))
    import pyarrow.parquet as pq

    table = pq.read_table(rows)
    place = table.schema.names.index("balance")
    changed = [-1.0 if each == 7 else each for each in table.column("balance").to_pylist()]
    pq.write_table(table.set_column(place, table.schema.field(place), [changed]), rows)
    made = made_xgboost(rounds=3)(tmp_path, rows)
    with pytest.raises(UserError, match="balance has the number -1"):
        converted(**made, rows=rows)


def test_numbers_that_32_bits_do_not_tell_apart_are_refused(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = rows_file(tmp_path / "rows.parquet")
    table = pq.read_table(rows)
    place = table.schema.names.index("views")
    instants = [1.7e12 + 40_000 * each for each in table.column("views").to_pylist()]
    pq.write_table(table.set_column(place, table.schema.field(place), [instants]), rows)
    with pytest.raises(UserError, match=r"(?s)would differ from its source by.*more than seven digits"):
        converted(**made_lightgbm()(tmp_path, rows), rows=rows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.json", None, "cannot read"),
        ("m.json", "{}", "is no model of a library that is known"),
        ("m.json", "{", "is no model that can be read"),
        ("m.json", '{"learner": {}}', "is no model that can be read"),
        ("m.txt", "tree\nversion=v4\n", "is no model that can be read"),
        ("m.onnx", "nothing", "cannot be read as ONNX"),
        ("m.pkl", "nothing", "cannot be read as a pickle"),
        ("M.PKL", "nothing", "cannot be read as a pickle"),
        ("absent.pkl", None, "cannot read .*: No such file"),
        ("absent.onnx", None, "cannot read .*: No such file"),
    ],
)
def test_what_is_no_model_is_told(name: str, content: str | None, message: str, rows: Path, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        converted(tmp_path / name, rows, trust_pickle=True)


def damaged_lightgbm(rows: Path, line: str, value: str) -> str:
    """The text of a model, with another first value in a line of its first tree."""
    text: str = lightgbm_of(rows).model_to_string()
    begin = text.index(f"\n{line}=") + len(line) + 2
    end = min(text.index(sign, begin) for sign in " \n")
    return text[:begin] + value + text[end:]


@pytest.mark.parametrize(
    ("line", "value", "message"),
    [
        ("left_child", "5000", "node 0 leads to 5000"),
        ("left_child", "-5000", "node 0 leads to"),
        ("left_child", "0", "where another node leads too"),
        ("split_feature", "999", "asks for column 999 of 6"),
        ("threshold", "nan", "has no threshold"),
        ("leaf_value", "nan", "adds nan"),
        ("num_leaves", "3", "is no model that can be read"),
    ],
)
def test_a_damaged_text_of_lightgbm_is_refused(line: str, value: str, message: str, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text(damaged_lightgbm(rows, line, value))
    with pytest.raises(UserError, match=message):
        converted(tmp_path / "m.txt", rows)


def test_a_text_of_lightgbm_with_the_ends_of_lines_of_windows_is_read(rows: Path, tmp_path: Path) -> None:
    text: str = lightgbm_of(rows).model_to_string()
    (tmp_path / "m.txt").write_bytes(text.replace("\n", "\r\n").encode())
    assert converted(tmp_path / "m.txt", rows).proof.difference < 0.00001


@pytest.mark.parametrize(
    ("key", "place", "value", "message"),
    [
        ("left_children", 0, 50_000, "node 0 leads to 50000"),
        ("right_children", 0, -7, "node 0 leads to -7"),
        ("left_children", 1, 0, "where another node leads too"),
        ("split_indices", 0, 5_000, "asks for column 5000 of 6"),
    ],
)
def test_damaged_trees_of_xgboost_are_refused(
    key: str, place: int, value: int, message: str, rows: Path, tmp_path: Path
) -> None:
    made = made_xgboost(rounds=2)(tmp_path, rows)
    content = json.loads(made["path"].read_text())
    content["learner"]["gradient_booster"]["model"]["trees"][0][key][place] = value
    made["path"].write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        converted(**made, rows=rows)


def test_damaged_trees_of_onnx_are_refused(rows: Path, tmp_path: Path) -> None:
    path = refused_onnx(tmp_path, rows, RandomForestClassifier(n_estimators=2, max_depth=2, random_state=1))
    model = onnx.load(path)
    (node,) = (each for each in model.graph.node if each.op_type == "TreeEnsembleClassifier")
    (features,) = (each for each in node.attribute if each.name == "nodes_featureids")
    features.ints[0] = 999
    onnx.save(model, path)
    with pytest.raises(UserError, match="asks for column 999 of 6"):
        converted(path, rows, columns=NAMES, missing=-1.0)


def test_a_large_file_is_refused_before_it_is_read(rows: Path, tmp_path: Path) -> None:
    with (tmp_path / "m.json").open("wb") as file:
        file.truncate(BYTES_MAX + 1)
    with pytest.raises(UserError, match="is the most"):
        converted(tmp_path / "m.json", rows)


def test_rows_of_other_features_are_refused(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_xgboost(rounds=2)(tmp_path, rows)
    (tmp_path / "features.yaml").write_text(FEATURES.replace("7d", "8d"))
    given = ["--rows", str(rows), "--output", f"{tmp_path}/o.json", "--features", f"{tmp_path}/features.yaml"]
    assert cli.main(["model", "convert", f"{tmp_path}/m.json", *given]) == 2
    assert "has visitors" in capsys.readouterr().err
    assert not (tmp_path / "o.json").exists()
