"""Live changes for the console: server-sent events in small portions, no more than people can read."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from litestar.types import Receive, Scope, Send

from app.console.reasons import Reasons
from app.segments.definitions.definition import Catalog
from app.service.definitions import Definitions
from app.service.http.http_problem import Problem
from app.service.live.changes import ChangesHub
from app.service.live.listener import Listener
from app.web.access.masking import Mask
from app.web.access.security_headers import HEADERS
from app.web.condition_words import words_of
from app.web.texts import say

LINES_PER_S: Final = 20
PORTION_S: Final = 0.25
HEARTBEAT_S: Final = 10.0
SEND_TIMEOUT_S: Final = 20.0
STREAM_S_MAX: Final = 3_600
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    *HEADERS,
]
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode


class Portion(msgspec.Struct, frozen=True):
    """Some changes, in their order, each with `why`. `more`: as many were left out, since nobody could read them."""

    changes: list[dict[str, Any]]
    more: int


def told(change: dict[str, Any], mask: Mask, reasons: Reasons | None) -> dict[str, Any]:
    """A change as the visitor may see it, with its reason in words."""
    shown = mask.change(change)
    if mask.hides or reasons is None:
        why = say("why_and").join(words_of(atom["expression"]) for atom in shown["evidence"])
    else:
        why = reasons.of(change)
    return {**shown, "why": why}


def tell(key: str, /, **values: str | int) -> str:
    """A text around the parts of a reason."""
    return say(f"why_{key}", **values)


class LiveChanges:
    """Begins streams."""

    def __init__(self, hub: ChangesHub, definitions: Definitions, *, streams_max: int) -> None:
        self._hub = hub
        self._definitions = definitions
        self._streams_max = streams_max
        self._reasons: tuple[Catalog, Reasons] | None = None

    def reasons(self) -> Reasons | None:
        """The reasons by the present catalog; None while there is none."""
        try:
            catalog = self._definitions.catalog
        except Problem:
            return None
        if self._reasons is None or self._reasons[0] is not catalog:
            self._reasons = (catalog, Reasons(catalog, words_of, tell))
        return self._reasons[1]

    def begin(self, *, user: str | None, segments: frozenset[str], kinds: frozenset[str], mask: Mask) -> "LiveStream":
        """A stream that is about to be sent. Problem 503."""
        if len(self._hub.listeners) > self._streams_max:
            raise Problem(503, "streams", say("refused_streams"), retry_after_s=10)
        return LiveStream(self, self._hub, self._hub.listen(user=user, segments=segments), kinds, mask)


class LiveStream:
    """An answer that goes on until the client leaves or the console ends; after an hour the page comes back."""

    def __init__(
        self, live: LiveChanges, hub: ChangesHub, listener: Listener, kinds: frozenset[str], mask: Mask
    ) -> None:
        self._live = live
        self._hub = hub
        self._listener = listener
        self._kinds = kinds
        self._mask = mask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends; the ASGI way."""
        leaving = asyncio.create_task(_left(receive))
        sending = asyncio.create_task(self._send(send))
        try:
            await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (leaving, sending):
                task.cancel()
            await asyncio.gather(leaving, sending, return_exceptions=True)
            self._hub.forget(self._listener)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        try:
            async for chunk in self._chunks():
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\nevent: open\ndata: {}\n\n"
        until_s = time.monotonic() + STREAM_S_MAX
        lines_max = max(1, int(LINES_PER_S * PORTION_S))
        while self._listener.ended is None and time.monotonic() < until_s:
            found = await self._listener.next(within_s=HEARTBEAT_S)
            changes = [change for _, value in found if (change := self._wanted(value)) is not None]
            if not changes:
                yield b": nothing\n\n"
                continue
            reasons = self._live.reasons()
            shown = [told(change, self._mask, reasons) for change in changes[-lines_max:]]
            yield b"event: changes\ndata: " + _encode(Portion(shown, len(changes) - len(shown))) + b"\n\n"
            await asyncio.sleep(PORTION_S)

    def _wanted(self, value: bytes) -> dict[str, Any] | None:
        try:
            change = _decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return change if not self._kinds or change.get("change") in self._kinds else None


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
