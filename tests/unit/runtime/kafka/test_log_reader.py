"""Reading one partition: what an answer that says nothing is taken for."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.runtime.kafka.log_reader import LOOK_MS, HeldBack, LogReader

NOTHING = SimpleNamespace(topics=[])


class Client:
    """A broker that had no time to look, so many times; then a log that ends at offset 7, or has more behind that."""

    def __init__(self, silent_for: int) -> None:
        self.cluster = self
        self.stable = self.end = 7
        self.answers = [NOTHING] * silent_for

    def leader_for_partition(self, _: Any) -> int:
        return 1

    async def send(self, node: int, request: Any) -> Any:
        if self.answers:
            return self.answers.pop()
        aborted: list[Any] = []
        return SimpleNamespace(API_VERSION=4, topics=[("profiles", [(0, 0, self.end, self.stable, aborted, b"")])])


@pytest.mark.parametrize("silent_for", [0, 1, 3])
async def test_a_log_is_not_empty_because_a_broker_had_no_time_to_look(silent_for: int) -> None:
    client: Any = Client(silent_for)
    reader = LogReader(client, topic="profiles", partition=0, committed_only=True, bytes_max=1_000)
    reader.seek(3)
    fetched = await reader.read(records_max=10, wait_ms=1)
    assert not fetched.drained
    assert (fetched.next_offset, fetched.end_offset) == (3, 7)


async def test_a_broker_that_finds_nothing_before_the_end_in_time_gets_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client: Any = Client(0)
    reader = LogReader(client, topic="profiles", partition=0, committed_only=True, bytes_max=1_000)
    waits, fetch = [], reader._fetch

    async def noted(wait_ms: int) -> None:
        waits.append(wait_ms)
        await fetch(wait_ms)

    monkeypatch.setattr(reader, "_fetch", noted)
    reader.seek(3)
    await reader.read(records_max=10, wait_ms=1)
    assert waits == [1, LOOK_MS]


async def test_where_the_end_is_known_nothing_new_is_nothing_new() -> None:
    client: Any = Client(0)
    reader = LogReader(client, topic="profiles", partition=0, committed_only=True, bytes_max=1_000)
    reader.seek(7)
    assert (await reader.read(records_max=10, wait_ms=1)).drained
    client.answers = [NOTHING]
    assert (await reader.read(records_max=10, wait_ms=1)).drained
    assert not client.answers


def test_a_partition_is_held_back_for_as_long_as_its_stable_offset_stands_before_the_end() -> None:
    held_back, told = HeldBack(), []
    for now_s, stable, end in ((1, 5, 5), (2, 5, 6), (4, 5, 9), (5, 7, 9), (8, 7, 9), (9, 9, 9), (20, 9, 9)):
        held_back.note(stable, end, now_s=now_s)
        told.append(held_back.seconds)
    assert told == [0, 1, 3, 0, 3, 0, 0]


async def test_a_reader_says_how_long_an_open_transaction_holds_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = Client(0)
    now_s = 100.0
    monkeypatch.setattr("app.runtime.kafka.log_reader.time.monotonic", lambda: now_s)
    reader = LogReader(client, topic="profiles", partition=0, committed_only=True, bytes_max=1_000)
    reader.seek(7)
    assert (await reader.read(records_max=10, wait_ms=1)).held_back_s == 0
    client.end = 12
    now_s = 130.0
    fetched = await reader.read(records_max=10, wait_ms=1)
    assert (fetched.drained, fetched.held_back_s) == (True, 30.0)
