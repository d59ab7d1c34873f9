"""The life of one partition that a follower was given: open, follow, and open again after anything that went wrong."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from faust.types import TP

from app.runtime.follow.followed_batch import Deed, FollowedBatch
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_reader import LogReader
from app.runtime.pacing.back_off import REOPEN_MS_FIRST, BackOff
from app.runtime.partition.failures import describe_error
from app.settings import Settings

CANCEL_S = 2.0
CANCELS = 3
"""How often a task is cancelled that does not end: libraries lose a cancellation that comes at a bad moment."""

Deliver = Callable[[TP, FollowedBatch, int], Awaitable[None]]
"""Hands a batch to the agent: partition, batch, offset."""

log = logging.getLogger(__name__)


class FollowTask(ABC):
    """`follow` opens everything anew each time it is called, from positions that are beyond doubt."""

    def __init__(self, tp: TP, *, settings: Settings, committed_only: bool, deliver: Deliver) -> None:
        self.tp = tp
        self.source_offset: int | None = None
        self.why_not_ready: str | None = "is being opened"
        self._settings = settings
        self._committed_only = committed_only
        self._deliver = deliver
        self._back_off = BackOff(first_ms=REOPEN_MS_FIRST, longest_ms=settings.retry_wait_max_ms)
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_hand = 0
        self._cut_off = False
        self._leaving = False
        self._task = asyncio.create_task(self._run(), name=f"follow-{tp.topic}-{tp.partition}")

    @property
    def name(self) -> str:
        """For logs."""
        return f"{self.tp.topic} partition {self.tp.partition}"

    @abstractmethod
    async def follow(self) -> None:
        """Opens, then reads and does for ever; any exception makes it be called again after a pause."""

    async def stop(self, *, wait_ms: int) -> None:
        """Lets the batch in hand be finished, within `wait_ms`; then it ends."""
        self._leaving = True
        if not self._task.done() and not self._idle.is_set() and wait_ms > 0:
            waiting = asyncio.ensure_future(self._idle.wait())
            await asyncio.wait([waiting, self._task], timeout=wait_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        for _ in range(CANCELS):
            if self._task.done():
                return
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_S)
        if not self._task.done():
            log.error("%s: does not end, although it was cancelled %d times", self.name, CANCELS)

    @property
    def ended(self) -> bool:
        """True if nothing of it runs any more."""
        return self._task.done()

    async def hand_over(self, deed: Deed, *, offset: int) -> None:
        """Lets the agent do it, within `batch_timeout`; raises what went wrong. It never outlives this call."""
        if self._leaving:
            await asyncio.Event().wait()  # starts no other batch: the end comes by cancellation
        batch = FollowedBatch(deed, offset=offset)
        self._in_hand += 1
        self._cut_off = True
        self._idle.clear()
        try:
            await self._deliver(self.tp, batch, offset)
            async with asyncio.timeout(self._settings.batch_timeout_ms / 1000):
                await batch.finished()
            self._cut_off = False
        finally:
            try:
                await batch.withdraw()
            finally:
                self._in_hand -= 1
                if not self._in_hand:
                    self._idle.set()
        self.got_on()

    @property
    def cut_off(self) -> bool:
        """True if the batch that was handed over last came to no good end: what it wrote is in doubt."""
        return self._cut_off

    def got_on(self) -> None:
        """Something was achieved: the next failure is a first one."""
        self._back_off.reset()
        self.why_not_ready = None

    @asynccontextmanager
    async def reading(self, topic: str | None = None, *, partition: int | None = None) -> AsyncIterator[LogReader]:
        """A reader of this partition of the followed topic, or of another, for as long as the block lasts.

        It has a connection of its own: a long poll holds up whatever else goes through.
        """
        async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
            client = await connect(self._settings)
        try:
            reader = LogReader(
                client,
                topic=topic or self.tp.topic,
                partition=self.tp.partition if partition is None else partition,
                committed_only=self._committed_only,
                bytes_max=self._settings.fetch_bytes_max,
            )
            try:
                yield reader
            finally:
                await reader.stop()
        finally:
            await client.close()

    async def _run(self) -> None:
        while True:
            try:
                await self.follow()
            except Exception as error:  # noqa: BLE001  # after any error the committed state is read again
                if self._leaving:
                    return  # what failed was the end of a client, in place of the cancellation
                self._back_off.failed()
                self.why_not_ready = f"waits after {type(error).__name__}"
                told = log.warning if self._back_off.failures in (1, 10) else log.debug
                told("%s: %s; retries", self.name, describe_error(error))
            await asyncio.sleep(self._back_off.pause_ms / 1000)
