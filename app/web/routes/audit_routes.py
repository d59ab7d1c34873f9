"""The path of audit records. It wants the right `administer`."""

import asyncio
import logging
from typing import Final

from aiokafka.errors import KafkaError
from litestar import Controller, get
from litestar.di import NamedDependency

from app.errors import UserError
from app.runtime.audit import AuditLog
from app.service.access.audit import AuditList
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.texts import say

LATEST: Final = 200
TIMEOUT_S: Final = 10.0

log = logging.getLogger(__name__)


class AuditRoutes(Controller):
    """Audit records. The dependencies are the process's."""

    tags = ("operations",)

    @get(
        "/console/v1/audit",
        summary="Who did what",
        responses=problems(401, 403, 503),
        security=security("session"),
    )
    async def records(
        self, request: Asked, gate: NamedDependency[Gate], settings: NamedDependency[Settings]
    ) -> AuditList:
        """The latest audit records, the newest first. The question itself is recorded."""
        visitor = gate.need(request, "administer")
        audit = AuditLog(settings, actor=visitor.actor(settings), way="http")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await audit.append(audit.record("audit.read", "done"))
                return AuditList(records=await audit.latest(LATEST))
        except (KafkaError, OSError, TimeoutError, UserError) as error:
            log.warning("audit records cannot be read: %s", type(error).__name__)
            raise Problem(503, "audit", say("refused_audit"), retry_after_s=3) from None
