"""A segment that is published late and filled: from then on it is as if it had been there since the first event.

`TRUTH_HISTORIES` and `TRUTH_SEED` as for the comparison with the oracle. The moments of publishing, of each record of
the backfill and of each new process of the command are drawn, too.
"""

import os
from collections.abc import Callable

import pytest

from tests.properties.consents import consent_scenario_of
from tests.properties.erasures import erasing_scenario_of
from tests.properties.scenario import Scenario, people_scenario_of, scenario_of
from tests.properties.values import limit_of, value_scenario_of
from tests.support.backfilling import unlike_one_run
from tests.support.choices import Choices
from tests.support.few_values import few_values

HISTORIES_AT_ONCE = 25
HISTORIES = max(int(os.environ.get("TRUTH_HISTORIES", "1000")) // 10, HISTORIES_AT_ONCE)
FIRST_SEED = int(os.environ.get("TRUTH_SEED", "0"))

KINDS = [scenario_of, people_scenario_of, consent_scenario_of, erasing_scenario_of]

pytestmark = [pytest.mark.truth, pytest.mark.timeout(600)]
some_seeds = pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES, HISTORIES_AT_ONCE))


@some_seeds
@pytest.mark.long
def test_the_values_of_a_segment_that_is_filled_are_as_in_one_run(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        choices = Choices.seeded(seed)
        with few_values(limit_of(seed)):
            found = unlike_one_run(choices, value_scenario_of(choices))
        assert found is None, f"seed {seed}: {found}"


@some_seeds
@pytest.mark.parametrize("scenario", KINDS, ids=["all", "people", "consent", "erased"])
@pytest.mark.long
def test_a_segment_that_is_filled_is_as_in_one_run(first: int, scenario: Callable[[Choices], Scenario]) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        choices = Choices.seeded(seed)
        found = unlike_one_run(choices, scenario(choices))
        assert found is None, f"seed {seed}: {found}"


@pytest.mark.parametrize(("seed", "scenario"), [(153, scenario_of), (3_081, scenario_of), (6_189, people_scenario_of)])
def test_what_a_seed_has_found_once(seed: int, scenario: Callable[[Choices], Scenario]) -> None:
    choices = Choices.seeded(seed)
    assert unlike_one_run(choices, scenario(choices)) is None
