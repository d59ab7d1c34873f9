"""Import rules: each forbidden import is planted in a copy of the packages, and import-linter must refuse it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FORBIDDEN = {
    "app.runtime.delivery.commit": "app.destinations.delivery_loop",
    "app.runtime.process.logs": "app.console.output",
    "app.runtime.kafka.topics": "app.runtime.partition.lifecycle",
    "app.runtime.records.journal": "app.runtime.delivery.commit",
    "app.simulation.wire": "app.service.service",
    "app.memberships.counts": "app.intake.sources",
    "app.destinations.connections": "app.memberships.counts",
    "app.embedded.guard": "app.runtime.process.logs",
    "app.offline.explainer": "app.cli.main",
    "app.catalogs.publishing": "app.offline.backtest",
    "app.imports.names": "pathlib",
    "app.segments.language.walk": "app.segments.partition.position",
    "app.segments.evaluation.clock": "app.segments.compiler.filters",
    "app.segments.definitions.drafts": "app.segments.evaluation.batch",
    "app.segments.compiler.filters": "app.runtime.records.journal",
    "app.events.instants": "app.segments.language.syntax",
    "app.settings": "app.metrics",
    "tables.cart": "app.events.instants",
    "agents.segmentation": "agents.intake",
}
"""Importing module -> the module that it must not import."""

CIRCLE = ("app.segments.definitions.problem", "app.segments.definitions.yaml_source")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages with the import rules."""
    folder = tmp_path_factory.mktemp("walls")
    for package in ("app", "agents", "tables"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def refused(copy: Path, importer: str, imported: str) -> str:
    """Plants one import and returns the report of import-linter, or an empty text if it found nothing wrong."""
    module = copy / (importer.replace(".", "/") + ".py")
    before = module.read_text(encoding="utf-8")
    module.write_text(f"{before}\nimport {imported}\n", encoding="utf-8")
    try:
        return linted(copy)
    finally:
        module.write_text(before, encoding="utf-8")


def linted(copy: Path) -> str:
    """The report of import-linter on the copy, or an empty text if every contract is kept."""
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, env={"COLUMNS": "200"})
    return done.stdout + done.stderr if done.returncode else ""


def test_without_a_planted_import_every_rule_is_kept(copy: Path) -> None:
    assert linted(copy) == ""


@pytest.mark.parametrize(("importer", "imported"), FORBIDDEN.items(), ids=" -> ".join)
def test_a_forbidden_import_is_refused(copy: Path, importer: str, imported: str) -> None:
    report = refused(copy, importer, imported)
    assert f"{importer} -> {imported}" in report or f"{importer} is not allowed to import {imported}" in report, report


def test_a_circle_between_two_modules_is_refused(copy: Path) -> None:
    assert "No circles BROKEN" in refused(copy, *CIRCLE)


def test_a_package_that_no_layer_names_is_refused(copy: Path) -> None:
    package = copy / "app" / "annex"
    package.mkdir()
    (package / "__init__.py").write_text('"""A package that the layers do not name."""\n', encoding="utf-8")
    try:
        assert "app.annex" in linted(copy)
    finally:
        shutil.rmtree(package)
