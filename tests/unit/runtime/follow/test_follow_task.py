"""A follower's partition that begins again leaves no work without a reader, and no open reader."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from faust.types import TP

from app.runtime.follow import follow_task
from app.runtime.follow.follow_task import FollowTask
from app.runtime.follow.followed_batch import FollowedBatch
from app.settings import load_settings
from tests.support.waiting import eventually, turns


class Once(FollowTask):
    """Does what it is told to, and nothing more."""

    def __init__(self, what: Callable[["Once"], Awaitable[None]], **settings: Any) -> None:
        self.batches: list[FollowedBatch] = []
        self.runs = 0
        self._what = what

        async def deliver(_: TP, batch: FollowedBatch, __: int) -> None:
            self.batches.append(batch)

        super().__init__(TP("clicks", 0), settings=load_settings({}, **settings), committed_only=False, deliver=deliver)

    async def follow(self) -> None:
        self.runs += 1
        if self.runs == 1:
            await self._what(self)
        await asyncio.Event().wait()


@pytest.fixture
def doing() -> list[str]:
    """Work of a batch, recorded."""
    return []


async def test_a_batch_that_nobody_waits_for_any_more_is_not_begun(doing: list[str]) -> None:
    async def deed() -> None:
        doing.append("begun")

    task = Once(lambda it: it.hand_over(deed, offset=0), batch_timeout_ms=1_000)
    await eventually(lambda: task.runs == 2, what="the agent did not come in time")
    await task.batches[0].work()
    assert not doing
    await task.stop(wait_ms=0)


async def test_a_batch_that_takes_too_long_is_ended_before_the_next_run_begins(doing: list[str]) -> None:
    async def deed() -> None:
        doing.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            doing.append(f"ended in run {task.runs}")

    task = Once(lambda it: it.hand_over(deed, offset=0), batch_timeout_ms=1_000)
    await eventually(lambda: task.batches)
    agent = asyncio.ensure_future(task.batches[0].work())
    await eventually(lambda: task.runs == 2)
    assert doing == ["begun", "ended in run 1"]
    await agent
    await task.stop(wait_ms=0)


async def test_an_agent_that_is_cancelled_ends_what_it_does(doing: list[str]) -> None:
    async def deed() -> None:
        doing.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            doing.append("ended")

    batch = FollowedBatch(deed, offset=0)
    agent = asyncio.ensure_future(batch.work())
    await eventually(lambda: doing)
    agent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await agent
    await eventually(lambda: doing == ["begun", "ended"])


class Part:
    """A client or a reader, and whether it was closed."""

    def __init__(self, name: str, closed: list[str]) -> None:
        self._name = name
        self._closed = closed

    async def stop(self) -> None:
        self._closed.append(self._name)

    close = stop


async def test_a_reader_ends_with_its_block_whatever_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def connect(_: object) -> Part:
        return Part("client", closed)

    monkeypatch.setattr(follow_task, "connect", connect)
    monkeypatch.setattr(follow_task, "LogReader", lambda *_, **__: Part("reader", closed))

    async def fails(it: Once) -> None:
        async with it.reading():
            raise ConnectionError("what it is about is away")

    task = Once(fails)
    await eventually(lambda: task.runs == 2)
    assert closed == ["reader", "client"]
    await task.stop(wait_ms=0)


async def test_an_end_whose_cleaning_up_fails_is_the_end() -> None:
    async def fails_at_its_end(_: Once) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionError("a connection cannot be closed: this takes the place of the cancellation")

    task = Once(fails_at_its_end)
    await eventually(lambda: task.runs == 1)
    await task.stop(wait_ms=0)
    assert task.ended
    assert task.runs == 1


async def test_a_cancellation_that_is_lost_on_the_way_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_task, "CANCEL_S", 0.01)

    async def loses_one(_: Once) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    task = Once(loses_one)
    await eventually(lambda: task.runs == 1)
    await task.stop(wait_ms=0)
    assert task.ended


@pytest.mark.parametrize("steps", range(12))
async def test_a_task_that_is_stopped_while_its_batch_ends_does_not_go_on(steps: int, doing: list[str]) -> None:
    async def deed() -> None:
        doing.append("done")

    task = Once(lambda it: it.hand_over(deed, offset=0))
    await eventually(lambda: task.batches)
    agent = asyncio.ensure_future(task.batches[0].work())
    await turns(steps)
    await task.stop(wait_ms=0)
    await agent
    assert task.ended, f"the task outlives its end when it is stopped {steps} steps after the batch was begun"
