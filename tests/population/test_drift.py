"""Drift against a week ago."""

from math import log

import pytest

from app.population.drift import NoCountsError, drift, shares_drift
from app.population.sizes import WEEK_MS, Period
from tests.population.filled import ENTERED_MS, Filled, people


def test_the_index_is_the_sum_over_shares_of_their_difference_times_the_logarithm_of_their_ratio() -> None:
    rows = shares_drift({"a": 600, "b": 300, "c": 100}, {"a": 500, "b": 300, "c": 200})
    expected = 0.1 * log(0.6 / 0.5) + 0.0 + (0.1 - 0.2) * log(0.1 / 0.2)
    assert sum(row.psi for row in rows) == pytest.approx(expected, rel=1e-5)
    assert {row.segment: row.verdict for row in rows} == {"c": "large", "a": "stable", "b": "stable"}


def test_segments_that_all_grow_alike_do_not_drift() -> None:
    assert all(
        row.psi == 0 and row.verdict == "stable" for row in shares_drift({"a": 900, "b": 90}, {"a": 300, "b": 30})
    )


def test_a_few_users_more_are_chance_and_not_drift() -> None:
    rows = {row.segment: row for row in shares_drift({"a": 10_000, "b": 6}, {"a": 10_000, "b": 3})}
    assert rows["b"].ratio > 1.9
    assert rows["b"].verdict == "stable"


def test_a_segment_that_is_emptied_has_a_finite_index() -> None:
    first, *_ = shares_drift({"a": 0, "b": 10_000}, {"a": 5_000, "b": 10_000})
    assert (first.segment, first.verdict) == ("a", "large")
    assert 0 < first.psi < 10


def test_nobody_in_any_segment_is_no_drift() -> None:
    assert [row.psi for row in shares_drift({"a": 0, "b": 0}, {"a": 0, "b": 0})] == [0, 0]
    assert shares_drift({}, {}) == []


async def test_sizes_of_now_are_compared_with_the_counts_of_a_week_ago(filled: Filled) -> None:
    await filled.enter("a", people(0, 1_500))
    await filled.enter("b", people(0, 500))
    await filled.enter("new", people(0, 10))
    then_ms = ENTERED_MS - WEEK_MS
    for segment in ("a", "b"):
        await filled.counted(segment, (then_ms, 1_000), (then_ms + 1, 9))
    found = await drift(filled.sets, ["a", "b", "new"], Period(now_ms=ENTERED_MS))
    assert found.psi == pytest.approx(0.25 * log(1.5) - 0.25 * log(0.5), rel=1e-5)
    assert found.verdict == "large"
    assert [(row.segment, row.users_before, row.users) for row in found.segments] == [
        ("b", 1_000, 500),
        ("a", 1_000, 1_500),
    ]
    assert found.uncounted == ["new"]


async def test_drift_without_counts_of_then_is_an_error_and_not_a_zero(filled: Filled) -> None:
    await filled.enter("a", people(0, 15))
    with pytest.raises(NoCountsError, match="not counted around 2025-12-25T12:00"):
        await drift(filled.sets, ["a"], Period(now_ms=ENTERED_MS))
