"""Thresholds out of histograms: near the exact quantile, whatever the order and the partitions."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.segments.evaluation.population_histogram import (
    EDGES,
    MILLION,
    VALUE_MAX,
    add_all,
    bucket_of,
    edge_value,
    top_threshold,
    users_in,
)

LEAST = 0.000001
VALUES = st.one_of(
    st.integers(1, VALUE_MAX - 1),
    st.integers(1, 60),
    st.floats(LEAST, 1_000_000).map(lambda value: round(value, 6)).filter(lambda value: value >= LEAST),
)
SHARES = st.one_of(st.sampled_from([1_000, 1, 9_999, 50, 2_500]), st.integers(1, 9_999))


def histogram_of(values: Sequence[float]) -> dict[int, int]:
    return add_all({bucket: 1} for value in values if (bucket := bucket_of(value)) is not None)


def exact(values: Sequence[float], share: int) -> float:
    """The value of the last user of the highest share, from all values in order."""
    return sorted(values, reverse=True)[max(1, math.ceil(Fraction(len(values) * share, 10_000))) - 1]


@given(st.lists(VALUES, min_size=1, max_size=60), SHARES)
def test_a_threshold_is_at_most_2_percent_below_the_exact_one_and_never_above(values: list[float], share: int) -> None:
    wanted = exact(values, share)
    found = top_threshold(histogram_of(values), share)
    assert found is not None
    assert found <= wanted
    assert wanted - found <= Fraction(2, 101) * Fraction(wanted)


@given(st.lists(VALUES, min_size=1, max_size=60), SHARES)
def test_at_least_the_share_of_the_users_reaches_the_threshold(values: list[float], share: int) -> None:
    found = top_threshold(histogram_of(values), share)
    assert found is not None
    assert sum(value >= found for value in values) >= math.ceil(Fraction(len(values) * share, 10_000))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 70))
def test_so_many_users_reach_the_threshold_and_those_with_the_same_value(values: list[int], users: int) -> None:
    found = top_threshold(histogram_of(values), -users)
    assert found == sorted(values, reverse=True)[: min(users, len(values))][-1]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=60), SHARES)
def test_a_threshold_of_whole_numbers_is_a_whole_number(values: list[int], share: int) -> None:
    found = top_threshold(histogram_of(values), share)
    assert isinstance(found, int)
    if exact(values, share) <= 50:
        assert found == exact(values, share)


@given(st.data(), st.lists(VALUES, min_size=1, max_size=60), st.integers(1, 7))
def test_the_sum_is_the_same_in_any_order_and_over_any_partitions(
    data: st.DataObject, values: list[float], partitions: int
) -> None:
    shuffled = data.draw(st.permutations(values))
    parts = [histogram_of(shuffled[number::partitions]) for number in range(partitions)]
    total = add_all(data.draw(st.permutations(parts)))
    assert list(total.items()) == list(histogram_of(values).items())
    assert users_in(total) == len(values)


def test_edges_rise_by_at_most_101_to_99_and_each_whole_number_up_to_50_is_one() -> None:
    for lower, upper in pairwise(EDGES):
        assert lower < upper
        assert upper == lower + 1 or upper * 99 <= lower * 101
    assert set(range(MILLION, 50 * MILLION + 1, MILLION)) <= set(EDGES)
    assert all(edge % MILLION == 0 for edge in EDGES if edge > 51 * MILLION)
    assert EDGES[-1] >= VALUE_MAX * MILLION


@pytest.mark.parametrize("edge", [0, 1, 500, 1_200])
def test_a_value_at_an_edge_is_in_the_bucket_above_it_and_reaches_it(edge: int) -> None:
    value = edge_value(edge)
    assert bucket_of(value) == edge
    assert value >= edge_value(edge)
    assert bucket_of((EDGES[edge] - 1) / MILLION) == (edge - 1 if edge else None)


@pytest.mark.parametrize("value", [None, 0, 0.0, -1, -0.5, 0.0000004, True, "7"])
def test_what_is_missing_or_not_above_zero_is_not_counted(value: object) -> None:
    assert bucket_of(value) is None


def test_values_beyond_the_last_edge_are_in_the_last_bucket() -> None:
    assert bucket_of(10**30) == bucket_of(float("inf")) == bucket_of(VALUE_MAX) == len(EDGES) - 1


def test_nobody_has_no_threshold() -> None:
    assert top_threshold({}, 1_000) is None


def test_the_top_of_one_user_is_that_user() -> None:
    assert top_threshold(histogram_of([7]), 1) == 7
