"""Random models: a few columns, and small trees or weights whose thresholds the values meet."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from app.segments.language import canonical
from app.segments.language.syntax import ModelValue

if TYPE_CHECKING:
    from tests.properties.catalogs import Writer

MODEL = "likely"
MODEL_PERCENT = 25
CLASSES_PERCENT = 40
CLASSES = ("a", "b-c", "none", "d_4")
BOUNDS = ("0.5", "0.3", "0.6", "0.45", "0.8")
THRESHOLDS = (0.5, -0.5, -1.0, 1.0, 1.5, 2.0, 0.1, 0.1, 0.2, 0.0)
LEAVES = (0.1, -0.1, 0.30000001192092896, 0.7, -1.2, 0.0123456789, 2.5, -0.4)
"""One of them is a float of 32 bits."""


def model_files(writer: "Writer") -> dict[str, str]:
    """In some catalogs: a model, and what tells its values."""
    return files_of_model(writer) if writer.chance(MODEL_PERCENT) else {}


def files_of_model(writer: "Writer") -> dict[str, str]:
    """A model, and what tells its values."""
    names = CLASSES[: writer.whole(2, len(CLASSES))] if writer.chance(CLASSES_PERCENT) else ()
    files = {f"{MODEL}.model.json": _text(writer, MODEL, names)}
    terms = [canonical.text(ModelValue(MODEL, name)) for name in names or (None,)]
    values = {f"p{place}": term for place, term in enumerate(terms)}
    told = {"segment": "s", "when": "never('Nothing')", "attach": values, "updates": list(values)}
    files["s.yaml"] = _yaml(told)
    writer.models += terms
    for name in ("g", "z"):
        when = f"{writer.one_of(*terms)} {writer.one_of('>=', '<', '>')} {writer.one_of(*BOUNDS)}"
        files[f"{name}.yaml"] = _yaml({"segment": name, "when": when})
    return files


def _yaml(said: dict[str, Any]) -> str:
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in said.items())


def classes_of(text: str) -> tuple[str, ...]:
    """The names of the classes in the file of a model."""
    return tuple(each["name"] for each in json.loads(text).get("classes", ()))


def model_values(writer: "Writer") -> list[Callable[[], str]]:
    """The values of the model, if there is one."""
    return [lambda: writer.one_of(*writer.models)] * 6 if writer.models else []


def model_atoms(writer: "Writer") -> list[Callable[[], str]]:
    """Conditions about the value of the model, if there is one."""
    return [lambda: _atom(writer)] * 15 if writer.models else []


def _atom(writer: "Writer") -> str:
    if writer.chance(10):
        return f"{writer.one_of(*writer.models)} is known"
    return f"{writer.one_of(*writer.models)} {writer.order()} {writer.one_of(*BOUNDS)}"


def _text(writer: "Writer", name: str, classes: Sequence[str]) -> str:
    columns = [
        {"name": f"c{place}", "expression": text, **({"categories": ["a", "b"]} if writer.chance(25) else {})}
        for place, text in enumerate(writer.some(lambda: _value(writer), 1, 4))
    ]
    numbers = sum(len(column.get("categories", "n")) for column in columns)
    kind = writer.one_of("boosted", "boosted", "forest", "linear")
    said: dict[str, Any] = {
        "name": name,
        "format": 2 if classes else 1,
        "label": "buys",
        "features": "f",
        "features_version": "abcdef",
        "columns": columns,
        "kind": kind,
        "trained_from": "2026-01-01",
        "trained_until": "2026-02-01",
        "rows": 100,
        "moments": _moments(writer),
        "warmup": "wait" if writer.chance(35) else "none",
    }
    if classes:
        said["classes"] = [{"name": each, "rows": 10, "auc": 0.8, **_summed(writer, kind, numbers)} for each in classes]
        return json.dumps(said | {"classes_quality": {"log_loss": 0.5, "accuracy": 0.6}})
    quality = {"auc": 0.8, "average_precision": 0.3, "brier": 0.1, "top_tenth": 0.4}
    return json.dumps(said | {"positives": 10, "quality": quality, **_summed(writer, kind, numbers)})


def _summed(writer: "Writer", kind: str, numbers: int) -> dict[str, Any]:
    """Weights, or a base and trees."""
    if kind != "linear":
        base = writer.one_of(*LEAVES) if kind == "boosted" else 0.0
        trees = [_tree(writer, numbers, is_share=kind == "forest") for _ in range(writer.whole(1, 4))]
        return {"base": base, "trees": trees}
    linear = {
        "weights": [writer.one_of(*LEAVES) for _ in range(numbers)],
        "intercept": writer.one_of(*LEAVES),
        "logarithm": [writer.chance(50) for _ in range(numbers)],
        "mean": [writer.one_of(0.0, 0.5, 1.25) for _ in range(numbers)],
        "deviation": [writer.one_of(1.0, 0.3, 2.0) for _ in range(numbers)],
    }
    return {"linear": linear}


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
