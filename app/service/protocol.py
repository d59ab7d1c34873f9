"""Connections that begin a request and never end its head are closed: else they would add up until nobody gets in."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_TIMEOUT_S: Final = 20.0

_Protocol: Any = AutoHTTPProtocol


class BoundedProtocol(_Protocol):  # type: ignore[misc]  # which of two it is depends on what is installed
    """uvicorn's own, with a limit for the time until a request's head is there; no request is logged."""

    head_timeout_s = HEAD_TIMEOUT_S
    _head_timer: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.access_log = False  # paths hold users' names

    def connection_made(self, transport: Any) -> None:
        """A connection: its first request is expected."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Some bytes: of a head, or of the body of a request that is being served."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_timer()
        elif self._head_timer is None:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection."""
        self._forget_timer()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._too_late)

    def _forget_timer(self) -> None:
        timer, self._head_timer = self._head_timer, None
        if timer is not None:
            timer.cancel()

    def _too_late(self) -> None:
        self._head_timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
