"""Base of the embedded broker and the embedded Redis: a free port, a health check, an end."""

import shutil
import socket
import stat
import tempfile
import time
from abc import ABC, abstractmethod
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

from app.embedded.process import GuardedProcess
from app.errors import UserError, install_command

HOST = "127.0.0.1"
STARTS_MAX = 3  # another process may take the free port before the server does
READY_TIMEOUT_S = 10.0
READY_POLL_S = 0.01
PROBE_TIMEOUT_S = 1.0


class EmbeddedServer(ABC):
    """A server of this machine's own, in memory, on a free port of 127.0.0.1, for as long as the `with` block lasts.

    It ends with the block, and with this process however that ends. Starting takes some ten milliseconds and blocks;
    raises UserError if the server cannot be installed here or does not answer within `READY_TIMEOUT_S`.
    """

    name: str
    hint: str

    def __init__(self) -> None:
        self._port = 0
        self._folder: Path | None = None
        self._process: GuardedProcess | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 while it does not run."""
        return self._port

    @property
    def address(self) -> str:
        """`host:port`, as clients want it."""
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """The server's process id; it must have been started."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def folder(self) -> Path:
        """Folder of its files; the server must have been started."""
        assert self._folder is not None, "not started"
        return self._folder

    @property
    def running(self) -> bool:
        """True if the process lives."""
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start and wait until it answers. UserError, with the server's last words, if it does not."""
        assert self._process is None, "already started"
        program = self.program()
        last_words = ""
        for _ in range(STARTS_MAX):
            self._folder = Path(tempfile.mkdtemp(prefix="shoal-"))
            self._port = free_port()
            try:
                self._process = GuardedProcess(
                    # Its arguments decide what it does, not the variables of the shell.
                    ["env", "-i", *self.command(program, self._folder)],
                    log=self._folder / "log",
                    remove=self._folder,
                )
                if self._wait_until_ready(self._process):
                    return
                last_words = self._process.log_tail()
            except OSError as error:
                last_words = str(error)
            except BaseException:  # Ctrl-C while it starts
                self.stop()
                raise
            self.stop()
        raise UserError(
            f"the embedded {self.name} does not start", detail=last_words or "it did not say why", hint=self.hint
        )

    def stop(self) -> None:
        """End the process and remove its folder; harmless when it has ended already."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def program(self) -> Path:
        """The executable; UserError if this machine has none."""

    @abstractmethod
    def command(self, program: Path, folder: Path) -> list[str]:
        """Returns the command that starts it in the foreground on `self.port`, its files in `folder`."""

    @abstractmethod
    def answers(self, connection: socket.socket) -> bool:
        """True if what listens at the other end is this kind of server, and ready."""

    def _wait_until_ready(self, process: GuardedProcess) -> bool:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while process.running and time.monotonic() < deadline_s:
            if self._probe():
                return True
            time.sleep(READY_POLL_S)
        return False

    def _probe(self) -> bool:
        try:
            with socket.create_connection((HOST, self._port), PROBE_TIMEOUT_S) as connection:
                return self.answers(connection)
        except OSError:
            return False


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def packaged_program(package: str, *path: str, name: str, hint: str) -> Path:
    """The executable that `package` carries; UserError if it is not installed or has none for this platform."""
    try:
        program = Path(str(files(package).joinpath(*path)))
    except ModuleNotFoundError:
        raise UserError(
            f"the embedded {name} is not installed",
            detail=f"the package {package.replace('_', '-')} is missing",
            hint=f"{install_command('embedded')}\n{hint}",
        ) from None
    if not program.is_file():
        raise UserError(
            f"there is no embedded {name} for this platform",
            detail=f"{package.replace('_', '-')} has no {'/'.join(path)}",
            hint=hint,
        )
    if not program.stat().st_mode & stat.S_IXUSR:  # an installer may have removed the bit
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program
