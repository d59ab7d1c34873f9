"""Reading a request's body: never more than a limit, packed or not, and never for longer than a deadline."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from litestar import Request
from litestar.exceptions import InternalServerException

from app.service.http_problem import Problem

BODY_BYTES_MAX: Final = 500 * 1024
ROOM_BYTES_MAX: Final = 128 << 20
DISCARD_BYTES_MAX: Final = 8 << 20
DISCARD_S: Final = 2.0
READ_TIMEOUT_S: Final = 20.0
#: A gzip file may consist of several; more than a few are an attack.
MEMBERS_MAX: Final = 16
_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB_OR_GZIP: Final = zlib.MAX_WBITS | 32


class Room:
    """How many bytes of bodies may be in hand at once, over all requests of the process."""

    def __init__(self, bytes_max: int = ROOM_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self.taken = 0

    @contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """Gives a function that takes so many bytes more, until the end of the block. Problem 503 where it is full."""
        held = 0

        def take(size: int) -> None:
            nonlocal held
            if self.taken + size > self._bytes_max:
                raise Problem(503, "busy", "too many large requests at once", retry_after_s=2)
            self.taken += size
            held += size

        try:
            yield take
        finally:
            self.taken -= held


async def chunks_of(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """What comes of a body. Problem 400 where the client leaves before its end, which is no failure."""
    try:
        async for chunk in request.stream():
            yield chunk
    except InternalServerException:  # the framework's only word for it
        raise Problem(400, "incomplete", "the body ended too soon") from None


async def read_body(
    stream: AsyncIterator[bytes],
    *,
    encoding: str,
    length: str | None,
    bytes_max: int = BODY_BYTES_MAX,
    take: Callable[[int], None] = lambda size: None,
) -> bytes:
    """The whole body, unpacked. Problem 408 when it comes too slowly, 413, 415, or 400 for what cannot be unpacked.

    `take` is told of each chunk before it is kept.
    """
    if length is not None and length.isdigit() and len(length) < 20 and int(length) > bytes_max:
        await discard(stream)
        raise _too_large(bytes_max)
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Problem(415, "encoding", f"Content-Encoding {encoding!r:.40} is not known here: gzip, or none")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for chunk in stream:
                size += len(chunk)
                if size > bytes_max:
                    await discard(stream)
                    raise _too_large(bytes_max)
                take(len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(
            408, "too-slow", f"the body did not come within {READ_TIMEOUT_S:.0f} s", headers={"Connection": "close"}
        ) from None
    body = b"".join(chunks)
    if encoding in ("", "identity"):
        return body
    body = unpacked(body, bytes_max=bytes_max)
    take(len(body))
    return body


async def discard(stream: AsyncIterator[bytes]) -> None:
    """Takes what still comes of a body that is refused, within limits: who is cut off while sending sees no answer."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            async for chunk in stream:
                size += len(chunk)
                if size > DISCARD_BYTES_MAX:
                    return


def unpacked(body: bytes, *, bytes_max: int) -> bytes:
    """What was packed by gzip or zlib; no more than `bytes_max` is ever unpacked."""
    parts: list[bytes] = []
    room = bytes_max + 1
    while body:
        unpacker = zlib.decompressobj(_ZLIB_OR_GZIP if not parts else _GZIP)
        try:
            part = unpacker.decompress(body, room)
        except zlib.error as error:
            raise Problem(400, "invalid-gzip", f"the body cannot be unpacked: {error}") from None
        room -= len(part)
        if room <= 0:
            raise _too_large(bytes_max)
        if not unpacker.eof:
            raise Problem(400, "invalid-gzip", "the packed body ends too soon")
        parts.append(part)
        if len(parts) > MEMBERS_MAX:
            raise Problem(400, "invalid-gzip", f"the packed body has more than {MEMBERS_MAX} members")
        body = unpacker.unused_data.lstrip(b"\0")  # padding, as gzip allows
    return b"".join(parts)


def _too_large(bytes_max: int) -> Problem:
    return Problem(
        413,
        "too-large",
        f"the body has more than {bytes_max} bytes (unpacked): send smaller batches",
        headers={"Connection": "close"},
    )
