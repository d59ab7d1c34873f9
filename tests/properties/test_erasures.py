"""People who are erased: nothing is left of them, and who comes back begins anew, whatever was on its way."""

import pytest

from tests.properties.counts import FIRST_SEED, HISTORIES
from tests.properties.erasures import erasing_scenario_of, misbegun, unerased
from tests.properties.hunt import difference_of
from tests.support.choices import Choices

HISTORIES_AT_ONCE = 25

pytestmark = [pytest.mark.truth, pytest.mark.timeout(600)]
some_seeds = pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 4, HISTORIES_AT_ONCE))


@some_seeds
def test_engine_and_oracle_agree_where_people_are_erased(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        scenario = erasing_scenario_of(Choices.seeded(seed))
        found = difference_of(seed, scenario)
        assert found is None, f"seed {seed}: {found}\n\n{scenario}"


@some_seeds
def test_a_person_who_comes_back_after_an_erasure_begins_anew(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = misbegun(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"


@some_seeds
def test_nothing_is_left_of_a_person_whatever_the_command_knew_of(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = unerased(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"
