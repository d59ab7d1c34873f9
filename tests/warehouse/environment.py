"""An environment with dbt and pandera, which need other versions of packages than the lock file has, made once."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.support.commands import complaint_of
from tests.support.maven import CACHE, made_once

PACKAGES: Final = Path(__file__).parent / "requirements.txt"
INSTALL_TIMEOUT_S: Final = 600
_PIP_OPTIONS: Final = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps")


class _FailedError(Exception):
    """The environment cannot be made; the message says why."""


def python_with_tools() -> Path:
    """The interpreter of the environment. Skips the test where the packages cannot be downloaded, but never in CI."""
    try:
        return made_once(CACHE / "warehouse-tools", [PACKAGES], _install) / "bin" / "python"
    except _FailedError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def _install(folder: Path) -> None:
    run = partial(_run, timeout_s=INSTALL_TIMEOUT_S)
    run(sys.executable, "-m", "venv", str(folder))
    run(str(folder / "bin" / "python"), "-m", "pip", "install", *_PIP_OPTIONS, "-r", str(PACKAGES))


def _run(*command: str, timeout_s: float) -> None:
    said = complaint_of(command, timeout_s=timeout_s)
    if said is not None:
        raise _FailedError(f"{PACKAGES.name} cannot be installed: {said[-500:].strip()}")
