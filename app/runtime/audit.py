"""The audit log: a topic of its own, to which every process that administers appends."""

import asyncio
import getpass
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec
from aiokafka.errors import KafkaError

from app.errors import UserError
from app.runtime.kafka.clients import connect, has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import audit_topic, ensure_topics
from app.runtime.records.audit_record import (
    AuditRecord,
    Deed,
    Result,
    audit_headers,
    decode_audit,
    encode_audit,
    made_record,
    new_deed_id,
    subject_of,
)
from app.settings import Settings

AUDIT_PARTITION: Final = 0
READ_RECORDS: Final = 1_000


class AuditLog:
    """Appends records, and reads the latest."""

    def __init__(self, settings: Settings, *, actor: str | None, way: Literal["http", "command"]) -> None:
        self._settings = settings
        self._actor = actor
        self._way = way
        self._is_there = False

    def record(
        self,
        deed: Deed,
        result: Result,
        *,
        deed_id: str | None = None,
        actor: str | None = None,
        user: str | None = None,
        reason: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> AuditRecord:
        """A record of now. `actor`: in place of the one of this log."""
        return made_record(
            deed_id=deed_id or new_deed_id(),
            at_ms=int(time.time() * 1000),
            app=self._settings.app_id,
            actor=actor or self._actor,
            way=self._way,
            deed=deed,
            result=result,
            subject=None if user is None else subject_of(user, secret=self._settings.audit_secret),
            reason=reason,
            details=details,
        )

    async def append(self, record: AuditRecord) -> None:
        """Returns when the broker has acknowledged it. Raises UserError, KafkaError, OSError."""
        await self._make_topic()
        writer = LogWriter(self._settings, partition=AUDIT_PARTITION)
        await writer.open()
        try:
            headers = audit_headers(record, f"/shoal/{self._settings.app_id}")
            row = (record.deed.encode(), encode_audit(record), headers)
            await writer.write([(self._settings.topics.audit, [row])])
        finally:
            await writer.close()

    async def latest(self, count: int) -> list[AuditRecord]:
        """The latest records, the newest first; what is none is passed over."""
        await self._make_topic()
        client = await connect(self._settings)
        try:
            reader = LogReader(
                client,
                topic=self._settings.topics.audit,
                partition=AUDIT_PARTITION,
                committed_only=await has_transactions(client),
                bytes_max=self._settings.fetch_bytes_max,
            )
            earliest = await reader.earliest()
            reader.seek(earliest)
            end = (await reader.read(records_max=1, wait_ms=1)).end_offset
            await reader.stop()
            reader.seek(max(earliest, end - count))
            found: list[AuditRecord] = []
            while True:
                fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
                found += _readable(fetched.records)
                if fetched.drained:
                    return found[::-1][:count]
        finally:
            await client.close()

    async def _make_topic(self) -> None:
        if self._is_there:
            return
        client = await wait_for_broker(self._settings)
        try:
            await ensure_topics(self._settings, client, [audit_topic(self._settings)])
        finally:
            await client.close()
        self._is_there = True


@dataclass(slots=True)
class Audited:
    """A deed that is under way. `details` are written with its end."""

    details: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def audited(
    settings: Settings,
    deed: Deed,
    *,
    user: str | None = None,
    details: Mapping[str, str] | None = None,
    actor: str | None = None,
) -> AsyncIterator[Audited]:
    """Records a deed: that it begins, before anything is done, and how it ended.

    `actor`: the person who asked for it over HTTP; None: the account that runs a command. Without a record nothing is
    done: UserError.
    """
    way: Literal["http", "command"] = "command" if actor is None else "http"
    log = AuditLog(settings, actor=actor or settings.audit_actor or account(), way=way)
    deed_id = new_deed_id()
    audited_deed = Audited(dict(details or {}))
    await _append(log, log.record(deed, "begun", deed_id=deed_id, user=user, details=details), settings)
    try:
        yield audited_deed
    except (Exception, asyncio.CancelledError) as error:
        reason = type(error).__name__  # its text may name a user
        await _append(log, log.record(deed, "failed", deed_id=deed_id, user=user, reason=reason), settings)
        raise
    done = log.record(deed, "done", deed_id=deed_id, user=user, details=audited_deed.details)
    await _append(log, done, settings)


async def _append(log: AuditLog, record: AuditRecord, settings: Settings) -> None:
    try:
        await log.append(record)
    except (KafkaError, OSError) as error:
        raise UserError(
            f"the audit record ({record.deed}, {record.result}) cannot be written to {settings.topics.audit}",
            detail=f"{type(error).__name__}: {error}",
            hint="the command needs to write to this topic: shoal topics acls",
        ) from error


def account() -> str | None:
    """Name of the account that runs this process; None for one without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in many containers
        return None


def _readable(records: list[object]) -> list[AuditRecord]:
    found = []
    for record in records:
        try:
            found.append(decode_audit(getattr(record, "value", None) or b""))
        except msgspec.MsgspecError:
            continue
    return found
