"""Administration over HTTP: only with an admin key, and never without an audit record."""

import json
import time

import pytest

from app.runtime.audit import AuditLog, audited
from app.runtime.records.audit_record import AuditRecord, subject_of
from app.service.access.audit import REFUSALS_AT_ONCE
from app.settings import Settings, load_settings
from tests.service.running import ADMIN_KEY, READ_KEY, WRITE_KEY, Running, bearer, serving


async def records(settings: Settings) -> list[AuditRecord]:
    """All audit records, the newest first."""
    return await AuditLog(settings, actor=None, way="http").latest(1_000)


async def test_an_admin_key_reads_the_records_and_that_is_recorded(admin_settings: Settings) -> None:
    async with serving(admin_settings) as service:
        answer = await service.http.get("/v1/audit", headers=bearer(ADMIN_KEY))
    assert answer.status_code == 200
    (told,) = answer.json()["records"]
    assert (told["actor"], told["deed"], told["result"], told["way"]) == ("ops", "audit.read", "done", "http")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "no-key"),
        (bearer(READ_KEY), "wrong-key"),
        (bearer(WRITE_KEY), "wrong-key"),
        (bearer("shoal_admin_other"), "wrong-key"),
    ],
    ids=["none", "read", "write", "another"],
)
@pytest.mark.long
async def test_without_an_admin_key_it_is_refused_told_and_recorded(
    admin_settings: Settings, headers: dict[str, str], code: str
) -> None:
    async with serving(admin_settings) as service:
        answer = await service.http.get("/v1/audit", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert "admin key" in answer.json()["message"]
    (told,) = await records(admin_settings)
    assert (told.actor, told.deed, told.result, told.reason) == (None, "audit.read", "refused", code)


async def test_an_admin_key_neither_reads_users_nor_writes_events(admin_settings: Settings) -> None:
    async with serving(admin_settings) as service:
        asked = await service.http.get("/v1/segments", headers=bearer(ADMIN_KEY))
        sent = await service.http.post("/v1/track", json={"userId": "u", "event": "A", "writeKey": ADMIN_KEY})
    assert (asked.status_code, sent.status_code) == (401, 401)


async def test_a_service_without_admin_keys_refuses_all_and_says_why(service: Running) -> None:
    answer = await service.http.get("/v1/audit", headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.json()["code"]) == (403, "admin-off")
    assert "shoal keys new admin" in answer.json()["message"]


@pytest.mark.long
async def test_a_flood_of_refusals_is_counted_and_does_not_fill_the_topic(admin_settings: Settings) -> None:
    asked = REFUSALS_AT_ONCE + 40
    async with serving(admin_settings) as service:
        began_s = time.monotonic()
        for _ in range(asked):
            assert (await service.http.get("/v1/audit")).status_code == 401
        took_s = time.monotonic() - began_s
    told = await records(admin_settings)
    assert len(told) <= REFUSALS_AT_ONCE + took_s + 1 < asked


async def test_what_cannot_be_recorded_is_not_done(admin_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise OSError

    async with serving(admin_settings) as service:
        monkeypatch.setattr(AuditLog, "append", fails)
        answer = await service.http.get("/v1/audit", headers=bearer(ADMIN_KEY))
        refused = await service.http.get("/v1/audit")
    assert (answer.status_code, answer.json()["code"]) == (503, "audit")
    assert refused.status_code == 401


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_a_limit_out_of_bounds_is_refused(admin_settings: Settings, limit: int) -> None:
    async with serving(admin_settings) as service:
        answer = await service.http.get("/v1/audit", params={"limit": limit}, headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.json()["code"]) == (400, "limit")


async def test_a_command_is_recorded_with_its_beginning_and_its_end_and_no_user_in_clear(
    admin_settings: Settings,
) -> None:
    async with audited(admin_settings, "users.show", user="ann@shop.example") as deed:
        deed.details["keys"] = "2"
    with pytest.raises(KeyError):
        async with audited(admin_settings, "users.show", user="ann@shop.example"):
            raise KeyError("ann@shop.example")
    told = (await records(admin_settings))[::-1]
    assert [each.result for each in told] == ["begun", "done", "begun", "failed"]
    assert told[0].id == told[1].id != told[2].id
    assert told[0].actor
    assert told[1].details == {"keys": "2"}
    assert told[3].reason == "KeyError"
    assert {each.subject for each in told} == {subject_of("ann@shop.example", secret="a secret for tests only")}
    assert "ann@" not in json.dumps([each.details for each in told])


async def test_without_a_secret_records_name_no_user(own_settings: Settings) -> None:
    async with audited(own_settings, "users.show", user="ann"):
        pass
    assert {each.subject for each in await records(own_settings)} == {None}


def test_the_topic_keeps_records_for_three_years_unless_another_time_is_set() -> None:
    from app.runtime.kafka.topics import audit_topic

    assert dict(audit_topic(load_settings({})).config)["retention.ms"] == str(1_095 * 86_400_000)
    own = audit_topic(load_settings({}, audit_retention_ms="30d"))
    assert dict(own.config)["retention.ms"] == str(30 * 86_400_000)
