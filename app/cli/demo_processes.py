"""The processes of a demo: a broker, the workers, and a web console with its Redis and the memberships in it."""

import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.embedded.process import GuardedProcess
from app.errors import UserError
from app.segments.language.durations import format_duration
from app.settings import Settings

HOST: Final = "127.0.0.1"
COUNTS_EVERY: Final = "5s"
#: -P: the working directory may contain modules of any name.
SHOAL: Final = (sys.executable, "-P", "-m", "shoal")
_STOP_TIMEOUT_S: Final = 4.0
_LOG_LINES: Final = 15


class Everything(ExitStack):
    """The processes of a demo and the folder of their logs; all of it goes when the block ends."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="shoal-demo-"))
        self.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.workers: list[GuardedProcess] = []
        self.callback(self.stop_workers)
        self.embedded: EmbeddedBroker | None = None

    def broker(self) -> EmbeddedBroker:
        """Starts a broker of our own."""
        self.embedded = self.enter_context(EmbeddedBroker())
        return self.embedded

    def worker(self, settings: Settings) -> None:
        """Starts one more worker."""
        number = len(self.workers) + 1
        process = GuardedProcess(
            ["env", *(f"{name}={value}" for name, value in _given(settings).items()), *SHOAL, "worker"],
            log=self.folder / f"worker-{number}.log",
            remove=self.folder,
        )
        self.workers.append(process)

    def console(self, settings: Settings) -> str | None:
        """Starts the web console; its address, or None where it cannot be."""
        return _start_console(self, self.folder, _given(settings), settings)

    def stop_workers(self, *, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """Ends all workers: orderly within the time, or else at once."""
        workers, self.workers = self.workers, []
        for process in workers:
            process.signal(signal.SIGTERM)
        deadline_s = time.monotonic() + timeout_s
        for process in workers:
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except TimeoutError:
                process.kill()

    def dead(self) -> str | None:
        """Describes a process that has ended by itself, with its last words; None if all live."""
        for number, process in enumerate(self.workers, 1):
            if not process.running:
                last = "\n".join(f"  {line}" for line in process.log_tail().splitlines()[-_LOG_LINES:])
                return f"worker {number} has ended by itself (exit code {process.wait(1)}). Its last words:\n{last}"
        if self.embedded is not None and not self.embedded.running:
            return "the embedded broker has ended by itself"
        return None


def _given(settings: Settings) -> dict[str, object]:
    """The variables of every process of the demo."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "SHOAL_APP_ID": settings.app_id,
        "SHOAL_TOPIC_PREFIX": settings.topic_prefix,
        "SHOAL_CATALOG": "topic",
        "SHOAL_PARTITIONS": settings.partitions,
        "SHOAL_IDLE_CLOCK_SPEED": settings.idle_clock_speed,
        "SHOAL_SESSION_TIMEOUT": format_duration(settings.session_timeout_ms),
        "SHOAL_WEB_PORT": 0,
    }


def _start_console(stack: ExitStack, folder: Path, given: Mapping[str, object], settings: Settings) -> str | None:
    """Starts it with the variables of the workers; its address, or None where there is no Redis to be had.

    All of it ends with the stack. Logs are in the folder.
    """
    try:
        redis = stack.enter_context(EmbeddedRedis())
    except UserError:
        return None
    port = free_port(settings.console_port)
    more = {"REDIS_URL": redis.url, "SHOAL_COUNTS_EVERY": COUNTS_EVERY, "SHOAL_SEGMENTS": settings.segments}
    more |= {"SHOAL_CONSOLE_HOST": HOST, "SHOAL_CONSOLE_PORT": port, "SHOAL_CONSOLE_LOGIN": "none"}
    for name, command in (("memberships", ("memberships", "run")), ("console", ("console",))):
        variables = [f"{each}={value}" for each, value in (dict(given) | more).items()]
        process = GuardedProcess(["env", *variables, *SHOAL, *command], log=folder / f"{name}.log", remove=folder)
        stack.callback(process.kill)
    return f"http://{HOST}:{port}"


def free_port(wanted: int) -> int:
    """The port that is wanted if nobody has it, else any."""
    for port in (wanted, 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UserError(f"there is no free port at {HOST}")
