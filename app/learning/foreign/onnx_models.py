"""Models in ONNX, as skl2onnx and onnxmltools write them: one classifier of trees or weights, and what belongs to it.

A tree of ONNX says at each node how it compares, and if a missing number goes the way of what is true.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.errors import UserError
from app.learning.foreign.source_model import (
    NoEqualError,
    SourceLinear,
    SourceModel,
    SourceTree,
    at_most,
    below,
    only_two_classes,
    second_of,
)
from app.learning.foreign.tree_checks import check_trees
from app.learning.points import Numbers

BEFORE: Final = ("Cast", "Concat", "FeatureVectorizer", "Identity", "Scaler")
_JOINING: Final = ("Concat", "FeatureVectorizer")
AFTER: Final = ("Cast", "Identity", "Normalizer", "ZipMap")
CLASSIFIERS: Final = ("TreeEnsembleClassifier", "LinearClassifier")
_FLOAT, _DOUBLE = 1, 11


def read_onnx(path: Path) -> SourceModel:
    """Reads a model. UserError for what is none, NoEqualError for what Shoal cannot say."""
    import onnx
    import onnxruntime

    try:
        content = path.read_bytes()
        graph = onnx.load_model_from_string(content).graph
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 - neither library says what it raises
        raise UserError(f"{path} cannot be read as ONNX", detail=str(error).splitlines()[0]) from None
    classifier, scaler = _nodes_of(graph)
    said = _attributes(classifier)
    classes = said.get("classlabels_int64s") or said.get("classlabels_strings") or said["classlabels_ints"]
    only_two_classes(len(classes))
    names, features, is_double = _inputs(graph)
    parts = _linear(said, scaler) if classifier.op_type == "LinearClassifier" else _trees(said)
    if scaler is not None and parts["kind"] != "linear":
        raise NoEqualError("a Scaler stands before the trees", "trees need none: leave it out")
    if any(each.data_location for each in graph.initializer):
        raise NoEqualError("the model has a part of its data in another file", "export it as one file")
    if not features:
        features = 1 + max(said.get("nodes_featureids") or [len(parts["linear"].weights) - 1])
    check_trees(parts.get("trees", ()), features)
    type_ = np.float64 if is_double else np.float32
    try:  # once all of it is known: a session computes parts of a graph when it is made
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - it does not say what it raises
        raise UserError(f"{path} cannot be read as ONNX", detail=str(error).splitlines()[0]) from None

    def score(numbers: Numbers) -> Any:
        given = numbers.astype(type_)
        feed = {names[place]: given[:, place : place + 1] for place in range(features)} if names else {None: given}
        feed = {name or graph.input[0].name: each for name, each in feed.items()}
        return _probabilities(session.run(None, feed))

    return SourceModel(
        form=f"ONNX, {classifier.op_type}",
        names=names,
        features=features,
        score=score,
        notes=second_of([each.decode() if isinstance(each, bytes) else each for each in classes]),
        **parts,
    )


def _nodes_of(graph: Any) -> tuple[Any, Any]:
    """The classifier, and the scaler before it or None."""
    places = [place for place, node in enumerate(graph.node) if node.op_type in CLASSIFIERS]
    unknown = [node for node in graph.node if node.op_type not in (*BEFORE, *AFTER, *CLASSIFIERS)]
    if unknown or len(places) != 1:
        told = f"the operator {unknown[0].op_type}" if unknown else f"{len(places)} classifiers"
        raise NoEqualError(
            f"the graph has {told}",
            f"known are one {' or '.join(CLASSIFIERS)}, before it {', '.join(BEFORE)}, after it {', '.join(AFTER)}",
        )
    for place, node in enumerate(graph.node):
        if node.op_type not in (*CLASSIFIERS, *(BEFORE if place < places[0] else AFTER)):
            raise NoEqualError(f"the operator {node.op_type} stands at place {place}, where it has no equal")
    inputs = {each.name for each in graph.input}
    for node in graph.node:
        if node.op_type in _JOINING and not set(node.input) <= inputs:
            raise NoEqualError(f"the operator {node.op_type} joins more than inputs")
    scalers = [node for node in graph.node if node.op_type == "Scaler"]
    if len(scalers) > 1:
        raise NoEqualError("the graph has several operators Scaler")
    return graph.node[places[0]], scalers[0] if scalers else None


def _attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node; numbers as numbers, however they are written."""
    from onnx import helper, numpy_helper

    found = {}
    for each in node.attribute:
        value = helper.get_attribute_value(each)
        if each.name.endswith("_as_tensor"):
            found[each.name.removesuffix("_as_tensor")] = numpy_helper.to_array(value).tolist()
        else:
            found[each.name] = value.decode() if isinstance(value, bytes) else value
    return found


def _inputs(graph: Any) -> tuple[tuple[str, ...] | None, int, bool]:
    """Names of the columns, if each is an input of its own; how many there are, 0 for unknown; floats of 64 bits?"""
    kinds = {each.type.tensor_type.elem_type for each in graph.input}
    if not kinds <= {_FLOAT, _DOUBLE} or len(kinds) != 1:
        raise NoEqualError("an input is not of floats", "give texts as columns of 0 and 1 before you export the model")
    is_double = kinds == {_DOUBLE}
    if len(graph.input) == 1:
        shape = graph.input[0].type.tensor_type.shape.dim
        return None, int(shape[1].dim_value) if len(shape) > 1 else 0, is_double
    joined = [node for node in graph.node if node.op_type in _JOINING]
    if len(joined) != 1 or len(joined[0].input) != len(graph.input):
        raise NoEqualError("the inputs are not joined by one operator")
    return tuple(joined[0].input), len(graph.input), is_double


