"""Static lists over HTTP: records at the keys of the users, with an admin key only, each deed in the audit log."""

import json
from typing import Any

import pytest

from app.runtime.audit import AuditLog
from app.settings import Settings
from tests.service.running import ADMIN_KEY, READ_KEY, bearer, serving
from tests.support.records import read_topic


async def change(settings: Settings, body: Any, *, name: str = "vip", key: str = ADMIN_KEY) -> Any:
    async with serving(settings) as service:
        return await service.http.post(f"/v1/lists/{name}", json=body, headers=bearer(key))


async def written(settings: Settings) -> set[tuple[str, str, bool]]:
    records = await read_topic(settings, settings.topics.clickstream)
    said = [(record.key.decode(), json.loads(record.value)) for record in records]
    return {(key, each["list"], each["is_on"]) for key, each in said if each["type"] == "list"}


async def test_users_are_put_on_a_list_and_taken_off_it(admin_settings: Settings) -> None:
    answer = await change(admin_settings, {"add": ["ann", " bob "], "remove": ["cid"]})
    assert (answer.status_code, answer.json()) == (200, {"list": "vip", "added": 2, "removed": 1})
    assert await written(admin_settings) == {("ann", "vip", True), ("bob", "vip", True), ("cid", "vip", False)}
    deed, begun = await AuditLog(admin_settings, actor=None, way="http").latest(10)
    assert (deed.deed, deed.actor, deed.result) == ("lists.write", "ops", "done")
    assert (begun.result, begun.id) == ("begun", deed.id)


@pytest.mark.parametrize(
    ("body", "name", "code", "said"),
    [
        ({"add": ["ann", "undefined"]}, "vip", "user", "add[1] names nobody"),
        ({"add": ["ann"], "remove": ["x" * 257]}, "vip", "user", "remove[0] names nobody"),
        ({}, "vip", "users", "give 1 to 1,000 users"),
        ({"add": ["u"] * 1_001}, "vip", "users", "give 1 to 1,000 users"),
        ({"add": "ann"}, "vip", "invalid-request", "Expected `array`"),
        ({"put": ["ann"]}, "vip", "invalid-request", "unknown field `put`"),
        ({"add": ["ann"]}, "VIP", "list", "'VIP' is no name of a list"),
    ],
)
async def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    admin_settings: Settings, body: Any, name: str, code: str, said: str
) -> None:
    answer = await change(admin_settings, body, name=name)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert said in answer.json()["message"]
    assert await written(admin_settings) == set()


async def test_without_an_admin_key_nothing_is_written(admin_settings: Settings) -> None:
    answer = await change(admin_settings, {"add": ["ann"]}, key=READ_KEY)
    assert answer.status_code == 401
    assert await written(admin_settings) == set()
