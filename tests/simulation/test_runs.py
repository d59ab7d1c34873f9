"""The runtime's own code on a simulated cluster: whatever dies, everything is there once, in order, and goes on."""

import os
import sys
from collections import Counter
from subprocess import run

import pytest

from tests.simulation.__main__ import play, simulate, story_of
from tests.simulation.run import Run

SHORT_RUNS = 300
LONG_RUNS = int(os.environ.get("SIMULATION_RUNS", "100000"))
FIRST_SEED = int(os.environ.get("SIMULATION_SEED", "0"))


@pytest.mark.timeout(900)  # a machine may be busy with other things
def test_thousands_of_runs_violate_nothing() -> None:
    sums = simulate(range(FIRST_SEED, FIRST_SEED + SHORT_RUNS))
    bad = [name for name in sums if name.startswith("bad ")]
    assert not bad, story_of(play(int(bad[0].removeprefix("bad ")), telling=True))
    assert sums["runs"] == SHORT_RUNS
    assert sums["faults"] > 3 * SHORT_RUNS
    assert sums["restarts"] > SHORT_RUNS / 2
    assert sums["changes"] > 3 * SHORT_RUNS


@pytest.mark.parametrize("transactions", [True, False], ids=["with transactions", "without transactions"])
def test_the_same_seed_is_the_same_run_step_for_step(transactions: bool) -> None:
    for seed in range(20):
        stories = [Run(seed, transactions=transactions, telling=True).play().story for _ in range(2)]
        assert stories[0] == stories[1]
        assert stories[0]


@pytest.mark.timeout(300)
def test_every_state_and_every_fault_comes_up() -> None:
    told: Counter[str] = Counter()
    for seed in range(300):
        for line in Run(seed, telling=True).play().story:
            told.update(word for word in WORDS if word in line)
    assert told.keys() == set(WORDS)


WORDS = (
    "fences partition",
    "request lost",
    "answer lost, told",
    "slow",
    "refused",
    "dies before",
    "dies after",
    "freezes",
    "the agent hangs",
    "the agent fails after",
    "the agent starves",
    "the broker is away",
    "is compacted",
    "is told to end",
    "another catalog is published",
    "no such member",
    "nothing is heard of",
)


@pytest.mark.simulations
@pytest.mark.timeout(6 * 3_600)
def test_a_hundred_thousand_runs_violate_nothing() -> None:
    options = ["--runs", str(LONG_RUNS), "--seed", str(FIRST_SEED)]
    assert run([sys.executable, "-m", "tests.simulation", *options], check=False).returncode == 0
