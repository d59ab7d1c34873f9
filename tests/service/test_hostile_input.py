"""The service answers hostile input with a reason, never with a failure, and goes on."""

import asyncio
import gzip
import json
import logging
import os
import random
import socket
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.embedded import EmbeddedBroker
from app.service.http.body import BODY_BYTES_MAX, Room, read_body
from app.service.http.http_problem import Problem
from app.service.http.protocol import BoundedProtocol
from app.settings import Settings
from tests.service.running import BASIC, BEARER, WRITE_KEY, Running, serving
from tests.support.shop import soon
from tests.support.waiting import eventually

PACKED = {**BASIC, "Content-Encoding": "gzip"}
BOMB = gzip.compress(b" " * 200_000_000, 9, mtime=0)
REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "300"))
EVENT: dict[str, Any] = {"type": "page", "userId": "u"}


def deep(depth: int) -> bytes:
    return b'{"userId":"u","properties":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", BASIC, 400),
        (b"{", BASIC, 400),
        (b"null", BASIC, 400),
        (b"[]", BASIC, 400),
        (b'"text"', BASIC, 400),
        (b"\xff\xfe{}", BASIC, 400),
        (b'{"userId":"u\xff"}', BASIC, 400),
        (b'{"userId":"u","properties":{"a":NaN}}', BASIC, 400),
        (b'{"userId":"u","properties":{"a":1e999}}', BASIC, 200),
        (b'{"userId":"u","properties":{"a":' + b"9" * 5_000 + b"}}", BASIC, 200),
        (b'\xef\xbb\xbf{"userId":"u"}', BASIC, 200),
        (b'{"userId":"u","messageId":"\\ud800"}', BASIC, 400),
        (b'{"userId":"u","writeKey":"\\ud800"}', {}, 401),
        (b'{"userId":"\\ud800 lone"}', BASIC, 400),
        (b'{"userId":"a\\u0000b"}', BASIC, 400),
        (b'{"userId":{"a":1}}', BASIC, 400),
        (b'{"userId":["u"]}', BASIC, 400),
        (b'{"userId":"' + b"u" * 300 + b'"}', BASIC, 400),
        (b'{"userId":"u","timestamp":"0000-00-00"}', BASIC, 400),
        (b'{"userId":"u","timestamp":17}', BASIC, 400),
        (b'{"userId":"u","timestamp":"2026-01-01","sentAt":"no time"}', BASIC, 200),
        (b'{"userId":"u","timestamp":"1970-01-01","sentAt":"8999-01-01"}', BASIC, 200),
        (b'{"userId":"u","sentAt":{"a":1},"timestamp":"2026-01-01"}', BASIC, 200),
        (deep(100_000), BASIC, 413),
        (deep(40_000), BASIC, 400),
        (deep(3_000), BASIC, 400),
        (deep(300), BASIC, 400),
        (deep(200), BASIC, 200),
        (b'{"userId":"u","properties":"' + b"x" * 33_000 + b'"}', BASIC, 400),
        (b"x" * (BODY_BYTES_MAX + 1), BASIC, 413),
        (b"x" * 3_000_000, BASIC, 413),
        (BOMB, PACKED, 413),
        (gzip.compress(BOMB, mtime=0), PACKED, 400),
        (b"not packed", PACKED, 400),
        (gzip.compress(b"{}", mtime=0)[:-9], PACKED, 400),
        (gzip.compress(b"", mtime=0) * 20_000, PACKED, 400),
        (zlib.compress(b'{"userId":"u"}'), {**BASIC, "Content-Encoding": "deflate"}, 200),
        (b"{}", {**BASIC, "Content-Encoding": "br"}, 415),
        (b'{"userId":"u"}', {"Authorization": "Basic " + "A" * 60_000}, 401),
        (b'{"userId":"u"}', {"Authorization": "Basic é".encode("latin-1")}, 401),
        (b'{"userId":"u","writeKey":17}', {}, 401),
        (b'{"userId":"u","writeKey":"' + b"k" * 100_000 + b'"}', {}, 401),
        (b'{"userId":"u","writeKey":"\\ud83d\\ude00"}', {}, 401),
    ],
)
async def test_each_is_refused_with_a_reason(
    service: Running, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await service.http.post("/v1/page", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said["success"] is (status == 200)
    assert status == 200 or (said["code"] and said["message"])
    assert (await service.http.get("/ready")).status_code == 200


async def test_of_keys_that_stand_twice_the_last_counts(service: Running) -> None:
    body = b'{"userId":"first","event":"A","userId":"last"}'
    assert (await service.http.post("/v1/track", content=body, headers=BASIC)).status_code == 200
    (message,) = await service.written()
    assert (message["userId"], message["_key"]) == ("last", b"last")


async def test_what_is_the_collectors_alone_cannot_be_sent(service: Running) -> None:
    sent = {**EVENT, "receivedAt": "2001-01-01T00:00:00Z", "writeKey": WRITE_KEY, "event": "A"}
    assert (await service.http.post("/v1/track", json=sent)).status_code == 200
    (message,) = await service.written()
    assert message["receivedAt"] > "2026"
    assert "writeKey" not in message


@pytest.mark.parametrize("user", ["a/b", "../../metrics", "ü", "a\r\nSet-Cookie: x=1", "%00", "x" * 5_000, "a?b#c"])
async def test_odd_users_cannot_break_out_of_the_path(service: Running, user: str) -> None:
    answer = await service.http.get(f"/v1/users/{quote(user, safe='')}/segments", headers=BEARER)
    assert answer.status_code in (400, 404, 503)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["Origin", "Host", "X-Forwarded-Host", "Last-Event-ID"])
async def test_headers_never_come_back_as_headers(service: Running, name: str) -> None:
    headers = {name: "evil.example\tX-Own: 1"}
    answer = await service.http.get(f"/v1/projects/{WRITE_KEY}/settings", headers=headers)
    assert "X-Own" not in answer.headers
    assert answer.status_code in (200, 400)


@pytest.mark.long
async def test_many_broken_requests_are_answered(service: Running) -> None:
    """Any change of a good request is answered with success or a reason."""
    chance = random.Random(7)
    good = json.dumps(
        {"batch": [EVENT, {**EVENT, "timestamp": "2026-01-05T00:00:00Z"}], "sentAt": "2026-01-05T00:00:01Z"}
    )
    paths = ["/v1/batch", "/v1/track", "/mp/collect?api_secret=" + WRITE_KEY, "/v1/i", "/v1/evaluate", "/v1/tokens"]

    async def send(_: int) -> int:
        body = bytearray(good.encode())
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[at] = chance.randrange(256)
                case 1:
                    del body[at : at + chance.randrange(1, 9)]
                case 2:
                    body[at:at] = chance.choice(
                        [b"{", b"[", b'"', b"\\u0000", b"null", b"1e9999", b"[" * 2_000, b"\xf0"]
                    )
                case _:
                    body[at:at] = body[: chance.randrange(40)]
        packed = chance.random() < 0.2
        content = bytes(gzip.compress(bytes(body)) if packed and chance.random() < 0.8 else body)
        headers = {**chance.choice([BASIC, BEARER]), **({"Content-Encoding": "gzip"} if packed else {})}
        return (await service.http.post(chance.choice(paths), content=content, headers=headers)).status_code

    for _ in range(REQUESTS // 50):
        statuses = await asyncio.gather(*(send(number) for number in range(50)))
        assert not [status for status in statuses if status >= 500]


async def test_who_sends_nothing_holds_up_nobody(service: Running) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        for each in idle:
            each.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
        assert (await service.track("u", "A")).status_code == 200
    finally:
        for each in idle:
            each.close()


def connected(service: Running) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_to_the_end(connection: socket.socket) -> bytes:
    """Until the other side closes it."""
    found = b""
    while chunk := connection.recv(65_536):
        found += chunk
    return found


GOOD = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
BEGUN = b"GET /live HTTP/1.1\r\nHo"


@pytest.mark.parametrize(
    "sent",
    [(b"",), (BEGUN,), (GOOD, BEGUN), (GOOD + BEGUN,), (GOOD + GOOD[:-1], b"\n" + BEGUN), (GOOD, b"\r\n", b"\r\nG")],
    ids=lambda sent: f"{len(sent)} of {sum(map(len, sent))}",
)
async def test_a_head_that_never_ends_is_not_waited_for(
    service: Running, monkeypatch: pytest.MonkeyPatch, sent: tuple[bytes, ...]
) -> None:
    """However it is cut, and whether the request before it is answered yet or not."""
    monkeypatch.setattr(BoundedProtocol, "head_timeout_s", 0.3)

    def send() -> bytes:
        with connected(service) as connection:
            for each in sent:
                connection.sendall(each)
            return read_to_the_end(connection)

    answered = await asyncio.to_thread(send)
    assert answered.count(b"200 OK") == b"".join(sent).count(GOOD)


@pytest.mark.parametrize("begun", [b"GET /", BEGUN + b"st: x\r\nCookie: ", GOOD[:-2]])
@pytest.mark.parametrize("more", [b"a" * 1_000, b"a: b\r\n" * 100])
async def test_a_head_without_end_is_too_long(service: Running, begun: bytes, more: bytes) -> None:
    def send() -> bytes:
        with connected(service) as connection:
            connection.sendall(begun)
            try:
                for _ in range(2_000):
                    connection.sendall(more)
                return read_to_the_end(connection)
            except (BrokenPipeError, ConnectionResetError):
                return b"HTTP/1.1 400 cut off while sending"

    assert (await asyncio.to_thread(send)).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(("path", "headers"), [("/v1/track", BASIC), ("/v1/evaluate", BEARER)])
async def test_who_leaves_in_the_middle_is_no_failure(
    settings: Settings, path: str, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(settings) as service:
        with connected(service) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {headers['Authorization']}\r\n"
            connection.sendall(head.encode() + b"Content-Length: 100\r\n\r\n{")

        async def noticed() -> bool:
            told = (await service.http.get("/metrics")).text
            assert 'status="500"' not in told
            return f'shoal_http_requests_total{{route="{path}",status="400"}} 1.0' in told

        await soon(noticed)
    assert not [each for each in caplog.records if each.levelno > logging.INFO]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batch", b'{"batch":[' + b"{}," * 5_000 + b"{}]}"),
        (
            f"/mp/collect?api_secret={WRITE_KEY}",
            b'{"events":['
            + b",".join([b'{"name":"add_to_cart","params":{"items":[' + b"{}," * 199 + b"{}]}}"] * 30)
            + b"]}",
        ),
    ],
)
async def test_more_events_than_a_request_may_have_are_refused(service: Running, path: str, body: bytes) -> None:
    answer = await service.http.post(path, content=body, headers=BASIC)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_bodies_have_only_so_much_room() -> None:
    room = Room(100)
    with room.hold() as first:
        first.take(60)
        with room.hold() as other:
            other.take(30)
            with pytest.raises(Problem, match="at once"):
                other.take(30)
        assert room.taken == 60
    assert room.taken == 0


