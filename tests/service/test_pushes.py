"""Records that Google Pub/Sub and Amazon Data Firehose push: each becomes an event or a dead letter."""

import gzip
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.events.instants import iso_text
from app.events.message import instant_ms
from app.intake.clickstream_replay import replay
from app.service.collect.clickstream import ClickstreamWriter, UnavailableError
from app.service.collect.pushes import AT_ONCE, LETTER_BYTES_MAX
from app.service.incoming.pushed import RECORDS_MAX
from app.settings import Settings
from tests.service.running import BASIC, FORWARD_KEY, FORWARDING, Running, serving
from tests.support.records import read_topic

PUBSUB = {"writeKey": FORWARD_KEY}
REQUEST_ID = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f"
FIREHOSE = {
    "X-Amz-Firehose-Protocol-Version": "1.0",
    "X-Amz-Firehose-Request-Id": REQUEST_ID,
    "X-Amz-Firehose-Source-Arn": "arn:aws:firehose:us-east-1:123456789:deliverystream/clicks",
    "X-Amz-Firehose-Access-Key": FORWARD_KEY,
    "Content-Type": "application/json",
}


def event(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "A", "userId": "u", **more}


def packed(value: Any) -> str:
    return b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


def wrapped(value: Any, message_id: str = "136969346945", **more: Any) -> dict[str, Any]:
    """As Google's documentation shows it, with the names of older subscriptions beside the present ones."""
    message = {"data": packed(value), "messageId": message_id, "message_id": message_id, **more}
    return {"message": message, "subscription": "projects/my-project/subscriptions/clicks"}


async def firehose(service: Running, *values: Any, **more: str) -> httpx.Response:
    body = {
        "requestId": REQUEST_ID,
        "timestamp": time.time_ns() // 1_000_000,
        "records": [{"data": packed(value)} for value in values],
    }
    return await service.http.post("/v1/firehose", json=body, headers=FIREHOSE | more)


async def letters(settings: Settings, at_least: int = 1) -> list[tuple[bytes | None, bytes | None, dict[str, str]]]:
    records = await read_topic(settings, settings.topics.dead_letters, at_least=at_least)
    return [(each.key, each.value, {name: value.decode() for name, value in each.headers}) for each in records]


async def test_a_message_is_an_event_with_the_id_of_the_message_and_the_time_of_its_publication(
    service: Running,
) -> None:
    published_ms = time.time_ns() // 1_000_000 - 60_000
    body = wrapped(event(), publishTime=iso_text(published_ms), orderingKey="u")
    for _ in range(2):  # delivered again, it is the same event
        answer = await service.http.post("/v1/pubsub", params=PUBSUB, json=body)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    (message,) = await service.written()
    assert message["messageId"] == "pubsub:my-project/clicks-message-136969346945-0"
    assert message["receivedAt"] == message["timestamp"] == iso_text(published_ms)
    assert message["_key"] == b"u"


async def test_a_message_without_its_wrapper_is_the_same_event(service: Running) -> None:
    published_ms = time.time_ns() // 1_000_000 - 60_000
    metadata = {
        "x-goog-pubsub-subscription-name": "projects/my-project/subscriptions/clicks",
        "x-goog-pubsub-message-id": "2",
        "x-goog-pubsub-publish-time": iso_text(published_ms),
        "x-goog-pubsub-ordering-key": "u",
    }
    answer = await service.http.post("/v1/pubsub", params=PUBSUB, json=event(), headers=metadata)
    assert answer.json() == {"success": True}
    bare = await service.http.post("/v1/pubsub", json=event(messageId="own"), headers=FORWARDING)
    assert bare.json() == {"success": True}
    first, second = await service.written(2)
    if first["messageId"] == "own":
        first, second = second, first
    assert first["messageId"] == "pubsub:my-project/clicks-message-2-0"
    assert first["receivedAt"] == iso_text(published_ms)
    assert second["messageId"] == "own"


async def test_a_publication_in_the_future_is_now(service: Running) -> None:
    body = wrapped(event(), "3", publishTime="2999-01-01T00:00:00Z")
    assert (await service.http.post("/v1/pubsub", params=PUBSUB, json=body)).status_code == 200
    (message,) = await service.written()
    assert instant_ms(message["receivedAt"]) <= time.time_ns() // 1_000_000


