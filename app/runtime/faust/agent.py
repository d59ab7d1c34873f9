"""Faust's seam for agents that get micro-batches: a body that raises is started again in place."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import faust
from faust.agents.agent import _current_agent

from app.runtime.partition.micro_batch import MicroBatch


class Agent(faust.Agent):
    """Faust's supervisor loses wake-ups (seconds of standstill after one exception) and ends the worker when two
    bodies fail within a moment. Here the batch that was being worked on fails, explicitly, and the body goes on
    with the next."""

    async def _execute_actor(self, coro: Awaitable[Any], aref: Any) -> None:
        _current_agent.set(self)
        stream = aref.stream
        body: Any = coro
        while True:
            try:
                await body
                return
            except asyncio.CancelledError as error:
                if self.should_stop:
                    raise
                await aref.crash(error)
                self.supervisor.wakeup()
                return
            except Exception as error:  # after any exception of the body, it is started again
                event = stream.current_event
                batch = None if event is None else event.value
                if not isinstance(batch, MicroBatch):
                    self.log.exception("agent %s: %s", self.name, type(error).__name__)
                for generator in list(stream._active_agens):
                    with suppress(RuntimeError, ValueError):
                        await generator.aclose()
                if stream.channel.active_partitions is not None:
                    self.app.topics.add(stream.channel)  # closing the iterator removed it
                if isinstance(batch, MicroBatch):
                    batch.fail(error)
                body = self.fun(stream)
                aref.it = body
