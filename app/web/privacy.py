"""Deeds for people who ask about their data: erasures and exports, and how far each is."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import msgspec

from app.runtime.audit import Audited, AuditLog, audited
from app.runtime.records.erasure_events import ErasureEvent, read_erasure
from app.segments.definitions.definition import Catalog
from app.service.http.http_problem import Problem
from app.service.routes.erasure_routes import Erasures
from app.settings import Settings
from app.web.jobs.recent_events import recent_records
from app.web.kafka_problems import kafka_told
from app.web.list_changes import lists_of, write_users
from app.web.texts import say

READ_TIMEOUT_S: Final = 10.0
RECORDS_MAX: Final = 5_000
AUDIT_RECORDS: Final = 1_000
ROWS_MAX: Final = 200
RESTRICTED: Final = "restricted"
"""The list of people whose data may not be used: docs/privacy.md."""
UNDER_WAY: Final = "begun"


class ErasureRow(msgspec.Struct, kw_only=True, frozen=True):
    """An erasure, as the workers have told it. `keys`: of the person; `erased`: those of them that workers have erased,
    `elsewhere`: those that belong to another user by now. `left`: segments that the person was in."""

    id: str
    user: str
    at: str
    state: str
    keys: list[str]
    erased: int
    elsewhere: int
    left: list[str]
    suppressed: bool


class ExportRow(msgspec.Struct, kw_only=True, frozen=True):
    """An export, as the audit log has it. `subject`: an HMAC of the person; null: there is no secret for it."""

    at: str
    by: str | None
    way: str
    state: str
    subject: str | None
    records: str


class PrivacyRows(msgspec.Struct, kw_only=True, frozen=True):
    """The latest deeds, the newest first. `restricting`: segments that ask for the list of restricted people; `others`:
    those that do not. `everything`: no older erasures are in the topic."""

    erasures: list[ErasureRow]
    exports: list[ExportRow]
    restricting: list[str]
    others: list[str]
    everything: bool


class Deeds:
    """Reads and begins them. Every refusal is a Problem."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._erasures = Erasures(settings)

    async def rows(self, catalog: Catalog) -> PrivacyRows:
        """The latest deeds. Problem 503."""
        async with kafka_told(), asyncio.timeout(READ_TIMEOUT_S):
            topic = self._settings.topics.erasures
            records, everything = await recent_records(self._settings, topic, records_max=RECORDS_MAX)
            log = await AuditLog(self._settings, actor=None, way="http").latest(AUDIT_RECORDS)
        ends = {each.id: each for each in reversed(log) if each.deed == "users.export"}
        exports = sorted(ends.values(), key=lambda each: each.at, reverse=True)
        restricting = {name for each in lists_of(catalog) if each.name == RESTRICTED for name in each.used_by}
        return PrivacyRows(
            erasures=erasures_of(each.value for each in records)[:ROWS_MAX],
            exports=[
                ExportRow(
                    at=each.at,
                    by=each.actor,
                    way=each.way,
                    state=each.result,
                    subject=each.subject,
                    records=each.details.get("records", ""),
                )
                for each in exports[:ROWS_MAX]
            ],
            restricting=sorted(each.name for each in catalog.live_segments if each.name in restricting),
            others=sorted(each.name for each in catalog.live_segments if each.name not in restricting),
            everything=everything,
        )

    async def keys(self, asked: str, *, suppress: bool, by: str) -> list[str]:
        """The keys of a person, as an erasure would find them. Problem 400, 404, 409 or 503."""
        user = self._erasures.checked(asked)
        async with self._recorded("users.show", user, by):
            return await self._erasures.keys(user, suppress=suppress)

    async def erase(self, asked: str, *, suppress: bool, by: str) -> list[str]:
        """Erases a person with all their keys, which it returns. Problem 400, 404, 409 or 503."""
        user = self._erasures.checked(asked)
        async with self._recorded("users.erase", user, by) as deed:
            receipt = await self._erasures.erase(user, suppress=suppress)
            deed.details["keys"] = str(len(receipt.keys))
            if suppress:
                deed.details["suppressed"] = "true"
            return receipt.keys

    async def restrict(self, asked: str, *, on: bool, by: str) -> str:
        """Puts a person on the list of those who are restricted, or takes them off it. Problem 400 or 503."""
        user = self._erasures.checked(asked)
        await write_users(self._settings, RESTRICTED, [user], on=on, by=by)
        return user

    def export_deed(self, asked: str, *, by: str) -> AbstractAsyncContextManager[Audited]:
        """The audit records of an export."""
        return self._recorded("users.export", self._erasures.named(asked), by)

    @asynccontextmanager
    async def _recorded(self, deed: Any, user: str, by: str) -> AsyncIterator[Audited]:
        async with kafka_told(), audited(self._settings, deed, user=user, actor=by) as found:
            yield found


def check_confirmed(user: str, confirmed: str) -> None:
    """Problem 400 unless somebody has typed the same id twice."""
    if not confirmed or user != confirmed:
        raise Problem(400, "confirm", say("refused_confirm"))


def erasures_of(values: Iterable[bytes | None]) -> list[ErasureRow]:
    """Erasures out of the records of their topic, in its order; the newest first. What is no record is passed over."""
    found: dict[str, list[ErasureEvent]] = {}
    for value in values:
        try:
            event = read_erasure(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        found.setdefault(event.id, []).append(event)
    rows = [_row(steps) for steps in found.values()]
    return sorted(rows, key=lambda row: (row.at, row.id), reverse=True)


def _row(steps: list[ErasureEvent]) -> ErasureRow:
    first = steps[0]
    results = {each.result for each in steps}
    state = next((each for each in ("unsuppressed", "finished") if each in results), UNDER_WAY)
    erased = {each.key for each in steps if each.result == "erased"}
    told = {key for each in steps for key in each.keys}
    return ErasureRow(
        id=first.id,
        user=first.user,
        at=first.at,
        state=state,
        keys=sorted(told | {key for key in erased if key}),
        erased=len(erased),
        elsewhere=len({each.key for each in steps if each.result == "elsewhere"}),
        left=sorted({name for each in steps for name in each.left}),
        suppressed=any(each.suppressed for each in steps) and state != "unsuppressed",
    )
