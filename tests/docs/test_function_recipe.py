"""The recipe "Add a function" of CONTRIBUTING.md, followed step by step in a copy of the checkout.

Each block of code goes where the line above it says. Then what should know of a function does: messages, docs, schema,
footprints, and the comparison with the oracle, whose histories have the new function in them.
"""

from pathlib import Path

import pytest

from app.segments.language.functions import AGGREGATES
from tests.docs.recipes import copy_checkout, follow, run, run_tests, steps

TITLE = "Add a function"
NAME = "spread"
KNOWING = (
    "tests/unit/segments/language/test_wrong_definitions.py",
    "tests/unit/segments/language/test_round_trip.py",
    "tests/docs/test_functions.py",
    "tests/docs/test_examples.py",
)
ORACLE = "tests/properties/test_engine_equals_oracle.py"
PRODUCT_FILES_MAX = 4
HUNT = f"""
import sys
from tests.properties.hunt import hunt, scenario_of
from tests.support.choices import Choices

named = [seed for seed in range(2_000) if "{NAME}(" in str(scenario_of(Choices.seeded(seed)).files)]
assert len(named) >= 10, named
sys.exit(hunt(named) is not None)
"""
"""Compares the histories whose definitions have the function; exits with 1 if one tells engine and oracle apart."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the checkout."""
    return copy_checkout(tmp_path)


def test_the_recipe_touches_few_files_of_the_product() -> None:
    files = {step["new"] or step["file"] for step in steps(TITLE)}
    assert {file for file in files if not file.startswith("tests/")} == {
        "tables/spread.py",
        "app/segments/language/functions.py",
        "docs/language.md",
    }
    assert len(files) <= PRODUCT_FILES_MAX


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_function_that_is_added_by_the_recipe_is_known_everywhere(copy: Path) -> None:
    assert NAME not in AGGREGATES
    recipe = steps(TITLE)
    to_forget = [step for step in recipe if (step["file"] or "").startswith(("tests/", "docs/"))]
    assert len(to_forget) == 4
    for step in recipe:
        if step not in to_forget:
            follow(copy, step)
    unknown = run(copy, "-c", HUNT)
    assert unknown.returncode == 1, "the oracle does not know the function, and nobody noticed"
    assert f"AssertionError: {NAME}" in unknown.stderr, unknown.stderr
    undocumented = run_tests(copy, "tests/docs/test_functions.py", "-k", "page")
    assert f"test_the_page_has_a_row_for_each_function[{NAME}]" in undocumented.stdout
    for step in to_forget:
        follow(copy, step)
    for writer in ("tools.error_messages", "tests.unit.segments.language.wrong_definitions"):
        assert run(copy, "-m", writer).returncode == 0
    known = run(copy, "-c", HUNT)
    assert known.returncode == 0, known.stderr
    done = run_tests(copy, *KNOWING, ORACLE)
    assert done.returncode == 0, done.stdout[-3_000:]
    plain = run(copy, "-m", "mypy", "app/segments/language", "tables", "tests/model")
    assert plain.returncode == 0, plain.stdout
