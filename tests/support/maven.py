"""Builds of Apache Maven: jars, once for each version of the files that name them."""

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from tests.support.commands import complaint_of

CACHE: Final = Path(__file__).parents[2] / ".cache"
JAVA_VERSION_MIN: Final = 17
_TRIES: Final = 3


class JavaUnavailableError(Exception):
    """This machine cannot make or run a program in Java; the message says why."""


def check_java(what: str) -> None:
    """Raise JavaUnavailableError unless there is a Java that runs `what`."""
    java = shutil.which("java")
    if java is None:
        raise JavaUnavailableError(f"no java on the path; {what} wants Java {JAVA_VERSION_MIN} or newer")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    match = re.search(r'version "(\d+)', said)
    if match is None or int(match[1]) < JAVA_VERSION_MIN:
        raise JavaUnavailableError(f"{what} wants Java {JAVA_VERSION_MIN} or newer; {java} says: {said.strip()}")


def made_once(cache: Path, sources: Iterable[Path], make: Callable[[Path], None]) -> Path:
    """The folder of `cache` that `make` has filled from these very `sources`; it is called only if need be.

    `make` fills the folder it is given, which is not there yet. Safe to call from several processes at once: the first
    one makes, the others wait.
    """
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    wanted = cache / digest.hexdigest()[:12]
    if wanted.is_dir():
        return wanted
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.is_dir():
            partial = wanted.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            make(partial)
            partial.rename(wanted)
    return wanted


def run_maven(pom: Path, *arguments: str, what: str, timeout_s: float) -> None:
    """Run Maven, up to three times, because registries fail now and then; JavaUnavailableError if it is to no avail.

    `what` it makes is for the message; `timeout_s` is for each try.
    """
    mvn = shutil.which("mvn")
    if mvn is None:
        raise JavaUnavailableError(f"no mvn (Maven) on the path; it downloads {what}")
    command = [mvn, "--batch-mode", "--no-transfer-progress", "--quiet", "--file", str(pom), *arguments]
    said = ""
    for _ in range(_TRIES):
        complaint = complaint_of(command, timeout_s=timeout_s)
        if complaint is None:
            return
        said = complaint
    raise JavaUnavailableError(f"Maven could not download {what} in {_TRIES} tries:\n{said[-2_000:]}")
