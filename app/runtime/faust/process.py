"""Process of a Faust application: how it runs, its health, and its watchdog."""

import asyncio
import logging
import os
import time
from abc import abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import faust
from faust.app.base import BootStrategy

from app.runtime.faust.agent import Agent
from app.runtime.faust.options import faust_options
from app.runtime.process.health_server import HealthServer, Rendered
from app.runtime.process.watchdog import Sight, Watchdog
from app.settings import Settings

TICK_S = 1.0
"""How often the event loop shows that it moves."""

STOOD_S = 3.0
"""From which gap between two ticks on it is worth a line."""

log = logging.getLogger(__name__)


class Boot(BootStrategy):
    """Faust's own web server stays out: `HealthServer` answers also while the loop is busy."""

    enable_web = False


class Process(faust.App):
    """A Faust application that is watched and tells its health. `group`: its consumer group."""

    BootStrategy: ClassVar[type[BootStrategy]] = Boot

    def __init__(self, group: str, settings: Settings) -> None:
        super().__init__(group, Agent=Agent, **faust_options(settings))
        self.settings = settings
        self.health: HealthServer | None = None
        self._watchdog = Watchdog(
            self._sights, stall_ms=settings.stall_exit_ms, commit_stall_ms=settings.commit_stall_exit_ms
        )
        self._ticking: asyncio.Task[None] | None = None

    def run_worker(self) -> int:
        """Runs until a signal; the exit code. Logging is as it was set up. Raises UserError."""
        log.info("%s starts: Shoal %s, process %d", self.conf.id, version("shoal"), os.getpid())
        began_s = time.monotonic()
        worker: Any = self.Worker(override_logging=False, quiet=True, loglevel="WARN")
        worker.spinner = None
        end = "with an error"
        try:
            code: int = worker.run()
            end = f"with exit code {code}"
            return code
        finally:
            why = "" if worker.stopped_by is None else f" ({worker.stopped_by.name})"
            log.info("%s ended %s%s after %.0f s", self.conf.id, end, why, time.monotonic() - began_s)

    def why_not_live(self) -> str | None:
        """A reason if the event loop stands still."""
        silent_s = self._watchdog.loop_silent_s
        if silent_s * 1000 > self.settings.stall_exit_ms / 2:
            return f"the event loop stands still for {silent_s:.0f} s"
        return None

    def why_not_ready(self) -> str | None:
        """A reason if something is not at work; a process without partitions is ready (others have them)."""
        if why := self.why_not_live():
            return why
        if self.rebalancing or self._assignment is None:
            return "partitions are being assigned"
        return self._why_partitions_are_not_ready()

    @abstractmethod
    def _why_partitions_are_not_ready(self) -> str | None:
        """A reason if one of the assigned partitions is not at work."""

    @abstractmethod
    def _sights(self) -> tuple[float, Sequence[Sight]]:
        """Returns the seconds that the group has been rebalancing, and the partitions, for the watchdog."""

    def _tick(self) -> None:
        """Hook that runs at every tick."""

    def _create_directories(self) -> None:
        """Nothing is kept on disk."""

    def _begin_watching(self) -> None:
        self._watchdog.start()
        self._ticking = asyncio.create_task(self._tick_for_ever())

    def _end_watching(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self._watchdog.stop()

    async def _tick_for_ever(self) -> None:
        last_s = time.monotonic()
        while True:
            self._watchdog.pulse()
            self._tick()
            stood_s = time.monotonic() - last_s
            if stood_s > STOOD_S:
                log.warning(
                    "process was suspended for %.1f s: its partitions may be assigned to others by now", stood_s
                )
            last_s = time.monotonic()
            await asyncio.sleep(TICK_S)

    def _show_health(self, metrics: Rendered) -> None:
        """Answers over HTTP from now on, if a port is set. Raises UserError if it is taken."""
        settings = self.settings
        if settings.web_port and self.health is None:
            self.health = HealthServer(
                metrics,
                host=settings.web_host,
                port=settings.web_port,
                live=self.why_not_live,
                ready=self.why_not_ready,
            )
            self.health.start()
            log.info("metrics at http://%s:%d/metrics", settings.web_host, self.health.port)

    def _hide_health(self) -> None:
        if self.health is not None:
            self.health.stop()
