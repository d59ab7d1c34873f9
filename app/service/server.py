"""Serving the application with uvicorn, until SIGTERM or Ctrl-C, and then an orderly end."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from app.errors import UserError
from app.service.http.connections import Connections, connections_for
from app.service.http.protocol import bounded_protocol
from app.service.service import create_service
from app.service.service_metrics import ServiceMetrics
from app.settings import Settings

BACKLOG = 2_048
KEEP_ALIVE_S = 65  # longer than load balancers keep theirs
GRACE_S = 8
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def bind(settings: Settings) -> socket.socket:
    """The listening socket. UserError if the port is taken or no address of this machine."""
    hint = "choose another SHOAL_SERVE_PORT (--port)"
    return listening_socket(settings.serve_host, settings.serve_port, hint=hint)


def listening_socket(host: str, port: int, *, hint: str) -> socket.socket:
    """A socket that listens at an address; 0: a free port. UserError with the hint if it cannot."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # who connects as soon as the address is told waits until it has started
    except OSError as error:
        listening.close()
        raise UserError(f"cannot listen on {host}:{port}: {error.strerror}", hint=hint) from None
    return listening


class Server(uvicorn.Server):
    """Ends live streams first: the others would wait for them."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end it in order, and with 0: uvicorn's own way raises the signal once more at the end."""
        loop = asyncio.get_running_loop()
        for each in SIGNALS:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in SIGNALS:
                loop.remove_signal_handler(each)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """An orderly end: no new connections, then what is under way."""
        self._drain()
        await super().shutdown(sockets)


def server(settings: Settings) -> Server:
    """A server that is not started. UserError for settings that cannot be used."""
    service = create_service(settings)
    return Server(server_config(service.asgi, settings, service.metrics), service.drain)


def server_config(
    asgi: Any, settings: Settings, metrics: ServiceMetrics, *, proxy_headers: bool = True
) -> uvicorn.Config:
    """Configuration of uvicorn for an application. `proxy_headers`: of a proxy on this machine they say who asks."""
    return uvicorn.Config(
        asgi,
        loop="uvloop",
        http=bounded_protocol(Connections(connections_for(settings.connections_max), metrics)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # it would hold users' names
        server_header=False,
        proxy_headers=proxy_headers,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


def serve_until_told(settings: Settings) -> int:
    """Serves until a signal; the exit code. UserError."""
    listening = bind(settings)
    return serve_on(listening, server(settings))


def serve_on(listening: socket.socket, made: Server) -> int:
    """Prints the address, and serves until a signal; the exit code."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{port}", flush=True)  # noqa: T201  # the caller who asked for a free port needs its number
    with listening:
        asyncio.run(made.serve(sockets=[listening]))
    return 0 if made.started else 1
