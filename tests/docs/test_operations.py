"""The pages for operators name the commands, metrics and topics that exist."""

import re

import pytest

from app.settings import load_settings
from tools.docs_pages import PAGES, ROOT, code, rows
from tools.docs_tables import TABLES, metrics

OPERATIONS = ROOT / "docs" / "operations.md"
SHOWN = {name.strip("`") for name, *_ in metrics()}


@pytest.mark.parametrize("head", TABLES)
def test_the_tables_of_commands_and_metrics_are_those_of_the_program(head: str) -> None:
    table = [row.cells for page in PAGES for row in rows(page) if row.head[0] == head]
    assert table == TABLES[head](), "make docs writes it anew"


def test_no_page_names_a_metric_that_does_not_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"\bshoal_[a-z_]+\b", page.read_text(encoding="utf-8")):
            assert name in SHOWN, f"{page.name} names {name}"


def test_the_table_of_topics_names_all_of_them() -> None:
    topics = load_settings({}).topics
    named = {name for row in rows(OPERATIONS) if row.head[0] == "topic" for name in code(row.cells[0])}
    assert named == {
        topics.clickstream,
        topics.changes,
        topics.segment("<name>"),
        topics.dead_letters,
        topics.late,
        topics.identity,
        topics.erasures,
        topics.population,
        topics.audit,
        topics.drafts,
        topics.profiles,
        topics.journal,
        topics.catalog,
        topics.catalog_history,
        topics.destinations,
        f"{topics.destinations}.dead-letter",
        f"{topics.destinations}.states",
        topics.intake,
    }
