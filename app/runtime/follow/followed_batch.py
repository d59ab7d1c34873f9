"""Batch that a follower's partition hands to its agent: work to do, and its result."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Deed: TypeAlias = Callable[[], Awaitable[None]]
"""What a batch is about: made by the partition's task, done by the agent. It raises whatever goes wrong."""


class FollowedBatch:
    """A piece of a partition's log. The agent awaits `work`; the partition's task `finished`, and then withdraws it."""

    def __init__(self, deed: Deed, *, offset: int) -> None:
        self.offset = offset
        self._deed = deed
        self._withdrawn = False
        self._doing: asyncio.Future[None] | None = None
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work(self) -> None:
        """Does what is to be done, and tells the task how it went: nothing is raised into the agent."""
        if self._withdrawn:
            return
        doing = self._doing = asyncio.ensure_future(self._deed())
        try:
            await asyncio.wait([doing])
        finally:
            doing.cancel()  # that of an agent which ends; a finished update is not affected
        if not doing.cancelled():
            self._finish(doing.exception())

    async def finished(self) -> None:
        """Returns when the work is done. Raises what went wrong."""
        await asyncio.shield(self._finished)

    async def withdraw(self) -> None:
        """Nobody waits for it any more: what has not begun is not done, what has begun ends before this returns."""
        self._withdrawn = True
        if self._doing is not None and not self._doing.done():
            self._doing.cancel()
            await asyncio.wait([self._doing])

    def _finish(self, error: BaseException | None) -> None:
        if self._finished.done():
            return
        if error is None:
            self._finished.set_result(None)
        else:
            self._finished.set_exception(error)
            self._finished.exception()  # the task that waited may have ended: this needs no warning
