"""People are erased over HTTP: with an admin key only, all keys or none, each deed in the audit log."""

import json
from typing import Any

import pytest

from app.main import create_app
from app.offline.key_erasure import KeyErasure
from app.runtime.audit import AuditLog
from app.runtime.records.audit_record import subject_of
from app.settings import Settings
from tests.service.running import ADMIN_KEY, READ_KEY, Running, bearer, serving
from tests.support.records import read_topic
from tests.support.shop import Shop, running, soon

ON_KAFKA = pytest.mark.parametrize("broker", ["kafka"], indirect=True)
SECRET = "a secret for tests only"


async def ask(service: Running, path: str, body: Any = None, *, key: str = ADMIN_KEY) -> Any:
    return await service.http.post(f"/v1/users/{path}", json={} if body is None else body, headers=bearer(key))


async def controls(settings: Settings) -> set[tuple[str, str, bool]]:
    """The control records in the clickstream: deed, key and whether it suppresses."""
    said = [json.loads(each.value) for each in await read_topic(settings, settings.topics.clickstream)]
    return {(each["deed"], each["from"], each.get("suppress", False)) for each in said if each["type"] == "control"}


@ON_KAFKA
async def test_a_person_is_erased_with_all_their_keys_and_can_be_suppressed(shop: Shop) -> None:
    settings = shop.settings
    order = {"type": "track", "event": "Order Completed", "userId": "ann", "anonymousId": "a-1", "messageId": "m"}
    async with running(create_app(settings)), serving(settings) as service:
        await shop.send([(b"ann", json.dumps(order).encode(), [])])

        async def is_moved() -> bool:
            return bool(await shop.read_all(settings.topics.identity))

        await soon(is_moved)
        answer = await ask(service, "a-1/erase")
        assert (answer.status_code, answer.json()["code"]) == (409, "key-state")
        assert "a-1 has moved to ann" in answer.json()["message"]
        answer = await ask(service, "nobody/erase")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-user")
        answer = await ask(service, "ann/unsuppress")
        assert (answer.status_code, answer.json()["code"]) == (409, "key-state")
        assert await controls(settings) == set()
        answer = await ask(service, "ann/erase", {"suppress": True})
        assert (answer.status_code, answer.json()) == (200, {"user": "ann", "keys": ["ann", "a-1"], "suppressed": True})
        assert await controls(settings) == {("erase", "ann", True), ("erase", "a-1", True)}

        async def has_left() -> bool:
            return [(each["change"], each["cause"]["kind"]) for each in await shop.changes()][1:] == [
                ("exited", "erased")
            ]

        await soon(has_left)

        async def is_taken_again() -> bool:
            status: int = (await ask(service, "ann/unsuppress")).status_code
            return status == 200

        await soon(is_taken_again)  # the worker has committed the suppression by then
        assert {("unsuppress", "ann", False), ("unsuppress", "a-1", False)} <= await controls(settings)
    records = await AuditLog(settings, actor=None, way="http").latest(9)
    deeds = [(each.deed, each.actor, each.subject) for each in records]
    ann = subject_of("ann", secret=SECRET)
    assert deeds[0] == ("users.unsuppress", "ops", ann)
    assert ("users.erase", "ops", ann) in deeds


@ON_KAFKA
async def test_an_erasure_that_is_not_written_is_not_called_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise OSError

    log = AuditLog(shop.settings, actor=None, way="http")
    async with serving(shop.settings) as service:
        with monkeypatch.context() as patched:
            patched.setattr(KeyErasure, "_write_erasure", fails)
            answer = await ask(service, "ann/erase", {"suppress": True})
        assert (answer.status_code, answer.json()["code"]) == (503, "kafka")
        failed, begun = await log.latest(9)
        assert (begun.result, failed.result, failed.reason) == ("begun", "failed", "kafka")
        assert begun.id == failed.id
        assert (await ask(service, "ann/erase", {"suppress": True})).status_code == 200
    done, begun = (await log.latest(9))[:2]
    assert (begun.result, done.result, done.details) == ("begun", "done", {"keys": "1", "suppressed": "true"})


@ON_KAFKA
@pytest.mark.parametrize(
    ("path", "body", "key", "status", "code"),
    [
        ("undefined/erase", {}, ADMIN_KEY, 400, "user"),
        ("undefined/unsuppress", {}, ADMIN_KEY, 400, "user"),
        ("ann/erase", {"suppress": 1}, ADMIN_KEY, 400, "invalid-request"),
        ("ann/erase", {"supress": True}, ADMIN_KEY, 400, "invalid-request"),
        ("ann/erase", {"suppress": True}, READ_KEY, 401, "wrong-key"),
        ("ann/unsuppress", {}, READ_KEY, 401, "wrong-key"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    shop: Shop, path: str, body: Any, key: str, status: int, code: str
) -> None:
    async with serving(shop.settings) as service:
        answer = await ask(service, path, body, key=key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await controls(shop.settings) == set()
    told = [(each.result, each.reason) for each in await AuditLog(shop.settings, actor=None, way="http").latest(9)]
    assert told == ([("refused", code)] if status == 401 else [("failed", code), ("begun", None)])


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_a_broker_without_transactions_erases_nobody(shop: Shop) -> None:
    async with serving(shop.settings) as service:
        answer = await ask(service, "ann/erase", {"suppress": True})
    assert (answer.status_code, answer.json()["code"]) == (503, "kafka")
    assert "no transactions" in answer.json()["message"]
