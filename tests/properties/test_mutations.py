"""The comparison bites: bugs put into a copy of the pure half on purpose are found.

The hunts take minutes: TRUTH_MUTATIONS=1 runs them, TRUTH_HISTORIES says how many histories each may take (3,000).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model.backfill_mutations import BACKFILL_MUTATIONS
from tests.model.cleaning_mutations import CLEANING_MUTATIONS
from tests.model.consent_mutations import CONSENT_MUTATIONS
from tests.model.day_mutations import DAY_MUTATIONS
from tests.model.each_mutations import EACH_MUTATIONS
from tests.model.erase_mutations import ERASE_MUTATIONS
from tests.model.experiment_mutations import EXPERIMENT_MUTATIONS
from tests.model.geography_mutations import GEOGRAPHY_MUTATIONS
from tests.model.identity_mutations import IDENTITY_MUTATIONS
from tests.model.list_mutations import LIST_MUTATIONS
from tests.model.merge_mutations import MERGE_MUTATIONS
from tests.model.model_mutations import MODEL_MUTATIONS
from tests.model.mutation import Mutation
from tests.model.mutations import MUTATIONS
from tests.model.population_mutations import POPULATION_MUTATIONS
from tests.model.split_mutations import SPLIT_MUTATIONS
from tests.model.term_mutations import TERM_MUTATIONS

ROOT = Path(__file__).parents[2]
HISTORIES = os.environ.get("TRUTH_HISTORIES", "3000")
PURE = ("app", "tables", "tests/__init__.py", "tests/model", "tests/properties", "tests/support", "hatch_build.py")


@pytest.mark.parametrize(
    "mutation",
    [
        *(*MUTATIONS, *IDENTITY_MUTATIONS, *SPLIT_MUTATIONS, *ERASE_MUTATIONS),
        *(*CONSENT_MUTATIONS, *EXPERIMENT_MUTATIONS, *EACH_MUTATIONS, *BACKFILL_MUTATIONS, *MODEL_MUTATIONS),
        *(*POPULATION_MUTATIONS, *CLEANING_MUTATIONS),
    ],
    ids=lambda mutation: mutation.name,
)
def test_the_text_to_be_changed_is_there(mutation: Mutation, tmp_path: Path) -> None:
    (tmp_path / mutation.path).parent.mkdir(parents=True)
    shutil.copy(ROOT / mutation.path, tmp_path / mutation.path)
    mutation.apply(tmp_path)


pytestmark = [pytest.mark.truth, pytest.mark.timeout(1_800)]
hunts = pytest.mark.skipif("TRUTH_MUTATIONS" not in os.environ, reason="takes minutes: TRUTH_MUTATIONS=1 runs it")


@hunts
def test_without_a_bug_nothing_is_found(tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path)
    assert found.returncode == 0, found.stderr


@hunts
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation)
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert "rules: TimeRules" in found.stderr, found.stderr


@hunts
@pytest.mark.parametrize("mutation", IDENTITY_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_what_several_keys_do_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "people")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert found.stderr.startswith("seed "), found.stderr


@hunts
@pytest.mark.parametrize("mutation", SPLIT_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_a_split_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "split")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert found.stderr.startswith("seed "), found.stderr


@hunts
@pytest.mark.parametrize("mutation", ERASE_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_an_erasure_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "erase")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert found.stderr.startswith("seed "), found.stderr


@hunts
@pytest.mark.parametrize("mutation", CONSENT_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_what_consent_does_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "consent")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert "rules: TimeRules" in found.stderr, found.stderr


@hunts
@pytest.mark.parametrize("mutation", EXPERIMENT_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_what_experiments_do_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "experiment")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert "rules: TimeRules" in found.stderr, found.stderr


@hunts
@pytest.mark.parametrize("mutation", EACH_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_segments_by_value_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "value")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert found.stderr.startswith(("seed ", "Traceback")), found.stderr


@hunts
@pytest.mark.parametrize("mutation", MODEL_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_the_scores_of_models_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "model")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert "rules: TimeRules" in found.stderr, found.stderr


@hunts
@pytest.mark.parametrize("mutation", CLEANING_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_the_cleaning_of_values_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "cleaning")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert "rules: TimeRules" in found.stderr, found.stderr


@hunts
@pytest.mark.parametrize("mutation", POPULATION_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_what_censuses_do_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "population")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert "rules: TimeRules" in found.stderr, found.stderr


@hunts
@pytest.mark.parametrize("mutation", BACKFILL_MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_bug_in_a_backfill_is_found(mutation: Mutation, tmp_path: Path) -> None:
    found = hunt_in_copy(tmp_path, mutation, "backfill")
    assert found.returncode == 1, f"not found among {HISTORIES} histories"
    assert found.stderr.startswith(("seed ", "Traceback")), found.stderr


def hunt_in_copy(folder: Path, mutation: Mutation | None = None, *kind: str) -> subprocess.CompletedProcess[str]:
    for name in PURE:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
    if mutation is not None:
        mutation.apply(folder)
        if mutation.path.endswith(".c"):
            subprocess.run([sys.executable, "hatch_build.py"], cwd=folder, check=True)
    command = [sys.executable, "-m", "tests.properties.hunt", HISTORIES, "0", *kind]
    if mutation in MERGE_MUTATIONS:
        command.append("merging")
    if mutation in (*LIST_MUTATIONS, *TERM_MUTATIONS, *GEOGRAPHY_MUTATIONS, *DAY_MUTATIONS):
        command.append("terms")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