async def test_the_senders_clock_is_corrected_by_the_time_of_publication(service: Running) -> None:
    """However long the message waited in the subscription."""
    published_ms = time.time_ns() // 1_000_000 - 3_600_000
    times = {"timestamp": "2020-01-01T00:00:00.000Z", "sentAt": "2020-01-01T00:00:10.000Z"}
    body = wrapped(event(**times), "4", publishTime=iso_text(published_ms))
    assert (await service.http.post("/v1/pubsub", params=PUBSUB, json=body)).status_code == 200
    (message,) = await service.written()
    assert message["timestamp"] == iso_text(published_ms - 10_000)


async def test_what_cannot_be_used_is_acknowledged_and_a_dead_letter_which_can_be_replayed(
    own_settings: Settings,
) -> None:
    strict = replace(own_settings, skew_max_ms=0)
    ahead = event(timestamp=iso_text(time.time_ns() // 1_000_000 + 600_000))
    async with serving(strict) as service:
        bodies: list[Any] = [
            wrapped(ahead, "1"),
            wrapped(b"no json", "2", orderingKey="k"),
            {"message": {"data": "%%%", "messageId": "3"}},
            {"message": {"attributes": {"a": "b"}, "messageId": "4"}, "subscription": "odd"},
            {"message": {"data": 7}},
        ]
        for body in bodies:
            answer = await service.http.post("/v1/pubsub", params=PUBSUB, json=body)
            assert answer.status_code == 200, answer.text
            assert (answer.json()["success"], answer.json()["accepted"]) == (False, 0)
        answer = await service.http.post("/v1/pubsub", params=PUBSUB, content=b"")
        assert (answer.status_code, answer.json()["code"]) == (200, "empty")
    found = await letters(strict, 6)
    assert sorted(headers["shoal-reason"] for _, _, headers in found) == [
        *("empty", "empty", "future", "invalid-json", "invalid-message", "invalid-message")
    ]
    (key, value, headers), *_ = [each for each in found if each[2]["shoal-reason"] == "invalid-json"]
    assert (key, value) == (b"k", b"no json")
    place = [headers[f"shoal-source-{part}"] for part in ("topic", "partition", "offset")]
    assert place == ["pubsub:my-project/clicks", "message", "2"]
    done = await replay(replace(own_settings, skew_max_ms=3_600_000))
    assert done.taken == {"future": 1}
    (record,) = await read_topic(own_settings, own_settings.topics.clickstream)
    assert json.loads(record.value)["messageId"] == "pubsub:my-project/clicks-message-1-0"


async def test_records_of_firehose_are_events_with_ids_that_stay_when_they_come_again(service: Running) -> None:
    values = [event(event=f"E{number}") for number in range(AT_ONCE + 3)]
    values[1]["messageId"] = "own"
    for _ in range(2):
        answer = await firehose(service, *values)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json().keys() == {"requestId", "timestamp"}
        assert answer.json()["requestId"] == REQUEST_ID
        assert abs(answer.json()["timestamp"] - time.time() * 1000) < 60_000
    found = {each["event"]: each["messageId"] for each in await service.written(len(values))}
    wanted = {f"E{number}": f"firehose-{REQUEST_ID}-{number}" for number in range(len(values))}
    assert found == wanted | {"E1": "own"}


async def test_a_packed_request_of_firehose_is_read(service: Running) -> None:
    body = gzip.compress(json.dumps({"records": [{"data": packed(event())}], "timestamp": True}).encode())
    answer = await service.http.post("/v1/firehose", content=body, headers=FIREHOSE | {"Content-Encoding": "gzip"})
    assert answer.status_code == 200, answer.text
    assert len(await service.written()) == 1


async def test_a_bad_record_does_not_hold_up_the_others_of_its_request(own_settings: Settings) -> None:
    async with serving(own_settings) as service:
        answer = await firehose(service, event(), b"{", event(userId=None), b"x" * (LETTER_BYTES_MAX + 1))
        assert answer.json().keys() == {"requestId", "timestamp"}
        assert len(await service.written()) == 1
        metrics = (await service.http.get("/metrics")).text
    found = sorted(await letters(own_settings, 3), key=lambda each: each[2]["shoal-source-offset"])
    assert [each[2]["shoal-reason"] for each in found] == ["invalid-json", "no-user", "invalid-json"]
    assert [each[1] for each in found] == [b"{", json.dumps(event(userId=None)).encode(), b""]
    assert "too many to be kept" in found[2][2]["shoal-detail"]
    assert found[0][2]["shoal-source-topic"] == "firehose:clicks"
    assert found[0][2]["shoal-source-partition"] == REQUEST_ID
    assert 'shoal_collected_events_total{key="mirror",outcome="accepted"} 1.0' in metrics
    assert 'shoal_collected_refused_total{key="mirror",reason="invalid-json"} 2.0' in metrics


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b'{"records": 1}', {}, 400),
        (b'{"records": []}', {"X-Amz-Firehose-Request-Id": ""}, 400),
        (b'{"records": [' + b"1," * RECORDS_MAX + b"1]}", {}, 413),
        (b" " * (15 << 20), {}, 413),
        (gzip.compress(b" " * (15 << 20), mtime=0), {"Content-Encoding": "gzip"}, 413),
        (b"{}", {"Content-Encoding": "br"}, 415),
        (b"{}", {"X-Amz-Firehose-Access-Key": "shoal_write_x"}, 401),
    ],
    ids=["no json", "a list", "no list", "no id", "records", "bytes", "bytes, packed", "packed otherwise", "key"],
)
async def test_a_request_that_is_none_of_firehose_is_refused_in_its_words(
    service: Running, body: bytes, headers: dict[str, str], status: int
) -> None:

    async def chunks() -> AsyncIterator[bytes]:  # so that it reads all of the body before it answers
        yield body

    answer = await service.http.post("/v1/firehose", content=chunks(), headers=FIREHOSE | headers)
    assert answer.status_code == status
    said = answer.json()
    assert said["errorMessage"] == said["message"]
    assert said["timestamp"] > 0
    assert said.get("requestId", "") == (FIREHOSE | headers)["X-Amz-Firehose-Request-Id"]


