"""The path that exports a person. It wants an admin key."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from aiokafka.errors import KafkaError
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send

from app.errors import UserError
from app.offline.person_document import PersonDocument, UnknownPersonError
from app.runtime.audit import Audited
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_reader import OffsetLostError
from app.service.access.audit import Audit
from app.service.access.named_user import checked, named
from app.service.http.framework import Asked
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security
from app.settings import Settings

EXPORT_TIMEOUT_S: Final = 3_600.0
SEND_TIMEOUT_S: Final = 60.0
CHUNK_BYTES: Final = 64 << 10
RETRY_AFTER_S: Final = 30
HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"content-disposition", b'attachment; filename="person.json"'),
    (b"cache-control", b"no-store"),
]


class Exports:
    """One export at a time, since each reads all topics."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()

    def named(self, user: str) -> str:
        """The user as the audit log names them."""
        return named(self._settings, user)

    async def chunks(self, asked: str, counted: dict[str, str]) -> AsyncIterator[bytes]:
        """The export in parts; `counted` is given the number of its records. Problem 400, 404 or 503 before the first
        part, and whatever Kafka raises after it."""
        user = checked(self._settings, asked)
        if self._turn.locked():
            raise Problem(503, "busy", "another export is under way: one at a time", retry_after_s=RETRY_AFTER_S)
        async with self._turn, asyncio.timeout(EXPORT_TIMEOUT_S):
            begun = False
            try:
                async for chunk in self._chunks(user, counted):
                    yield chunk
                    begun = True
            except UnknownPersonError as error:
                raise Problem(404, "unknown-user", error.message) from None
            except (UserError, KafkaError, OSError, OffsetLostError) as error:
                if begun:
                    raise
                said = error.message if isinstance(error, UserError) else "Kafka does not answer"
                raise Problem(503, "kafka", said, retry_after_s=RETRY_AFTER_S) from error

    async def _chunks(self, user: str, counted: dict[str, str]) -> AsyncIterator[bytes]:
        client = await connect(self._settings)
        try:
            document = PersonDocument(client, self._settings, user)
            chunk = bytearray()
            async for part in document.parts():
                chunk += part
                if len(chunk) >= CHUNK_BYTES:
                    yield bytes(chunk)
                    chunk.clear()
            counted["records"] = str(document.records)
            yield bytes(chunk)
        finally:
            await client.close()


class ExportStream:
    """An answer that is sent while the topics are read. One that fails half-way ends without its end, so that no client
    takes it for whole. `deed`: records it in the audit log."""

    def __init__(self, exports: Exports, deed: Callable[[], AbstractAsyncContextManager[Audited]], user: str) -> None:
        self._exports = exports
        self._deed = deed
        self._user = user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends; the ASGI way. A client that leaves ends the export."""
        leaving = asyncio.create_task(_left(receive))
        sending = asyncio.create_task(self._send(send))
        try:
            await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (leaving, sending):
                task.cancel()
            await asyncio.gather(leaving, sending, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async with self._deed() as deed:
            chunks = self._exports.chunks(self._user, deed.details)
            try:
                first = await anext(chunks)
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                await _send_part(send, first)
                async for chunk in chunks:
                    await _send_part(send, chunk)
            finally:
                await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_part(send: Send, chunk: bytes) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class ExportRoutes(Controller):
    """Exports. The dependencies `exports` and `audit` are the process's."""

    tags = ("administer",)

    @get(
        "/v1/users/{user:str}/export",
        summary="Everything that is known of a person",
        media_type="application/json",
        responses={200: ResponseSpec(dict[str, Any], description="As in person.json", generate_examples=False)}
        | problems(400, 401, 403, 404, 503),
        security=security("adminKey"),
    )
    async def export_user(
        self, request: Asked, exports: NamedDependency[Exports], audit: NamedDependency[Audit], user: FromPath[str]
    ) -> ASGIApp:
        """One JSON object, as `shoal users export` writes it, sent while all topics are read: one export at a time. An
        answer without its end is incomplete."""
        named_user = exports.named(user)
        return ExportStream(exports, lambda: audit.deed(request.headers, "users.export", user=named_user), user)
