"""Faust's worker with an end that people can read: what they can mend is one message, not a traceback."""

import asyncio
import logging
import os
import signal
import sys
from typing import Any, NoReturn

import faust
from rich.console import Console

from app.errors import UserError
from app.events.visible_text import visible

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

log = logging.getLogger(__name__)


class Worker(faust.Worker):
    """Faust's worker with readable errors at its end. A second Ctrl-C ends the process at once."""

    stopped_by: signal.Signals | None = None

    def run(self) -> int:
        """Runs until a signal, or until nothing can go on; the exit code. Raises UserError."""
        loop = self.loop
        starting = self._starting_fut = asyncio.ensure_future(self.start(), loop=loop)
        error: BaseException | None = None
        try:
            loop.run_until_complete(starting)
        except asyncio.CancelledError:
            pass
        except Exception as raised:  # noqa: BLE001  # reported below, after everything was stopped
            error = raised
        try:
            self.stop_and_shutdown()
        except Exception as raised:  # noqa: BLE001  # the exception that crashed the worker is raised again here
            error = error or raised
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the loop has released it, and the process ends anyway
        error = error or self.crash_reason or self.app.crash_reason
        if error is None:
            return EXIT_OK
        if isinstance(error, UserError):
            raise error
        log.critical("the worker ends: %s: %s", type(error).__name__, error)
        log.debug("the worker ends", exc_info=error)
        return EXIT_FAILED

    def execute_from_commandline(self) -> NoReturn:
        """Entry point of `faust worker`."""
        try:
            code = self.run()
        except UserError as error:
            console = Console(stderr=True)
            console.print("[bold red]error:[/]", end=" ")
            console.print(visible(str(error)), markup=False, highlight=False, soft_wrap=True)
            code = EXIT_USER_ERROR
        raise SystemExit(code)

    def _on_sigint(self) -> None:
        if self._signal_stop_time:
            os._exit(EXIT_INTERRUPTED)
        sys.stderr.write("\nstopping: batches in hand are finished first (Ctrl-C again: at once)\n")
        self._flag_as_shutdown_by_signal()
        self._schedule_shutdown(signal.SIGINT)

    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        self.stopped_by = self.stopped_by or signal
        log.info("stopping on %s: finishes the batches in hand first", signal.name)
        super()._schedule_shutdown(signal)

    async def _sentinel_task(self) -> None:
        """The original sleeps for a second."""
        await asyncio.sleep(0)

    def _setproctitle(self, info: str, *, ident: str = "shoal") -> None:
        """The process keeps its name."""

    def _gather_all(self) -> None:
        """Ends what is left, without the original's rounds of sleep."""
        left = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(_ended(left))


async def _ended(tasks: list["asyncio.Task[Any]"]) -> None:
    await asyncio.wait(tasks, timeout=1.0)
