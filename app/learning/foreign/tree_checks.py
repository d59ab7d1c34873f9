"""Trees of a file, checked before a library gets to see the file.

The libraries are written in C++ and trust their files: of a damaged one they read memory that is not theirs, or loop.
"""

from collections.abc import Iterator, Sequence
from math import isfinite, isnan

from app.errors import UserError
from app.learning.foreign.source_model import SourceTree


def check_trees(trees: Sequence[SourceTree], features: int) -> None:
    """UserError where a tree leads out of itself or in circles, or asks for a feature that is none."""
    for place, tree in enumerate(trees):
        for wrong in _wrong(tree, features):
            raise UserError(f"tree {place} of the model is damaged: {wrong}", hint="save the model again")


def _wrong(tree: SourceTree, features: int) -> Iterator[str]:
    """The first problem of a tree; the rest may not make sense then."""
    nodes = len(tree.feature)
    parts = (tree.threshold, tree.left, tree.right, tree.value, tree.missing_left)
    if not nodes or {len(each) for each in parts} != {nodes}:
        yield "its lists differ in length"
        return
    seen = {0}
    waiting = [0]
    while waiting:
        node = waiting.pop()
        if tree.feature[node] < 0:
            if not isfinite(tree.value[node]):
                yield f"leaf {node} adds {tree.value[node]}"
            continue
        if tree.feature[node] >= features:
            yield f"node {node} asks for column {tree.feature[node]} of {features}"
        if isnan(tree.threshold[node]):
            yield f"node {node} has no threshold"
        for below in (tree.left[node], tree.right[node]):
            if not 0 <= below < nodes:
                yield f"node {node} leads to {below}, and it has {nodes} nodes"
            if below in seen:
                yield f"node {node} leads to {below}, where another node leads too"
                return
            seen.add(below)
            waiting.append(below)