def _probabilities(outputs: list[Any]) -> Any:
    """The probability of the second class, out of what a session gives."""
    for output in outputs:
        if isinstance(output, list) and output and isinstance(output[0], dict):
            second = sorted(output[0])[1]
            return np.array([each[second] for each in output], dtype=np.float64)
        if isinstance(output, np.ndarray) and output.ndim == 2 and output.shape[1] == 2 and output.dtype.kind == "f":
            return output[:, 1].astype(np.float64)
    raise NoEqualError("the graph gives no probabilities of two classes", "export the model with its probabilities")


def _linear(said: dict[str, Any], scaler: Any) -> dict[str, Any]:
    labels = 2
    weights = np.array(said["coefficients"], dtype=np.float64)
    intercepts = np.array(said.get("intercepts") or [0.0] * labels, dtype=np.float64)
    rows = weights.reshape(len(intercepts), -1)
    transform = said.get("post_transform", "NONE")
    if len(intercepts) == 1 and transform == "LOGISTIC":
        weight, intercept = rows[0], intercepts[0]
    elif transform == "SOFTMAX":
        weight, intercept = rows[1] - rows[0], intercepts[1] - intercepts[0]
    elif transform == "LOGISTIC" and np.array_equal(rows[0], -rows[1]):
        weight, intercept = rows[1], intercepts[1]
    else:
        raise NoEqualError(f"the LinearClassifier ends with {transform}", "train a logistic regression")
    offset, scale = [0.0], [1.0]
    if scaler is not None:
        of_scaler = _attributes(scaler)
        offset, scale = of_scaler["offset"], of_scaler["scale"]
    count = len(weight)
    if not all(each > 0 for each in scale):
        raise NoEqualError("the operator Scaler has a factor that is not above 0")
    linear = SourceLinear(
        weights=weight.tolist(),
        intercept=float(intercept),
        mean=[float(each) for each in offset] * (count if len(offset) == 1 else 1),
        deviation=[1 / each for each in scale] * (count if len(scale) == 1 else 1),
    )
    return {"kind": "linear", "linear": linear}


def _trees(said: dict[str, Any]) -> dict[str, Any]:
    classes = sorted(set(said["class_ids"]))
    transform = said.get("post_transform", "NONE")
    if transform not in ("NONE", "LOGISTIC", "SOFTMAX") or (transform == "SOFTMAX" and len(classes) == 1):
        raise NoEqualError(f"the TreeEnsembleClassifier ends with {transform}")
    sign = {classes[-1]: 1.0, **({classes[0]: -1.0} if transform == "SOFTMAX" else {})}
    base = said.get("base_values") or []
    begin = sum(sign.get(each, 0.0) * value for each, value in enumerate(base)) if len(base) > 1 else sum(base)
    added: dict[tuple[int, int], float] = defaultdict(float)
    parts = zip(said["class_treeids"], said["class_nodeids"], said["class_ids"], said["class_weights"], strict=True)
    for tree, node, class_, weight in parts:
        added[tree, node] += sign.get(class_, 0.0) * weight
    nodes: dict[int, list[int]] = defaultdict(list)
    for place, tree in enumerate(said["nodes_treeids"]):
        nodes[tree].append(place)
    kind = "forest" if transform == "NONE" else "boosted"
    trees = [
        _tree(said, places, {node: added[tree, node] for tree_, node in added if tree_ == tree})
        for tree, places in nodes.items()
    ]
    if kind == "forest" and begin:
        raise NoEqualError("the trees of probabilities begin at a number (base_values)")
    return {"kind": kind, "base": float(begin), "trees": trees}


def _tree(said: dict[str, Any], places: list[int], added: dict[int, float]) -> SourceTree:
    """A tree of the nodes at some places."""
    ids, true, false = said["nodes_nodeids"], said["nodes_truenodeids"], said["nodes_falsenodeids"]
    modes = [
        mode.decode() if isinstance(mode, bytes) else mode for mode in (said["nodes_modes"][each] for each in places)
    ]
    below_others = {
        each[place] for place, mode in zip(places, modes, strict=True) if mode != "LEAF" for each in (true, false)
    }
    order = sorted(range(len(places)), key=lambda each: ids[places[each]] in below_others)  # the root comes first
    number = {ids[places[each]]: new for new, each in enumerate(order)}
    tracks = said.get("nodes_missing_value_tracks_true") or [0] * len(said["nodes_nodeids"])
    found: dict[str, list[Any]] = {name: [] for name in SourceTree.__slots__}
    for each in order:
        place, mode = places[each], modes[each]
        row: tuple[Any, ...]
        if mode == "LEAF":
            row = (-1, 0.0, -1, -1, added.get(ids[place], 0.0), False)
        else:
            yes, no, value = number[true[place]], number[false[place]], said["nodes_values"][place]
            follows = bool(tracks[place])
            if mode in ("BRANCH_LEQ", "BRANCH_LT"):
                threshold = at_most(value) if mode == "BRANCH_LEQ" else below(value)
                row = (said["nodes_featureids"][place], threshold, yes, no, 0.0, follows)
            elif mode in ("BRANCH_GT", "BRANCH_GTE"):
                threshold = at_most(value) if mode == "BRANCH_GT" else below(value)
                row = (said["nodes_featureids"][place], threshold, no, yes, 0.0, not follows)
            else:
                raise NoEqualError(f"a node of the trees compares by {mode}", "a threshold cannot say that")
        for name, part in zip(found, row, strict=True):
            found[name].append(part)
    return SourceTree(**found)
