"""The paths of backfills: the one there is, beginning one or going on with it, and giving it up."""

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency

from app.service.http.body import body_of
from app.service.http.openapi import problems, security, with_body
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.jobs.backfills import Backfill, Backfills
from app.web.routes.definition_routes import Drafts
from app.web.routes.openapi import BACKFILL, conflicts


class BackfillAsked(msgspec.Struct):
    """`names`: of live segments. `source`: one of the `sources`."""

    names: list[str]
    source: str = "topic"


class BackfillRoutes(Controller):
    """Backfills. The dependencies are the process's."""

    tags = ("backfill",)

    @get(
        "/console/v1/backfill",
        summary="The backfill that there is",
        responses=problems(401, 403),
        security=security("session"),
    )
    async def look(
        self, request: Asked, gate: NamedDependency[Gate], backfills: NamedDependency[Backfills]
    ) -> Backfill:
        """The one that runs or ran last, with its progress; after a start of the console, one that is not over."""
        gate.need(request, "see")
        return backfills.now()

    @post(
        "/console/v1/backfill",
        status_code=200,
        summary="Fill segments with their past",
        operation_class=with_body(BACKFILL),
        responses=problems(400, 401, 403, 413, 415, 503) | conflicts(),
        security=security("session"),
    )
    async def begin(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        drafts: NamedDependency[Drafts],
        backfills: NamedDependency[Backfills],
    ) -> Backfill:
        """Begins in a process of its own, or goes on where one of the same segments and source has ended before its
        end. 409 (`busy`) while another one runs."""
        visitor = gate.need(request, "publish")
        asked: BackfillAsked = await body_of(request, BackfillAsked)
        actor = visitor.actor(settings) or ""
        return await backfills.begin(asked.names, asked.source, drafts.catalog, actor=actor)

    @delete(
        "/console/v1/backfill",
        status_code=200,
        summary="Give a backfill up",
        responses=problems(401, 403, 415),
        security=security("session"),
    )
    async def give_up(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        backfills: NamedDependency[Backfills],
    ) -> Backfill:
        """Ends it; who is filled by then stays so."""
        visitor = gate.need(request, "publish")
        return await backfills.give_up(actor=visitor.actor(settings) or "")
