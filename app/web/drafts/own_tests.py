"""The tests of a text that is about to be published: they are played before anything is written."""

from dataclasses import replace
from typing import Final

from app.catalogs.edits import Trial
from app.segments.definitions.definition import Catalog
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.catalog_view import with_needs
from app.web.jobs.job_process import TextTask
from app.web.jobs.jobs import Jobs
from app.web.texts import say

NAMED_MAX: Final = 10
NAME_CHARACTERS_MAX: Final = 100


class OwnTests:
    """Plays the tests of a definition in a process of their own."""

    def __init__(self, settings: Settings, jobs: Jobs) -> None:
        self._settings = settings
        self._jobs = jobs

    def trial(self, name: str, *, force: bool) -> Trial:
        """The trial of a definition. Problem 409 where its tests fail, or nobody knows; with `force` a note."""

        async def tried(catalog: Catalog) -> str:
            failing, why = await self._failing(catalog, name)
            more = len(failing) - NAMED_MAX
            named = failing[:NAMED_MAX]
            if not failing and not why:
                return ""
            told = ", ".join(named) + (f" and {more} more" if more > 0 else "") if named else why
            if force:
                return f"published although its tests do not pass: {told}"
            if why:
                raise Problem(409, "tests-failed", say("refused_tests_unplayed", name=name, why=why))
            values: dict[str, str | int | list[str]] = {"name": name, "tests": named, "more": max(0, more)}
            raise Problem(409, "tests-failed", say("refused_tests_failed", name=name), values=values)

        return tried

    async def _failing(self, catalog: Catalog, name: str) -> tuple[list[str], str]:
        """The names of the tests that fail, and why they could not be played."""
        segment = next((each for each in catalog.segments if each.name == name), None)
        if segment is None or not segment.tests:
            return [], ""
        nothing = replace(catalog, segments=(), scores=(), models=())
        made = with_needs(catalog, segment)
        task = TextTask(kind="tests", settings=self._settings, name=name, live=nothing, draft=made, brief=True)
        done = await self._jobs.to_end(task)
        if done.tests is None:
            return [], done.problem or "its process was ended"
        failing = [each.name[:NAME_CHARACTERS_MAX] for each in done.tests.tests if not each.passed]
        return failing, ""
