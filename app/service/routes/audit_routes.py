"""The path of audit records. It wants an admin key."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app.service.access.audit import LATEST_MAX, Audit, AuditList
from app.service.http.framework import Asked
from app.service.http.openapi import problems, security


class AuditRoutes(Controller):
    """Audit records. The dependency `audit` is the process's."""

    tags = ("administer",)

    @get(
        "/v1/audit",
        summary="Who did what",
        responses=problems(400, 401, 403, 503),
        security=security("adminKey"),
    )
    async def records(
        self,
        request: Asked,
        audit: NamedDependency[Audit],
        limit: Annotated[int, QueryParameter(name="limit", description=f"At most {LATEST_MAX}")] = 100,
    ) -> AuditList:
        """The latest audit records, the newest first. The question itself is recorded."""
        await audit.allow(request.headers, "audit.read")
        return await audit.latest(limit)
