"""Dashboards and alert rules speak of what there is, and the rules fire when they should."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from app.metrics import CENSUS_METRICS, METRICS, READER_METRICS, SERVICE_METRICS, make_metric
from tests.deploy.known import ADDED_BY_PROMETHEUS, SERIES
from tests.deploy.promql import labels, metric_names
from tools.dashboards.files import DASHBOARDS, texts
from tools.dashboards.panels import expressions

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "rules.yaml").read_text())["groups"] for rule in group["rules"]
]
TESTS = yaml.safe_load((PROMETHEUS / "tests.yaml").read_text())["tests"]
NOT_OURS = {"up"}

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install --no-install-recommends prometheus)"
)


def asked() -> Iterator[tuple[str, str]]:
    """Yields the place of each expression, and the expression."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for name, make in DASHBOARDS.items():
        for expression in expressions(make()):
            yield name, expression


ASKED = list(asked())


def promtool(*arguments: str, cwd: Path) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("path", "text"), list(texts()), ids=list(DASHBOARDS))
def test_dashboards_are_as_they_are_made(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "python -m tools.dashboards.files writes it anew"


def test_every_file_of_dashboards_is_made() -> None:
    folder = ROOT / "deploy" / "grafana"
    assert {path.name for path in folder.iterdir()} == set(DASHBOARDS)


@pytest.mark.parametrize(("where", "expression"), ASKED)
def test_only_metrics_and_labels_that_exist_are_asked_for(where: str, expression: str) -> None:
    named = metric_names(expression)
    assert named, expression
    unknown = named - set(SERIES) - NOT_OURS
    assert not unknown, f"{where} asks for {unknown}"
    there = frozenset[str]().union(*(SERIES.get(name, frozenset()) for name in named)) | ADDED_BY_PROMETHEUS
    for metric, label in labels(expression):
        known = SERIES.get(metric, frozenset()) | ADDED_BY_PROMETHEUS if metric else there
        assert label in known, f"{where} asks for {metric}{{{label}}}"


@pytest.mark.parametrize(("where", "expression"), ASKED)
def test_counters_are_asked_for_their_growth_and_not_for_their_sum(where: str, expression: str) -> None:
    """A process that starts again begins at 0; the exceptions say that something was counted for the first time."""
    for name in metric_names(expression):
        if name.endswith(("_total", "_bucket")) and name != "shoal_lost_records_total":
            assert re.search(rf"\b(?:rate|increase)\({name}\b", expression), f"{where}: {expression}"


def test_series_are_called_as_processes_call_them() -> None:
    registry = CollectorRegistry()
    for metric in (*METRICS, *SERVICE_METRICS, *READER_METRICS, *CENSUS_METRICS):
        counted = make_metric(metric, registry)
        if metric.labels:
            counted.labels(*metric.labels)
    samples = {sample.name for family in registry.collect() for sample in family.samples}
    assert {name for name in samples if not name.endswith("_created")} == set(SERIES)


def test_every_metric_is_shown_somewhere() -> None:
    shown = {name for _, expression in ASKED for name in metric_names(expression)}
    histograms = {name for name in SERIES if name.endswith(("_sum", "_count"))}
    assert set(SERIES) - histograms <= shown


def test_panels_do_not_overlap_and_are_explained() -> None:
    for make in DASHBOARDS.values():
        taken: set[tuple[int, int]] = set()
        for panel in make()["panels"]:
            place = panel["gridPos"]
            fields = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not fields & taken, panel["title"]
            assert place["x"] + place["w"] <= 24, panel["title"]
            taken |= fields
            assert panel["type"] == "row" or panel["description"], panel["title"]


def test_dashboards_have_names_of_their_own() -> None:
    made = [json.loads(text) for _, text in texts()]
    assert len({each["uid"] for each in made}) == len({each["title"] for each in made}) == len(made)


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = [case for test in TESTS for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in RULES}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["description"], rule["alert"]
        assert f"`{rule['alert']}`" in page, f"docs/deploying.md does not tell of {rule['alert']}"


def test_rules_know_only_jobs_that_are_scraped() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text())
    jobs = {each["job_name"] for each in config["scrape_configs"]}
    for rule in RULES:
        for job in re.findall(r'job(?:=|=~)"([^"]+)"', rule["expr"]):
            assert any(re.fullmatch(job, each) for each in jobs), rule["alert"]


@needs_promtool
def test_prometheus_takes_configuration_and_rules() -> None:
    promtool("check", "config", "prometheus.yaml", cwd=PROMETHEUS)
    promtool("check", "rules", "rules.yaml", cwd=PROMETHEUS)


@needs_promtool
def test_alerts_fire_when_they_should() -> None:
    promtool("test", "rules", "tests.yaml", cwd=PROMETHEUS)


@needs_promtool
def test_prometheus_understands_every_expression_of_the_dashboards(tmp_path: Path) -> None:
    rules = [
        {
            "record": f"panel:expression:{number}",
            "expr": expression.replace("$__rate_interval", "1m").replace("$segment", ".*"),
        }
        for number, (_, expression) in enumerate(ASKED)
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", "rules.yaml", cwd=tmp_path)
