"""Estimators of scikit-learn: of a pickle, which runs what is in it, so only of a file that somebody trusts."""

import warnings
from math import log
from pathlib import Path
from typing import Any, Final

from app.errors import UserError
from app.learning.foreign.source_model import (
    NoEqualError,
    SourceLinear,
    SourceModel,
    SourceTree,
    at_most,
    only_two_classes,
    second_of,
)
from app.learning.points import Numbers

ENDS: Final = (".pkl", ".pickle", ".joblib")
KNOWN: Final = (
    "LogisticRegression, DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier, "
    "GradientBoostingClassifier and HistGradientBoostingClassifier, also behind a StandardScaler in a Pipeline"
)

SAVED: Final = {
    "xgboost": 'model.save_model("model.json"), and convert that file',
    "lightgbm": 'model.booster_.save_model("model.txt"), and convert that file',
}


def load_pickle(path: Path, *, trusted: bool) -> Any:
    """The object of a pickle. UserError without trust, and for what was written by another version."""
    if not trusted:
        raise UserError(
            f"{path} is a pickle: reading it runs any code that is in it",
            hint="export the model as ONNX (skl2onnx), or say --trust-pickle if you know who wrote the file",
        )
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return joblib.load(path)
    except InconsistentVersionWarning as error:
        raise UserError(
            f"{path} was written by scikit-learn {error.original_sklearn_version}, {error.current_sklearn_version} "
            "is installed",
            hint=f"install scikit-learn {error.original_sklearn_version}, or train again",
        ) from None
    except Exception as error:  # noqa: BLE001 - code of a stranger runs here
        raise UserError(f"{path} cannot be read as a pickle", detail=f"{type(error).__name__}: {error}") from None


def read_sklearn(estimator: Any) -> SourceModel:
    """Reads an estimator. NoEqualError."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    *before, last = [step for step in steps if step is not None and step != "passthrough"] or [estimator]
    for step in before:
        if not isinstance(step, StandardScaler):
            raise NoEqualError(f"the pipeline has a {type(step).__name__}", f"known are {KNOWN}")
    if len(before) > 1:
        raise NoEqualError("the pipeline has several scalers", "keep one of them, and train again")
    for package, hint in SAVED.items():
        if type(last).__module__.split(".")[0] == package:
            raise NoEqualError(f"it is a {type(last).__name__}, which its own library saves without a pickle", hint)
    classes = getattr(last, "classes_", None)
    if classes is None:
        raise NoEqualError(f"it is a {type(last).__name__}, and no trained classifier", f"known are {KNOWN}")
    only_two_classes(len(classes))

    def score(numbers: Numbers) -> Any:
        with warnings.catch_warnings():  # a model that was trained on a table with names gets numbers in their order
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return estimator.predict_proba(numbers)[:, 1]

    names = getattr(estimator, "feature_names_in_", None)
    return SourceModel(
        form=f"{type(last).__name__} of scikit-learn",
        names=None if names is None else tuple(map(str, names)),
        features=int(estimator.n_features_in_),
        score=score,
        notes=second_of(classes.tolist()),
        **_parts(last, before[0] if before else None),
    )


def _parts(last: Any, scaler: Any) -> dict[str, Any]:
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    if isinstance(last, LogisticRegression):
        return {"kind": "linear", "linear": _linear(last, scaler)}
    if scaler is not None:
        raise NoEqualError(f"a StandardScaler stands before a {type(last).__name__}", "trees need none: leave it out")
    if isinstance(last, RandomForestClassifier | ExtraTreesClassifier):
        share = 1 / len(last.estimators_)
        return {
            "kind": "forest",
            "trees": [_tree(each.tree_, _positive(each.tree_, share)) for each in last.estimators_],
        }
    if isinstance(last, DecisionTreeClassifier):
        return {"kind": "forest", "trees": [_tree(last.tree_, _positive(last.tree_, 1.0))]}
    if isinstance(last, GradientBoostingClassifier):
        return _gradient_boosting(last)
    if isinstance(last, HistGradientBoostingClassifier):
        return _histogram_boosting(last)
    raise NoEqualError(f"it is a {type(last).__name__}", f"known are {KNOWN}")


def _linear(last: Any, scaler: Any) -> SourceLinear:
    count = last.coef_.shape[1]
    mean = None if scaler is None else scaler.mean_
    scale = None if scaler is None else scaler.scale_
    return SourceLinear(
        weights=last.coef_[0].tolist(),
        intercept=float(last.intercept_[0]),
        mean=[0.0] * count if mean is None else mean.tolist(),
        deviation=[1.0] * count if scale is None else scale.tolist(),
    )


def _gradient_boosting(last: Any) -> dict[str, Any]:
    if last.loss != "log_loss":
        raise NoEqualError(f"the loss is {last.loss}", 'train with loss="log_loss"')
    if last.init is not None and last.init != "zero":
        raise NoEqualError("the boosting begins at another estimator (init)", "train without init")
    base = 0.0
    if last.init is None:
        positive = float(last.init_.class_prior_[1])
        base = log(positive / (1 - positive))
    rate = last.learning_rate
    trees = [_tree(each.tree_, (each.tree_.value[:, 0, 0] * rate).tolist()) for each in last.estimators_[:, 0]]
    return {"kind": "boosted", "base": base, "trees": trees}


def _histogram_boosting(last: Any) -> dict[str, Any]:
    if last.is_categorical_ is not None and last.is_categorical_.any():
        raise NoEqualError(
            "the model splits a column by sets of categories, which a threshold cannot say",
            "give each category a column of 0 and 1, such as plan_gold, and train again",
        )
    trees = []
    for (predictor,) in last._predictors:
        nodes = predictor.nodes
        is_leaf = nodes["is_leaf"].astype(bool).tolist()
        trees.append(
            SourceTree(
                feature=[-1 if leaf else int(each) for each, leaf in zip(nodes["feature_idx"], is_leaf, strict=True)],
                threshold=[
                    0.0 if leaf else float(each) for each, leaf in zip(nodes["num_threshold"], is_leaf, strict=True)
                ],
                left=nodes["left"].tolist(),
                right=nodes["right"].tolist(),
                value=nodes["value"].tolist(),
                missing_left=nodes["missing_go_to_left"].astype(bool).tolist(),
            )
        )
    return {"kind": "boosted", "base": float(last._baseline_prediction[0, 0]), "trees": trees, "wide": True}


def _positive(nodes: Any, share: float) -> list[float]:
    """The part of positives in each node of a tree of a forest, times the share of the tree."""
    counts = nodes.value[:, 0, :]
    found: list[float] = (counts[:, 1] / counts.sum(axis=1) * share).tolist()
    return found


def _tree(nodes: Any, values: list[float]) -> SourceTree:
    is_leaf = (nodes.children_left < 0).tolist()
    return SourceTree(
        feature=[-1 if leaf else int(each) for each, leaf in zip(nodes.feature, is_leaf, strict=True)],
        threshold=[0.0 if leaf else at_most(float(each)) for each, leaf in zip(nodes.threshold, is_leaf, strict=True)],
        left=nodes.children_left.tolist(),
        right=nodes.children_right.tolist(),
        value=values,
        missing_left=nodes.missing_go_to_left.astype(bool).tolist(),
    )
