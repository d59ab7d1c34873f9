"""One of our commands as a process of its own, to be killed and started again; what it says goes to a file."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAM = "from shoal.launcher import main; raise SystemExit(main())"
STOP_TIMEOUT_S = 30
COMMAND_TIMEOUT_S = 120


class RoleProcess:
    """A command with its arguments and variables. Ended with the block at the latest."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = [sys.executable, "-c", PROGRAM, *command]
        self._environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}
        self.log = log
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; it is not ready at once."""
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
            )

    def kill(self) -> None:
        """SIGKILL: it can say and finish nothing."""
        if self._process is not None:
            assert self._process.poll() is None, self.log.read_text()
            self._process.kill()
            self._process.wait()
            self.kills += 1

    def wait(self) -> int:
        """Waits for a command that ends by itself; the exit code."""
        assert self._process is not None, "not started"
        return self._process.wait(COMMAND_TIMEOUT_S)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(STOP_TIMEOUT_S)
        finally:
            process.kill()

    def __enter__(self) -> "RoleProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
