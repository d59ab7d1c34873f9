"""Reads the catalog topic: the definitions published now, and those published while a worker runs."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from aiokafka.client import AIOKafkaClient

from app.errors import UserError
from app.runtime.kafka.log_reader import LogReader
from app.runtime.records.published_catalog import CatalogLog, Published
from app.segments.definitions.problem import CatalogError
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.durations import format_duration
from app.settings import Settings

WAIT_MS = 200
RECORDS_MAX = 10_000

log = logging.getLogger(__name__)


class UnusableCatalogError(UserError):
    """The published catalog cannot be read by this version, or exceeds the limits of the worker."""


class CatalogFollower:
    """The latest whole publication, as far as the topic has been read.

    `rules`: those of the worker that shall use it; None for one who only looks.
    """

    def __init__(
        self, client: AIOKafkaClient, settings: Settings, *, committed_only: bool, rules: TimeRules | None = None
    ) -> None:
        self._settings = settings
        self._log = CatalogLog(rules)
        self._taken_over: Published | None = None
        self._reader = LogReader(
            client,
            topic=settings.topics.catalog,
            partition=0,
            committed_only=committed_only,
            bytes_max=settings.fetch_bytes_max,
        )

    async def present(self) -> Published | None:
        """Returns the catalog that is published now; None if nothing ever was. Raises UnusableCatalogError."""
        await self.log()
        return self._whole()

    async def log(self) -> CatalogLog:
        """The topic, read to its end; whether its definitions can be used is not asked."""
        self._reader.seek(await self._reader.earliest())
        while not await self._read(wait_ms=1):
            pass
        return self._log

    def _whole(self) -> Published | None:
        try:
            whole = self._log.whole()
        except CatalogError as error:
            raise UnusableCatalogError(
                f"the definitions published in {self._settings.topics.catalog} cannot be used here",
                detail=str(error),
                hint="publish others (shoal publish DIR), with the settings and the version of the workers",
            ) from None
        self._taken_over = whole
        return whole

    async def wait(self) -> Published:
        """The same, but waits for the first publication, `start_timeout` at most. Raises UserError.

        UnusableCatalogError if the worker cannot use it.
        """
        found = await self.present()
        deadline_s = time.monotonic() + self._settings.start_timeout_ms / 1000
        while found is None and time.monotonic() < deadline_s:
            await self._read(wait_ms=WAIT_MS)
            found = self._whole()
        if found is None:
            raise UserError(
                f"no definitions are published in {self._settings.topics.catalog}",
                detail=f"waited for {format_duration(self._settings.start_timeout_ms)} (start_timeout)",
                hint="publish some: shoal publish DIR",
            )
        return found

    async def follow(self, take_over: Callable[[Published], Awaitable[None]], *, rewritten: bool = False) -> None:
        """Hands on each publication after that of `present` or `wait` that means something else, for ever.

        `rewritten`: those whose texts mean the same in other words, too; people read titles and owners.
        One that cannot be used is told, and skipped. One that `take_over` failed at is handed on by the next call.
        """
        while True:
            await self._read(wait_ms=WAIT_MS)
            try:
                whole = self._log.whole()
            except CatalogError as error:
                log.error("published catalog cannot be used, the previous one stays: %s", error)
                continue
            if whole is not None and self._is_new(whole, rewritten=rewritten):
                await take_over(whole)
                self._taken_over = whole

    def _is_new(self, whole: Published, *, rewritten: bool) -> bool:
        before = self._taken_over
        if before is None or whole.catalog.version != before.catalog.version:
            return True
        return rewritten and whole.files != before.files

    async def stop(self) -> None:
        """Ends reading."""
        await self._reader.stop()

    async def _read(self, *, wait_ms: int) -> bool:
        fetched = await self._reader.read(records_max=RECORDS_MAX, wait_ms=wait_ms)
        for record in fetched.records:
            self._log.take(record)
        await asyncio.sleep(0)
        return fetched.drained
