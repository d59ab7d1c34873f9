"""Administration over HTTP: only with an admin key, and never without an audit record."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import msgspec
from aiokafka.errors import KafkaError

from app.errors import UserError
from app.runtime.audit import Audited, AuditLog
from app.runtime.pacing.token_bucket import TokenBucket
from app.runtime.records.audit_record import AuditRecord, Deed, new_deed_id
from app.service.access.access import Access
from app.service.http.http_problem import Problem
from app.settings import Settings

LATEST_MAX: Final = 1_000
REFUSALS_A_S: Final = 1.0
REFUSALS_AT_ONCE: Final = 20
"""More refused requests are counted and not recorded one by one: whoever tries keys must not fill the topic."""
RETRY_AFTER_S: Final = 5
NOT_DONE: Final = "this is only done if it can be recorded, and Kafka does not take the audit record"
DONE: Final = "it is done, but Kafka does not take the audit record of its end; to send it again is harmless"

log = logging.getLogger(__name__)


class AuditList(msgspec.Struct, kw_only=True, frozen=True):
    """The latest audit records, the newest first."""

    records: list[AuditRecord]


class Audit:
    """Decides who may administer, and records it."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._access = access
        self._log = AuditLog(settings, actor=None, way="http")
        self._timeout_s = settings.ack_timeout_ms / 1000
        self._refusals = TokenBucket(REFUSALS_A_S, REFUSALS_AT_ONCE, REFUSALS_AT_ONCE)
        self._unrecorded = 0

    async def allow(self, headers: Mapping[str, str], deed: Deed) -> str:
        """For a deed that changes nothing: returns the name of the admin key; the deed is recorded by then. Problem
        401, 403 or 503."""
        name = await self._allowed(headers, deed, None)
        await self._note(self._log.record(deed, "done", actor=name), NOT_DONE)
        return name

    @asynccontextmanager
    async def deed(self, headers: Mapping[str, str], deed: Deed, *, user: str | None = None) -> AsyncIterator[Audited]:
        """Records a deed of an administrator: that it begins, before anything is done, and how it ended. Problem 401,
        403 or 503."""
        name = await self._allowed(headers, deed, user)
        deed_id = new_deed_id()
        audited = Audited()
        record = partial(self._log.record, deed, deed_id=deed_id, actor=name, user=user)
        await self._note(record("begun"), NOT_DONE)
        try:
            yield audited
        except (Exception, asyncio.CancelledError) as error:
            reason = error.body.code if isinstance(error, Problem) else type(error).__name__
            with suppress(Problem):
                await self._note(record("failed", reason=reason), "")
            raise
        await self._note(record("done", details=audited.details), DONE)

    async def _allowed(self, headers: Mapping[str, str], deed: Deed, user: str | None) -> str:
        try:
            return self._access.may_administer(headers)
        except Problem as problem:
            await self._record_refusal(deed, problem.body.code, user)
            raise

    async def _note(self, record: AuditRecord, said: str) -> None:
        """Writes a record; `said`: the text of the Problem if it cannot be written."""
        try:
            await self._append(record)
        except (KafkaError, OSError, TimeoutError, UserError) as error:
            log.warning("an audit record cannot be written: %s", type(error).__name__)
            raise Problem(503, "audit", said, retry_after_s=RETRY_AFTER_S) from None

    async def latest(self, count: int) -> AuditList:
        """The latest records. Problem 400 or 503."""
        if not 1 <= count <= LATEST_MAX:
            raise Problem(400, "limit", f"limit is {count}; it is from 1 to {LATEST_MAX}")
        try:
            async with asyncio.timeout(self._timeout_s):
                return AuditList(records=await self._log.latest(count))
        except (KafkaError, OSError, TimeoutError, UserError) as error:
            said = "the audit records cannot be read: Kafka does not answer"
            raise Problem(503, "audit", said, retry_after_s=RETRY_AFTER_S) from error

    async def _record_refusal(self, deed: Deed, reason: str, user: str | None) -> None:
        now_s = time.monotonic()
        if self._refusals.wait_s(1, now_s=now_s):
            self._unrecorded += 1
            return
        self._refusals.take(1, now_s=now_s)
        unrecorded, self._unrecorded = self._unrecorded, 0
        details = {"unrecorded": str(unrecorded)} if unrecorded else None
        try:
            await self._append(self._log.record(deed, "refused", user=user, reason=reason, details=details))
        except (KafkaError, OSError, TimeoutError, UserError) as error:  # it stays refused
            self._unrecorded += unrecorded + 1
            log.warning("an audit record cannot be written: %s", type(error).__name__)

    async def _append(self, record: AuditRecord) -> None:
        async with asyncio.timeout(self._timeout_s):
            await self._log.append(record)
