"""The paths of static lists. A change wants the right `publish`: users enter and leave at once."""

from litestar import Controller, get, post
from litestar.di import NamedDependency

from app.service.http.body import body_of
from app.service.http.openapi import problems, security, with_body
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.list_changes import ListChange, ListChanged, StaticLists, change_list, lists_of
from app.web.routes.definition_routes import Drafts
from app.web.routes.openapi import LIST_CHANGE


class ListRoutes(Controller):
    """Static lists. The dependencies are the process's."""

    tags = ("lists",)

    @get("/console/v1/lists", summary="All lists", responses=problems(401, 403, 503), security=security("session"))
    async def rows(self, request: Asked, gate: NamedDependency[Gate], drafts: NamedDependency[Drafts]) -> StaticLists:
        """The lists that definitions ask for. A job of the kind `counts` counts their users."""
        gate.need(request, "see")
        return StaticLists(lists_of(drafts.catalog))

    @post(
        "/console/v1/lists/import",
        status_code=200,
        summary="Put the users of a file on a list",
        operation_class=with_body(LIST_CHANGE),
        responses=problems(400, 401, 403, 413, 415, 503),
        security=security("session"),
    )
    async def change(
        self, request: Asked, gate: NamedDependency[Gate], settings: NamedDependency[Settings]
    ) -> ListChanged:
        """Or takes them off it. Rows that name nobody are left out and told; with `dry_run` nothing is written."""
        visitor = gate.need(request, "publish")
        asked: ListChange = await body_of(request, ListChange)
        return await change_list(settings, asked, by=visitor.actor(settings) or "")
