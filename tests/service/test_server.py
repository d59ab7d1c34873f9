"""The socket of the service."""

import socket

from app.service.server import bind
from app.settings import load_settings


def test_who_connects_as_soon_as_the_address_is_known_is_not_refused() -> None:
    with bind(load_settings({}, serve_port=0)) as listening:
        socket.create_connection(listening.getsockname()[:2], timeout=5).close()
