"""The definitions as the service knows them: those of a folder, or those that are published, as they change."""

import asyncio
import logging
from typing import Final

from app.catalogs.definitions_folder import load_segments
from app.catalogs.publishing import catalog_follower
from app.runtime.pacing.back_off import BackOff
from app.runtime.records.published_catalog import Published
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.definition import Catalog
from app.service.http_problem import Problem
from app.settings import Settings

RETRY_MS_FIRST: Final = 500
RETRY_MS_MAX: Final = 5_000

log = logging.getLogger(__name__)


class Definitions:
    """The present catalog and its program. Not `needed`: a process that only takes events in has none."""

    def __init__(self, settings: Settings, *, needed: bool) -> None:
        """UserError for a folder that cannot be used."""
        self._settings = settings
        self._needed = needed
        self._program: Program | None = None
        self._catalog: Catalog | None = None
        self._following: asyncio.Task[None] | None = None
        if needed and settings.catalog == "folder":
            self._use(load_segments(settings.segments, settings.time_rules))

    @property
    def catalog(self) -> Catalog:
        """The present catalog; Problem 503 while none is known."""
        if self._catalog is None:
            raise Problem(503, "no-definitions", "no definitions are published yet", retry_after_s=5)
        return self._catalog

    @property
    def program(self) -> Program:
        """The present catalog, compiled; Problem 503 while none is known."""
        if self._program is None:
            raise Problem(503, "no-definitions", "no definitions are published yet", retry_after_s=5)
        return self._program

    def start(self) -> None:
        """Begins to follow what is published."""
        if self._needed and self._settings.catalog == "topic":
            self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Ends that."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    def _use(self, catalog: Catalog) -> None:
        program = compile_catalog(catalog, self._settings.time_rules)
        self._catalog, self._program = catalog, program
        log.info("catalog %s: %d segments", catalog.version, len(catalog.live_segments))

    async def _follow(self) -> None:
        back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=RETRY_MS_MAX)

        async def take_over(published: Published) -> None:
            back_off.reset()
            await asyncio.to_thread(self._use, published.catalog)

        while True:
            try:
                async with catalog_follower(self._settings) as follower:
                    if (present := await follower.present()) is not None:
                        await take_over(present)
                    await follower.follow(take_over)
            except Exception as error:  # noqa: BLE001  # a service that stops following would answer from old definitions
                log.warning("cannot read the published definitions, retries: %s", str(error) or repr(error))
                await asyncio.sleep(back_off.failed() / 1000)
