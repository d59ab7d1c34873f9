"""The paths of texts of definitions: the published one, what a new one says, and the words that it may use."""

import asyncio
from dataclasses import replace
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app.runtime.records.published_catalog import definitions_of
from app.segments.definitions.definition import Catalog
from app.service.definitions import Definitions
from app.service.http.body import body_of
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security, with_body
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.catalog_view import with_needs
from app.web.drafts.condition_edit import EditRefusedError, Role, add_part, call, remove_part
from app.web.drafts.draft_reader import DraftReader, Reading
from app.web.drafts.publications import DefinitionText, Publications
from app.web.experiments import experiments_of
from app.web.jobs.job_process import TextKind, TextTask
from app.web.jobs.profile_counts import CountTask
from app.web.jobs.report_job import ReportTask, ReportWish, report_task
from app.web.jobs.uplift_job import UpliftTask, UpliftWish, uplift_task
from app.web.list_changes import check_list_name, lists_of
from app.web.routes.openapi import CONDITION_EDIT, DRAFT
from app.web.texts import say
from app.web.vocabulary import Vocabularies, Vocabulary


class Draft(msgspec.Struct):
    """A text that is being written. `name`: of the definition that it replaces; empty: it is new."""

    text: str
    name: str = ""


class ConditionEdit(msgspec.Struct):
    """Either `add`, an expression, or `remove`, the place of a part, in one condition of a segment; or `call`, the
    title from which its name is made, too."""

    text: str
    role: Role = "when"
    call: str | None = None
    add: str | None = None
    remove: int | None = None


class EditedText(msgspec.Struct, frozen=True):
    """The text after an edit."""

    text: str


class Drafts:
    """Reads texts beside the catalog that the process knows, one at a time."""

    def __init__(self, settings: Settings, definitions: Definitions) -> None:
        self._settings = settings
        self._definitions = definitions
        self._reader = DraftReader(settings)
        self._reading = asyncio.Lock()

    @property
    def catalog(self) -> Catalog:
        """The catalog that the process knows; an empty one where nothing is published yet. Problem 503."""
        if self._definitions.is_empty:
            return Catalog((), (), "")
        return self._definitions.catalog

    async def read(self, draft: Draft) -> Reading:
        """The meaning of a text. Problem 503."""
        catalog = self.catalog
        async with self._reading:
            return await asyncio.to_thread(self._reader.read, draft.text, catalog, of=draft.name)

    async def task(self, kind: TextKind, draft: Draft) -> TextTask:
        """A job with a text. Problem 400 for one that cannot be used."""
        catalog = self.catalog
        async with self._reading:
            made = await asyncio.to_thread(self._reader.catalog_with, draft.text, catalog, of=draft.name)
        if isinstance(made, str):
            raise Problem(400, "definitions", say("refused_text", problem=made))
        with_draft, segment = made
        live = next((each for each in catalog.segments if each.name == segment.name), None)
        nothing = replace(catalog, segments=(), scores=())
        return TextTask(
            kind=kind,
            settings=self._settings,
            name=segment.name,
            live=nothing if live is None else with_needs(catalog, live),
            draft=with_draft,
        )

    def count_task(self, more: list[str]) -> CountTask:
        """A job that counts the users of all lists and experiments, and of `more` lists. Problem 400."""
        for each in more:
            check_list_name(each)
        catalog = self.catalog
        lists = {each.name for each in lists_of(catalog)} | set(more)
        experiments = {each.name for each in experiments_of(catalog)}
        return CountTask(settings=self._settings, lists=tuple(sorted(lists)), experiments=tuple(sorted(experiments)))

    def uplift_task(self, wish: UpliftWish) -> UpliftTask:
        """A job that compares the groups of an experiment. Problem 400."""
        return uplift_task(self._settings, wish, experiments_of(self.catalog))

    def report_task(self, wish: ReportWish) -> ReportTask:
        """A job that makes a report out of the warehouse. Problem 400."""
        return report_task(self._settings, wish)

    def text(self, name: str) -> DefinitionText:
        """The text of a definition of the folder. Problem 404."""
        found = definitions_of(self.catalog).get(name)
        if found is None:
            raise Problem(404, "no-definition", say("refused_no_definition", name=f"{name!r:.80}"))
        return DefinitionText(name=name, path=found.path, text=found.text, publication=None, source="", last=None)


class DefinitionRoutes(Controller):
    """Texts of definitions. The dependencies are the process's."""

    tags = ("definitions",)

    @get(
        "/console/v1/definitions",
        summary="The text of a definition",
        responses=problems(401, 403, 404, 503),
        security=security("session"),
    )
    async def text(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        drafts: NamedDependency[Drafts],
        publications: NamedDependency[Publications],
        name: Annotated[str, QueryParameter(name="name", description="The name of a segment or a score")],
    ) -> DefinitionText:
        """As it is published at this moment, with the number of the latest publication."""
        gate.need(request, "see")
        return await publications.text(name) if publications.are_there else drafts.text(name)

    @post(
        "/console/v1/definitions/read",
        status_code=200,
        summary="What a text says",
        operation_class=with_body(DRAFT),
        responses=problems(400, 401, 403, 413, 415, 503),
        security=security("session"),
    )
    async def read(self, request: Asked, gate: NamedDependency[Gate], drafts: NamedDependency[Drafts]) -> Reading:
        """Its problems, its condition in words, the events it asks for, and the difference to what is known. Nothing is
        kept."""
        gate.need(request, "edit")
        draft: Draft = await body_of(request, Draft)
        return await drafts.read(draft)

    @post(
        "/console/v1/definitions/edit",
        status_code=200,
        summary="Edit a condition",
        operation_class=with_body(CONDITION_EDIT),
        responses=problems(400, 401, 403, 413, 415, 503),
        security=security("session"),
    )
    async def edit(self, request: Asked, gate: NamedDependency[Gate]) -> EditedText:
        """The text with a part of its condition added or removed, or with another title and name; all other bytes
        stay. Nothing is kept."""
        gate.need(request, "edit")
        asked: ConditionEdit = await body_of(request, ConditionEdit)
        try:
            return EditedText(await asyncio.to_thread(_edited, asked))
        except EditRefusedError as error:
            raise Problem(400, "edit", str(error)) from None

    @get(
        "/console/v1/vocabulary",
        summary="Words for definitions",
        responses=problems(401, 403, 503),
        security=security("session"),
    )
    async def vocabulary(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        drafts: NamedDependency[Drafts],
        vocabularies: NamedDependency[Vocabularies],
    ) -> Vocabulary:
        """Events and properties that occur among the latest events, with examples; functions, fields and keys."""
        gate.need(request, "edit")
        return await vocabularies.now(drafts.catalog)


def _edited(asked: ConditionEdit) -> str:
    if asked.call is not None and asked.add is None and asked.remove is None:
        return call(asked.text, asked.call)
    if asked.add is not None and asked.remove is None:
        return add_part(asked.text, asked.role, asked.add)
    if asked.remove is not None and asked.add is None:
        return remove_part(asked.text, asked.role, asked.remove)
    raise EditRefusedError("give one of add, remove and call")
