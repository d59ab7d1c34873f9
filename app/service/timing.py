"""Counts every request: its route, status and time. Never its path, which may name a user."""

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.service.service_metrics import ServiceMetrics

_UNKNOWN = "unknown"


def timed(metrics: ServiceMetrics) -> "type[Timing]":
    """The middleware for an application."""

    class TimedHere(Timing):
        counts = metrics

    return TimedHere


class Timing:
    """An ASGI middleware."""

    counts: ServiceMetrics

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("path_template") or _UNKNOWN
                self.counts.requested(route, message["status"], time.perf_counter() - began_s)
            await send(message)

        await self._app(scope, receive, noting)
