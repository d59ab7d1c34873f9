"""A file of another library becomes a model file of Shoal, with a proof that both say the same."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from app.errors import UserError, need_packages
from app.learning.foreign.columns import (
    Asked,
    Feature,
    asked_for,
    check_no_number_is_missing,
    features_of,
    numbers_of_rows,
)
from app.learning.foreign.equality import Compared, Proof, prove
from app.learning.foreign.missing_branches import UNDER_MISSING, Place, TreeWriter, with_means
from app.learning.foreign.source_model import NoEqualError, SourceLinear, SourceModel, at_most_of, short_float
from app.learning.points import Numbers, read_rows
from app.learning.rows_of_label import LabelRows, read_label_rows
from app.learning.training import quality_of
from app.segments.definitions.model_file import FORMAT, Linear, Model, Quality, Tree, read_model, write_model
from app.segments.definitions.model_forecast import MISSING

HINT: Final = "docs/features.md says which files can be converted"
BYTES_MAX: Final = 256 * 1024 * 1024
UNKNOWN: Final = Quality(auc=0.0, average_precision=0.0, brier=0.0, top_tenth=0.0)


@dataclass(frozen=True, slots=True)
class Converted:
    """A model with its proof, and notes for whoever runs the command. mean: of its forecasts for the rows."""

    model: Model
    content: bytes
    source: SourceModel
    proof: Proof
    mean: float


def convert(path: Path, rows: Path, *, trust_pickle: bool, **options: Any) -> Converted:
    """Converts a file, with the options of `convert_source`. UserError."""
    return convert_source(_read(path, trust_pickle=trust_pickle), rows, **options)


def convert_source(
    source: SourceModel,
    rows: Path,
    *,
    label: str | None,
    name: str | None,
    columns: Sequence[str] | None,
    missing: float | None,
    limit: float,
) -> Converted:
    """Converts a model. missing: what the source is given for a missing number; None: NaN. UserError."""
    table, metadata = read_rows(rows)
    found = read_label_rows(rows, label)
    features = features_of(source, columns, table, metadata)
    table = table.filter(table.column(found.name).is_valid())
    numbers = numbers_of_rows(table.select(list(dict.fromkeys(each.column for each in features))).to_pylist(), features)
    asked = asked_for(features, _used(source), metadata)
    given = None if missing is None else short_float(missing)
    if given != MISSING:
        check_no_number_is_missing(numbers, features, asked)
    order = list(asked.places)
    source, moved = narrowed(source, numbers)
    trees, examples = _trees(source, asked, given, np.where(np.isnan(numbers), MISSING, numbers)[:, order])
    linear = None if source.linear is None else _linear(source.linear, features, asked, given)
    try:
        model = read_model(write_model(replace(_model(found, source, asked, name), trees=trees, linear=linear)))
    except ValueError as error:
        raise NoEqualError(f"the model would be no valid file: {error}") from None
    compared = Compared(model, order, source.score, given)
    optional = [place for place, number in asked.places.items() if asked.optional[number]]
    thresholds = _thresholds(trees, examples, order, moved)
    proof = prove(compared, numbers, optional=optional, thresholds=thresholds, limit=limit)
    _, ours, _ = compared.differences(numbers)
    model = replace(model, quality=quality_of(found.label, ours))
    return Converted(model, write_model(model), source, proof, float(ours.mean()))


def _read(path: Path, *, trust_pickle: bool) -> SourceModel:
    from app.learning.foreign.lightgbm_models import is_lightgbm, is_lightgbm_dump, read_lightgbm
    from app.learning.foreign.onnx_models import read_onnx
    from app.learning.foreign.sklearn_models import ENDS, load_pickle, read_sklearn
    from app.learning.foreign.xgboost_models import is_xgboost, read_xgboost

    what, end = f"converting {path}", path.suffix.lower()
    _check_file(path)
    if end == ".onnx":
        need_packages(what, "convert", "onnx", "onnxruntime")
        return read_onnx(path)
    if end in ENDS:
        need_packages(what, "convert", "sklearn", "joblib")
        return read_sklearn(load_pickle(path, trusted=trust_pickle))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is no text, and its name ends with none of .onnx, {', '.join(ENDS)}",
            hint='of XGBoost: booster.save_model("model.json"); of LightGBM: booster.save_model("model.txt")',
        ) from None
    try:
        if is_lightgbm(text):
            need_packages(what, "convert", "lightgbm")
            return read_lightgbm(text)
        content = json.loads(text)
        if is_xgboost(content):
            need_packages(what, "convert", "xgboost")
            return read_xgboost(path, content)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file fails anywhere, also inside of a library
        raise UserError(
            f"{path} is no model that can be read", detail=f"{type(error).__name__}: {error}", hint=HINT
        ) from None
    if is_lightgbm_dump(content):
        raise UserError(
            f"{path} is a dump of LightGBM, which LightGBM itself cannot read, so nothing can be compared with it",
            hint='write the model with booster.save_model("model.txt")',
        )
    raise UserError(f"{path} is no model of a library that is known", hint=HINT)


def _check_file(path: Path) -> None:
    """UserError for what is no file, or too large to be read into memory."""
    try:
        with path.open("rb"):
            size = path.stat().st_size
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", hint=HINT) from None
    if size > BYTES_MAX:
        raise UserError(
            f"{path} has {size:,} bytes; {BYTES_MAX:,} is the most", hint="train with fewer or smaller trees"
        )


def _used(source: SourceModel) -> list[int]:
    """The features that decide about anything."""
    if source.linear is not None:
        return [place for place, weight in enumerate(source.linear.weights) if weight]
    return sorted({each for tree in source.trees for each in tree.feature if each >= 0})


def _trees(
    source: SourceModel, asked: Asked, given: float | None, own: Numbers
) -> tuple[tuple[Tree, ...], list[list[int]]]:
    places = {place: Place(each, asked.optional[each], asked.from_0[each]) for place, each in asked.places.items()}
    writer = TreeWriter(places, given)
    made = [with_means(writer.tree(tree), own) for tree in source.trees]
    return tuple(tree for tree, _ in made), [examples for _, examples in made]


def narrowed(source: SourceModel, numbers: Numbers) -> tuple[SourceModel, frozenset[tuple[int, float]]]:
    """The model with thresholds for floats of 32 bits; those, with their features, that were moved up for the rows."""
    if not source.wide:
        return source, frozenset()
    ordered = [np.unique(column[~np.isnan(column)]) for column in numbers.T]
    moved, trees = set(), []
    for tree in source.trees:
        thresholds = []
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
            found, up = (0.0, False) if feature < 0 else at_most_of(threshold, ordered[feature])
            thresholds.append(found)
            if up:
                moved.add((feature, found))
        trees.append(dataclasses.replace(tree, threshold=thresholds))
    return dataclasses.replace(source, trees=trees), frozenset(moved)


def _thresholds(
    trees: Sequence[Tree], examples: Sequence[Sequence[int]], order: Sequence[int], moved: frozenset[tuple[int, float]]
) -> dict[int, list[tuple[float, int]]]:
    """Each feature's thresholds, with a row that comes to the node.

    Questions for a missing number are none, and thresholds that were moved are those of a number in the rows.
    """
    found: dict[int, dict[float, int]] = {}
    for tree, rows in zip(trees, examples, strict=True):
        for number, threshold, row in zip(tree.feature, tree.threshold, rows, strict=True):
            if number < 0 or threshold in (MISSING, UNDER_MISSING) or (order[number], threshold) in moved:
                continue
            known = found.setdefault(order[number], {})
            known[threshold] = max(known.get(threshold, 0), row)
    return {feature: list(known.items()) for feature, known in found.items()}


def _linear(linear: SourceLinear, features: Sequence[Feature], asked: Asked, given: float | None) -> Linear:
    order = list(asked.places)
    for place, number in asked.places.items():
        if asked.optional[number] and given != MISSING:
            raise NoEqualError(
                f"the column {features[place].column} can be missing, and a linear model weighs a missing number as -1",
                "train with -1 for missing numbers, and say so: --missing -1",
            )
    return Linear(
        weights=tuple(float(linear.weights[place]) for place in order),
        intercept=linear.intercept,
        logarithm=(False,) * len(order),
        mean=tuple(float(linear.mean[place]) for place in order),
        deviation=tuple(float(linear.deviation[place]) for place in order),
    )


def _model(found: LabelRows, source: SourceModel, asked: Asked, name: str | None) -> Model:
    positives = int(found.label.sum())
    if not 0 < positives < len(found.label):
        raise UserError(
            f"of {len(found.label):,} rows {positives:,} have {found.name}: its quality cannot be measured",
            hint="give rows with and without the label",
        )
    metadata: Any = found.metadata
    return Model(
        format=FORMAT,
        name=name or found.name,
        label=found.name,
        features=metadata.features,
        features_version=metadata.version,
        columns=asked.columns,
        kind=source.kind,
        trained_from="",
        trained_until="",
        rows=len(found.label),
        positives=positives,
        quality=UNKNOWN,
        base=source.base,
        moments=metadata.moments,
        warmup=metadata.warmup,
    )
