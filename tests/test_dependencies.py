"""Every package that is imported is declared in pyproject.toml: what comes along with another one may leave with it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("shoal", "app", "agents", "tables")
OWN = {*PRODUCT, "tests", "tools", "examples", "deploy", "hatch_build"}
LEARNING = "app/learning/"
IN_ENVIRONMENTS_OF_THEIR_OWN = "tests/benchmarks/peers/programs/"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = packages_distributions()


def plain(requirement: str) -> str:
    """The name in a requirement, as package indexes compare it.

    >>> plain("Google_RE2 >= 1.1; python_version > '3'")
    'google-re2'
    """
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]).lower()


def declared(*extras: str) -> set[str]:
    """Names of the distributions that an installation with these extras asks for by name."""
    optional = PROJECT["optional-dependencies"]
    return {plain(each) for each in (*PROJECT["dependencies"], *(one for extra in extras for one in optional[extra]))}


def imported(file: Path) -> Iterator[tuple[str, bool]]:
    """Top-level names that a file imports, and True for each that is imported whenever the file is."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    at_once = {id(each) for each in tree.body}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            yield name.partition(".")[0], id(node) in at_once


def undeclared(folders: tuple[str, ...], names: set[str], *, at_once_only: bool = False) -> list[str]:
    """Imports of packages that none of the declared distributions has, with the file."""
    found = []
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name, at_once in imported(file):
                if name in sys.stdlib_module_names or name in OWN or (at_once_only and not at_once):
                    continue
                if not names & {plain(each) for each in DISTRIBUTIONS.get(name, [name])}:
                    found.append(f"{file.relative_to(ROOT)} imports {name}")
    return found


def test_the_product_imports_what_it_declares() -> None:
    assert not undeclared(
        PRODUCT,
        declared(
            "bigquery",
            "convert",
            "embedded",
            "kinesis",
            "learn",
            "parquet",
            "pubsub",
            "rocksdb",
            "tracking",
            "uplift",
            "warehouse",
        ),
    )


def test_only_functions_import_what_an_extra_brings() -> None:
    found = undeclared(PRODUCT, declared(), at_once_only=True)
    assert not [each for each in found if not each.startswith(LEARNING)]


def test_only_functions_import_modules_that_an_extra_is_for() -> None:
    files = [file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py")]
    texts = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}
    at_once = re.compile(r"^(?:from|import) app\.learning", re.MULTILINE)
    assert not [path for path, text in texts.items() if at_once.search(text) and not path.startswith(LEARNING)]


def test_tests_and_tools_import_what_is_declared_for_them() -> None:
    found = undeclared(("tests", "tools"), declared(*PROJECT["optional-dependencies"]))
    assert not [each for each in found if not each.startswith(IN_ENVIRONMENTS_OF_THEIR_OWN)]


@pytest.mark.parametrize("name", ["aiohttp", "yarl"])
def test_the_check_finds_what_only_comes_along(name: str) -> None:
    found = undeclared(("app/destinations",), declared() - {name})
    assert any(each.endswith(f" {name}") for each in found)
