"""A server process that cannot outlive the process that started it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.embedded import guard

LOG_TAIL_BYTES_MAX = 4_096
START_TIMEOUT_S = 10.0


class GuardedProcess:
    """One run of a server under `guard.py`: it ends with this process, even after SIGKILL.

    Not restartable: a new run is a new object. What the server prints goes to `log`. With `remove`, that folder goes
    together with the server if this process dies (after an orderly `kill` it is the caller's).
    """

    def __init__(self, command: Sequence[str], *, log: Path, remove: Path | None = None) -> None:
        """Start `command`; OSError, with what it said, if it cannot be started."""
        self.log = log
        cleanup = [] if remove is None else ["--remove", str(remove)]
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, *cleanup, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        with self._guard.stdout as answer:
            line = answer.readline()
        if not line:
            self._release()
            self._guard.wait(START_TIMEOUT_S)
            raise OSError(f"could not start {command[0]}: {self.log_tail()}")
        self.pid = int(line)

    @property
    def guard_pid(self) -> int:
        """The guard's process id."""
        return self._guard.pid

    @property
    def running(self) -> bool:
        """True if the server lives (a stopped one does too)."""
        return self._guard.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server; nothing happens if it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """The exit code of the server (128 + the signal that ended it); TimeoutError if it lives on."""
        try:
            code = self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"process {self.pid} still runs after {timeout_s:g} s") from None
        self._release()
        return code

    def kill(self) -> None:
        """End the server at once, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait(START_TIMEOUT_S)

    def log_tail(self) -> str:
        """The last lines of what the server said."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES_MAX))
                return file.read().decode(errors="replace").strip()
        except FileNotFoundError:
            return ""

    def _release(self) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.close()
