"""Models of XGBoost, as `save_model("model.json")` writes them.

XGBoost takes a number as a float of 32 bits and sends it left if it is below the threshold; a missing one goes where
`default_left` says. Its sum begins at the log-odds of `base_score`.
"""

from math import log
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.learning.foreign.source_model import NoEqualError, SourceModel, SourceTree, below, only_two_classes
from app.learning.foreign.tree_checks import check_trees
from app.learning.points import Numbers

OBJECTIVES: Final = ("binary:logistic", "reg:logistic")


def is_xgboost(content: Any) -> bool:
    """True for the JSON of a model of XGBoost."""
    return isinstance(content, dict) and isinstance(content.get("learner"), dict)


def read_xgboost(path: Path, content: dict[str, Any]) -> SourceModel:
    """Reads a model. NoEqualError, and KeyError, ValueError or TypeError for what is none."""
    import xgboost

    learner = content["learner"]
    booster = learner["gradient_booster"]
    if (name := booster["name"]) != "gbtree":
        raise NoEqualError(f"the booster is {name}", 'train with booster="gbtree"')
    parameters = learner["learner_model_param"]
    if (classes := int(parameters["num_class"])) > 1:
        only_two_classes(classes)
    if int(parameters.get("num_target", 1)) > 1:
        raise NoEqualError("the model has several targets", "train one model for each target")
    if (objective := learner["objective"]["name"]) not in OBJECTIVES:
        raise NoEqualError(f"the objective is {objective}", f"train with objective={OBJECTIVES[0]!r}")
    if "c" in (learner.get("feature_types") or []):
        raise _categorical()
    rounds = booster["model"].get("iteration_indptr") or []
    best = (learner.get("attributes") or {}).get("best_iteration")
    used = int(best) + 1 if best is not None and 0 <= int(best) < len(rounds) - 2 else 0
    trees = [_tree(tree) for tree in booster["model"]["trees"]]
    features = int(parameters["num_feature"])
    check_trees(trees, features)
    if any(booster["model"].get("tree_info") or ()):
        raise NoEqualError("the trees belong to several outputs", "train one model for each")
    loaded = xgboost.Booster(model_file=str(path))
    names = tuple(learner.get("feature_names") or ()) or None

    def score(numbers: Numbers) -> Any:
        matrix = xgboost.DMatrix(numbers, feature_names=None if names is None else list(names))
        return loaded.predict(matrix, iteration_range=(0, used))

    probable = float(str(parameters["base_score"]).strip("[]"))
    if not 0 < probable < 1:
        raise NoEqualError(f"base_score is {probable:g}, and no probability", "train with a base_score between 0 and 1")
    notes = (f"{used} of {len(rounds) - 1} rounds: training stopped early",) if used else ()
    return SourceModel(
        form="JSON of XGBoost",
        names=names,
        features=features,
        kind="boosted",
        score=score,
        base=log(probable / (1 - probable)),
        trees=trees[: rounds[used] if used else None],
        notes=notes,
    )


def _tree(tree: dict[str, Any]) -> SourceTree:
    if any(tree.get("split_type") or ()) or tree.get("categories"):
        raise _categorical()
    left = [int(each) for each in tree["left_children"]]
    is_leaf = [each < 0 for each in left]
    conditions = [float(np.float32(each)) for each in tree["split_conditions"]]
    return SourceTree(
        feature=[-1 if leaf else int(each) for each, leaf in zip(tree["split_indices"], is_leaf, strict=True)],
        threshold=[0.0 if leaf else below(each) for each, leaf in zip(conditions, is_leaf, strict=True)],
        left=left,
        right=[int(each) for each in tree["right_children"]],
        value=[each if leaf else 0.0 for each, leaf in zip(conditions, is_leaf, strict=True)],
        missing_left=[bool(each) for each in tree["default_left"]],
    )


def _categorical() -> NoEqualError:
    return NoEqualError(
        "the model splits a column by sets of categories, which a threshold cannot say",
        "give each category a column of 0 and 1, such as plan_gold, and train again",
    )
