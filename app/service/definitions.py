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
from app.segments.definitions.problem import CatalogError
from app.segments.review.catalog_limits import check_catalog
from app.segments.review.minimisation import EVERYTHING, Minimisation, minimisation
from app.service.ending import end
from app.service.http.http_problem import Problem
from app.settings import Settings

RETRY_MS_FIRST: Final = 500
RETRY_MS_MAX: Final = 5_000

log = logging.getLogger(__name__)


class Definitions:
    """The present catalog, its program, and what it makes the collector take of events.

    `collects` False: no events are taken here. Then the catalog is known before its program is there, and limits of
    workers that it goes beyond are only told in the log.
    """

    def __init__(self, settings: Settings, *, collects: bool = True) -> None:
        """UserError for a folder that cannot be used."""
        self._settings = settings
        self._collects = collects
        self._catalog: Catalog | None = None
        self._compiled: tuple[Catalog, Program] | None = None
        self._compiling = asyncio.Lock()
        self._minimisation: Minimisation | None = None
        self._task: asyncio.Task[None] | None = None
        if settings.catalog == "folder":
            rules = settings.time_rules if collects else None
            self._use(load_segments(settings.segments, rules))

    @property
    def why_not_ready(self) -> str | None:
        """A reason if it is not known what may be taken of events; None: all is well."""
        return None if self._minimisation is not None else "the published definitions were not read yet"

    @property
    def minimisation(self) -> Minimisation:
        """The rules for what is taken of events. Problem 503 before the published definitions, which may forbid some,
        were read."""
        if self._minimisation is None:
            raise Problem(503, "no-definitions", f"{self.why_not_ready}: send again", retry_after_s=2)
        return self._minimisation

    @property
    def is_empty(self) -> bool:
        """True if it is known that nothing is published."""
        return self._catalog is None and self._minimisation is not None

    @property
    def catalog(self) -> Catalog:
        """The present catalog; Problem 503 while none is known."""
        if self._catalog is None:
            if not self.is_empty:
                raise Problem(503, "unread", "the published definitions were not read yet: ask again", retry_after_s=1)
            raise Problem(503, "no-definitions", "no definitions are published yet", retry_after_s=5)
        return self._catalog

    async def compiled(self) -> tuple[Catalog, Program]:
        """The present catalog with its program, once that is there; Problem 503 while no catalog is known."""
        async with self._compiling:
            catalog = self.catalog
            if self._compiled is None or self._compiled[0] is not catalog:
                program = await asyncio.to_thread(compile_catalog, catalog, self._settings.time_rules)
                self._compiled = catalog, program
            return self._compiled

    def start(self) -> None:
        """Begins to follow what is published."""
        if self._settings.catalog == "topic":
            self._task = asyncio.create_task(self._follow())
        elif not self._collects:
            self._task = asyncio.create_task(self._look_closer())

    async def stop(self) -> None:
        """Ends that."""
        if self._task is not None:
            await end(self._task)

    def _use(self, catalog: Catalog) -> None:
        rules = self._settings.time_rules
        kept = EVERYTHING
        if self._collects:
            compiled = catalog, compile_catalog(catalog, rules)
            catalogs = (catalog,) if self._catalog is None else (catalog, self._catalog)
            kept = minimisation(catalogs, rules, self._settings.keep)
            self._compiled = compiled
        self._catalog, self._minimisation = catalog, kept
        log.info("catalog %s: %d segments", catalog.version, len(catalog.live_segments))

    async def _look_closer(self) -> None:
        """Compiles the folder's definitions before anybody asks for a person, and holds them against the limits."""
        catalog, _ = await self.compiled()
        try:
            await asyncio.to_thread(check_catalog, catalog, self._settings.time_rules)
        except CatalogError as error:
            log.warning("workers refuse the definitions in %s: %s", self._settings.segments, error)

    async def _follow(self) -> None:
        back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=RETRY_MS_MAX)

        async def take_over(published: Published) -> None:
            back_off.reset()
            await asyncio.to_thread(self._use, published.catalog)
            await self.compiled()

        while True:
            try:
                async with catalog_follower(self._settings) as follower:
                    if (present := await follower.present()) is not None:
                        await take_over(present)
                    elif self._minimisation is None:  # nothing is published: nothing is forbidden, and nothing read
                        self._minimisation = minimisation((), self._settings.time_rules, self._settings.keep)
                    await follower.follow(take_over, rewritten=True)
            except Exception as error:  # noqa: BLE001  # a service that stops following would answer from old definitions
                log.warning("cannot read the published definitions, retries: %s", str(error) or repr(error))
                await asyncio.sleep(back_off.failed() / 1000)
