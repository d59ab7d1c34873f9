"""What a follower's partition hands to its agent: something to do, and how it went."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Deed: TypeAlias = Callable[[], Awaitable[None]]
"""What a batch is about: made by the partition's task, done by the agent. It raises whatever goes wrong."""


class FollowedBatch:
    """A piece of a partition's log. The agent awaits `work`; the partition's task awaits `finished`."""

    def __init__(self, deed: Deed, *, offset: int) -> None:
        self.offset = offset
        self._deed = deed
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work(self) -> None:
        """Does what is to be done, and tells the task how it went: nothing is raised into the agent."""
        try:
            await self._deed()
        except Exception as error:  # noqa: BLE001  # it is raised again where the task awaits
            self._finish(error)
        else:
            self._finish(None)

    async def finished(self) -> None:
        """Returns when the work is done. Raises what went wrong."""
        await asyncio.shield(self._finished)

    def _finish(self, error: Exception | None) -> None:
        if self._finished.done():
            return
        if error is None:
            self._finished.set_result(None)
        else:
            self._finished.set_exception(error)
            self._finished.exception()  # whoever waited may be gone: that is no reason for a warning
