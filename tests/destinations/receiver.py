"""A web service on this machine that answers as a test wants it to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request, bytes], Awaitable[web.Response] | web.Response]


@dataclass
class Receiver:
    """`url` is where it listens; `got` is what came, in order: request and body."""

    url: str = ""
    got: list[tuple[web.Request, bytes]] = field(default_factory=list)
    answer: Callable[[web.Request, bytes], web.Response] = lambda _, __: web.Response(status=200)  # a default

    @property
    def ids(self) -> list[str]:
        """The ids of what came."""
        return [request.headers["Idempotency-Key"] for request, _ in self.got]


@asynccontextmanager
async def receiver(answer: Callable[[web.Request, bytes], web.Response] | None = None) -> AsyncIterator[Receiver]:
    """One that lives as long as the block."""
    made = Receiver()
    if answer is not None:
        made.answer = answer

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        made.got.append((request, body))
        return made.answer(request, body)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
