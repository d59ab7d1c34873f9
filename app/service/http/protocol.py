"""Heads of requests are bounded, in time and in bytes: else connections that begin one and never end it would add up
until nobody gets in, or no memory is left."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.service.http.connections import Connections

HEAD_TIMEOUT_S: Final = 20.0
HEAD_BYTES_MAX: Final = 64 * 1024


_BUSY: Final = b'{"success":false,"code":"busy","message":"too many connections at once"}'
REFUSED: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 2\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BUSY), _BUSY)
)


def bounded_protocol(connections: Connections) -> "type[BoundedProtocol]":
    """The protocol of a server with these connections."""

    class BoundedHere(BoundedProtocol):
        shared = connections

    return BoundedHere


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's own, with limits for connections and for a request's head; no request is logged."""

    head_timeout_s = HEAD_TIMEOUT_S
    shared: Connections

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.access_log = False  # paths hold users' names
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A connection: its first request is expected."""
        super().connection_made(transport)
        self._expect_head()
        if not self.shared.opened(self):
            transport.write(REFUSED)
            transport.close()

    def cut_off(self) -> None:
        """Closes the connection to make room for another. What is still to be sent of an answer is sent."""
        if self._is_idle():
            self.transport.close()
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Some bytes: of a head, of a body, of several requests."""
        began_before = self._in_head
        super().data_received(data)
        # The parser keeps a long header until it is complete, and reports nothing before.
        if began_before and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response("the head of the request is too long")
        # Empty lines before a head, and the rest of an unread body, must also come to an end.
        if self._head_timer is None and self._is_idle() and not self.transport.is_closing():
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection."""
        self._forget_timer()
        self.shared.closed(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request, perhaps while another is being answered."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        if self._is_idle():
            self.shared.receives(self)
        if self._head_timer is None:
            self._expect_head()

    def on_url(self, url: bytes) -> None:
        """A piece of the path."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A whole header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of a head."""
        self._in_head = False
        self._forget_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The end of a request."""
        self.shared.answers(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The end of an answer."""
        super().on_response_complete()
        if self._in_head or (not self._is_idle() and self.cycle.more_body):
            self.shared.receives(self)  # of the next request, which has begun before the answer
        elif self._is_idle():
            self.shared.idles(self)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            raise ValueError("the head of the request is too long")  # the parser ends here: 400

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._too_late)

    def _forget_timer(self) -> None:
        timer, self._head_timer = self._head_timer, None
        if timer is not None:
            timer.cancel()

    def _too_late(self) -> None:
        if self._is_idle():
            self._head_timer = None
            self.transport.close()
        else:  # an earlier request of this connection is still being answered
            self._expect_head()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete
