"""The engine and the oracle agree on every change: the definition language's meaning, tried on random histories.

`SHOAL_HISTORIES` is the number of histories (1,000). They are the same at every run; `SHOAL_SEED` gives others.
A history that once told them apart stays as a file in tests/model/examples, as the report of a failure prints it.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.properties.comparison import difference, report
from tests.properties.scenario import Scenario, scenarios

HISTORIES_AT_ONCE = 50
HISTORIES = int(os.environ.get("SHOAL_HISTORIES", "1000"))
SEED = int(os.environ.get("SHOAL_SEED", "1"))
EXAMPLES = sorted((Path(__file__).parents[1] / "model" / "examples").glob("*.json"))


@pytest.mark.truth
@pytest.mark.parametrize("part", range(-(-HISTORIES // HISTORIES_AT_ONCE)))
def test_every_change_is_the_one_that_the_oracle_says(part: int) -> None:
    first_seed = SEED * 1_000_000 + part

    @seed(first_seed)
    @settings(
        max_examples=HISTORIES_AT_ONCE,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios())
    def agree(scenario: Scenario) -> None:
        found = report(scenario)
        if found is not None:
            pytest.fail(f"seed {first_seed}: {found}", pytrace=False)

    agree()


@pytest.mark.truth
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_histories_that_once_told_them_apart_do_not_any_more(path: Path) -> None:
    scenario = Scenario.from_json(path.read_text())
    found = difference(scenario)
    assert found is None, f"{found}\n\n{scenario}"
