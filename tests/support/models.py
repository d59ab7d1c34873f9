"""Models for tests: files with trees or weights that are easy to follow."""

import json
import random
from typing import Any

import msgspec

from app.segments.definitions.model_file import (
    CLASSES_FORMAT,
    ClassesQuality,
    Model,
    ModelClass,
    Tree,
    read_model,
    write_model,
)

COLUMNS = {"views": "count('Product Viewed' within 1h)", "plan": "traits.plan"}
STUMP = {"feature": [0, -1, -1], "threshold": [1.5, 0.0, 0.0], "left": [1, 0, 0], "right": [2, 0, 0]}


def model_text(*, leaf: float = 2.0, base: float = -1.0, **changed: Any) -> str:
    """A boosted model: two views or more within an hour add `leaf`, fewer take it away; the plan `gold` adds 0.5."""
    said: dict[str, Any] = {
        "name": "likely",
        "format": 1,
        "label": "order_24h",
        "features": "shoppers",
        "features_version": "abcdef",
        "columns": [
            {"name": "views", "expression": COLUMNS["views"]},
            {"name": "plan", "expression": COLUMNS["plan"], "categories": ["gold", "free"]},
        ],
        "kind": "boosted",
        "trained_from": "2026-01-01",
        "trained_until": "2026-02-01",
        "rows": 1000,
        "positives": 100,
        "quality": {"auc": 0.8, "average_precision": 0.3, "brier": 0.1, "top_tenth": 0.4},
        "base": base,
        "trees": [
            {**STUMP, "value": [0.0, -leaf, leaf]},
            {**STUMP, "feature": [1, -1, -1], "threshold": [0.5, 0.0, 0.0], "value": [0.125, 0.0, 0.5]},
        ],
        "moments": "exists('Product Viewed' within 1m)",
    }
    return json.dumps(said | changed, indent=1)


def classes_text(**changed: Any) -> str:
    """A model of the next segment: two views or more within an hour speak for `buyers`, the plan `gold` for others."""
    of_views = {**STUMP, "value": [0.0, -2.0, 2.0]}
    of_plan = {**STUMP, "feature": [1, -1, -1], "threshold": [0.5, 0.0, 0.0], "value": [0.25, 0.0, 1.0]}
    said = json.loads(model_text()) | {
        "name": "next",
        "format": 2,
        "label": "next",
        "trees": [],
        "base": 0.0,
        "classes": [
            {"name": "buyers", "rows": 100, "auc": 0.8, "base": -1.0, "trees": [of_views, of_plan]},
            {"name": "bargain-hunters", "rows": 200, "auc": 0.7, "base": -0.5, "trees": [of_plan]},
            {"name": "none", "rows": 700, "auc": 0.75, "base": 0.5, "trees": [{**of_views, "value": [0.0, 0.0, 0.0]}]},
        ],
        "classes_quality": {"log_loss": 0.7, "accuracy": 0.8},
    }
    del said["positives"], said["quality"]
    return json.dumps(said | changed, indent=1)


def random_classes(seed: int, kind: str = "boosted", count: int = 3) -> Model:
    """A model of several classes, each with the trees or weights of a random model."""
    models = [random_model(seed * 100 + place, kind, trees=8) for place in range(count)]
    classes = tuple(
        ModelClass(name=f"c{place}", rows=10, auc=0.7, linear=each.linear, base=each.base, trees=each.trees)
        for place, each in enumerate(models)
    )
    quality = ClassesQuality(log_loss=0.7, accuracy=0.8)
    changed = {"format": CLASSES_FORMAT, "linear": None, "base": 0.0, "trees": (), "positives": 0, "quality": None}
    made = msgspec.structs.replace(models[0], classes=classes, classes_quality=quality, **changed)
    return read_model(write_model(made))


def random_model(seed: int, kind: str = "boosted", *, columns: int = 12, trees: int = 30) -> Model:
    """A model of random trees or weights, with thresholds that whole numbers meet."""
    chance = random.Random(seed)
    named: list[dict[str, Any]] = [{"name": f"c{n}", "expression": f"count('E{n}')"} for n in range(columns - 1)]
    named.append({"name": "t", "expression": "traits.t", "categories": ["a", "b"]})
    numbers = columns + 1
    changed: dict[str, Any] = {"kind": kind, "columns": named, "trees": [], "base": 0.0}
    if kind == "linear":
        changed["linear"] = {
            "weights": [chance.uniform(-1, 1) for _ in range(numbers)],
            "intercept": chance.uniform(-1, 1),
            "logarithm": [chance.random() < 0.5 for _ in range(numbers)],
            "mean": [chance.uniform(0, 3) for _ in range(numbers)],
            "deviation": [chance.uniform(0.1, 3) for _ in range(numbers)],
        }
        return read_model(model_text(**changed).encode())
    share = 1 / trees if kind == "forest" else 1.0
    changed["trees"] = [_random_tree(chance, numbers, share, is_share=kind == "forest") for _ in range(trees)]
    return read_model(model_text(**changed).encode())


def _random_tree(chance: random.Random, numbers: int, share: float, *, is_share: bool) -> dict[str, list[Any]]:
    tree: dict[str, list[Any]] = {name: [] for name in Tree.__struct_fields__}

    def grow(depth: int) -> int:
        node = len(tree["feature"])
        is_leaf = not depth or chance.random() < 0.1
        tree["feature"].append(-1 if is_leaf else chance.randrange(numbers))
        tree["threshold"].append(chance.choice([-0.5, 0.1, 0.5, 1.0, 2.5]))
        tree["value"].append(chance.uniform(0 if is_share else -0.3, 1 if is_share else 0.3) * share)
        tree["left"].append(0)
        tree["right"].append(0)
        if not is_leaf:
            tree["left"][node], tree["right"][node] = grow(depth - 1), grow(depth - 1)
        return node

    grow(4)
    return tree
