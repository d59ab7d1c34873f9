"""After all terms nothing is found of who was erased, among faults: no canary of their events, and no profile."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.runtime.partition.disk_table import DiskTable
from app.runtime.records.erasure_events import read_erasure
from tests.simulation.canaries import CanaryRun

RUNS = 300
RUNS_ON_DISK = 8


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


class OnDisk(CanaryRun):
    """A run whose workers keep their profiles on disk."""


def played_on_disk(folder: Path) -> tuple[list[str], int]:
    """The violations of some runs, and how many profiles were removed from the disk by an erasure."""
    found, removed = [], 0
    for seed in range(RUNS_ON_DISK):
        OnDisk.disk = folder / str(seed)
        OnDisk.disk.mkdir()
        run = OnDisk(seed, transactions=True)
        found += [f"seed {seed}: {each}" for each in run.play().violations]
        removed += sum(table.removed for table in run.tables)
        for table in run.tables:
            table.close()
    return found, removed


def test_nothing_of_who_was_erased_is_in_the_files_of_a_worker(quiet: None, tmp_path: Path) -> None:
    violations, removed = played_on_disk(tmp_path)
    assert not violations
    assert removed, "the search looks where it should"


def test_without_a_removal_profiles_stay_in_the_files(
    quiet: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiskTable, "forget_older", lambda table, _: table._database.flush())
    violations, _ = played_on_disk(tmp_path)
    assert any("a file of profiles: what " in each for each in violations)
