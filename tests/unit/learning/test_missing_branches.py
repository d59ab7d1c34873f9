"""Trees with a way for missing numbers say the same when a missing number is -1, whatever the way is."""

import random
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from app.learning.foreign.missing_branches import Place, TreeWriter, with_means
from app.learning.foreign.source_model import (
    NoEqualError,
    SourceTree,
    at_most,
    at_most_of,
    below,
    neighbour,
    rounded,
    short_float,
)
from app.segments.definitions.model_file import Tree

FEATURES = 4
THRESHOLDS = (-5.0, -1.0, -0.5, 0.0, 0.5, 2.0)
NUMBERS = (-7.0, -5.0, -2.0, -0.75, 0.0, 0.25, 1.0, 3.0)


def random_tree(chance: random.Random, depth: int) -> SourceTree:
    found: dict[str, list[Any]] = {name: [] for name in SourceTree.__slots__}

    def grow(depth: int) -> int:
        node, is_leaf = len(found["feature"]), not depth or chance.random() < 0.1
        row = (-1 if is_leaf else chance.randrange(FEATURES), chance.choice(THRESHOLDS), -1, -1, chance.random())
        for name, part in zip(found, (*row, chance.random() < 0.5), strict=True):
            found[name].append(part)
        if not is_leaf:
            found["left"][node], found["right"][node] = grow(depth - 1), grow(depth - 1)
        return node

    grow(depth)
    return SourceTree(**found)


def source_says(tree: SourceTree, row: list[float], given: float | None) -> float:
    node = 0
    while (feature := tree.feature[node]) >= 0:
        number = row[feature] if row[feature] == row[feature] or given is None else given
        goes_left = tree.missing_left[node] if number != number else number <= tree.threshold[node]
        node = tree.left[node] if goes_left else tree.right[node]
    return rounded(tree.value[node])


def file_says(tree: Tree, row: list[float]) -> float:
    node = 0
    while (feature := tree.feature[node]) >= 0:
        number = -1.0 if row[feature] != row[feature] else row[feature]
        node = tree.left[node] if number <= tree.threshold[node] else tree.right[node]
    return tree.value[node]


@pytest.mark.parametrize("given", [None, -1.0, 0.0, -9.0])
@pytest.mark.parametrize("seed", range(20))
def test_missing_numbers_go_where_the_source_sends_them(seed: int, given: float | None) -> None:
    chance = random.Random(seed)
    places = {
        each: Place(FEATURES - 1 - each, chance.random() < 0.8, chance.random() < 0.4) for each in range(FEATURES)
    }
    source = random_tree(chance, 5)
    tree = TreeWriter(places, given).tree(source)
    for _ in range(300):
        row = [0.0] * FEATURES
        for feature, place in places.items():
            possible = [each for each in NUMBERS if each >= 0 or not place.from_0] + [nan] * 3 * place.can_miss
            row[feature] = chance.choice(possible)
        assert file_says(tree, row[::-1]) == source_says(source, row, given)


def test_a_tree_whose_numbers_are_never_missing_stays_as_it_is() -> None:
    source = random_tree(random.Random(1), 4)
    tree = TreeWriter({each: Place(each, can_miss=False, from_0=False) for each in range(FEATURES)}, None).tree(source)
    assert len(tree.feature) == len(source.feature)


def test_a_tree_that_is_too_deep_is_refused() -> None:
    depth = 40
    nodes = [*range(depth), *[-1] * (depth + 1)]
    source = SourceTree(
        feature=[0] * depth + [-1] * (depth + 1),
        threshold=[float(each) for each in range(2 * depth + 1)],
        left=[*range(depth, 2 * depth), *[-1] * (depth + 1)],
        right=[*range(1, depth), 2 * depth, *[-1] * (depth + 1)],
        value=[0.5] * len(nodes),
        missing_left=[False] * len(nodes),
    )
    with pytest.raises(NoEqualError, match="more than 30 decisions deep"):
        TreeWriter({0: Place(0, can_miss=False, from_0=True)}, None).tree(source)


def test_inner_nodes_have_the_mean_of_the_rows_below_them() -> None:
    tree = Tree(feature=(0, -1, -1), threshold=(1.5, 0.0, 0.0), left=(1, 0, 0), right=(2, 0, 0), value=(0.0, 1.0, 5.0))
    told, examples = with_means(tree, np.array([[2.0], [1.0], [1.0], [0.0]]))
    assert told.value == (2.0, 1.0, 5.0)
    assert examples == [0, 1, 0]


def test_a_threshold_sends_the_same_floats_of_32_bits_to_the_left() -> None:
    chance = random.Random(4)
    for _ in range(3_000):
        threshold = chance.choice((1, -1)) * 10 ** chance.uniform(-8, 12)
        short = short_float(threshold)
        for value in (neighbour(short, -1), short, neighbour(short, 1)):
            assert (value <= at_most(threshold)) == (value <= threshold)
            assert (value <= below(threshold)) == (value < threshold)
            assert (value <= below(short)) == (value < short)


def test_a_threshold_that_is_a_number_of_the_rows_stays_on_its_side() -> None:
    numbers = np.array([-2.0, 0.1, 0.3, 20.001])
    assert short_float(0.1) > 0.1
    found, moved = at_most_of(0.1, numbers)
    assert moved
    assert [short_float(each) <= found for each in numbers] == [True, True, False, False]
    assert at_most_of(18.0, numbers) == (18.0, False)
    crowded = np.array([0.1, short_float(0.1)])
    assert at_most_of(0.1, crowded)[1] is False
    assert at_most_of(inf, numbers) == (3.4e38, False)
