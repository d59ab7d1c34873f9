"""The path of live changes."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import ASGIApp

from app.segments.evaluation.change import CHANGE_KINDS
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security
from app.service.live.stream import SEGMENTS_MAX
from app.service.questions.queries import Queries
from app.web.access.gate import Asked, Gate
from app.web.live_changes import LiveChanges
from app.web.texts import say


class ChangeRoutes(Controller):
    """Changes, live. The dependencies are the process's."""

    tags = ("changes",)

    @get(
        "/console/v1/changes",
        summary="Changes, live",
        media_type="text/event-stream",
        responses=problems(400, 401, 403, 503),
        security=security("session"),
    )
    async def changes(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        live: NamedDependency[LiveChanges],
        queries: NamedDependency[Queries],
        user: Annotated[str | None, QueryParameter(name="user", description="Of this user alone")] = None,
        segment: Annotated[list[str] | None, QueryParameter(name="segment", description="Of these segments")] = None,
        kind: Annotated[list[str] | None, QueryParameter(name="kind", description="entered, exited, updated")] = None,
    ) -> ASGIApp:
        """Server-sent events: `changes`, at most 20 a second, with the number of those left out. Without users for who
        may not see them."""
        visitor = gate.need(request, "see" if user is None else "people")
        if segment is not None and len(segment) > SEGMENTS_MAX:
            raise Problem(400, "too-many", say("refused_many_segments", n=len(segment), most=SEGMENTS_MAX))
        if unknown := [each for each in kind or () if each not in CHANGE_KINDS]:
            raise Problem(400, "kind", f"{unknown[0]!r:.40} is no kind of change: {', '.join(CHANGE_KINDS)}")
        return live.begin(
            user=None if user is None else queries.key_of(user),
            segments=frozenset(segment or ()),
            kinds=frozenset(kind or ()),
            mask=visitor.mask,
        )
