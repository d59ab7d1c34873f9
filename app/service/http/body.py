"""Reading a request's body: never more than a limit, packed or not, and never for longer than a deadline."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from app.service.http.http_problem import Problem

BODY_BYTES_MAX: Final = 500 * 1024
ROOM_BYTES_MAX: Final = 128 << 20
DISCARD_BYTES_MAX: Final = 8 << 20
DISCARD_S: Final = 2.0
READ_TIMEOUT_S: Final = 20.0
RETRY_AFTER_S: Final = 2
#: A gzip file may consist of several; more than a few are an attack.
MEMBERS_MAX: Final = 16
_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB_OR_GZIP: Final = zlib.MAX_WBITS | 32


class Holding:
    """The bytes of a `Room` that one request holds. `deadline`: until when its body may arrive, while it does."""

    def __init__(self, room: "Room") -> None:
        self._room = room
        self.held = 0
        self.cut_short = False
        self.deadline: asyncio.Timeout | None = None

    def take(self, size: int) -> None:
        """So many bytes more, until the end. Problem 503 where there is no room."""
        self._room.make_room(size, self)
        self._room.taken += size
        self.held += size

    def cut_off(self) -> None:
        """Ends the arrival of the body, and gives back what it holds."""
        assert self.deadline is not None
        self.deadline.reschedule(asyncio.get_running_loop().time())
        self.deadline = None
        self.cut_short = True
        self.give_back()

    def give_back(self) -> None:
        """Nothing is held any more."""
        self._room.taken -= self.held
        self.held = 0


class Room:
    """Limit of the bytes of bodies in hand, over all requests of the process.

    Where it is full, the body that has been arriving for longest is given up: bodies that trickle in would otherwise
    keep everybody out.
    """

    def __init__(self, bytes_max: int = ROOM_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._holdings: dict[Holding, None] = {}
        self.taken = 0

    @contextmanager
    def hold(self) -> Iterator[Holding]:
        """Holds room for a request until the end of the block."""
        holding = Holding(self)
        self._holdings[holding] = None
        try:
            yield holding
        finally:
            del self._holdings[holding]
            holding.give_back()

    def make_room(self, size: int, wanting: Holding) -> None:
        """Sees to it that there is room for so many bytes. Problem 503 where there is none."""
        for each in self._holdings:
            if self.taken + size <= self._bytes_max:
                return
            if each is not wanting and each.deadline is not None and each.held:
                each.cut_off()
        if self.taken + size > self._bytes_max:
            raise Problem(503, "busy", "too many large requests at once", retry_after_s=2)


async def chunks_of(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """Yields the chunks of a body. Problem 400 where the client leaves before its end, which is no failure."""
    try:
        async for chunk in request.stream():
            yield chunk
    except InternalServerException:  # the only error that the framework has for it
        raise Problem(400, "incomplete", "the body is incomplete") from None


async def read_body(
    stream: AsyncIterator[bytes],
    *,
    encoding: str,
    length: str | None,
    bytes_max: int = BODY_BYTES_MAX,
    holding: Holding | None = None,
) -> bytes:
    """The whole body, unpacked. Problem 503 when it comes too slowly, 413, 415, or 400 for what cannot be unpacked.

    `holding` takes each chunk before it is kept.
    """
    holding = Holding(Room()) if holding is None else holding
    if length is not None and length.isdigit() and len(length) < 20 and int(length) > bytes_max:
        await discard(stream)
        raise _too_large(bytes_max)
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Problem(415, "encoding", f"Content-Encoding {encoding!r:.40} is not supported: use gzip, or none")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_TIMEOUT_S) as holding.deadline:
            async for chunk in stream:
                size += len(chunk)
                if size > bytes_max:
                    await discard(stream)
                    raise _too_large(bytes_max)
                holding.take(len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        # A status after which libraries send again; most do not after a 408.
        why = "had to make room for others" if holding.cut_short else f"did not come within {READ_TIMEOUT_S:.0f} s"
        raise Problem(
            503, "too-slow", f"the body {why}", retry_after_s=RETRY_AFTER_S, headers={"Connection": "close"}
        ) from None
    finally:
        holding.deadline = None
    body = b"".join(chunks)
    if encoding in ("", "identity"):
        return body
    body = unpacked(body, bytes_max=bytes_max)
    holding.take(len(body))
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
    """Unpacks gzip or zlib, never more than `bytes_max` bytes."""
    parts: list[bytes] = []
    room = bytes_max + 1
    while body:
        unpacker = zlib.decompressobj(_ZLIB_OR_GZIP if not parts else _GZIP)
        try:
            part = unpacker.decompress(body, room)
        except zlib.error as error:
            raise Problem(400, "invalid-gzip", f"the body cannot be decompressed: {error}") from None
        room -= len(part)
        if room <= 0:
            raise _too_large(bytes_max)
        if not unpacker.eof:
            raise Problem(400, "invalid-gzip", "the compressed body is incomplete")
        parts.append(part)
        if len(parts) > MEMBERS_MAX:
            raise Problem(400, "invalid-gzip", f"the compressed body has more than {MEMBERS_MAX} members")
        body = unpacker.unused_data.lstrip(b"\0")  # padding, as gzip allows
    return b"".join(parts)


def _too_large(bytes_max: int) -> Problem:
    return Problem(
        413,
        "too-large",
        f"the body has more than {bytes_max} bytes (decompressed): send smaller batches",
        headers={"Connection": "close"},
    )


async def body_of(request: Request[Any, Any, Any], shape: Any) -> Any:
    """The body of a request, decoded as `shape`. Problem 400 if it is not that; else as `read_body`."""
    body = await read_body(
        chunks_of(request),
        encoding=request.headers.get("content-encoding", ""),
        length=request.headers.get("content-length"),
    )
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise Problem(400, "invalid-request", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "invalid-json", f"the body is not JSON: {error}") from None
