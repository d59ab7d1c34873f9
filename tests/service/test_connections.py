"""Idle and slow connections are no reason to turn others away."""

import asyncio
import resource
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.service.http.connections import FILES_KEPT, Connections, connections_for
from app.service.http.http_problem import Problem
from app.service.http.request_limit import RequestsInHand
from app.service.service_metrics import ServiceMetrics
from app.settings import Settings
from tests.service.process import service_process
from tests.service.running import BASIC, WRITE_KEY
from tests.support.waiting import wait_until

IDLE = 10_000
SLOW = 3_000
ANSWER_S = 5.0
GOOD = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
KEY = b64encode(f"{WRITE_KEY}:".encode())
SLOW_HEAD = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX-Slow: "
SLOW_BODY = (
    b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + KEY + b"\r\nContent-Length: 400000\r\n\r\n{"
)


class Connection:
    """Notes that it was cut off."""

    def __init__(self) -> None:
        self.is_cut_off = False

    def cut_off(self) -> None:
        self.is_cut_off = True


def test_the_one_that_was_idle_for_longest_makes_room() -> None:
    metrics = ServiceMetrics()
    connections = Connections(2, metrics)
    first, second, third = Connection(), Connection(), Connection()
    assert connections.opened(first)
    assert connections.opened(second)
    connections.receives(first)
    connections.answers(first)
    connections.idles(first)
    assert connections.opened(third)
    assert [each.is_cut_off for each in (first, second, third)] == [False, True, False]
    assert len(connections) == metrics.value("shoal_open_connections") == 2
    assert metrics.value("shoal_cut_off_connections_total", state="idle") == 1


def test_where_none_is_idle_the_slowest_request_makes_room_and_never_one_that_is_answered() -> None:
    metrics = ServiceMetrics()
    connections = Connections(2, metrics)
    answered, slow, new, last = (Connection() for _ in range(4))
    for each in (answered, slow):
        connections.opened(each)
        connections.receives(each)
    connections.answers(answered)
    assert connections.opened(new)
    assert slow.is_cut_off
    connections.receives(new)
    connections.answers(new)
    assert not connections.opened(last)
    assert not answered.is_cut_off
    assert metrics.value("shoal_cut_off_connections_total", state="arriving") == 1
    assert metrics.value("shoal_cut_off_connections_total", state="refused") == 1
    connections.closed(answered)
    assert connections.opened(last)


def test_connections_are_as_many_as_files_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1_024, 4_096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: limits.append(given))
    assert connections_for(100) == 100
    assert connections_for(2_000) == 2_000
    assert limits[-1] == (2_500, 4_096)
    assert connections_for(20_000) == 4_096 - FILES_KEPT


def test_only_so_many_requests_are_in_hand() -> None:
    in_hand = RequestsInHand(1)
    in_hand.enter()
    with pytest.raises(Problem, match="too many requests") as raised:
        in_hand.enter()
    assert raised.value.headers["Retry-After"]
    in_hand.leave()
    in_hand.enter()


@contextmanager
def opened(url: str, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """So many connections, each of which has sent something."""
    host, port = url.removeprefix("http://").split(":")
    found: list[socket.socket] = []
    try:
        for _ in range(count):
            each = socket.create_connection((host, int(port)), timeout=30)
            found.append(each)
            each.sendall(sent)
        yield found
    finally:
        for each in found:
            each.close()


def read_an_answer_each(connections: list[socket.socket]) -> None:
    """Until the service has answered all of them: from then on they are idle."""
    for each in connections:
        assert each.recv(65_536).startswith(b"HTTP/1.1 200")


def files_allowed() -> int:
    """As many as this process may have, if it is allowed to raise the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < IDLE + SLOW + FILES_KEPT and hard >= IDLE + SLOW + FILES_KEPT:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


async def slowest_answer_s(url: str) -> float:
    """Of events, and of the probe, each on a connection of its own."""
    slowest = 0.0
    for number in range(20):
        async with httpx.AsyncClient(base_url=url, timeout=ANSWER_S) as http:
            began_s = time.perf_counter()
            event = {"event": "A", "userId": f"u-{number}"}
            assert (await http.post("/v1/track", json=event, headers=BASIC)).status_code == 200
            assert (await http.get("/live")).status_code == 200
            slowest = max(slowest, time.perf_counter() - began_s)
    return slowest


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_with_ten_thousand_idle_and_three_thousand_slow_connections_others_are_served(
    own_settings: Settings, tmp_path: Path
) -> None:
    scale = 1 if files_allowed() >= IDLE + SLOW + 2 * FILES_KEPT else 10
    with service_process(own_settings, tmp_path / "log") as service:
        before = service.memory_bytes()
        with (
            opened(service.url, IDLE // scale, GOOD) as idle,
            opened(service.url, SLOW // scale // 2, SLOW_HEAD),
            opened(service.url, SLOW // scale // 2, SLOW_BODY),
        ):
            read_an_answer_each(idle)
            # Connections are taken up in order: with this answer all of them are open.
            async with httpx.AsyncClient(base_url=service.url, timeout=120) as http:
                assert (await http.get("/live")).status_code == 200
            slowest_s = await slowest_answer_s(service.url)
            grown = service.memory_bytes() - before
        print(f"1/{scale}: slowest answer {slowest_s:.3f} s, {grown >> 20} MB more")  # noqa: T201  # with -s
    assert slowest_s < ANSWER_S


@pytest.mark.timeout(120)
@pytest.mark.parametrize("sent", [GOOD, SLOW_HEAD, SLOW_BODY], ids=["idle", "slow head", "slow body"])
@pytest.mark.long
async def test_with_more_connections_than_there_may_be_others_are_served(
    own_settings: Settings, tmp_path: Path, sent: bytes
) -> None:
    with (
        service_process(own_settings, tmp_path / "log", SHOAL_CONNECTIONS_MAX="50") as service,
        opened(service.url, 200, sent) as connections,
    ):
        assert await slowest_answer_s(service.url) < ANSWER_S
        wait_until(lambda: sum(_is_closed(each) for each in connections) >= 150, within_s=10)


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)  # the name of the standard library
    try:
        while chunk := connection.recv(65_536):
            assert chunk.startswith(b"HTTP/1.1 200")
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True


@pytest.mark.timeout(120)
@pytest.mark.long
async def test_more_requests_than_may_be_in_hand_are_told_to_come_again(own_settings: Settings, tmp_path: Path) -> None:
    """And the probes are answered all the same."""
    with service_process(own_settings, tmp_path / "log", SHOAL_REQUESTS_MAX="1") as service:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=service.url, timeout=30, limits=limits) as http:
            event = {"event": "A", "userId": "u"}
            sent = [http.post("/v1/track", json=event, headers=BASIC) for _ in range(100)]
            answers = await asyncio.gather(*sent, *(http.get("/live") for _ in range(50)))
        events, probes = answers[:100], answers[100:]
        assert {each.status_code for each in probes} == {200}
        busy = [each for each in events if each.status_code == 503]
        assert busy
        assert {each.json()["code"] for each in busy} == {"busy"}
        assert all(each.headers["Retry-After"] for each in busy)
        assert len(busy) < 100
