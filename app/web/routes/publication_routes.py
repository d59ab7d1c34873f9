"""The paths of publications: the history, differences, publishing, and going back."""

from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app.catalogs.edits import Edit
from app.segments.definitions.definition_file import read_definition_file
from app.service.http.body import body_of
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security, with_body
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.drafts.own_tests import OwnTests
from app.web.drafts.publications import Done, PublicationDifference, PublicationRows, Publications
from app.web.drafts.reviews import Reviews, Wanted
from app.web.routes.openapi import EDIT, REMOVAL, RENAME, ROLLBACK, conflicts
from app.web.texts import say

READING = (401, 403, 503)
WRITING = (400, 401, 403, 404, 413, 415, 503)
BEFORE_MAX = 1 << 53


class EditAsked(msgspec.Struct):
    """As `Edit`. `name`: of the definition that the text replaces; empty: it is new. `if_version`: the `publication`
    on which the text is based. `draft`: the approved one that says this, where a review is needed. `untested`: also if
    its tests fail."""

    text: str
    message: str
    if_version: str
    name: str = ""
    draft: str = ""
    take_over: bool = False
    untested: bool = False


class RollbackAsked(msgspec.Struct):
    """`to`: number or version of an earlier publication. `dry_run`: only say what would change."""

    to: str
    message: str = ""
    draft: str = ""
    if_version: str | None = None
    dry_run: bool = False


class RemovalAsked(msgspec.Struct):
    """`name`: of the definition. `if_version`: the `publication` that the author has seen. `dry_run`: only say what
    would change."""

    name: str
    message: str = ""
    draft: str = ""
    if_version: str = ""
    take_over: bool = False
    dry_run: bool = False


class RenameAsked(RemovalAsked):
    """As `RemovalAsked`. `to`: the new name."""

    to: str = ""


class Latest(msgspec.Struct, frozen=True):
    """The latest publication: its number, or the version of its catalog; `none`: nothing is published."""

    publication: str


