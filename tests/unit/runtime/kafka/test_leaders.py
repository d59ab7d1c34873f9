"""A search for a leader ends: neither reads nor writes wait for ever."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import NotLeaderForPartitionError
from aiokafka.structs import TopicPartition

from app.runtime.kafka import clients as kafka
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_writer import LogWriter
from app.settings import load_settings


class SilentClient:
    """Knows no leader, and hears of none before it was asked often enough."""

    def __init__(self, silent_for: int) -> None:
        self.cluster = self
        self.asked = 0
        self._silent_for = silent_for

    def leader_for_partition(self, _: TopicPartition) -> int | None:
        """Of the cluster."""
        return 1 if self.asked > self._silent_for else None

    async def force_metadata_update(self) -> bool:
        """Hangs."""
        self.asked += 1
        if self.asked <= self._silent_for:
            await asyncio.Event().wait()
        return True

    async def add_topic(self, _: str) -> bool:
        """Hangs."""
        return await self.force_metadata_update()

    set_topics = add_topic

    async def send(self, node: int, request: Any) -> Any:
        """Nothing more is wanted of it."""
        raise FoundError


class FoundError(Exception):
    """The leader was asked."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "LOOK_S", 0.05)


@pytest.mark.timeout(20)
async def test_a_reader_asks_again_when_nobody_tells_the_leader() -> None:
    client: Any = SilentClient(silent_for=3)
    reader = LogReader(client, topic="clickstream", partition=0, committed_only=True, bytes_max=1_000)
    with pytest.raises(FoundError):
        await reader.earliest()
    assert client.asked > 3


@pytest.mark.timeout(20)
async def test_a_reader_asks_anew_after_an_error_that_may_mean_another_leader() -> None:
    class Moved(SilentClient):
        answers = 0

        def leader_for_partition(self, _: TopicPartition) -> int:
            return 1

        async def send(self, node: int, request: Any) -> Any:
            self.answers += 1
            raise FoundError if self.answers > 1 else NotLeaderForPartitionError

    client: Any = Moved(silent_for=1)
    reader = LogReader(client, topic="clickstream", partition=0, committed_only=True, bytes_max=1_000)
    with pytest.raises(FoundError):
        await reader.earliest()
    assert client.asked == 1


@pytest.mark.timeout(20)
async def test_a_writer_says_that_nobody_tells_the_leader() -> None:
    writer = LogWriter(load_settings({}), partition=0)
    producer: Any = type("Producer", (), {"client": SilentClient(silent_for=1_000)})()
    writer._producer = producer
    with pytest.raises(TimeoutError):
        await writer.write([("segment.changes", [(b"u", b"v", [])])])
