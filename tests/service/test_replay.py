"""A live stream replays missed changes from memory, up to a limit."""

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock

import pytest

from app.service.live import changes
from app.service.live.changes import ChangesHub, TooFarBackError
from app.service.live.listener import Listener
from app.settings import load_settings
from tests.destinations.making import Record

CHANGE = b'{"segment":"cart-abandoned"}' + b" " * 1_000


class ManyChanges(ChangesHub):
    """One after the other, each of a kilobyte, and how many of them were read."""

    read = 0

    async def _read(self, client: Any, topic: str, partition: int, offset: int, until: int) -> AsyncIterator[Record]:
        for number in range(offset, until):
            self.read += 1
            yield Record(number, CHANGE, b"ann")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> ManyChanges:
    """Without a broker."""
    monkeypatch.setattr(changes, "connect", AsyncMock())
    return ManyChanges(load_settings({}))


async def test_what_was_missed_comes_with_the_positions_behind_it(hub: ManyChanges) -> None:
    listener = Listener(user=None, segments=frozenset(), positions={0: 12, 1: 3})
    found = await hub.replay(listener, {0: 10, 1: 2})
    assert [behind for behind, _ in found] == [{0: 11, 1: 2}, {0: 12, 1: 2}, {0: 12, 1: 3}]


async def test_more_than_fits_into_memory_is_too_far_back(hub: ManyChanges) -> None:
    listener = Listener(user=None, segments=frozenset(), positions={0: 150_000})
    with pytest.raises(TooFarBackError):
        await hub.replay(listener, {0: 0})
    assert hub.read * len(CHANGE) < 2 * changes.REPLAY_BYTES_MAX


async def test_what_others_do_takes_no_memory(hub: ManyChanges) -> None:
    listener = Listener(user="ben", segments=frozenset(), positions={0: 150_000})
    assert await hub.replay(listener, {0: 0}) == []
