"""The path of live changes."""

from dataclasses import replace
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import ASGIApp

from app.service.http.framework import Asked
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security
from app.service.live.stream import SEGMENTS_MAX, VALUES_MAX, Streams
from app.service.questions.queries import checked_user
from app.service.routes.query_routes import TokenParameter
from tables.by_value import written_keys


class StreamRoutes(Controller):
    """Changes, live. The dependency `streams` is the process's."""

    tags = ("follow",)

    @get(
        "/v1/changes",
        summary="Changes, live",
        media_type="text/event-stream",
        responses=problems(400, 401, 403, 503),
        security=security("readKey", "userToken"),
    )
    async def changes(
        self,
        request: Asked,
        streams: NamedDependency[Streams],
        user: Annotated[str | None, QueryParameter(name="user", description="Of this user alone")] = None,
        segment: Annotated[list[str] | None, QueryParameter(name="segment", description="Of these segments")] = None,
        value: Annotated[
            list[str] | None, QueryParameter(name="value", description="By these values, of segments by value")
        ] = None,
        token: TokenParameter = None,
        last_event_id: Annotated[
            str | None, QueryParameter(name="lastEventId", description="Go on after this id, as Last-Event-ID")
        ] = None,
    ) -> ASGIApp:
        """Server-sent events: `segments` (what the user is in, at first), `change`, `reset` (something was missed)."""
        reader = streams.access.may_follow(request.headers, token, user)
        if segment is not None and len(segment) > SEGMENTS_MAX:
            raise Problem(400, "too-many", f"{len(segment)} segments; at most {SEGMENTS_MAX}")
        if value is not None and len(value) > VALUES_MAX:
            raise Problem(400, "too-many", f"{len(value)} values; at most {VALUES_MAX}")
        return await streams.begin(
            replace(reader, user=None if reader.user is None else checked_user(reader.user)),
            segments=frozenset(segment or ()),
            values=None if not value else frozenset(key for each in value for key in written_keys(each)),
            last_id=request.headers.get("last-event-id") or last_event_id,
        )
