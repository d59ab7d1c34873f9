"""Reading one partition: what an answer that says nothing is taken for."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.runtime.kafka.log_reader import LogReader

NOTHING = SimpleNamespace(topics=[])


class Client:
    """A broker that had no time to look, so many times; then a log that ends at offset 7."""

    def __init__(self, silent_for: int) -> None:
        self.cluster = self
        self.answers = [NOTHING] * silent_for

    def leader_for_partition(self, _: Any) -> int:
        return 1

    async def send(self, node: int, request: Any) -> Any:
        if self.answers:
            return self.answers.pop()
        aborted: list[Any] = []
        return SimpleNamespace(API_VERSION=4, topics=[("profiles", [(0, 0, 7, 7, aborted, b"")])])


@pytest.mark.parametrize("silent_for", [0, 1, 3])
async def test_a_log_is_not_empty_because_a_broker_had_no_time_to_look(silent_for: int) -> None:
    client: Any = Client(silent_for)
    reader = LogReader(client, topic="profiles", partition=0, committed_only=True, bytes_max=1_000)
    reader.seek(3)
    fetched = await reader.read(records_max=10, wait_ms=1)
    assert not fetched.drained
    assert (fetched.next_offset, fetched.end_offset) == (3, 7)


async def test_where_the_end_is_known_nothing_new_is_nothing_new() -> None:
    client: Any = Client(0)
    reader = LogReader(client, topic="profiles", partition=0, committed_only=True, bytes_max=1_000)
    reader.seek(7)
    assert (await reader.read(records_max=10, wait_ms=1)).drained
    client.answers = [NOTHING]
    assert (await reader.read(records_max=10, wait_ms=1)).drained
    assert not client.answers
