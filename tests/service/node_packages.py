"""Libraries of JavaScript, from npm, once for each version of `node/package.json`."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[2] / ".cache" / "node"
INSTALL_TIMEOUT_S = 240


def node_modules() -> Path:
    """The folder of the packages; skips the test where there is no node, or nothing can be had from npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no node and npm on the path")
    wanted = (FOLDER / "package.json").read_bytes()
    place = CACHE / hashlib.sha256(wanted).hexdigest()[:12]
    if not place.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.is_dir():
                _install(npm, wanted, place)
    return place / "node_modules"


def _install(npm: str, wanted: bytes, place: Path) -> None:
    partial = place.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    (partial / "package.json").write_bytes(wanted)
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=partial, capture_output=True, timeout=INSTALL_TIMEOUT_S, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm could not install: {error}")
    partial.rename(place)
