"""Serving the console with uvicorn until SIGTERM or Ctrl-C."""

import socket

from app.service.server import Server, listening_socket, serve_on, server_config
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
    # Whoever writes the headers of a proxy could take the place of others in limits.
    return Server(server_config(console.asgi, settings, ServiceMetrics(), proxy_headers=False), console.drain)


def serve_until_told(settings: Settings) -> int:
    """Serves until a signal; the exit code. UserError."""
    listening = bind(settings)
    return serve_on(listening, server(settings))
