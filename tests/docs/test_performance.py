"""The page of figures is what the figures say, and nothing but what they say."""

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from app.errors import UserError
from tests.benchmarks.figures import Figure, Figures
from tools.performance_page import page
from tools.performance_page.bar_chart import BarChart
from tools.performance_page.section import MissingFigureError, Section
from tools.performance_page.targets import targets_table

SVG = "{http://www.w3.org/2000/svg}"
ROWS: list[dict[str, Figure]] = [
    {"run": "one", "us_an_event": 2.0, "p99_9_ms": 10.0, "equal": "yes"},
    {"run": "two, more", "us_an_event": 3.0, "p99_9_ms": 1_234.5, "equal": "no"},
]
TABLE = """\
| run | us an event | p99.9 ms | equal |
|---|---|---|---|
| one | 2.00 | 10.00 | yes |
| two, more | 3.00 | 1,234 | no |"""
CHART = BarChart("Seconds <to> ready & more", [("in memory", 15.31), ("on disk", 0.0)])


def figures(benchmark: str = "core", rows: list[dict[str, Figure]] = ROWS, invalid: str = "") -> Figures:
    """Of a small benchmark."""
    return Figures(
        benchmark=benchmark,
        source="a simulated shop",
        seed=1,
        events=5,
        calibration_us=1.25,
        rows=rows,
        invalid=invalid,
        when="2026-11-23T14:23:01+00:00",
        machine={},
        versions={},
    )


def test_the_page_and_the_charts_are_those_of_the_figures() -> None:
    made = page.written(page.read_committed())
    assert page.PAGE.read_text(encoding="utf-8") == made.page, "make performance writes it anew"
    drawn = {file.name: file.read_text(encoding="utf-8") for file in page.CHARTS.iterdir()}
    assert drawn == made.charts, "make performance draws them anew"


def test_every_benchmark_has_a_text_and_every_text_a_place() -> None:
    texts = {file.stem for file in page.SECTIONS.glob("*.md")}
    assert texts == {"about", *page.BENCHMARKS}


def test_no_text_holds_a_table_of_its_own() -> None:
    for file in page.SECTIONS.glob("*.md"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert not line.startswith("|"), f"{file.name}: {line}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{figure two, more / p99_9_ms}} ms", "1,234 ms"),
        ("{{ratio two, more / us_an_event to one / us_an_event}} times", "1.50 times"),
        ("{{calibration}} us", "1.25 us"),
        (
            "{{table}}",
            TABLE,
        ),
        ("{{chart Cost: us_an_event}}", "![Cost: one: 2.00; two, more: 3.00.](charts/core.svg)"),
        (
            "{{chart Both: two, more / us_an_event, p99_9_ms}}",
            "![Both: us an event: 3.00; p99.9 ms: 1,234.](charts/core.svg)",
        ),
        (
            "{{chart A: us_an_event}} {{chart B: p99_9_ms}}",
            "![A: one: 2.00; two, more: 3.00.](charts/core.svg) ![B: one: 10.00; two, more: 1,234.](charts/core-2.svg)",
        ),
    ],
)
def test_braces_become_figures(text: str, said: str) -> None:
    assert Section(text, figures()).write() == said


@pytest.mark.parametrize(
    "text", ["{{figure three / us_an_event}}", "{{figure one / s}}", "{{sum}}", "{{chart A: equal}}"]
)
def test_a_text_that_asks_for_what_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(MissingFigureError, match="core"):
        Section(text, figures()).write()


def test_a_chart_says_in_words_what_it_shows() -> None:
    root = ET.fromstring(CHART.svg())
    labels = {element.get("id"): element.text for element in root if element.get("id")}
    assert labels == {
        "title": "Seconds <to> ready & more",
        "words": "Seconds <to> ready & more: in memory: 15.31; on disk: 0.00.",
    }
    assert root.get("role") == "img"
    assert set((root.get("aria-labelledby") or "").split()) == set(labels)


def test_a_chart_is_the_same_each_time_and_asks_for_nothing_from_elsewhere() -> None:
    drawn = CHART.svg()
    assert drawn == CHART.svg()
    assert "<script" not in drawn
    assert drawn.count("://") == 1, "the namespace"


def test_a_chart_takes_the_colours_of_a_dark_page() -> None:
    root = ET.fromstring(CHART.svg())
    texts = list(root.iter(f"{SVG}text"))
    assert {text.get("fill") for text in texts} == {"currentColor"}
    assert "prefers-color-scheme: dark" in (root.findtext(f"{SVG}style") or "")


def test_targets_are_told_with_whether_they_were_reached() -> None:
    rows: list[dict[str, Figure]] = [
        {"definitions": 10, "ratio_to_10": 1.0},
        {"definitions": 1_000, "ratio_to_10": 1.3},
    ]
    table = targets_table({"many": figures(benchmark="many", rows=rows)})
    assert table.splitlines()[2:] == ["| 1,000 definitions against 10: cost of an event | at most 1.2 | 1.30 | no |"]


def test_a_chart_leaves_out_what_was_not_measured() -> None:
    rows: list[dict[str, Figure]] = [{"run": "one", "seconds": 1.0}, {"run": "two", "seconds": ""}]
    assert Section("{{chart A: seconds}}", figures(rows=rows)).write() == "![A: one: 1.00.](charts/core.svg)"


def test_figures_of_an_invalid_run_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "core.json").write_bytes(msgspec.json.encode(figures(invalid="the worker was late")))
    with pytest.raises(UserError, match="is invalid: the worker was late"):
        page.take(tmp_path)


def test_a_benchmark_that_nobody_has_written_about_is_refused() -> None:
    with pytest.raises(UserError, match="nobody has written about other"):
        page.written({"other": figures(benchmark="other")})
