"""After all terms nothing is found of who was erased, among faults: no canary of their events, and no profile."""

import logging
from collections.abc import Iterator

import pytest

from app.runtime.records.erasure_events import read_erasure
from tests.simulation.canaries import CanaryRun

RUNS = 300


@pytest.fixture
def quiet() -> Iterator[None]:
    """No logs of hundreds of runs."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_no_canary_of_who_was_erased_is_found_after_the_terms(quiet: None) -> None:
    erasures = keys = seen = 0
    for seed in range(RUNS):
        run = CanaryRun(seed, transactions=True)
        outcome = run.play()
        assert not outcome.violations, f"seed {seed}: {outcome.violations}"
        erasures += len(run.canaries.known)
        for number in range(run.settings.partitions):
            topics = run.settings.topics
            steps = [read_erasure(each.value) for each in run.broker.log(topics.erasures, number).committed()]
            keys += sum(step.result == "erased" for step in steps)
            changes = run.broker.log(topics.changes, number).committed()
            seen += sum(b"canary-of" in each.value for each in changes)
    assert erasures > RUNS
    assert keys > erasures, "people with several keys among them"
    assert seen > RUNS, "changes carry canaries"
