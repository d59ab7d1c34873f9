"""The recipe "Add a function" of CONTRIBUTING.md, followed step by step in a copy of the checkout.

Each block of code goes where the line above it says. Then what should know of a function does: messages, docs, schema,
footprints, and the comparison with the oracle, whose histories have the new function in them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from app.segments.language.functions import AGGREGATES
from tools.docs_pages import ROOT

STEPS = re.compile(
    r"(?:New file `(?P<new>[^`]+)`"
    r"|In `(?P<file>[^`]+)`, (?P<side>above|below) (?:`` ?(?P<long>.+?) ?``|`(?P<anchor>[^`]+)`)):"
    r"\n\n(?P<indent> *)```(?:python|text|markdown)\n(?P<code>.*?)\n *```\n",
    re.DOTALL,
)
NAME = "spread"
KNOWING = (
    "tests/unit/segments/language/test_wrong_definitions.py",
    "tests/unit/segments/language/test_round_trip.py",
    "tests/docs/test_functions.py",
    "tests/docs/test_examples.py",
)
ORACLE = "tests/properties/test_engine_equals_oracle.py"
FOLDERS = ("app", "agents", "tables", "tests", "tools", "docs", "deploy", "examples")
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml")
PRODUCT_FILES_MAX = 4


def steps() -> list[re.Match[str]]:
    """The steps of the recipe, in order."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text[text.index("## Add a function") :]
    return list(STEPS.finditer(section[: section.index("\n## ", 1)]))


def follow(copy: Path, step: re.Match[str]) -> None:
    """Does one step in a copy of the checkout."""
    code = re.sub(rf"^{step['indent']}", "", step["code"], flags=re.MULTILINE) + "\n"
    if step["new"]:
        (copy / step["new"]).write_text(dedent(code), encoding="utf-8")
        return
    path, anchor = copy / step["file"], step["long"] or step["anchor"]
    text = path.read_text(encoding="utf-8")
    assert text.count(f"\n{anchor}") == 1, f"{step['file']} has {text.count(anchor)} times {anchor!r}"
    at = text.index(f"\n{anchor}") + 1
    if step["side"] == "below":
        at = text.index("\n", at) + 1
    path.write_text(text[:at] + code + text[at:], encoding="utf-8")


def run(copy: Path, *command: str, histories: int = 0) -> subprocess.CompletedProcess[str]:
    """Python in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"TRUTH_HISTORIES": str(histories)} if histories else {}
    return subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


def run_tests(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Tests in the copy."""
    return run(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, histories=100)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the checkout, with what was built in it."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "results"))
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path)
    return tmp_path


def test_the_recipe_touches_few_files_of_the_product() -> None:
    files = {step["new"] or step["file"] for step in steps()}
    assert {file for file in files if not file.startswith("tests/")} == {
        "tables/spread.py",
        "app/segments/language/functions.py",
        "docs/language.md",
    }
    assert len(files) <= PRODUCT_FILES_MAX


@pytest.mark.timeout(900)
def test_a_function_that_is_added_by_the_recipe_is_known_everywhere(copy: Path) -> None:
    assert NAME not in AGGREGATES
    recipe = steps()
    to_forget = [step for step in recipe if (step["file"] or "").startswith(("tests/", "docs/"))]
    assert len(to_forget) == 4
    for step in recipe:
        if step not in to_forget:
            follow(copy, step)
    assert run_tests(copy, ORACLE).returncode == 1, "the oracle does not know the function, and nobody noticed"
    undocumented = run_tests(copy, "tests/docs/test_functions.py", "-k", "page")
    assert f"test_the_page_has_a_row_for_each_function[{NAME}]" in undocumented.stdout
    for step in to_forget:
        follow(copy, step)
    for writer in ("tools.error_messages", "tests.unit.segments.language.wrong_definitions"):
        assert run(copy, "-m", writer).returncode == 0
    done = run_tests(copy, *KNOWING, ORACLE)
    assert done.returncode == 0, done.stdout[-3_000:]
    plain = run(copy, "-m", "mypy", "app/segments/language", "tables", "tests/model")
    assert plain.returncode == 0, plain.stdout
