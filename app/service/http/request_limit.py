"""Bounds how many requests a process works on at once. Requests that are still arriving, and idle connections, do not
count: they take up no more than the memory of `Room` and a connection each."""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send, WebSocketReceiveMessage

from app.service.http.http_problem import Problem

RETRY_AFTER_S: Final = 2
#: Probes and metrics are always answered; live streams have their own limit.
UNLIMITED: Final = frozenset({"/live", "/ready", "/metrics", "/v1/changes"})


class RequestsInHand:
    """The requests that a process works on."""

    def __init__(self, requests_max: int) -> None:
        self._requests_max = requests_max
        self.count = 0

    def enter(self) -> None:
        """One more. Problem 503 where it is too many."""
        if self.count >= self._requests_max:
            raise Problem(503, "busy", "too many requests at once", retry_after_s=RETRY_AFTER_S)
        self.count += 1

    def leave(self) -> None:
        """One less."""
        self.count -= 1


class RequestLimit:
    """An ASGI middleware: counts a request from the end of its body to that of its answer."""

    def __init__(self, app: ASGIApp, *, in_hand: RequestsInHand) -> None:
        self._app = app
        self._in_hand = in_hand

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Problem 503 where too many requests are in hand."""
        if scope["type"] != ScopeType.HTTP or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        entered = not _has_body(scope)
        if entered:
            self._in_hand.enter()

        async def receive_counting() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            nonlocal entered
            message = await receive()
            if not entered and message["type"] == "http.request" and not message["more_body"]:
                self._in_hand.enter()
                entered = True
            return message

        try:
            await self._app(scope, receive_counting, send)
        finally:
            if entered:
                self._in_hand.leave()


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )
