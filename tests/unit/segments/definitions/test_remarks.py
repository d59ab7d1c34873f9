"""Remarks about definitions that load, but hardly mean what they say."""

from pathlib import Path

import pytest

from app.catalogs.definitions_folder import load_segments
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.remarks import remarks
from app.segments.evaluation.time_rules import TimeRules
from tools.docs_pages import PAGES, definitions

SHIPPED = Path("deploy/segments")


def said(when: str, more: str = "") -> list[str]:
    return [each.message for each in remarks(load_catalog({"s.yaml": f"segment: s\nwhen: >-\n  {when}\n{more}"}))]


def test_the_shipped_catalog_gives_no_cause_for_remarks() -> None:
    assert not remarks(load_segments(SHIPPED, TimeRules()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_the_definitions_of_the_docs_give_no_cause_for_remarks(page: Path) -> None:
    files = definitions(page)
    assert not files or not remarks(load_catalog(files))


@pytest.mark.parametrize("name", ["userId", "sentAt", "day_of_week", "count", "event"])
def test_a_property_that_is_written_out_is_meant(name: str) -> None:
    assert said(f"exists('A' where {name} = 'x')")
    assert not said(f"exists('A' where properties['{name}'] = 'x')")


def test_a_property_of_a_test_is_meant() -> None:
    condition = "exists('A' where score > 3)"
    test = """tests:
  - name: it is a property
    events:
      - {at: 0m, event: A, properties: {score: 5}}
    expect:
      - {at: 0m, in: true}
"""
    assert said(condition)
    assert not said(condition, test)


@pytest.mark.parametrize(
    "condition",
    [
        "exists('A' where price < compare_price)",
        "exists('A' where shipping.city = billing.city)",
        "exists('A' where colour = color) and exists('B' where color = 'red')",
        "exists('A' where category = properties['shoes'])",
        "sum(count of 'A' where count > 3) > 4",
        "exists('A' where price > 5 and price < 3)",
        "traits.plan = 'pro' and traits.plan = 'team'",
        "since('A') >= 0s",
        "cart.quantity = 2.5",
    ],
)
def test_what_can_be_meant_gives_no_cause_for_remarks(condition: str) -> None:
    assert not said(condition)


def test_a_retired_segment_gives_no_cause_for_remarks() -> None:
    assert not said("count('A') < 0", "status: retired\n")


def test_a_condition_of_many_terms_takes_no_long_time() -> None:
    terms = " and ".join(f"(count('E{n}') > {n} or sum(x of 'E{n}') < {n})" for n in range(40))
    assert not said(terms)
