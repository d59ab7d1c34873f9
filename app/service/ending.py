"""The end of a background task that may miss a cancellation."""

import asyncio
from typing import Any, Final

AGAIN_S: Final = 1.0


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancels a task until it has ended: `asyncio.wait_for`, which Kafka clients use, loses a cancellation that comes
    in the moment in which what it waits for fails."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_S)
