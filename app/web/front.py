"""The outermost part of the console: pages here, the API further in, and the headers of every answer."""

from typing import Final
from urllib.parse import parse_qs

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from app.service.http.http_problem import Problem
from app.web.access.gate import check_host
from app.web.access.security_headers import HEADERS
from app.web.static_files import StaticFiles
from app.web.texts import language_of, speaking

API: Final = "/console/v1/"
LIVE: Final = "/live"


class Front:
    """An ASGI application. `checks_host`: only names of this machine are answered."""

    def __init__(self, app: ASGIApp, static: StaticFiles, *, checks_host: bool) -> None:
        self._app = app
        self._static = static
        self._checks_host = checks_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request; other protocols go to the application."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if self._checks_host:
            try:
                check_host(
                    {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
                )
            except Problem as problem:
                await _send_problem(send, problem)
                return
        if scope["path"].startswith(API):
            with speaking(_language_of(scope)):
                await self._app(scope, receive, _with_headers(send))
        elif scope["path"] == LIVE:
            await _send(send, 200, b"ok\n", b"text/plain; charset=utf-8")
        else:
            await self._static.answer(scope, send)


def _language_of(scope: HTTPScope) -> str:
    """The language of whoever asks; the query says it where a page cannot set headers."""
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("language", [])
    accepted = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"accept-language"]
    return language_of(",".join([*asked, *accepted]))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message["headers"])
            names = {name.lower() for name, _ in given}
            more = [*HEADERS, (b"cache-control", b"no-store")]
            message["headers"] = [*given, *((name, value) for name, value in more if name not in names)]
        await send(message)

    return sending


async def _send_problem(send: Send, problem: Problem) -> None:
    await _send(send, problem.status, problem.encode(), b"application/json")


async def _send(send: Send, status: int, body: bytes, media_type: bytes) -> None:
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
