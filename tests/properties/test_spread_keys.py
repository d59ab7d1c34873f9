"""Keys of one person in several partitions: whenever their link records are read, nothing is lost or counted twice."""

import pytest

from tests.properties.counts import FIRST_SEED, HISTORIES
from tests.properties.spread import miscounted, misremembered
from tests.support.choices import Choices

HISTORIES_AT_ONCE = 25

pytestmark = [pytest.mark.truth, pytest.mark.timeout(600)]
some_seeds = pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 2, HISTORIES_AT_ONCE))


@some_seeds
def test_every_event_counts_in_exactly_one_profile(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = miscounted(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"


@some_seeds
def test_what_depends_on_times_alone_is_as_if_all_events_had_one_key(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = misremembered(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"
