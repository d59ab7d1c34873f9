"""Tests of definitions know a user as a worker does."""

from typing import Any

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.review.scenario import run_test


@pytest.mark.parametrize(
    ("ids", "other"),
    [
        ("userId: ' ann '", "userId: ann"),
        ("userId: undefined, anonymousId: d-1", "anonymousId: d-1"),
        ("userId: 'NULL', anonymousId: ' d-1 '", "userId: '0', anonymousId: d-1"),
    ],
)
def test_events_with_odd_ids_are_of_the_user_that_a_worker_takes_them_for(ids: str, other: str) -> None:
    text = f"""
segment: viewers
when: count('Product Viewed') >= 2
tests:
  - name: both are of one user
    events:
      - {{at: 0m, event: Product Viewed, {ids}}}
      - {{at: 1m, event: Product Viewed, {other}}}
    expect:
      - {{at: 2m, in: true}}
"""
    catalog = load_catalog({"viewers.yaml": text})
    (segment,) = catalog.segments
    failures: list[Any] = [failure for test in segment.tests for failure in run_test(catalog, segment, test)]
    assert failures == []