class PublicationRoutes(Controller):
    """Publications. The dependencies are the process's."""

    tags = ("publications",)

    @get(
        "/console/v1/publications",
        summary="What was published",
        responses=problems(*READING) | conflicts(),
        security=security("session"),
    )
    async def history(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        publications: NamedDependency[Publications],
        name: Annotated[str | None, QueryParameter(name="name", description="Only those about a definition")] = None,
        before: Annotated[int | None, QueryParameter(name="before", description="`before` of the page before")] = None,
    ) -> PublicationRows:
        """Publications, the newest first: who, when, why, from where, and what changed."""
        gate.need(request, "see")
        if before is not None and not 0 <= before <= BEFORE_MAX:
            raise Problem(400, "before", say("refused_before"))
        return await publications.rows(name, before=before)

    @get(
        "/console/v1/publications/latest",
        summary="The latest publication",
        responses=problems(*READING) | conflicts(),
        security=security("session"),
    )
    async def latest(
        self, request: Asked, gate: NamedDependency[Gate], publications: NamedDependency[Publications]
    ) -> Latest:
        """Its reference, on which a new definition is based."""
        gate.need(request, "see")
        return Latest(await publications.latest())

    @get(
        "/console/v1/publications/difference",
        summary="The difference of two publications",
        responses=problems(404, *READING) | conflicts(),
        security=security("session"),
    )
    async def difference(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        publications: NamedDependency[Publications],
        before: Annotated[str, QueryParameter(name="before", description="Number or version of a publication")],
        after: Annotated[str, QueryParameter(name="after", description="Number or version of a publication")],
        name: Annotated[str | None, QueryParameter(name="name", description="Only one definition")] = None,
    ) -> PublicationDifference:
        """The definitions that differ, with the lines of their texts."""
        gate.need(request, "see")
        return await publications.difference(before, after, name=name)

    @post(
        "/console/v1/publications",
        status_code=200,
        summary="Publish a definition",
        operation_class=with_body(EDIT),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def publish(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        publications: NamedDependency[Publications],
        reviews: NamedDependency[Reviews],
        own_tests: NamedDependency[OwnTests],
    ) -> Done:
        """Publishes the catalog with this text in the place of the definition; all others stay as they are.

        409 if a later publication than `if_version` touched it, if it belongs to another source, or (`tests-failed`,
        with their names in `values`) if tests of the text fail; `untested` publishes it all the same, and the history
        says so.
        """
        visitor = gate.need(request, "publish")
        asked: EditAsked = await body_of(request, EditAsked)
        wanted = Wanted(deed="publish", base=asked.if_version, name=asked.name, text=asked.text)
        edit = Edit(
            name=_name_of(asked),
            text=asked.text,
            based_on=asked.if_version,
            is_new=not asked.name,
            take_over=asked.take_over,
            approved_by=await reviews.approver(asked.draft, wanted),
        )
        trial = own_tests.trial(edit.name, force=asked.untested)
        done = await publications.publish(edit, by=visitor.actor(settings) or "", message=asked.message, trial=trial)
        await reviews.published(asked.draft, done.number)
        return done

    @post(
        "/console/v1/publications/removal",
        status_code=200,
        summary="Remove a definition",
        operation_class=with_body(REMOVAL),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def remove(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        publications: NamedDependency[Publications],
        reviews: NamedDependency[Reviews],
    ) -> Done:
        """Publishes the catalog without it, unless another definition uses it; with `dry_run` it only says what would
        change. 409 as for publishing."""
        visitor = gate.need(request, "publish")
        asked: RemovalAsked = await body_of(request, RemovalAsked)
        wanted = Wanted(deed="removal", base=asked.if_version, name=asked.name)
        edit = await _edit_without_text(asked, wanted, reviews)
        by = visitor.actor(settings) or ""
        done = await publications.remove(edit, by=by, message=asked.message, write=not asked.dry_run)
        await reviews.published(asked.draft, done.number)
        return done

    @post(
        "/console/v1/publications/rename",
        status_code=200,
        summary="Give a definition another name",
        operation_class=with_body(RENAME),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def rename(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        publications: NamedDependency[Publications],
        reviews: NamedDependency[Reviews],
    ) -> Done:
        """To the workers the old one goes and the new one comes, in one publication. 409 if another definition uses it,
        or as for publishing; with `dry_run` it only says what would change."""
        visitor = gate.need(request, "publish")
        asked: RenameAsked = await body_of(request, RenameAsked)
        wanted = Wanted(deed="rename", base=asked.if_version, name=asked.name, to=asked.to)
        edit = await _edit_without_text(asked, wanted, reviews)
        by = visitor.actor(settings) or ""
        done = await publications.rename(edit, asked.to, by=by, message=asked.message, write=not asked.dry_run)
        await reviews.published(asked.draft, done.number)
        return done

    @post(
        "/console/v1/publications/rollback",
        status_code=200,
        summary="Publish an earlier publication again",
        operation_class=with_body(ROLLBACK),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def roll_back(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        publications: NamedDependency[Publications],
        reviews: NamedDependency[Reviews],
    ) -> Done:
        """Publishes all texts of then, as a new publication; with `dry_run` it only says what would change."""
        visitor = gate.need(request, "publish")
        asked: RollbackAsked = await body_of(request, RollbackAsked)
        wanted = Wanted(deed="rollback", base=asked.if_version or "", to=asked.to)
        done = await publications.roll_back(
            asked.to,
            by=visitor.actor(settings) or "",
            message=asked.message,
            if_version=asked.if_version,
            approved_by="" if asked.dry_run else await reviews.approver(asked.draft, wanted),
            write=not asked.dry_run,
        )
        await reviews.published(asked.draft, done.number)
        return done


def _name_of(asked: EditAsked) -> str:
    """The name that the text gives itself. Problem 400 without one, and for another one than that of the original."""
    file = read_definition_file("new.yaml", asked.text)
    if file.definition is None:
        raise Problem(400, "definitions", "\n\n".join(map(str, file.source.problems)) or say("refused_not_definition"))
    if asked.name and file.name != asked.name:
        raise Problem(400, "name", say("refused_renamed", name=asked.name[:80], other=file.name[:80]))
    return file.name


async def _edit_without_text(asked: RemovalAsked, wanted: Wanted, reviews: Reviews) -> Edit:
    """The edit of a definition whose text goes or stays as it is. Problem where it needs an approval and has none."""
    return Edit(
        name=asked.name,
        text="",
        based_on=asked.if_version,
        take_over=asked.take_over,
        approved_by="" if asked.dry_run else await reviews.approver(asked.draft, wanted),
    )
