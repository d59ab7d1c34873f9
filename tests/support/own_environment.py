"""Environments with packages that do not fit the lock file, each made once for each version of its list."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.support.commands import complaint_of
from tests.support.maven import CACHE, made_once

INSTALL_TIMEOUT_S: Final = 600
_PIP_OPTIONS: Final = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps")


class _FailedError(Exception):
    """The environment cannot be made; the message says why."""


def python_with(packages: Path) -> Path:
    """The interpreter of the environment with the packages of a list.

    Skips the test where they cannot be downloaded, but never in CI. Its scripts do not work, since the environment is
    moved when it is done: run modules.
    """
    name = f"{packages.parent.name}-tools"
    try:
        return made_once(CACHE / name, [packages], partial(_install, packages)) / "bin" / "python"
    except _FailedError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def _install(packages: Path, folder: Path) -> None:
    _run(packages, sys.executable, "-m", "venv", str(folder))
    _run(packages, str(folder / "bin" / "python"), "-m", "pip", "install", *_PIP_OPTIONS, "-r", str(packages))


def _run(packages: Path, *command: str) -> None:
    said = complaint_of(command, timeout_s=INSTALL_TIMEOUT_S)
    if said is not None:
        raise _FailedError(f"{packages} cannot be installed: {said[-500:].strip()}")
