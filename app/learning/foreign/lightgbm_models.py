"""Models of LightGBM, as `save_model("model.txt")` writes them.

LightGBM compares floats of 64 bits: at most the threshold goes left. What a missing number does depends on what the
training has seen: without any it counts as 0, else it goes where the node says.
"""

import re
from typing import Any, Final

from app.learning.foreign.source_model import NoEqualError, SourceModel, SourceTree, only_two_classes
from app.learning.foreign.tree_checks import check_trees
from app.learning.points import Numbers

BEGIN: Final = "tree\n"
OBJECTIVES: Final = ("binary", "cross_entropy")
_SIZES: Final = re.compile("^tree_sizes=.*\n", re.MULTILINE)
_CATEGORICAL: Final = 1
_DEFAULT_LEFT: Final = 2
_MISSING_IS_ZERO: Final = 1
_MISSING_IS_NAN: Final = 2


def is_lightgbm(text: str) -> bool:
    """True for the text of a model of LightGBM."""
    return text.startswith(BEGIN)


def is_lightgbm_dump(content: Any) -> bool:
    """True for the JSON of `dump_model`, which LightGBM itself cannot read."""
    return isinstance(content, dict) and "tree_info" in content


def read_lightgbm(text: str) -> SourceModel:
    """Reads a model. NoEqualError, and KeyError or ValueError for what is none."""
    import lightgbm

    head, *parts = text.split("\nTree=")
    said = _fields(head)
    if (classes := int(said["num_class"])) != 1:
        only_two_classes(classes)
    if "average_output" in head.splitlines():
        raise NoEqualError('the model is of boosting "rf"', "train with boosting gbdt")
    objective, *options = said.get("objective", "none").split(" ")
    if objective not in OBJECTIVES:
        raise NoEqualError(f"the objective is {objective}", 'train with objective="binary"')
    steepness = next((float(each.partition(":")[2]) for each in options if each.startswith("sigmoid:")), 1.0)
    names = tuple(said["feature_names"].split(" "))
    trees = [_tree(_fields(part.split("\n\n")[0]), steepness) for part in parts]
    check_trees(trees, len(names))
    # With the sizes, LightGBM reads the trees in parallel, and the process ends at the first byte more or less.
    loaded = lightgbm.Booster(model_str=_SIZES.sub("", text))

    def score(numbers: Numbers) -> Any:
        return loaded.predict(numbers, num_threads=1)

    return SourceModel(
        form="text of LightGBM",
        names=None if names == tuple(f"Column_{place}" for place in range(len(names))) else names,
        features=len(names),
        kind="boosted",
        score=score,
        wide=True,
        trees=trees,
    )


def _fields(text: str) -> dict[str, str]:
    return {name: value for line in text.splitlines() for name, sign, value in [line.partition("=")] if sign}


def _tree(said: dict[str, str], steepness: float) -> SourceTree:
    """A tree. In the file, splits and leaves are numbered apart; a child below 0 is the leaf with the number ~child."""
    if said.get("is_linear", "0") != "0":
        raise NoEqualError("the leaves of the model are linear models", "train with linear_tree=false")
    leaves = [float(each) * steepness for each in said["leaf_value"].split()]
    splits = len(leaves) - 1
    if int(said["num_leaves"]) != len(leaves):
        raise ValueError(f"num_leaves is {said['num_leaves']}, and there are {len(leaves)}")
    if not splits:
        return SourceTree([-1], [0.0], [-1], [-1], leaves, [False])
    threshold = [float(each) for each in said["threshold"].split()]
    decisions = [int(each) for each in said["decision_type"].split()]

    def child(text: str) -> int:
        number = int(text)
        return number if number >= 0 else splits + ~number

    def at_leaves(each: Any) -> list[Any]:
        return [each] * len(leaves)

    return SourceTree(
        feature=[*map(int, said["split_feature"].split()), *at_leaves(-1)],
        threshold=[*threshold, *at_leaves(0.0)],
        left=[*map(child, said["left_child"].split()), *at_leaves(-1)],
        right=[*map(child, said["right_child"].split()), *at_leaves(-1)],
        value=[*[0.0] * splits, *leaves],
        missing_left=[*map(_missing_left, decisions, threshold), *at_leaves(False)],
    )


def _missing_left(decision: int, threshold: float) -> bool:
    if decision & _CATEGORICAL:
        raise NoEqualError(
            "the model splits a column by sets of categories, which a threshold cannot say",
            "give each category a column of 0 and 1, such as plan_gold, and train again",
        )
    kind = decision >> 2 & 3
    if kind == _MISSING_IS_ZERO:
        raise NoEqualError("the model takes 0 for missing (zero_as_missing)", "train with zero_as_missing=false")
    return bool(decision & _DEFAULT_LEFT) if kind == _MISSING_IS_NAN else threshold >= 0
