"""A person is exported over HTTP: with an admin key only, as a whole, each deed in the audit log."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from app.main import create_app
from app.offline.person_records import PersonRecords
from app.runtime.audit import AuditLog
from app.runtime.records.audit_record import subject_of
from app.service.routes.export_routes import CHUNK_BYTES
from tests.service.running import ADMIN_KEY, READ_KEY, Running, bearer, serving
from tests.support.shop import Shop, running, soon
from tools.docs_pages import ROOT

SECRET = "a secret for tests only"
SCHEMA = Draft202012Validator(json.loads((ROOT / "deploy" / "schemas" / "person.json").read_text()))
ON_EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


async def ask(service: Running, user: str, *, key: str = ADMIN_KEY) -> Any:
    return await service.http.get(f"/v1/users/{user}/export", headers=bearer(key))


async def audit_of(shop: Shop) -> list[tuple[str, str | None]]:
    """Results and reasons, the oldest first."""
    records = await AuditLog(shop.settings, actor=None, way="http").latest(9)
    assert {each.deed for each in records} <= {"users.export"}
    return [(each.result, each.reason) for each in records[::-1]]


def order(user: str, number: int, **properties: Any) -> tuple[bytes, bytes, list[Any]]:
    said = {"type": "track", "event": "Order Completed", "userId": user, "messageId": f"{user}-{number}"}
    return user.encode(), json.dumps(said | {"anonymousId": f"a-{user}", "properties": properties}).encode(), []


async def test_an_export_over_http_is_that_of_the_command_and_in_the_audit_log(shop: Shop) -> None:
    settings = shop.settings
    async with running(create_app(settings)), serving(settings) as service:
        await shop.send([order("ann", 1, note="x" * CHUNK_BYTES), order("ann", 2), order("ben", 1)])

        async def is_moved() -> bool:
            return len(await shop.read_all(settings.topics.identity)) >= 2

        await soon(is_moved)
        answer = await ask(service, "a-ann")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    SCHEMA.validate(told)
    assert (told["asked"], told["user"], told["keys"]) == ("a-ann", "ann", ["ann", "a-ann"])
    sent = [
        each["value"]["messageId"]
        for each in told["records"]
        if each["topic"] == settings.topics.clickstream and each["value"]["type"] == "track"
    ]
    assert sorted(sent) == ["ann-1", "ann-2"]
    assert "ben" not in answer.text
    (done, begun) = await AuditLog(settings, actor=None, way="http").latest(9)
    assert (begun.result, done.result, done.details) == ("begun", "done", {"records": str(len(told["records"]))})
    assert (done.actor, done.subject, done.id) == ("ops", subject_of("a-ann", secret=SECRET), begun.id)


@ON_EMBEDDED
@pytest.mark.parametrize(
    ("user", "key", "status", "code"),
    [
        ("ann", READ_KEY, 401, "wrong-key"),
        ("undefined", ADMIN_KEY, 400, "user"),
        ("nobody", ADMIN_KEY, 404, "unknown-user"),
    ],
)
async def test_what_cannot_be_exported_is_refused_and_told(
    shop: Shop, user: str, key: str, status: int, code: str
) -> None:
    await shop.send([order("ann", 1)])
    async with serving(shop.settings) as service:
        answer = await ask(service, user, key=key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await audit_of(shop) == ([("refused", code)] if status == 401 else [("begun", None), ("failed", code)])


@ON_EMBEDDED
async def test_an_export_that_fails_half_way_has_no_end_and_is_not_called_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = PersonRecords.whole

    async def fails(read: PersonRecords, topic: str) -> AsyncIterator[Any]:
        if topic == shop.settings.topics.journal:
            raise OSError
        async for each in whole(read, topic):
            yield each

    await shop.send([order("ann", number, note="x" * CHUNK_BYTES) for number in range(2)])
    monkeypatch.setattr(PersonRecords, "whole", fails)
    async with serving(shop.settings) as service:
        with pytest.raises(Exception, match=r"incomplete|closed|peer"):
            await ask(service, "ann")
        assert (await service.http.get("/live")).status_code == 200
        await soon(lambda: _has_failed(shop))


async def _has_failed(shop: Shop) -> bool:
    return await audit_of(shop) == [("begun", None), ("failed", "OSError")]


@ON_EMBEDDED
async def test_who_leaves_ends_the_export_and_another_can_begin(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PersonRecords.whole

    async def stands(read: PersonRecords, topic: str) -> AsyncIterator[Any]:
        if topic == shop.settings.topics.journal:
            await asyncio.Event().wait()
        async for each in whole(read, topic):
            yield each

    await shop.send([order("ann", 1, note="x" * CHUNK_BYTES)])
    async with serving(shop.settings) as service, httpx.AsyncClient(base_url=service.http.base_url) as http:
        with monkeypatch.context() as patched:
            patched.setattr(PersonRecords, "whole", stands)
            async with http.stream("GET", "/v1/users/ann/export", headers=bearer(ADMIN_KEY)) as answer:
                assert answer.status_code == 200
                busy = await ask(service, "ann")
                assert (busy.status_code, busy.json()["code"]) == (503, "busy")

        async def is_free() -> bool:
            code: int = (await ask(service, "ann")).status_code
            return code == 200

        await soon(is_free)
    told = await audit_of(shop)
    assert ("failed", "CancelledError") in told
    assert told[-1] == ("done", None)
