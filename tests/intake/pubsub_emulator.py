"""Google's emulator of Pub/Sub, where it is installed (the package google-cloud-cli-pubsub-emulator, and Java)."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.support.kafka_node import free_ports
from tests.support.waiting import wait_until

FOLDER = Path("/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib")
PROJECT = "shoal-tests"


class Subscription:
    """A topic and its subscription, with the order of keys."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.endpoint, self.name = endpoint, name
        self._channel = channel = grpc.insecure_channel(endpoint)
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self.topic = f"projects/{PROJECT}/topics/{name}"
        self.path = f"projects/{PROJECT}/subscriptions/{name}"
        self.publisher.create_topic(name=self.topic)
        made = {"name": self.path, "topic": self.topic, "enable_message_ordering": True, "ack_deadline_seconds": 10}
        self.subscriber.create_subscription(request=made)

    @property
    def source(self) -> str:
        return f"pubsub:{PROJECT}/{self.name}"

    def publish(self, events: Iterable[tuple[str, Any]]) -> None:
        """Key and event of each: bytes as they are, anything else as JSON."""
        messages = [
            PubsubMessage(data=each if isinstance(each, bytes) else json.dumps(each).encode(), ordering_key=key)
            for key, each in events
        ]
        for first in range(0, len(messages), 500):
            self.publisher.publish(topic=self.topic, messages=messages[first : first + 500])

    def close(self) -> None:
        self._channel.close()


@contextmanager
def emulator(log: Path) -> Iterator[str]:
    """The address of an emulator; the test is skipped where there is none."""
    jars = sorted(FOLDER.glob("cloud-pubsub-emulator-*-all.jar"))
    if not jars or shutil.which("java") is None:
        pytest.skip("the emulator of Pub/Sub is not installed")
    (port,) = free_ports(1)
    command = ["java", "-XX:TieredStopAtLevel=1", "-jar", str(jars[-1]), "--host=127.0.0.1", f"--port={port}"]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: process.poll() is not None or listens(port), within_s=60, what="the emulator listens")
        assert process.poll() is None, log.read_text()
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
