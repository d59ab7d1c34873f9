"""Keys that are split and merged by hand: nothing is lost or counted twice, and a split leaves nothing of the link."""

import pytest

from tests.properties.counts import FIRST_SEED, HISTORIES
from tests.properties.split_keys import misdivided, misrenamed, misreplaced, misseparated, mistold
from tests.support.choices import Choices

HISTORIES_AT_ONCE = 25

pytestmark = [pytest.mark.truth, pytest.mark.timeout(600)]
some_seeds = pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES // 4, HISTORIES_AT_ONCE))


@some_seeds
def test_every_event_counts_once_whoever_is_split_and_merged(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = misdivided(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"


@some_seeds
def test_readers_are_told_of_every_membership_whoever_is_split_and_merged(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = mistold(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"


@some_seeds
def test_after_a_split_both_keys_have_what_they_would_have_without_the_link(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = misseparated(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"


@some_seeds
def test_after_a_split_the_user_is_as_one_who_could_never_claim_the_key(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = misreplaced(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"


@some_seeds
def test_under_a_new_name_everybody_is_who_they_were(first: int) -> None:
    for seed in range(first, first + HISTORIES_AT_ONCE):
        found = misrenamed(Choices.seeded(seed))
        assert found is None, f"seed {seed}: {found}"