@pytest.mark.parametrize("headers", [{}, BASIC], ids=["no key", "a write key"])
async def test_only_a_forward_key_may_push(service: Running, headers: dict[str, str]) -> None:
    """A write key stands in pages: whoever reads one there could fill the topic of dead letters."""
    answer = await service.http.post("/v1/pubsub", json=wrapped(event()), headers=headers)
    assert answer.status_code == 401
    assert (await service.http.post("/v1/firehose", json={}, headers=headers)).status_code == 401


async def test_an_oidc_token_beside_the_key_is_no_key(service: Running) -> None:
    """Pub/Sub sends one if the subscription is authenticated; a proxy may check it."""
    token = {"Authorization": "Bearer eyJ.eyJ.x"}
    answer = await service.http.post("/v1/pubsub", params=PUBSUB, json=wrapped(event(), "9"), headers=token)
    assert answer.json() == {"success": True}


@pytest.mark.parametrize("more", [{"keep": "catalog"}, {"pseudonym_keys": "2026:a-secret-of-32-characters-or-more"}])
async def test_a_dead_letter_holds_nothing_that_must_not_be_kept(own_settings: Settings, more: dict[str, str]) -> None:
    async with serving(replace(own_settings, **more)) as service:  # type: ignore[arg-type]  # fields of text
        answer = await service.http.post("/v1/pubsub", params=PUBSUB, json=wrapped(b"ann@shop.example", "1"))
        assert answer.json()["code"] == "invalid-json"
    ((key, value, headers),) = await letters(own_settings)
    assert (key, value, headers["shoal-reason"]) == (None, b"", "invalid-json")
    assert "ann" not in str(headers)


async def test_without_dead_letters_nothing_is_acknowledged(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise UnavailableError("no dead letters")

    monkeypatch.setattr(ClickstreamWriter, "write_dead", away)
    answer = await firehose(service, event(), b"{")
    assert (answer.status_code, answer.json()["code"]) == (503, "kafka")
    assert answer.headers["Retry-After"]
    assert "no dead letters" in answer.json()["errorMessage"]
