"""A delivery_loop whose surroundings fail."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from app.destinations.delivery_loop import DeliveryLoop
from app.destinations.destination import Destination
from app.destinations.destination_task import DestinationTask
from app.destinations.outcome import Fate, Outcome
from app.destinations.positions import Stored
from app.destinations.shared_limits import new_shared_limits
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import Fetched
from app.runtime.pacing.back_off import BackOff
from app.settings import load_settings
from tests.destinations.making import HOOK, change, destination, records


class QuietLog:
    """One change, and never another."""

    def __init__(self) -> None:
        self.given = False

    def seek(self, offset: int) -> None:
        """Only one position is there."""

    async def read(self, *, records_max: int, wait_ms: int) -> Fetched:
        if self.given:
            await asyncio.Event().wait()
        self.given = True
        return Fetched(list(records([change()])), 1, 1)


async def refuse(_: Destination, items: Sequence[object]) -> list[Outcome]:
    return [Outcome(fate=Fate.REFUSED, status="400") for _ in items]


async def test_a_dead_letter_that_cannot_be_written_ends_the_run_also_when_nothing_else_happens() -> None:
    async def write_dead_letter(_: Destination, __: Any, ___: str, ____: str) -> None:
        raise KafkaConnectionError("away")

    async def hand_over(deed: Any, _: int) -> None:
        await deed()

    delivery_loop = DeliveryLoop(
        new_shared_limits(destination(HOOK)),
        partition=0,
        stored=Stored(0),
        deliver=refuse,
        write_dead_letter=write_dead_letter,
        metrics=ReaderMetrics(),
    )
    log: Any = QuietLog()
    with pytest.raises(KafkaConnectionError):
        async with asyncio.timeout(5):
            await delivery_loop.run(log, hand_over)
    assert delivery_loop.stored == Stored(0), "it is tried again"


class Hiccup:
    """A delivery_loop that delivers two changes before it fails, or none."""

    gets_on = True

    def __init__(self, *_: object, stored: Stored, **__: object) -> None:
        self.stored = stored
        self.leaving = False

    async def run(self, *_: object) -> None:
        if self.gets_on:
            self.stored = Stored(self.stored.offset + 2)
        raise KafkaConnectionError("away for a moment")


class Stuck(Hiccup):
    """One that never gets on."""

    gets_on = False


class WithoutBroker(DestinationTask):
    """Nothing is read but what a delivery_loop says."""

    async def follow(self) -> None:
        """Not by itself."""

    @asynccontextmanager
    async def reading(self, topic: str | None = None, *, partition: int | None = None) -> AsyncIterator[Any]:
        yield None


@pytest.mark.parametrize(("delivery_loop", "rows"), [(Hiccup, [1, 1, 1]), (Stuck, [1, 2, 3])])
async def test_only_failures_in_a_row_make_pauses_longer(
    monkeypatch: pytest.MonkeyPatch, delivery_loop: type[Hiccup], rows: list[int]
) -> None:
    asked: list[int] = []

    class Noted(BackOff):
        """Notes how many failures there were before each pause, and does not pause."""

        def failed(self) -> int:
            self.failures += 1
            return 0

        @property
        def pause_ms(self) -> int:
            asked.append(self.failures)
            if len(asked) == len(rows):
                raise asyncio.CancelledError
            return 0

    made = destination(HOOK)
    task = WithoutBroker(
        TP("segment.changes", 0),
        settings=load_settings({}),
        metrics=ReaderMetrics(),
        limits_by_destination={made.name: new_shared_limits(made)},
        connections=AsyncMock(),
        committed_only=False,
        deliver=AsyncMock(),
    )
    task._at[made.name] = Stored(0)
    monkeypatch.setattr("app.destinations.destination_task.DeliveryLoop", delivery_loop)
    monkeypatch.setattr("app.destinations.destination_task.BackOff", Noted)
    with pytest.raises(asyncio.CancelledError):
        await task._serve(made)
    assert asked == rows
    await task.stop(wait_ms=0)
