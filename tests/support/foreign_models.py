"""Rows for models of other libraries: counts, numbers that can be missing or below zero, and texts as 0 and 1."""

import random
from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import xgboost

from app.learning.foreign.conversion import Converted, convert
from app.offline.feature_rows import Row
from app.offline.row_files import columns_of, metadata_of, write_parquet
from app.segments.definitions.features_file import read_features_file

FEATURES = """\
features: visitors
moments: exists('Viewed')
values:
  views: count('Viewed' within 7d)
  idle_s: since('Added') / 1s
  balance: traits.balance
  known: exists('Known')
  plan: traits.plan
labels: {bought: exists('Bought' within next 2h)}
"""
NAMES = ("plan_gold", "balance", "views", "known", "idle_s", "plan_free")
"""Features as another library may have them: in another order than the rows, and of a text its categories."""
LIMIT = 0.00001
Made = Callable[[Path, Path], dict[str, Any]]
"""Writes a model into a folder for rows; the options of its conversion, `path` among them."""


def rows_file(path: Path, text: str = FEATURES, *, seed: int = 1, rows: int = 900) -> Path:
    """Rows whose label depends on each column, also on what is missing."""
    features = read_features_file("f.yaml", text).features
    assert features is not None
    chance, made = random.Random(seed), []
    for place in range(rows):
        views, plan = chance.randrange(8), chance.choice(("gold", "free", "other", None))
        idle_s = None if chance.random() < 0.2 else round(chance.expovariate(0.01), 3)
        balance = None if chance.random() < 0.25 else chance.choice((-250.5, -19.99, 0.0, 0.1, 7, 1e6))
        known = chance.random() < 0.5
        weight = 0.3 * views + (plan == "gold") - (idle_s is None) + (0.8 if balance is None else balance < 0) + known
        bought = chance.random() < 1 / (1 + exp(2.5 - weight))
        made.append(Row(f"u{place}", place * 3_600_000, (views, idle_s, balance, known, plan), (bought,)))
    columns = columns_of(features, made)
    write_parquet(path, columns, metadata_of(features, columns))
    return path


def training_of(path: Path, *, missing: float = np.nan) -> tuple[Any, Any]:
    """Numbers in the order of `NAMES`, and the label, as an analyst would make them out of the file."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    plan = table.column("plan").to_pylist()
    found = {
        "plan_gold": [each == "gold" for each in plan],
        "plan_free": [each == "free" for each in plan],
        **{name: table.column(name).to_pylist() for name in ("balance", "views", "known", "idle_s")},
    }
    made = [[missing if each is None else float(each) for each in found[name]] for name in NAMES]
    return np.array(made).T, np.array(table.column("bought").to_pylist(), dtype=int)


def converted(path: Path, rows: Path, **options: Any) -> Converted:
    defaults = {"label": None, "name": None, "columns": None, "missing": None, "limit": LIMIT, "trust_pickle": False}
    return convert(path, rows, **{**defaults, **options})


def xgboost_of(rows: Path, *, missing: float = np.nan, rounds: int = 30, **parameters: Any) -> xgboost.Booster:
    numbers, label = training_of(rows, missing=missing)
    matrix = xgboost.DMatrix(numbers, label=label, feature_names=list(NAMES))
    said = {"objective": "binary:logistic", "nthread": 1, "seed": 1, **parameters}
    said |= {} if said.get("booster") == "gblinear" else {"max_depth": 4}
    return xgboost.train(said, matrix, rounds)


def lightgbm_of(
    rows: Path, *, categorical: Any = "auto", missing: float = np.nan, **parameters: Any
) -> lightgbm.Booster:
    numbers, label = training_of(rows, missing=missing)
    data = lightgbm.Dataset(numbers, label, feature_name=list(NAMES), categorical_feature=categorical)
    said = {
        "objective": "binary",
        "num_leaves": 9,
        "num_threads": 1,
        "verbose": -1,
        "min_data_in_leaf": 5,
        **parameters,
    }
    return lightgbm.train(said, data, 30)


def made_xgboost(**parameters: Any) -> Made:
    def make(folder: Path, rows: Path) -> dict[str, Any]:
        xgboost_of(rows, **parameters).save_model(folder / "m.json")
        return {"path": folder / "m.json"}

    return make


def made_lightgbm(**parameters: Any) -> Made:
    def make(folder: Path, rows: Path) -> dict[str, Any]:
        lightgbm_of(rows, **parameters).save_model(folder / "m.txt")
        return {"path": folder / "m.txt"}

    return make
