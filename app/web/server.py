"""Serving the console with uvicorn until SIGTERM or Ctrl-C."""

import asyncio
import socket

import uvicorn

from app.service.connections import Connections, connections_for
from app.service.protocol import bounded_protocol
from app.service.server import BACKLOG, GRACE_S, KEEP_ALIVE_S, Server, listening_socket
from app.service.service_metrics import ServiceMetrics
from app.settings import Settings
from app.web.console import create_console


def bind(settings: Settings) -> socket.socket:
    """The listening socket. UserError if the port is taken or no address of this machine."""
    return listening_socket(
        settings.console_host, settings.console_port, hint="choose another SHOAL_CONSOLE_PORT (--port)"
    )


def server(settings: Settings) -> Server:
    """A server that is not started. UserError for settings that cannot be used."""
    console = create_console(settings)
    config = uvicorn.Config(
        console.asgi,
        loop="uvloop",
        http=bounded_protocol(Connections(connections_for(settings.connections_max), ServiceMetrics())),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # it would hold users' names
        server_header=False,
        proxy_headers=False,  # whoever writes them could take the place of others in limits
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config, console.drain)


def serve_until_told(settings: Settings) -> int:
    """Serves until a signal; the exit code. UserError."""
    listening = bind(settings)
    made = server(settings)
    host, port = listening.getsockname()[:2]
    print(f"http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201  # it has to be opened
    with listening:
        asyncio.run(made.serve(sockets=[listening]))
    return 0 if made.started else 1
