"""Trees in which each number says where a missing one goes, as trees in which a missing number is -1.

Theory of operation. In Shoal's file a missing number is -1 and takes the way of -1. At a node where the source sends it
the other way, nodes are added that ask for -1 first. Nothing is asked twice on a way down: once a number is known to be
there, or to be missing, nodes about it are as they were, or fall away. Parts that two nodes lead to are in the file
once. Numbers that are never missing need none of this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from msgspec.structs import replace

from app.learning.foreign.source_model import NoEqualError, SourceTree, neighbour, rounded
from app.learning.points import Numbers
from app.segments.definitions.model_file import DEPTH_MAX, Tree
from app.segments.definitions.model_forecast import MISSING

UNDER_MISSING: Final = neighbour(MISSING, -1)
NODES_MAX: Final = 20_000
"""Of one tree."""

_Known = dict[int, Literal["there", "missing"]]


@dataclass(frozen=True, slots=True)
class Place:
    """A number of the rows. number: its place in a row; can_miss: it can be missing; from_0: it is never below 0."""

    number: int
    can_miss: bool
    from_0: bool


class TreeWriter:
    """Writes one tree after the other. places: of the features of the source."""

    def __init__(self, places: Mapping[int, Place], given: float | None) -> None:
        self._places = places
        self._given = given

    def tree(self, source: SourceTree) -> Tree:
        """The tree of a source. NoEqualError for one that is too large then."""
        self._source = source
        self._nodes: list[list[Any]] = []
        self._subtree(0, {}, 0)
        parts = zip(Tree.__struct_fields__, zip(*self._nodes, strict=True), strict=True)
        return Tree(**{name: tuple(part) for name, part in parts})

    def _add(self, feature: int, threshold: float, value: float) -> int:
        if len(self._nodes) == NODES_MAX:
            raise NoEqualError(f"a tree has more than {NODES_MAX:,} nodes", "train with smaller trees")
        self._nodes.append([feature, threshold, 0, 0, value])
        return len(self._nodes) - 1

    def _subtree(self, node: int, known: _Known, depth: int) -> int:
        """Writes what is below a node of the source; its place."""
        if depth > DEPTH_MAX:
            raise NoEqualError(
                f"a tree is more than {DEPTH_MAX} decisions deep", "train with smaller trees (max_depth)"
            )
        source = self._source
        feature, threshold = source.feature[node], source.threshold[node]
        if feature < 0:
            return self._add(-1, 0.0, rounded(source.value[node]))
        left, right, place = source.left[node], source.right[node], self._places[feature]
        number = place.number
        missing_left = source.missing_left[node] if self._given is None else self._given <= threshold
        if known.get(number) == "missing":
            return self._subtree(left if missing_left else right, known, depth)
        if number in known or not place.can_miss:
            return self._split(number, threshold, (left, known), (right, known), depth)
        there: _Known = {**known, number: "there"}
        if missing_left == (threshold >= MISSING):
            both = (known, there) if missing_left else (there, known)
            return self._split(number, threshold, (left, both[0]), (right, both[1]), depth)
        missing: _Known = {**known, number: "missing"}
        added = self._add(number, threshold, 0.0)
        if missing_left:
            self._nodes[added][2] = self._subtree(left, there, depth + 1)
            self._nodes[added][3] = self._asked(place, (left, missing), (right, there), depth + 1)
        else:
            self._nodes[added][2] = self._asked(place, (right, missing), (left, there), depth + 1)
            self._nodes[added][3] = self._subtree(right, there, depth + 1)
        return added

    def _split(
        self, number: int, threshold: float, left: tuple[int, _Known], right: tuple[int, _Known], depth: int
    ) -> int:
        added = self._add(number, threshold, 0.0)
        self._nodes[added][2] = self._subtree(*left, depth + 1)
        self._nodes[added][3] = self._subtree(*right, depth + 1)
        return added

    def _asked(self, place: Place, missing: tuple[int, _Known], there: tuple[int, _Known], depth: int) -> int:
        """Writes the question for -1, and below it what follows if the number is missing, or there."""
        if place.from_0:
            return self._split(place.number, MISSING, missing, there, depth)
        first = self._add(place.number, UNDER_MISSING, 0.0)
        second = self._add(place.number, MISSING, 0.0)
        self._nodes[first][3] = second
        self._nodes[second][2] = self._subtree(*missing, depth + 2)
        self._nodes[first][2] = self._nodes[second][3] = self._subtree(*there, depth + 2)
        return first


def with_means(tree: Tree, numbers: Numbers) -> tuple[Tree, list[int]]:
    """The tree with the means of rows at its inner nodes, for explanations; and for each node a row that comes there.

    -1: no row does. Without rows, both sides count the same.
    """
    short = numbers.astype(np.float32).astype(np.float64)
    rows: list[list[Any]] = [[] for _ in tree.feature]
    rows[0].append(np.arange(len(short)))
    sides, examples = [], []
    for node, feature in enumerate(tree.feature):
        here = np.concatenate(rows[node]) if rows[node] else np.arange(0)
        examples.append(int(here[0]) if len(here) else -1)
        if feature < 0:
            sides.append((0, 0))
            continue
        goes_left = short[here, feature] <= tree.threshold[node]
        rows[tree.left[node]].append(here[goes_left])
        rows[tree.right[node]].append(here[~goes_left])
        sides.append((int(goes_left.sum()), len(here) - int(goes_left.sum())))
        rows[node] = []
    values = list(tree.value)
    for node in range(len(values) - 1, -1, -1):
        if tree.feature[node] >= 0:
            left, right = sides[node] if any(sides[node]) else (1, 1)
            values[node] = (left * values[tree.left[node]] + right * values[tree.right[node]]) / (left + right)
    return _told(tree, values), examples


def _told(tree: Tree, values: Sequence[float]) -> Tree:
    """The tree with these values, those of inner nodes to six places."""
    pairs = zip(values, tree.feature, strict=True)
    return replace(tree, value=tuple(round(value, 6) if feature >= 0 else value for value, feature in pairs))
