"""Recipes of CONTRIBUTING.md, followed step by step in a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from tools.docs_pages import ROOT

STEPS = re.compile(
    r"(?:New file `(?P<new>[^`]+)`"
    r"|In `(?P<file>[^`]+)`, (?P<side>above|below) (?:`` ?(?P<long>.+?) ?``|`(?P<anchor>[^`]+)`)):"
    r"\n\n(?P<indent> *)```(?:python|text|markdown)\n(?P<code>.*?)\n *```\n",
    re.DOTALL,
)
FOLDERS = ("app", "agents", "tables", "tests", "tools", "docs", "deploy", "examples")
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml")


def steps(title: str) -> list[re.Match[str]]:
    """The steps of the recipe with this title, in order."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text[text.index(f"## {title}\n") :]
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
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "TRUTH_SEED": "0"}
    environment |= {"TRUTH_HISTORIES": str(histories)} if histories else {}
    return subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, timeout=900, check=False
    )


def run_tests(copy: Path, *tests: str, histories: int = 100) -> subprocess.CompletedProcess[str]:
    """Tests in the copy, which end with the first that fails."""
    return run(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, histories=histories)


def copy_checkout(folder_of_copy: Path) -> Path:
    """A copy of the checkout, with what was built in it."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, folder_of_copy / folder, ignore=shutil.ignore_patterns("__pycache__", "results"))
    for file in FILES:
        shutil.copy(ROOT / file, folder_of_copy)
    return folder_of_copy
