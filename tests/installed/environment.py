"""Clean environments: a wheel of this checkout, what it depends on, and nothing else.

The dependencies are not downloaded again: `make setup` has installed them from the lock file for the tests, and their
files are linked into the new environment. Which they are, the wheel's own metadata says.
"""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
EXTRAS: Final = ("embedded",)
BUILD_TIMEOUT_S: Final = 100
START_TIMEOUT_S: Final = 80
END_TIMEOUT_S: Final = 30


def build_sdist(folder: Path) -> Path:
    """The source distribution of this checkout."""
    return _build(ROOT, "sdist", folder)


def build_wheel(sdist: Path, folder: Path) -> Path:
    """The wheel that is built from a source distribution, outside of the checkout."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    return _build(source, "wheel", folder)


def stand_in(distribution_name: str, package: str, folder: Path) -> Path:
    """A wheel with one package, whose `NAME` is the name of the distribution."""
    wheel = folder / f"{distribution_name.replace('-', '_')}-1.0-py3-none-any.whl"
    about = f"{distribution_name.replace('-', '_')}-1.0.dist-info"
    files = {
        f"{package}/__init__.py": f"NAME = {distribution_name!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {distribution_name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


class Environment:
    """A virtual environment outside of the checkout; wheels are installed in the order in which they are given."""

    def __init__(self, folder: Path, *wheels: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=BUILD_TIMEOUT_S)
        self.bin = folder / "bin"
        self.python = self.bin / "python"
        asked = [str(self.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        self.site_packages = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
        _link(dependencies("shoal"), self.site_packages)
        for wheel in wheels:
            self.uv("install", "--no-deps", "--no-index", "--offline", "--no-cache", str(wheel))

    def uv(self, command: str, *arguments: str) -> None:
        """Runs one of uv's pip commands on this environment."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
        done = subprocess.run(
            [Path(sys.executable).with_name("uv"), "pip", command, "--python", self.python, *arguments],
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
            env=environ,
        )
        assert done.returncode == 0, done.stderr

    def run(self, *command: str, cwd: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Runs a program of this environment (`shoal`, `python`) to its end."""
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=cwd,
            env=self.environ(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )

    @contextmanager
    def start(self, *command: str, cwd: Path, log: Path, **environ: str) -> Iterator["Started"]:
        """Runs a program of this environment as long as the block, or until it ends; what it prints goes to `log`."""
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [self.bin / command[0], *command[1:]],
                cwd=cwd,
                env=self.environ(environ),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Started(process, log)
        finally:
            process.kill()
            process.wait(timeout=END_TIMEOUT_S)

    def environ(self, more: dict[str, str]) -> dict[str, str]:
        """Nothing of the variables of the test run, but the path."""
        return {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", **more}


@dataclass(frozen=True, slots=True)
class Started:
    """A program that was started."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def said(self) -> str:
        """All that it has printed so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, condition: Callable[[str], bool]) -> None:
        """Waits until what it has printed fulfils the condition; fails if it ends before."""
        wait_until(lambda: condition(self.said) or self.process.poll() is not None, within_s=START_TIMEOUT_S)
        assert condition(self.said), self.said

    def end(self, number: signal.Signals) -> int:
        """Sends a signal and waits for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=END_TIMEOUT_S)


def dependencies(name: str, extras: Iterable[str] = EXTRAS) -> dict[str, Distribution]:
    """Name -> distribution, of all that one needs to run: what its metadata names, and what that needs in turn."""
    found: dict[str, Distribution] = {}
    waiting = [(name, frozenset(extras))]
    seen = set(waiting)
    while waiting:
        each, wanted = waiting.pop()
        try:
            here = distribution(each)
        except PackageNotFoundError:
            raise AssertionError(f"{each} is not installed; make setup") from None
        if each != name:
            found[each] = here
        for line in here.requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
                found_now = (needed.name, frozenset(needed.extras))
                if found_now not in seen:
                    seen.add(found_now)
                    waiting.append(found_now)
    return found


def _link(distributions: dict[str, Distribution], site_packages: Path) -> None:
    for each in distributions.values():
        for file in each.files or ():
            if ".." in file.parts:  # a script
                continue
            target = site_packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                _link_or_copy(Path(str(file.locate())), target)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another file system
        if source.exists():
            shutil.copy2(source, target)


def _build(source: Path, target: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return built
