"""The paths of drafts that people share. They want the right `edit`."""

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.runtime.records.draft_record import DraftDeed
from app.service.http.body import body_of
from app.service.http.openapi import problems, security, with_body
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.drafts.shared_drafts import SharedDraft, SharedDraftRows, SharedDrafts
from app.web.routes.openapi import DRAFT_CHANGE, DRAFT_REVISION, NEW_DRAFT, conflicts

READING = (401, 403, 503)
WRITING = (400, 401, 403, 404, 413, 415, 503)


class NewDraft(msgspec.Struct):
    """A text to be kept, and the publication that its author has seen; or what is to be removed or restored."""

    text: str
    base: str
    name: str = ""
    deed: DraftDeed = "publish"
    to: str = ""


class DraftChange(msgspec.Struct):
    """Another text of a draft. `revision`: the one that its author has seen."""

    text: str
    base: str
    revision: int


class DraftRevision(msgspec.Struct):
    """The revision of a draft that somebody has seen."""

    revision: int


class DraftRoutes(Controller):
    """Drafts. The dependencies are the process's."""

    tags = ("drafts",)

    @get("/console/v1/drafts", summary="All drafts", responses=problems(*READING), security=security("session"))
    async def rows(
        self, request: Asked, gate: NamedDependency[Gate], shared_drafts: NamedDependency[SharedDrafts]
    ) -> SharedDraftRows:
        """The newest first, each with its first line; also deleted ones."""
        gate.need(request, "edit")
        return await shared_drafts.rows()

    @post(
        "/console/v1/drafts",
        status_code=200,
        summary="Keep a text as a draft",
        operation_class=with_body(NEW_DRAFT),
        responses=problems(400, 401, 403, 413, 415, 503),
        security=security("session"),
    )
    async def begin(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        shared_drafts: NamedDependency[SharedDrafts],
    ) -> SharedDraft:
        """Everybody who may edit sees it, and may change it. Also a proposal to remove a definition, or to go back."""
        visitor = gate.need(request, "edit")
        asked: NewDraft = await body_of(request, NewDraft)
        by = visitor.actor(settings) or ""
        return await shared_drafts.begin(
            name=asked.name, text=asked.text, base=asked.base, by=by, deed=asked.deed, to=asked.to
        )

    @get(
        "/console/v1/drafts/{draft_id:str}",
        summary="A draft",
        responses=problems(404, *READING),
        security=security("session"),
    )
    async def one(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        shared_drafts: NamedDependency[SharedDrafts],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """Its text and its revision."""
        gate.need(request, "edit")
        return await shared_drafts.one(draft_id)

    @put(
        "/console/v1/drafts/{draft_id:str}",
        summary="Change a draft",
        operation_class=with_body(DRAFT_CHANGE),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def write(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        shared_drafts: NamedDependency[SharedDrafts],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """A review of it ends. 409 if somebody changed or deleted it since `revision`: nothing is written then."""
        visitor = gate.need(request, "edit")
        asked: DraftChange = await body_of(request, DraftChange)
        by = visitor.actor(settings) or ""
        return await shared_drafts.write(draft_id, text=asked.text, base=asked.base, revision=asked.revision, by=by)

    @delete(
        "/console/v1/drafts/{draft_id:str}",
        status_code=200,
        summary="Delete a draft",
        operation_class=with_body(DRAFT_REVISION),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def remove(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        shared_drafts: NamedDependency[SharedDrafts],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """Its text stays, so that it can be brought back. 409 if somebody changed it since `revision`."""
        visitor = gate.need(request, "edit")
        asked: DraftRevision = await body_of(request, DraftRevision)
        return await shared_drafts.delete(draft_id, revision=asked.revision, by=visitor.actor(settings) or "")

    @post(
        "/console/v1/drafts/{draft_id:str}/purge",
        status_code=200,
        summary="Delete a draft for good",
        operation_class=with_body(DRAFT_REVISION),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def purge(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        shared_drafts: NamedDependency[SharedDrafts],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """Its text is gone for all, and it counts no more. 409 if it was not deleted before, or changed since
        `revision`."""
        gate.need(request, "edit")
        asked: DraftRevision = await body_of(request, DraftRevision)
        return await shared_drafts.purge(draft_id, revision=asked.revision)

    @post(
        "/console/v1/drafts/{draft_id:str}/bring-back",
        status_code=200,
        summary="Bring back a deleted draft",
        operation_class=with_body(DRAFT_REVISION),
        responses=problems(*WRITING) | conflicts(),
        security=security("session"),
    )
    async def bring_back(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        shared_drafts: NamedDependency[SharedDrafts],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """409 if it was not deleted, or changed since `revision`."""
        visitor = gate.need(request, "edit")
        asked: DraftRevision = await body_of(request, DraftRevision)
        return await shared_drafts.bring_back(draft_id, revision=asked.revision, by=visitor.actor(settings) or "")
