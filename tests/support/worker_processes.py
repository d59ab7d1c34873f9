"""Worker processes of a test, as somebody would run them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from app.embedded.process import GuardedProcess

COMMAND = "import sys; from app.cli.main import main; sys.exit(main())"
Starter: TypeAlias = Callable[[], GuardedProcess]


@contextmanager
def worker_processes(folder: Path) -> Iterator[Starter]:
    """Starts workers with the environment of the test; what was started ends with the block. Logs are in the folder."""
    started: list[GuardedProcess] = []

    def start() -> GuardedProcess:
        log = folder / f"worker-{len(started)}.log"
        started.append(GuardedProcess([sys.executable, "-c", COMMAND, "worker"], log=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
