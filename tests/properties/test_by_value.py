"""Segments by value: each value is what the plain definition says of its events alone.

Histories are those of the seeds from `TRUTH_SEED` on, half as many as `TRUTH_HISTORIES` says. In most of them few
values can be known at a time.
"""

import pytest

from tests.properties.counts import FIRST_SEED, HISTORIES
from tests.properties.hunt import difference_of
from tests.properties.playing import Player
from tests.properties.values import limit_of, value_scenario_of
from tests.support.choices import Choices
from tests.support.few_values import few_values

HISTORIES_AT_ONCE = 25

pytestmark = [pytest.mark.truth, pytest.mark.timeout(600)]


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))
def test_every_change_is_the_one_that_the_plain_definition_says_of_one_value(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        scenario = value_scenario_of(Choices.seeded(seed))
        found = difference_of(seed, scenario)
        if found is not None:
            pytest.fail(f"seed {seed}: {found}\n\n{scenario}", pytrace=False)


@pytest.mark.long
def test_the_histories_have_what_they_are_about() -> None:
    found = set()
    for seed in range(40):
        with few_values(limit_of(seed)):
            run = Player(value_scenario_of(Choices.seeded(seed))).play()
        for change in (change for changes in run.changes.values() for change in changes if change["value"] is not None):
            found |= {change["change"], change["cause"]["kind"], type(change["value"]).__name__, change["times"]}
    assert found >= {"entered", "exited", "updated", "event", "time", "limit", "merged", "str", "int", 1, 2}
