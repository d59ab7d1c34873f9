"""`make setup` does nothing where all is there, and something where another Python is named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (
    "Makefile",
    "requirements.lock",
    "pyproject.toml",
    "hatch_build.py",
    "app/events/_instants.c",
    "app/segments/partition/_fast_path.c",
    "app/runtime/kafka/_record_batch.c",
)
BASE = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")

pytestmark = pytest.mark.skipif(not BASE.exists() or shutil.which("make") is None, reason="no make, or another layout")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Checkout whose environment has just been made."""
    for name in SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(BASE)
    (tmp_path / ".venv/.ready").write_text(f"{tmp_path}\n")
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    return subprocess.run(
        ["make", *arguments], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("named", [(), (f"PYTHON={BASE}",)])
def test_it_keeps_the_environment_of_the_same_python(checkout: Path, named: tuple[str, ...]) -> None:
    assert make(checkout, "--question", "setup", *named).returncode == 0


def test_another_python_makes_it_anew(checkout: Path) -> None:
    other = checkout / "other"
    other.write_text("#!/bin/sh\necho another one\n")
    other.chmod(0o755)
    assert make(checkout, "--question", "setup", f"PYTHON={other}").returncode == 1


def test_a_python_that_is_missing_is_said(checkout: Path) -> None:
    done = make(checkout, "setup", "PYTHON=/no/such/python")
    assert done.returncode == 2
    assert "looked for /no/such/python" in done.stderr
    assert (checkout / ".venv/.ready").exists()
