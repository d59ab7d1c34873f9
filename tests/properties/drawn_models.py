"""Random models: a few columns, and small trees or weights whose thresholds the values meet."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.properties.catalogs import Writer

MODEL = "likely"
MODEL_PERCENT = 25
SCORED = f'segment: "s"\nwhen: "never(\'Nothing\')"\nattach: {{"p": "model(\'{MODEL}\')"}}\nupdates: ["p"]\n'
"""Tells each change of the probability."""
BOUNDS = ("0.5", "0.3", "0.6", "0.45", "0.8")
THRESHOLDS = (0.5, -0.5, -1.0, 1.0, 1.5, 2.0, 0.1, 0.1, 0.2, 0.0)
LEAVES = (0.1, -0.1, 0.30000001192092896, 0.7, -1.2, 0.0123456789, 2.5, -0.4)
"""One of them is a float of 32 bits."""


def model_files(writer: "Writer") -> dict[str, str]:
    """In some catalogs: a model, and what tells its values."""
    if not writer.chance(MODEL_PERCENT):
        return {}
    files = {f"{MODEL}.model.json": _text(writer, MODEL), "s.yaml": SCORED}
    writer.models.append(MODEL)
    return files


def model_values(writer: "Writer") -> list[Callable[[], str]]:
    """The value of the model, if there is one."""
    return [lambda: f"model('{writer.one_of(*writer.models)}')"] * 6 if writer.models else []


def model_atoms(writer: "Writer") -> list[Callable[[], str]]:
    """Conditions about the value of the model, if there is one."""
    return [lambda: _atom(writer)] * 15 if writer.models else []


def _atom(writer: "Writer") -> str:
    if writer.chance(10):
        return f"model('{MODEL}') is known"
    return f"model('{MODEL}') {writer.order()} {writer.one_of(*BOUNDS)}"


def _text(writer: "Writer", name: str) -> str:
    columns = [
        {"name": f"c{place}", "expression": text, **({"categories": ["a", "b"]} if writer.chance(25) else {})}
        for place, text in enumerate(writer.some(lambda: _value(writer), 1, 4))
    ]
    numbers = sum(len(column.get("categories", "n")) for column in columns)
    kind = writer.one_of("boosted", "boosted", "forest", "linear")
    said: dict[str, Any] = {
        "name": name,
        "format": 1,
        "label": "buys",
        "features": "f",
        "features_version": "abcdef",
        "columns": columns,
        "kind": kind,
        "trained_from": "2026-01-01",
        "trained_until": "2026-02-01",
        "rows": 100,
        "positives": 10,
        "quality": {"auc": 0.8, "average_precision": 0.3, "brier": 0.1, "top_tenth": 0.4},
        "moments": _moments(writer),
        "warmup": "wait" if writer.chance(35) else "none",
    }
    if kind == "linear":
        said["linear"] = {
            "weights": [writer.one_of(*LEAVES) for _ in range(numbers)],
            "intercept": writer.one_of(*LEAVES),
            "logarithm": [writer.chance(50) for _ in range(numbers)],
            "mean": [writer.one_of(0.0, 0.5, 1.25) for _ in range(numbers)],
            "deviation": [writer.one_of(1.0, 0.3, 2.0) for _ in range(numbers)],
        }
        return json.dumps(said)
    said["base"] = writer.one_of(*LEAVES) if kind == "boosted" else 0.0
    said["trees"] = [_tree(writer, numbers, is_share=kind == "forest") for _ in range(writer.whole(1, 4))]
    return json.dumps(said)


def _moments(writer: "Writer") -> str:
    if writer.chance(60):
        return f"exists({writer.names_only()} within {writer.one_of('1s', '2s', '5s')})"
    return writer.condition(1)


def _value(writer: "Writer") -> str:
    if writer.chance(30):
        return writer.any_of(writer.known, writer.visit_text, writer.first_or_last)
    tenths, truth = (lambda: f"{writer.count()} * 0.1"), (lambda: f"exists({writer.names_only()} within 5s)")
    return writer.any_of(writer.number_value, writer.count, tenths, truth, writer.attached)


def _tree(writer: "Writer", numbers: int, *, is_share: bool) -> dict[str, list[Any]]:
    tree: dict[str, list[Any]] = {"feature": [], "threshold": [], "left": [], "right": [], "value": []}

    def grow(depth: int) -> int:
        node = len(tree["feature"])
        is_leaf = not depth or writer.chance(15)
        value = writer.one_of(*LEAVES)
        tree["feature"].append(-1 if is_leaf else writer.below(numbers))
        tree["threshold"].append(writer.one_of(*THRESHOLDS))
        tree["value"].append(abs(value) / 10 if is_share else value)
        tree["left"].append(0)
        tree["right"].append(0)
        if not is_leaf:
            tree["left"][node], tree["right"][node] = grow(depth - 1), grow(depth - 1)
        return node

    grow(writer.whole(1, 3))
    return tree
