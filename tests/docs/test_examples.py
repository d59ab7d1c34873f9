"""Examples in the docs are run: definitions with their tests, mistakes with their messages, expressions."""

import re
from functools import cache
from pathlib import Path

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import Catalog
from app.segments.language import canonical, parse_expression, parse_pattern
from app.segments.language.syntax import CartLineField
from app.segments.language.walk import walk
from app.segments.review.scenario import run_test
from tests.support.models import classes_text, model_text
from tools.docs_pages import PAGES, ROOT, Block, Row, blocks, code, definitions, mistakes, rows
from tools.error_messages import message_of

PURPOSES = {
    "consent.yaml": "purposes: {marketing: {default: denied}}\n",
    "likely.model.json": model_text(),
    "next.model.json": classes_text(),
}
_OF_OTHERS = re.compile(r"\b(?:segment|segment_size|score|entered|left|since_left|times)\(")
SHIPPED = ROOT / "deploy" / "segments"
EXAMPLES = [
    pytest.param(page, block.name, id=f"{page.name}:{block.name}")
    for page in PAGES
    for block in blocks(page)
    if block.info == "yaml" and block.text.startswith("segment:")
]
MISTAKES = [
    pytest.param(page, block, message, id=f"{page.name}:{block.line}")
    for page in PAGES
    for block, message in mistakes(page)
]
ROWS = [row for page in PAGES for row in rows(page)]


def in_column(head: str) -> list[Row]:
    """The rows of all tables whose first column is called so."""
    found = [row for row in ROWS if row.head[0] == head]
    assert found, f"no table of the docs begins with the column {head}"
    return found


@cache
def shipped() -> dict[str, str]:
    """The files that come along."""
    return {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.yaml")}


@cache
def catalog_of(page: Path) -> Catalog:
    """All valid definitions of a page together."""
    return load_catalog(definitions(page))


@pytest.mark.parametrize(("page", "name"), EXAMPLES)
def test_the_tests_of_an_example_hold(page: Path, name: str) -> None:
    catalog = catalog_of(page)
    segment = catalog.segment(name)
    assert segment.tests, f"{name} shows no test"
    failures = [failure for test in segment.tests for failure in run_test(catalog, segment, test)]
    assert not failures, "\n\n".join(map(str, failures))


@pytest.mark.parametrize(("page", "block", "message"), MISTAKES)
def test_a_mistake_gets_exactly_the_message_that_the_page_shows(page: Path, block: Block, message: str) -> None:
    assert message_of(page, block) == message, "make docs writes it anew"


@pytest.mark.parametrize("row", in_column("expression"), ids=lambda row: f"{row.page}:{row.line}")
def test_every_expression_in_a_table_can_be_written_so(row: Row) -> None:
    assert code(row.cells[0])
    for text in code(row.cells[0]):
        expression = parse_expression(text)
        assert parse_expression(canonical.text(expression)) == expression
        is_of_product = any(isinstance(node, CartLineField) for node in walk(expression))
        when = "item.quantity > 0\neach: product_id" if is_of_product else "cart.items > 0"
        example = f"segment: example\nwhen: {when}\nattach:\n  value: >-\n    {text}\n"
        others = shipped() if _OF_OTHERS.search(text) else {}
        load_catalog({**others, **PURPOSES, "example.yaml": example})


@pytest.mark.parametrize("row", in_column("event pattern"), ids=lambda row: f"{row.page}:{row.line}")
def test_every_event_pattern_in_a_table_can_be_written_so(row: Row) -> None:
    assert code(row.cells[0])
    for text in code(row.cells[0]):
        parse_pattern(text)


@pytest.mark.parametrize("row", in_column("after `where`"), ids=lambda row: f"{row.page}:{row.line}")
def test_everything_in_a_table_of_filters_can_stand_behind_where(row: Row) -> None:
    assert code(row.cells[0])
    for text in code(row.cells[0]):
        parse_pattern(f"'An Event' where {text} = 1")


def test_the_classics_of_the_cookbook_are_the_shipped_definitions() -> None:
    book = load_catalog(definitions(ROOT / "docs" / "cookbook.md"))
    catalog = load_catalog(shipped())
    conditions = {segment.name: segment.when for segment in book.segments}
    assert {segment.name for segment in catalog.segments} <= conditions.keys()
    for segment in catalog.segments:
        assert conditions[segment.name] == segment.when, segment.name
    points = {score.name: (score.points, score.half_life_ms) for score in book.scores}
    for score in catalog.scores:
        assert points[score.name] == (score.points, score.half_life_ms)


def test_the_readme_begins_with_a_shipped_definition() -> None:
    (shown,) = catalog_of(ROOT / "README.md").segments
    assert shown.when == load_catalog(shipped()).segment("cart-abandoned").when
