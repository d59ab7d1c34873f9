"""Delivery loop of one destination and one partition of the changes, with a position of its own."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from app.destinations.destination import Destination
from app.destinations.outcome import Fate, Outcome
from app.destinations.positions import Stored
from app.destinations.prepared import Prepared, UnusableError, is_stale, prepare, read_change, source_of
from app.destinations.request_limiter import FAILURES_TO_OPEN, Breaker
from app.destinations.shared_limits import SharedLimits
from app.destinations.user_queues import UserQueues, Waiting
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import Fetched, LogReader

WINDOW: Final = 1_000
"""Changes of one destination and partition in hand at most."""
READ_WAIT_MS: Final = 500

log = logging.getLogger(__name__)

Send = Callable[[Destination, Prepared], Awaitable[Outcome]]
WriteDeadLetter = Callable[[Destination, Any, str, str], Awaitable[None]]
"""Writes a dead letter: destination, record, reason, detail."""
HandOver = Callable[[Callable[[], Awaitable[None]], int], Awaitable[None]]
"""Lets the agent do something with a batch that begins at an offset."""


class DeliveryLoop:
    """Delivers to one destination. `run` goes on for ever; when it was ended, `stored` says where to go on."""

    def __init__(
        self,
        limits: SharedLimits,
        *,
        partition: int,
        stored: Stored,
        send: Send,
        write_dead_letter: WriteDeadLetter,
        metrics: ReaderMetrics,
        chance: random.Random | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.destination = limits.destination
        self.leaving = False
        self._limits = limits
        self._partition = partition
        self._queues: UserQueues[Any] = UserQueues(stored.offset, stored.done)
        self._send = send
        self._write_dead_letter = write_dead_letter
        self._metrics = metrics
        self._chance = chance or random.Random()
        self._clock_s = clock_s
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._trying: set[asyncio.Task[None]] = set()

    @property
    def stored(self) -> Stored:
        """Position up to which changes are done."""
        return Stored(self._queues.position, self._queues.done)

    @property
    def waiting(self) -> int:
        """Changes in hand."""
        return self._queues.waiting

    async def run(self, reader: LogReader, hand_over: HandOver) -> None:
        """Reads and sends, until it is cancelled or something fails."""
        self._limits.wakes.add(self._wake)
        reading = asyncio.ensure_future(self._read(reader, hand_over))
        sending = asyncio.ensure_future(self._send_all())
        try:
            done, _ = await asyncio.wait([reading, sending], return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            self._limits.wakes.discard(self._wake)
            tasks = [reading, sending, *self._trying]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, *, wait_s: float) -> None:
        """Begins nothing more, and lets what is under way come to its end."""
        self.leaving = True
        if self._trying:
            await asyncio.wait(list(self._trying), timeout=wait_s)

    async def settled(self) -> None:
        """Returns when nothing is under way. Raises what went wrong."""
        while self._trying:
            await asyncio.wait(list(self._trying))
            self._collect()

    # ------------------------------------------------------------ reading

    async def _read(self, reader: LogReader, hand_over: HandOver) -> None:
        reader.seek(self._queues.position)
        while True:
            while self._queues.waiting >= WINDOW or self.leaving:
                self._room.clear()
                await self._room.wait()
            room = WINDOW - self._queues.waiting
            fetched = await reader.read(records_max=room, wait_ms=READ_WAIT_MS)
            if fetched.records:

                async def take(fetched: Fetched = fetched) -> None:
                    self.take(fetched.records, fetched.next_offset)

                await hand_over(take, fetched.records[0].offset)
            elif fetched.drained:
                self._queues.reach(fetched.next_offset)
            self._tell(fetched)

    def take(self, records: list[Any], next_offset: int) -> None:
        """Changes come into hand; those that are not for this destination are passed over."""
        unwanted = unreadable = 0
        for record in records:
            if self._queues.is_done(record.offset):
                continue
            try:
                change = read_change(record.value or b"")
            except UnusableError:
                unreadable += 1
                continue
            if self.destination.wants(change["segment"], change["change"]):
                self._queues.add(record.offset, change["user"], record)
            else:
                unwanted += 1
        self._queues.reach(next_offset)
        self._metrics.destination(self.destination.name, "unwanted", unwanted)
        self._metrics.destination(self.destination.name, "unreadable", unreadable)
        self._wake.set()

    def _tell(self, fetched: Fetched) -> None:
        name = self.destination.name
        lag = max(0, fetched.end_offset - self._queues.position)
        oldest = self._queues.oldest()
        behind_s = 0.0 if oldest is None else time.time() - oldest.item.timestamp / 1000
        self._metrics.lag(f"destination {name}", self._partition, lag, behind_s=behind_s)

    # ------------------------------------------------------------ sending

    async def _send_all(self) -> None:
        while True:
            self._wake.clear()
            wait_s = self.begin_due()
            self._collect()
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except TimeoutError:
                continue

    def _collect(self) -> None:
        for task in [each for each in self._trying if each.done()]:
            self._trying.discard(task)
            task.result()

    def begin_due(self) -> float | None:
        """Begins every try that may begin now; how long until the next may, None: until something happens."""
        limiter = self._limits.limiter
        while not self.leaving:
            now_s = self._clock_s()
            heads = self._queues.heads(now_s)
            limiter_wait_s = limiter.wait_s(now_s)
            if not heads or limiter_wait_s > 0:
                next_s = self._queues.next_due_s()
                if next_s is None or limiter_wait_s == float("inf"):
                    return None
                return max(limiter_wait_s, next_s - now_s, 0.001)
            self._queues.begin(heads[0])
            limiter.begin(now_s)
            trying = asyncio.ensure_future(self._try(heads[0]))
            trying.add_done_callback(lambda _: self._wake.set())  # also with an error, which is then told
            self._trying.add(trying)
        return None

    async def _try(self, each: Waiting[Any]) -> None:
        limiter, destination = self._limits.limiter, self.destination
        segment = ""
        try:
            change = read_change(each.item.value)
            segment = change["segment"]
            if is_stale(destination, change, now_ms=int(time.time() * 1000)):
                limiter.dropped()
                self._finish(each, "expired")
                return
            prepared = prepare(destination, change, each.item.value, source=source_of(each.item))
        except UnusableError as error:
            await self._unusable(each, error, segment)
            return
        began_s = self._clock_s()
        try:
            outcome = await self._send(destination, prepared)
        except BaseException:
            limiter.dropped()
            raise
        now_s = self._clock_s()
        self._metrics.request(destination.name, outcome.status, now_s - began_s)
        if outcome.fate is Fate.AGAIN:
            await self._again(each, outcome, now_s, segment)
        elif outcome.fate is Fate.DELIVERED:
            if self._limits.delivered(now_s, self._metrics):
                self._queues.hurry(now_s)
            self._finish(each, "delivered")
        else:
            await self._refused(each, outcome, now_s, segment)

    async def _again(self, each: Waiting[Any], outcome: Outcome, now_s: float, segment: str) -> None:
        limiter, destination = self._limits.limiter, self.destination
        if limiter.failed(now_s, retry_after_s=outcome.retry_after_s):
            self._metrics.away(destination.name, away=True)
            # What it answered may name people: that stands in dead letters only.
            log.warning(
                "destination %s: circuit breaker opened after %d failures in a row (last: %s); "
                "one change is tried at least every minute",
                *(destination.name, FAILURES_TO_OPEN, outcome.status),
            )
        failing_s = 0.0 if each.failed_s is None else now_s - each.failed_s
        if failing_s * 1000 > destination.retry.give_up_ms and limiter.succeeded_s > (each.failed_s or 0.0):
            detail = f"after {each.tries} tries: {outcome.detail}"
            await self._give_up(each, "gave-up", detail, segment=segment, status=outcome.status)
            return
        pause = max(destination.retry.pause_s(each.tries, self._chance), outcome.retry_after_s or 0.0)
        self._queues.retry(each, due_s=now_s + pause, now_s=now_s)
        self._limits.wake()

    async def _refused(self, each: Waiting[Any], outcome: Outcome, now_s: float, segment: str) -> None:
        was_away = self._limits.limiter.state is not Breaker.CLOSED and self._limits.pause is None
        if not self._limits.refused(now_s, self._metrics, status=outcome.status, detail=outcome.detail):
            self._keep(each, due_s=now_s, now_s=now_s)
            return
        if was_away:
            self._queues.hurry(now_s)
        await self._give_up(each, "refused", outcome.detail, segment=segment, status=outcome.status)

    async def _unusable(self, each: Waiting[Any], error: UnusableError, segment: str) -> None:
        """There is no request for a change. Where that is a mistake in the file it counts as a refusal."""
        limits, now_s = self._limits, self._clock_s()
        if not error.mistaken:
            limits.limiter.dropped()
        elif limits.pause is not None:
            # No request was made, so nothing is asked too often: other changes are tried at once.
            limits.limiter.dropped()
            self._keep(each, due_s=now_s + self.destination.retry.pause_s(each.tries, self._chance), now_s=now_s)
            return
        elif not limits.refused(now_s, self._metrics, status=error.reason, detail=error.detail):
            self._keep(each, due_s=now_s, now_s=now_s)
            return
        await self._give_up(each, error.reason, error.detail, segment=segment, status=error.reason)

    def _keep(self, each: Waiting[Any], *, due_s: float, now_s: float) -> None:
        self._queues.retry(each, due_s=due_s, now_s=now_s)
        each.failed_s = None  # it is the destination that fails: the time to give up has not begun
        self._limits.wake()

    async def _give_up(self, each: Waiting[Any], reason: str, detail: str, *, segment: str, status: str) -> None:
        await self._write_dead_letter(self.destination, each.item, reason, detail)
        self._limits.log_dead_letter(self._clock_s(), segment=segment, reason=reason, status=status)
        self._finish(each, "dead")

    def _finish(self, each: Waiting[Any], outcome: str) -> None:
        self._queues.finish(each)
        self._metrics.destination(self.destination.name, outcome)
        self._room.set()
        self._limits.wake()
