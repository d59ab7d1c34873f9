"""Virtual environments of peers, each with the packages of a pinned list, made once for each version of the list."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.benchmarks.events import ROOT
from tests.benchmarks.peers.peer import PeerUnavailableError

CACHE: Final = ROOT / ".cache" / "peers"
LISTS: Final = Path(__file__).parent / "requirements"
INSTALL_TIMEOUT_S: Final = 600
SAID_CHARACTERS: Final = 500


def python_of(name: str) -> Path:
    """The interpreter of the environment that `requirements/<name>.txt` describes; PeerUnavailableError if it fails.

    Safe to call from several processes at once: the first one installs, the others wait.
    """
    wanted = CACHE / name / hashlib.sha256(_list_of(name).read_bytes()).hexdigest()[:12]
    python = wanted / "bin" / "python"
    done = wanted / "done"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with (wanted.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(wanted, ignore_errors=True)
            _run(name, sys.executable, "-m", "venv", str(wanted))
            _run(name, str(python), "-m", "pip", "install", *_PIP, "--requirement", str(_list_of(name)))
            done.touch()
    return python


def pinned(name: str, package: str) -> str:
    """The version of a package in the list."""
    found = re.search(rf"^{re.escape(package)}==(\S+)$", _list_of(name).read_text(), re.MULTILINE)
    assert found is not None, f"{package} in {_list_of(name)}"
    return found[1]


_PIP: Final = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps")


def _list_of(name: str) -> Path:
    return LISTS / f"{name}.txt"


def _run(name: str, *command: str) -> None:
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise PeerUnavailableError(f"{name} cannot be installed: {error.stdout[-SAID_CHARACTERS:].strip()}") from None
    except subprocess.TimeoutExpired:
        raise PeerUnavailableError(f"{name} cannot be installed: no end after {INSTALL_TIMEOUT_S} s") from None
