"""Virtual environments of peers, each with the packages of a pinned list, made once for each version of the list."""

import re
import sys
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks.peers.peer import PeerUnavailableError
from tests.support.commands import complaint_of
from tests.support.maven import CACHE, made_once

LISTS: Final = Path(__file__).parent / "requirements"
INSTALL_TIMEOUT_S: Final = 600
SAID_CHARACTERS: Final = 500
_PIP_OPTIONS: Final = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps")


def python_of(name: str) -> Path:
    """The interpreter of the environment that `requirements/<name>.txt` describes; PeerUnavailableError if it fails.

    Safe to call from several processes at once: the first one installs, the others wait.
    """
    folder = made_once(CACHE / "peers" / name, [_list_of(name)], partial(_install, name))
    return folder / "bin" / "python"


def pinned(name: str, package: str) -> str:
    """The version of a package in the list."""
    found = re.search(rf"^{re.escape(package)}==(\S+)$", _list_of(name).read_text(), re.MULTILINE)
    assert found is not None, f"{package} in {_list_of(name)}"
    return found[1]


def _list_of(name: str) -> Path:
    return LISTS / f"{name}.txt"


def _install(name: str, folder: Path) -> None:
    _run(name, sys.executable, "-m", "venv", str(folder))
    _run(name, str(folder / "bin" / "python"), "-m", "pip", "install", *_PIP_OPTIONS, "-r", str(_list_of(name)))


def _run(name: str, *command: str) -> None:
    said = complaint_of(command, timeout_s=INSTALL_TIMEOUT_S)
    if said is not None:
        raise PeerUnavailableError(f"{name} cannot be installed: {said[-SAID_CHARACTERS:].strip()}")
