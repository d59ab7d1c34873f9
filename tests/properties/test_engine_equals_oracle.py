"""The engine and the oracle agree on every change: the definition language's meaning, tried on random histories.

`TRUTH_HISTORIES` is the number of histories (50). They are the same at every run: history n is that of the seed n;
`TRUTH_SEED` is the first one (0). `TRUTH_CONSENTS` is the number of short histories with consent (50). A history that
once told the two apart stays as a file in tests/model/examples, as the report of a failure prints it.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.properties.cleanings import cleaning_scenario_of
from tests.properties.comparison import difference, report
from tests.properties.consents import consent_scenario_of
from tests.properties.counts import FIRST_SEED, HISTORIES
from tests.properties.experiments import experiment_scenario_of
from tests.properties.populations import population_scenario_of
from tests.properties.scenario import Scenario, merging_scenario_of, people_scenario_of, scenario_of, scenarios
from tests.properties.term_catalogs import term_scenario_of
from tests.support.choices import Choices
from tests.support.states_in_hand import every_state_in_hand

HISTORIES_AT_ONCE = 25
CONSENTS = int(os.environ.get("TRUTH_CONSENTS", "50"))
SHORT_MOMENTS, SHORT_FROM = 12, 100_000
EXAMPLES = sorted((Path(__file__).parents[1] / "model" / "examples").glob("*.json"))

pytestmark = [pytest.mark.truth, pytest.mark.timeout(600)]


def agree(history: Callable[[Choices], Scenario], first: int, *, every: int = 1) -> None:
    """Fails at the first seed, of a number of them, whose history the two tell differently."""
    for seed in range(first, first + HISTORIES_AT_ONCE, every):
        found = report(history(Choices.seeded(seed)))
        if found is not None:
            pytest.fail(f"seed {seed}: {found}", pytrace=False)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says(first: int) -> None:
    agree(scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 4, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_of_few_kinds_of_terms(first: int) -> None:
    agree(term_scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_where_two_users_turn_out_to_be_one(first: int) -> None:
    agree(merging_scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_where_every_state_is_in_hand(first: int) -> None:
    with every_state_in_hand():
        agree(scenario_of, first, every=2)
        agree(merging_scenario_of, first + 1, every=2)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 4, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_of_people_with_several_keys(first: int) -> None:
    agree(people_scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_of_users_who_agree_and_withdraw(first: int) -> None:
    agree(consent_scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_of_users_in_groups(first: int) -> None:
    agree(experiment_scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_of_users_who_are_compared_with_all(first: int) -> None:
    agree(population_scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_where_values_are_cleaned(first: int) -> None:
    agree(cleaning_scenario_of, first)


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + CONSENTS, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_oracle_says_soon_after_users_have_agreed_or_not(first: int) -> None:
    agree(lambda choices: short(consent_scenario_of(choices)), SHORT_FROM + first)


def short(scenario: Scenario) -> Scenario:
    """The beginning of a history: many of them in the time of one."""
    return replace(scenario, moments=scenario.moments[:SHORT_MOMENTS])


@settings(
    max_examples=HISTORIES // 10,
    phases=[Phase.generate, Phase.target],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(scenarios())
def test_every_change_is_the_one_that_the_oracle_says_as_hypothesis_likes_histories(scenario: Scenario) -> None:
    found = report(scenario)
    if found is not None:
        pytest.fail(found, pytrace=False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_histories_that_once_told_them_apart_do_not_any_more(path: Path) -> None:
    scenario = Scenario.from_json(path.read_text())
    found = difference(scenario)
    assert found is None, f"{found}\n\n{scenario}"
