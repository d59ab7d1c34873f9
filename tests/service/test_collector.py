"""The collector takes, refuses with a reason, and writes to the clickstream."""

import asyncio
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from app.events.message import MessageDecoder, times_of
from app.service.access.access_keys import hash_of
from app.settings import Settings
from tests.service.running import BASIC, WRITE_KEY, Running, serving


async def test_an_event_is_in_kafka_when_the_answer_is_success(service: Running) -> None:
    answer = await service.track("u-1", "Product Viewed", messageId="m-1", properties={"product_id": "A"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (message,) = await service.written()
    assert message["_key"] == b"u-1"
    assert message["type"] == "track"
    assert message["messageId"] == "m-1"
    assert message["timestamp"] == message["receivedAt"]
    assert "writeKey" not in message


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("track", "track"),
        ("t", "track"),
        ("i", "identify"),
        ("p", "page"),
        ("s", "screen"),
        ("g", "group"),
        ("a", "alias"),
    ],
)
async def test_the_path_says_the_type(service: Running, path: str, kind: str) -> None:
    body = json.dumps({"anonymousId": "v", "event": "A", "writeKey": WRITE_KEY, "type": "other"})
    answer = await service.http.post(f"/v1/{path}", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200, answer.text
    (message,) = await service.written()
    assert message["type"] == kind
    assert message["messageId"].startswith("shoal-")


async def test_the_senders_clock_is_corrected(service: Running) -> None:
    """An hour slow, and the event waited for ten seconds."""
    batch = {
        "batch": [{"type": "page", "anonymousId": "v", "timestamp": "2026-01-05T00:00:00.000Z"}],
        "sentAt": "2026-01-05T00:00:10.000Z",
        "writeKey": WRITE_KEY,
    }
    assert (await service.http.post("/v1/batch", json=batch)).status_code == 200
    (message,) = await service.written()
    message = {name: value for name, value in message.items() if not name.startswith("_")}
    event_ms, received_ms = times_of(MessageDecoder().decode(json.dumps(message).encode()), -1)
    assert received_ms - event_ms == 10_000
    assert message["originalTimestamp"] == "2026-01-05T00:00:00.000Z"


async def test_a_user_stands_in_the_partition_of_the_java_client(service: Running) -> None:
    for user in ("a", "u-42", "日本"):
        await service.track(user, "X")
    by_user = {each["_key"]: each["_partition"] for each in await service.written(3)}
    assert by_user == {user.encode(): murmur2(user.encode()) % 3 for user in ("a", "u-42", "日本")}


def murmur2(data: bytes) -> int:
    """As in org.apache.kafka.common.utils.Utils, made positive."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ (k >> 24)) * m & mask)
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return (h ^ (h >> 15)) & 0x7FFFFFFF


async def test_of_a_batch_what_can_be_used_is_written_and_the_rest_is_named(service: Running) -> None:
    batch: list[Any] = [
        {"type": "track", "event": "A", "userId": "u"},
        {"type": "teleport", "userId": "u", "messageId": "m-9"},
        {"type": "track", "event": "B"},
        {"type": "track", "event": "C", "userId": "u", "timestamp": "yesterday"},
        {"type": "track", "event": "D", "userId": "u", "timestamp": "2999-01-01T00:00:00Z"},
        {"type": "watermark", "timestamp": "2026-01-05T00:00:00Z"},
        {"type": "track", "event": "E", "userId": "u", "properties": {"long": "x" * 33_000}},
        "no object",
    ]
    answer = await service.http.post("/v1/batch", json={"batch": batch}, headers=BASIC)
    assert answer.status_code == 400
    said = answer.json()
    assert said["accepted"] == 1
    assert [(each["index"], each["reason"]) for each in said["refused"]] == [
        (1, "invalid-message"),
        (2, "no-user"),
        (3, "invalid-time"),
        (4, "future"),
        (5, "invalid-message"),
        (6, "too-large"),
        (7, "invalid-message"),
    ]
    assert said["refused"][0]["messageId"] == "m-9"
    assert [each["event"] for each in await service.written()] == ["A"]


async def test_the_context_of_a_batch_counts_for_its_events(service: Running) -> None:
    batch = [{"type": "page", "userId": "u", "context": {"ip": "own"}}, {"type": "page", "userId": "u"}]
    body = {"batch": batch, "context": {"ip": "shared", "locale": "de"}}
    assert (await service.http.post("/v1/b", json=body, headers=BASIC)).status_code == 200
    assert [each["context"] for each in await service.written(2)] == [
        {"ip": "own", "locale": "de"},
        {"ip": "shared", "locale": "de"},
    ]


async def test_a_packed_body_is_read(service: Running) -> None:
    body = gzip.compress(json.dumps({"event": "A", "userId": "u"}).encode())
    answer = await service.http.post("/v1/t", content=body, headers={**BASIC, "Content-Encoding": "gzip"})
    assert answer.status_code == 200
    assert len(await service.written()) == 1


async def test_ga4_events_come_in_under_their_names_here(service: Running) -> None:
    item = {"item_id": "A", "price": 2.5}
    added = {"currency": "EUR", "items": [{**item, "quantity": 2}]}
    bought = {"transaction_id": "T", "value": 5, "items": [item]}
    events = [{"name": "add_to_cart", "params": added}, {"name": "purchase", "params": bought}]
    payload = {"client_id": "c-1", "events": events}
    answer = await service.http.post(f"/mp/collect?measurement_id=G-1&api_secret={WRITE_KEY}", json=payload)
    assert (answer.status_code, answer.content) == (204, b"")
    first, ordered = await service.written(2)
    assert (first["event"], first["anonymousId"]) == ("Product Added", "c-1")
    assert first["properties"] == {"currency": "EUR", "product_id": "A", "price": 2.5, "quantity": 2}
    assert ordered["event"] == "Order Completed"
    assert ordered["properties"]["order_id"] == "T"


async def test_without_a_key_or_with_another_nothing_is_taken(service: Running) -> None:
    wrong = await service.http.post("/v1/t", json={"userId": "u", "event": "A", "writeKey": "shoal_read_x"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong-key")
    none = await service.http.post("/v1/t", json={"userId": "u", "event": "A"})
    assert (none.status_code, none.json()["code"]) == (401, "no-key")
    odd = await service.http.post("/v1/t", json={}, headers={"Authorization": "Basic %%%"})
    assert odd.status_code == 401


async def test_a_service_without_write_keys_says_how_to_make_one(settings: Settings) -> None:
    async with serving(replace(settings, write_keys="")) as service:
        answer = await service.track("u", "A")
    assert answer.status_code == 403
    assert "shoal keys new write" in answer.json()["message"]


async def test_a_key_that_sends_too_much_is_told_when_to_come_again(settings: Settings) -> None:
    other = "shoal_write_other"
    keys = f"{settings.write_keys},second:{hash_of(other)}"
    async with serving(replace(settings, collect_rate=1, write_keys=keys)) as service:
        batch = {"batch": [{"type": "page", "userId": "u"}] * 10}
        assert (await service.http.post("/v1/b", json=batch, headers=BASIC)).status_code == 200
        answer = await service.http.post("/v1/b", json=batch, headers=BASIC)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 9
        assert (await service.http.post("/v1/b", json={**batch, "writeKey": other})).status_code == 200


async def test_analytics_js_is_told_to_send_here(service: Running) -> None:
    answer = await service.http.get(f"/v1/projects/{WRITE_KEY}/settings")
    segment = answer.json()["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["protocol"]) == (WRITE_KEY, "http")
    assert f"http://{segment['apiHost']}" == f"{service.url}/v1"
    assert (await service.http.get("/v1/projects/other/settings")).status_code == 401


async def test_browsers_of_other_origins_may_send(service: Running) -> None:
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    asks["Access-Control-Request-Headers"] = "content-type,authorization"
    preflight = await service.http.options("/v1/t", headers=asks)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    answer = await service.http.post(
        "/v1/t", json={"event": "A", "userId": "u"}, headers={**BASIC, "Origin": "https://shop.example"}
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


async def test_many_requests_at_once_are_all_written(service: Running) -> None:
    answers = await asyncio.gather(*(service.track(f"u-{n % 7}", f"E{n}") for n in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert {each["event"] for each in await service.written(200)} == {f"E{n}" for n in range(200)}


async def test_a_page_may_read_why_it_was_refused(settings: Settings) -> None:
    shop = {"Origin": "https://shop.example"}
    async with serving(replace(settings, cors_origins="https://shop.example, https://b.example")) as service:
        refused = await service.http.post("/v1/t", json={}, headers=shop)
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        other = await service.http.post("/v1/t", json={}, headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


async def test_neither_users_nor_keys_are_logged(service: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await service.track("secret-user", "A", properties={"mail": "secret@x.org"})
    await service.http.post("/v1/t", json={"userId": "secret-user", "writeKey": "secret-key"})
    await service.http.get("/v1/users/secret-user/segments", headers=BASIC)
    await service.http.get("/secret-path")
    ours = [record for record in caplog.records if not record.name.startswith("http")]  # not the test's own client
    assert not [record for record in ours if "secret" in record.getMessage()]


async def test_strangers_are_not_one_user(service: Running) -> None:
    """Each of them is under the id of its device; who has none is refused, by index."""
    added = {"type": "track", "event": "Product Added"}
    batch = [
        {**added, "userId": "undefined", "anonymousId": "d-1"},
        {**added, "userId": "[object Object]", "anonymousId": " d-2 "},
        {**added, "userId": 0},
        {**added, "userId": 1234.0},
    ]
    answer = await service.http.post("/v1/batch", json={"batch": batch}, headers=BASIC)
    assert answer.status_code == 400
    said = answer.json()
    assert (said["accepted"], [(each["index"], each["reason"]) for each in said["refused"]]) == (3, [(2, "no-user")])
    messages = await service.written(3)
    assert {each["_key"] for each in messages} == {b"d-1", b"d-2", b"1234"}
    assert all(each.get("userId") in (None, "1234") for each in messages)


async def test_what_was_refused_and_repaired_is_counted_by_its_reason(service: Running) -> None:
    def counted(text: str, name: str) -> float:
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    before = (await service.http.get("/metrics")).text
    page = {"type": "page", "userId": "null"}
    batch = [page, {**page, "anonymousId": "d"}, {"type": "track", "userId": "u"}]
    await service.http.post("/v1/batch", json={"batch": batch, "sentAt": "soon"}, headers=BASIC)
    after = (await service.http.get("/metrics")).text
    for name in (
        'shoal_collected_refused_total{key="shop",reason="no-user"}',
        'shoal_collected_refused_total{key="shop",reason="no-event"}',
        'shoal_collected_repairs_total{key="shop",part="id"}',
    ):
        assert counted(after, name) - counted(before, name) == 1, name


async def test_a_track_without_a_name_is_refused(service: Running) -> None:
    for event in (None, "", "  "):
        answer = await service.http.post("/v1/track", json={"userId": "u", "event": event}, headers=BASIC)
        assert (answer.status_code, answer.json()["code"]) == (400, "no-event")
    ga4 = {"client_id": "c", "events": [{"name": ""}]}
    answer = await service.http.post(f"/mp/collect?api_secret={WRITE_KEY}", json=ga4)
    assert (answer.status_code, answer.json()["refused"][0]["index"]) == (400, 0)


async def test_an_event_that_goes_to_the_late_topic_is_named_in_the_answer(service: Running) -> None:
    old = {"type": "page", "userId": "u", "timestamp": "2026-01-01T00:00:00Z"}
    answer = await service.http.post("/v1/batch", json={"batch": [{**old, "timestamp": None}, old]}, headers=BASIC)
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    (late,) = answer.json()["late"]
    assert late["index"] == 1
    assert late["age_ms"] > 86_400_000
    assert len(await service.written(2)) == 2
    ga4 = {"client_id": "c", "timestamp_micros": 1_767_225_600_000_000, "events": [{"name": "a"}]}
    answer = await service.http.post(f"/mp/collect?api_secret={WRITE_KEY}", json=ga4)
    assert (answer.status_code, answer.json()["late"][0]["index"]) == (200, 0)


async def test_a_library_that_would_repeat_a_refused_batch_for_ever_is_answered_with_200(service: Running) -> None:
    """Those of RudderStack for Android and iOS; they send this header."""
    batch = {"batch": [{"type": "page", "userId": "u"}, {"type": "page"}]}
    answer = await service.http.post("/v1/batch", json=batch, headers={**BASIC, "AnonymousId": "ZC0x"})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["success"], said["accepted"], said["refused"][0]["reason"]) == (False, 1, "no-user")


LAST_MONTH = {
    "type": "page",
    "userId": "u",
    "timestamp": "2026-01-03T10:00:00.000Z",
    "originalTimestamp": "2026-01-03T09:00:00.000Z",
    "sentAt": "2026-01-03T09:00:01.000Z",
    "receivedAt": "2026-01-03T10:00:01.000Z",
}


async def test_a_forward_key_passes_on_events_with_the_time_of_their_receipt(settings: Settings) -> None:
    forward = "shoal_forward_for-tests-only"
    async with serving(replace(settings, forward_keys=f"mirror:{hash_of(forward)}")) as service:
        body = {"batch": [LAST_MONTH], "sentAt": "2026-11-28T00:00:00Z"}
        answer = await service.http.post("/v1/batch", json={**body, "writeKey": forward})
        assert answer.json() == {"success": True}
        (kept,) = await service.written(1)
        assert {name: kept[name] for name in LAST_MONTH} == LAST_MONTH
        message = {name: value for name, value in kept.items() if not name.startswith("_")}
        event_ms, received_ms = times_of(MessageDecoder().decode(json.dumps(message).encode()), -1)
        assert received_ms - event_ms == 1_000

        answer = await service.http.post("/v1/batch", json={"batch": [LAST_MONTH]}, headers=BASIC)
        assert answer.json()["success"] is True
        refused = await service.http.get("/v1/segments", headers={"Authorization": f"Bearer {forward}"})
        assert refused.status_code == 401


async def test_with_a_write_key_an_event_is_received_when_it_comes(service: Running) -> None:
    await service.http.post("/v1/batch", json={"batch": [LAST_MONTH]}, headers=BASIC)
    (message,) = await service.written(1)
    assert message["receivedAt"] > "2026-02"
