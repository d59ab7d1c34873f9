"""Requests as they go out: addresses, redirects, time-outs, signatures, tokens."""

import asyncio
import hashlib
import hmac
import time
from typing import Any

import pytest
from aiohttp import web

from app.destinations.changes import prepare
from app.destinations.destination import Destination
from app.destinations.http.addresses import ForbiddenAddressError, PublicResolver, host_of, is_forbidden_host, is_public
from app.destinations.http.answers import judge, read_retry_after
from app.destinations.http.http_connection import HttpConnection
from app.destinations.http.http_request import HttpRequest
from app.destinations.outcome import Fate, Outcome
from tests.destinations.making import HOOK, change, destination, plain, problems, target
from tests.destinations.receiver import receiver


async def sent(made: Destination, *, private: bool = True) -> Outcome:
    one = change("ann")
    async with HttpConnection(private=private) as sender:
        return await sender.send(made, prepare(made, plain(one), one.encode()))


def hook(url: str, more: str = "") -> Destination:
    return destination(f"destination: hook\nurl: {url}/in\n{more}", environ={"SECRET": "key"}, private=True)


async def test_what_is_delivered_is_signed_and_the_receiver_can_check_it() -> None:
    async with receiver() as there:
        outcome = await sent(hook(there.url, "sign: {secret: '${SECRET}'}\n"))
    assert outcome.fate is Fate.DELIVERED
    request, body = there.got[0]
    timestamp = request.headers["Shoal-Timestamp"]
    wanted = hmac.new(b"key", timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert request.headers["Shoal-Signature"] == f"v1={wanted}"
    assert abs(time.time() - int(timestamp)) < 60


async def test_no_redirect_is_followed() -> None:
    async with (
        receiver() as secret,
        receiver(lambda *_: web.Response(status=302, headers={"Location": secret.url})) as there,
    ):
        outcome = await sent(hook(there.url))
        assert outcome.fate is Fate.REFUSED
        assert "redirects are not followed" in outcome.detail
        assert not secret.got


async def test_an_address_that_is_not_public_is_not_asked_whatever_the_file_said() -> None:
    async with receiver() as there:
        outcome = await sent(hook(there.url), private=False)
        assert (outcome.fate, outcome.status) == (Fate.REFUSED, "forbidden")
        assert not there.got


async def test_a_name_that_leads_to_this_machine_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: Any, **__: Any) -> list[dict[str, Any]]:
        return [{"hostname": "evil.example", "host": "127.0.0.1", "port": 80, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
    resolver = PublicResolver()
    with pytest.raises(ForbiddenAddressError):
        await resolver.resolve("evil.example")
    async with receiver() as there:
        port = there.url.rsplit(":", 1)[1]
        outcome = await sent(hook(f"http://evil.example:{port}"), private=False)
        assert (outcome.fate, outcome.status) == (Fate.AGAIN, "forbidden")
        assert not there.got


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
        "::7f00:1",
        "64:ff9b:1::a00:1",
        "::ffff:0:7f00:1",
        "::5efe:7f00:1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.9",
        "240.0.0.1",
        "255.255.255.255",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


# Spellings of addresses of this machine or network, as clients, systems or both read them.
SPELLINGS = [
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
    "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1",
    "\uff10x7f.1",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "127\uff610\uff610\uff611",
    "10\u30020\u30020\u30021.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[fe80::1%25eth0]",
    "user:word@127.0.0.1",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_hosts_that_are_not_public_in_any_spelling(host: str) -> None:
    assert is_forbidden_host(host_of(f"https://{host}/in"))


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize(
    "text",
    [
        "destination: hook\nurl: https://{}/in\n",
        HOOK + "oauth: {{url: 'https://{}/token', client_id: a, client_secret: b}}\n",
    ],
    ids=["request", "token"],
)
def test_a_file_with_an_address_that_is_not_public_is_refused(text: str, host: str) -> None:
    said = problems(text.format(host))
    assert len(said) == 1
    assert "is not a public address" in said[0]


@pytest.mark.parametrize(
    "host",
    [*("%31%32%37.0.0.1", "127.0.0.1%00.example", "shop.example\\@127.0.0.1", "a..b", "", "127\u200b.0.0.1")],
)
def test_a_host_that_clients_and_systems_may_read_differently_is_no_host(host: str) -> None:
    assert "this is no address of a web service" in problems(f"destination: hook\nurl: 'https://{host}/in'\n")[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "localhost"])
async def test_a_token_is_not_asked_for_at_an_address_that_is_not_public(host: str) -> None:
    """The connection counts, not the text of the file."""
    async with receiver() as there:
        port = there.url.rsplit(":", 1)[1]
        oauth = f"oauth: {{url: 'http://{host}:{port}/token', client_id: a, client_secret: b}}\n"
        made = destination(f"destination: hook\nurl: https://hooks.example/in\n{oauth}", private=True)
        outcome = await sent(made, private=False)
        assert (outcome.fate, outcome.status) == (Fate.AGAIN, "forbidden")
        assert not there.got


@pytest.mark.parametrize("host", ["\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "127.1", "127.0.0.1."])
async def test_no_spelling_of_an_address_is_asked(host: str) -> None:
    async with receiver() as there:
        port = there.url.rsplit(":", 1)[1]
        outcome = await sent(hook(f"http://{host}:{port}"), private=False)
        assert (outcome.fate, outcome.status) == (Fate.REFUSED, "forbidden")
        assert not there.got


async def test_a_name_that_changes_its_address_after_the_check_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The resolver is told of a public address; what the client then connects to is another."""

    async def resolve(*_: Any, **__: Any) -> list[dict[str, Any]]:
        return [{"hostname": "evil.example", "host": "127.0.0.1", "port": 80, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("app.destinations.http.addresses.PublicResolver.resolve", resolve)
    async with receiver() as there:
        port = there.url.rsplit(":", 1)[1]
        outcome = await sent(hook(f"http://evil.example:{port}"), private=False)
        assert (outcome.fate, outcome.status) == (Fate.AGAIN, "forbidden")
        assert not there.got


async def test_a_receiver_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await sent(hook(f"http://127.0.0.1:{port}", "timeout: 100ms\n"))
    assert (outcome.fate, outcome.status) == (Fate.AGAIN, "timeout")
    for writer in writers:
        writer.close()
    server.close()


async def test_a_receiver_that_is_not_there_is_away() -> None:
    outcome = await sent(hook("http://127.0.0.1:9"))
    assert (outcome.fate, outcome.status) == (Fate.AGAIN, "unreachable")


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        *((status, "delivered") for status in (200, 202, 204)),
        *((status, "refused") for status in (301, 400, 404, 410, 422)),
        *((status, "again") for status in (401, 403, 408, 409, 429, 500, 503)),
    ],
)
def test_what_a_status_means(status: int, fate: str) -> None:
    assert judge(status, {}, b"", None, now_s=0.0).fate.value == fate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("120", 120.0), ("Thu, 01 Jan 1970 00:01:00 GMT", 60.0), ("soon", None), ("-5", 0.0), ("1e9", 86_400.0)),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_either_form(text: str, seconds: float | None) -> None:
    assert read_retry_after(text, now_s=0.0) == seconds


async def test_an_answer_that_is_nested_without_end_says_nothing() -> None:
    made = destination("destination: hook\nurl: https://hooks.example/in\nanswer: {path: ok, is: true}\n")
    assert judge(200, {}, b"[" * 60_000, target(made).answer, now_s=0.0).fate is Fate.AGAIN


@pytest.mark.parametrize("url", ["https://a..b/x", f"https://{'a' * 70}.example/", "https://[x/"])
async def test_an_address_that_nobody_can_ask_is_no_reason_to_begin_anew(url: str) -> None:
    request = HttpRequest(id="c-1", method="POST", url=url, headers={}, body=b"{}")
    async with HttpConnection(private=False) as sender:
        outcome = await sender.send(hook("https://hooks.example/in"), request)
    assert (outcome.fate, outcome.status) == (Fate.REFUSED, "invalid-url")


@pytest.mark.parametrize(
    "error", [ValueError("odd"), UnicodeError("odd"), UnicodeDecodeError("idna", b"a", 0, 1, "odd")]
)
async def test_a_value_error_while_a_service_is_asked_refuses_no_change(
    error: ValueError, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> bytes:
        raise error

    monkeypatch.setattr("app.destinations.http.http_connection.read_start", fail)
    async with receiver() as there:
        outcome = await sent(hook(there.url))
    assert (outcome.fate, outcome.status) == (Fate.AGAIN, "broken")
    assert type(error).__name__ in outcome.detail


@pytest.mark.parametrize("token", ["a\r\nX-Other: 1", "t\u00f6ken", " \x00", ""])
async def test_a_token_that_no_header_can_hold_refuses_no_change(token: str) -> None:
    async with (
        receiver(lambda *_: web.json_response({"access_token": token})) as tokens,
        receiver() as there,
    ):
        oauth = f"oauth: {{url: '{tokens.url}/token', client_id: a, client_secret: b}}\n"
        outcome = await sent(hook(there.url, oauth))
        assert (outcome.fate, outcome.status) == (Fate.AGAIN, "no-token")
        assert not there.got