async def test_a_body_that_comes_too_slowly_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most libraries drop what is answered with 408."""

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr("app.service.http.body.READ_TIMEOUT_S", 0.05)
    with pytest.raises(Problem, match="did not come within") as raised:
        await read_body(never(), encoding="", length=None)
    assert (raised.value.status, raised.value.headers["Retry-After"]) == (503, "2")


async def test_a_body_that_trickles_in_makes_room_for_others() -> None:
    room = Room(100)

    async def trickling() -> AsyncIterator[bytes]:
        yield b"x" * 90
        await asyncio.Event().wait()

    async def whole() -> AsyncIterator[bytes]:
        yield b"y" * 80

    async def read(stream: AsyncIterator[bytes]) -> bytes:
        with room.hold() as holding:
            return await read_body(stream, encoding="", length=None, holding=holding)

    slow = asyncio.create_task(read(trickling()))
    await eventually(lambda: room.taken == 90)
    assert await read(whole()) == b"y" * 80
    with pytest.raises(Problem, match="make room") as raised:
        await slow
    assert raised.value.status == 503
    assert room.taken == 0


async def test_while_kafka_is_away_events_are_refused_soon_and_later_taken(own_settings: Settings) -> None:
    with EmbeddedBroker() as broker:
        own = replace(
            own_settings, kafka_bootstrap_servers=broker.bootstrap_servers, ack_timeout_ms=500, request_timeout_ms=1_000
        )
        async with serving(own) as service:
            assert (await service.track("u", "A")).status_code == 200
            broker.stop()
            async with asyncio.timeout(10):
                answers = [await service.track("u", f"B{number}") for number in range(3)]
            assert {answer.status_code for answer in answers} == {503}
            assert all(answer.headers["Retry-After"] for answer in answers)
            assert (await service.http.get("/live")).status_code == 200

            async def unready() -> bool:
                return (await service.http.get("/ready")).status_code == 503

            await soon(unready)


async def test_a_service_starts_without_kafka_and_says_so(own_settings: Settings) -> None:
    own = replace(own_settings, kafka_bootstrap_servers="127.0.0.1:1")
    async with serving(own, ready=False) as service:
        answer = await service.track("u", "A")
        assert (answer.status_code, answer.json()["code"]) == (503, "kafka")
        assert (await service.http.get("/ready")).status_code == 503
        live = await service.http.get("/v1/changes", headers=BEARER)
        assert live.status_code == 503


async def test_unknown_paths_and_methods_are_answered_in_the_same_way(service: Running) -> None:
    for method, path, status in (
        ("GET", "/wp-login.php", 404),
        ("DELETE", "/v1/track", 405),
        ("GET", "/v1/track", 405),
    ):
        answer: httpx.Response = await service.http.request(method, path)
        assert answer.status_code == status
        assert answer.json()["success"] is False
