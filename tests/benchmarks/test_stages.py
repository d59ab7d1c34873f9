"""The stages of a worker are told apart by files and functions that exist."""

import importlib.util
from pathlib import Path

import pytest

from tests.benchmarks.events import ROOT
from tests.benchmarks.sampled_worker import NAMES, REST, STAGES, rank_of
from tests.benchmarks.stages import counted


@pytest.mark.parametrize("place", [place for places in STAGES.values() for place in places if "<" not in place])
def test_a_place_exists(place: str) -> None:
    path, _, function = place.partition(":")
    package = path.split("/")[0]
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    file = Path(spec.submodule_search_locations[0]).parent / path
    assert file.exists()
    assert not function or f"def {function}(" in file.read_text()


@pytest.mark.parametrize(
    ("file", "function", "stage"),
    [
        ("tables/profile.py", "encode", "encode profiles"),
        ("tables/profile.py", "decode", "decode, evaluate, fire timers"),
        ("app/segments/evaluation/change.py", "iso", "make and encode changes"),
        ("app/runtime/kafka/log_reader.py", "read", "fetch"),
        ("app/metrics.py", "committed", REST),
        ("elsewhere/tables.py", "encode", REST),
    ],
)
def test_a_frame_belongs_to_the_first_stage_that_names_its_place(file: str, function: str, stage: str) -> None:
    assert NAMES[rank_of(str(ROOT / file), function)] == stage


def test_samples_are_counted_between_two_instants(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("1.5 0\n2.5 1\n2.75 1\n3.0 8\n3.5 2\n2.")
    assert counted(tmp_path / "samples", 2.0, 3.0) == {1: 2, 8: 1}
