"""What operators read is what the worker has: metrics, topics, reasons of dead letters."""

import re

from app.metrics import METRICS
from app.settings import load_settings
from tests.docs.pages import PAGES, ROOT, code, rows

OPERATIONS = ROOT / "docs" / "operations.md"
SHOWN = {metric.name + ("_total" if metric.kind == "counter" else ""): metric for metric in METRICS}


def test_the_table_of_metrics_is_the_list_of_metrics() -> None:
    table = [row.cells for row in rows(OPERATIONS) if row.head[0] == "metric"]
    assert table == [
        (f"`{name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.meaning)
        for name, metric in SHOWN.items()
    ]


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
        topics.profiles,
        topics.journal,
    }
