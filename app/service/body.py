"""Reading a request's body: never more than a limit, packed or not, and never for longer than a deadline."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

from app.service.problem import Problem

BODY_BYTES_MAX: Final = 500 * 1024
READ_TIMEOUT_S: Final = 20.0
#: A gzip file may consist of several; more than a few are an attack.
MEMBERS_MAX: Final = 16
_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB_OR_GZIP: Final = zlib.MAX_WBITS | 32


async def read_body(
    stream: AsyncIterator[bytes], *, encoding: str, length: str | None, bytes_max: int = BODY_BYTES_MAX
) -> bytes:
    """The whole body, unpacked. Problem 408 when it comes too slowly, 413, 415, or 400 for what cannot be unpacked."""
    if length is not None and length.isdigit() and len(length) < 20 and int(length) > bytes_max:
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
                    raise _too_large(bytes_max)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(
            408, "too-slow", f"the body did not come within {READ_TIMEOUT_S:.0f} s", headers={"Connection": "close"}
        ) from None
    body = b"".join(chunks)
    return body if encoding in ("", "identity") else unpacked(body, bytes_max=bytes_max)


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
