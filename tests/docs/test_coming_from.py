"""Each of our expressions on the page for those who come from another product can be evaluated, and the page says what
the importer does."""

import re

import pytest

from app.imports.translation import PRODUCTS
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.catalog_limits import check_catalog
from app.segments.review.scenario import Scenario
from tests.docs.test_examples import shipped
from tools.docs_pages import ROOT, Row, code, rows

PAGE = ROOT / "docs" / "coming-from.md"
ROWS = [row for row in rows(PAGE) if row.head[-1] == "here"]
WISHES = [row for row in rows(PAGE) if row.head[0] == "somebody wants"]
NEAREST = [row for row in rows(PAGE) if row.head[0] == "wish"]
START_MS = 1_767_571_200_000
FIVE = ("Klaviyo", "Braze", "Customer.io", "Segment", "PostHog")


@pytest.mark.parametrize("row", [*ROWS, *WISHES], ids=lambda row: f"line {row.line}")
def test_each_expression_can_be_evaluated(row: Row) -> None:
    expression, *_ = code(row.cells[-1])
    others = shipped() if "segment(" in expression else {}
    text = f"segment: example\nwhen: exists(page)\nattach:\n  value: >-\n    {expression}\n"
    catalog = load_catalog({**others, "example.yaml": text})
    check_catalog(catalog, TimeRules())
    scenario = Scenario(catalog)
    names = {name for name in re.findall(r"'([^']+)'", expression) if name[0].isupper()}
    for at, name in enumerate(["identify", *sorted(names)]):
        message = {"type": "track", "event": name, "userId": "u", "properties": {"price": 1}, "traits": {"plan": "x"}}
        scenario.pipe(message, at_ms=START_MS + at)
    scenario.pipe({"type": "page", "userId": "u"}, at_ms=START_MS + 60_000)
    assert "value" in scenario.sent("u", "example")


@pytest.mark.parametrize("row", NEAREST, ids=lambda row: f"line {row.line}")
def test_what_is_nearest_can_be_said(row: Row) -> None:
    for text in code(row.cells[1]):
        if " " in text and not text.startswith("within"):
            load_catalog({"example.yaml": f"segment: example\nwhen: >-\n  exists(page) and {text}\n"})


def test_each_of_the_five_products_has_a_table() -> None:
    heads = {row.head[0] for row in ROWS}
    assert len(heads) == len(FIVE)
    assert all(any(name in head for head in heads) for name in FIVE)


def test_the_page_names_each_product_that_can_be_imported() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"shoal import {product} " in text for product in PRODUCTS)
