"""Going through a partition to its end: what ends it, and what happens where it no longer holds what was asked for."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from app.runtime.kafka.log_reader import Fetched, OffsetLostError
from app.runtime.kafka.log_readers import LogReaders, rest, whole
from app.settings import load_settings


@dataclass(frozen=True)
class Record:
    offset: int


class Log:
    """Offsets from `first` up to an end that grows by one with each read."""

    def __init__(self, first: int, end: int) -> None:
        self.first, self.end, self.next = first, end, 0
        self.stopped = False

    async def earliest(self) -> int:
        return self.first

    def seek(self, offset: int) -> None:
        self.next = offset

    async def read(self, *, records_max: int, wait_ms: int) -> Fetched:
        if not self.first <= self.next <= self.end:
            raise OffsetLostError("letters", 0, self.next)
        records: list[Any] = [Record(offset) for offset in range(self.next, min(self.next + records_max, self.end))]
        self.next += len(records)
        found = Fetched(records, self.next, self.end)
        self.end += 1
        return found

    async def stop(self) -> None:
        self.stopped = True


async def offsets(log: Any, offset: int) -> tuple[list[int], int]:
    """Those that `rest` gives, and where it says it came to."""
    slices = [part async for part in rest(log, offset, records_max=2)]
    return [record.offset for part in slices for record in part.records], slices[-1].reached


@pytest.mark.parametrize(
    ("first", "end", "begin", "found", "reached"),
    [
        (0, 5, 2, [2, 3, 4], 5),
        (0, 4, 4, [], 4),
        (3, 5, 0, [3, 4], 5),
        (0, 3, 90, [0, 1, 2], 3),
        (2, 4, 90, [2, 3], 4),
    ],
    ids=["on", "nothing new", "older ones are gone", "made anew", "made anew, older ones are gone"],
)
async def test_the_rest_ends_where_the_log_ended_at_first(
    first: int, end: int, begin: int, found: list[int], reached: int
) -> None:
    assert await offsets(Log(first, end), begin) == (found, reached)


async def test_what_is_lost_on_the_way_is_said() -> None:
    log: Any = Log(0, 10)
    parts = rest(log, 0, records_max=2)
    await anext(parts)
    log.first = 8
    with pytest.raises(OffsetLostError):
        await anext(parts)


async def test_the_whole_is_read_to_an_end_that_moves() -> None:
    log: Any = Log(1, 6)
    assert [record.offset async for records in whole(log, records_max=3) for record in records] == [*range(1, 7)]


async def test_readers_end_with_their_block(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Log] = []

    def open_log(*_: object, **__: object) -> Log:
        made.append(Log(0, 0))
        return made[-1]

    monkeypatch.setattr("app.runtime.kafka.log_readers.LogReader", open_log)
    client: Any = None
    with suppress(ZeroDivisionError):
        async with LogReaders(client, load_settings({}), committed_only=True) as readers:
            for number in (1, 0):
                readers.open("letters", 1 // number)
                readers.open("positions", 0)
    assert [each.stopped for each in made] == [True, True]
