"""A simulator that finds nothing may be blind: each of these mistakes is found, and the same seed finds it again."""

import pytest

from tests.simulation.bugs import BUGS, Bug
from tests.simulation.run import Run

RUNS_MAX = 2_500


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(BUGS))
def test_it_is_found(name: str) -> None:
    bug: Bug = BUGS[name]
    for seed in range(bug.seed, bug.seed + RUNS_MAX):
        found = bug.run(seed, transactions=bug.transactions).play().violations
        if found:
            assert bug.run(seed, transactions=bug.transactions).play().violations == found
            assert not Run(seed, transactions=bug.transactions).play().violations, "without the bug all is well"
            return
    pytest.fail(f"{bug.meaning}: not seen in {RUNS_MAX} runs")


def test_there_are_enough_of_them() -> None:
    assert len(BUGS) >= 10
