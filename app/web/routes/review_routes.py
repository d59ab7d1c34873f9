"""The paths of reviews. To ask for one wants the right `edit`, to decide the right `publish`."""

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.service.http.body import body_of
from app.service.http.openapi import problems, security, with_body
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.access.roles import Right
from app.web.drafts.reviews import Reviews
from app.web.drafts.shared_drafts import SharedDraft
from app.web.routes.openapi import DRAFT_REVIEW, conflicts

REFUSALS = problems(400, 401, 403, 404, 413, 415, 503) | conflicts()


class Said(msgspec.Struct):
    """A message about a draft at the revision that its author has seen."""

    revision: int
    message: str = ""


class ReviewRoutes(Controller):
    """Reviews of drafts. The dependencies are the process's."""

    tags = ("drafts",)

    @post(
        "/console/v1/drafts/{draft_id:str}/review",
        status_code=200,
        summary="Send a draft for review",
        operation_class=with_body(DRAFT_REVIEW),
        responses=REFUSALS,
        security=security("session"),
    )
    async def ask(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        reviews: NamedDependency[Reviews],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """Asks for the approval of the text as it is now. 409 where the console has no reviews."""
        said, by = await _said(request, gate, settings, "edit")
        return await reviews.ask(draft_id, revision=said.revision, message=said.message, by=by)

    @post(
        "/console/v1/drafts/{draft_id:str}/approval",
        status_code=200,
        summary="Approve a draft",
        operation_class=with_body(DRAFT_REVIEW),
        responses=REFUSALS,
        security=security("session"),
    )
    async def approve(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        reviews: NamedDependency[Reviews],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """It may be published word for word then. 403 for its author, and for whoever wrote in it last."""
        said, by = await _said(request, gate, settings, "publish")
        return await reviews.approve(draft_id, revision=said.revision, comment=said.message, by=by)

    @post(
        "/console/v1/drafts/{draft_id:str}/return",
        status_code=200,
        summary="Send a draft back",
        operation_class=with_body(DRAFT_REVIEW),
        responses=REFUSALS,
        security=security("session"),
    )
    async def send_back(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        reviews: NamedDependency[Reviews],
        draft_id: FromPath[str],
    ) -> SharedDraft:
        """Its author sees the comment; an approval ends."""
        said, by = await _said(request, gate, settings, "publish")
        return await reviews.send_back(draft_id, revision=said.revision, comment=said.message, by=by)


async def _said(request: Asked, gate: Gate, settings: Settings, right: Right) -> tuple[Said, str]:
    """The body of a request, and the name of the person who asks."""
    visitor = gate.need(request, right)
    said: Said = await body_of(request, Said)
    return said, visitor.actor(settings) or ""
