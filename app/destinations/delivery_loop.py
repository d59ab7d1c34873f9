"""Delivery loop of one destination and one partition of the changes, with a position of its own."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.destinations.changes import is_stale, is_wanted, prepare, read_change, source_of
from app.destinations.destination import Destination
from app.destinations.outcome import Fate, Outcome
from app.destinations.positions import Hold, Stored
from app.destinations.request_limiter import FAILURES_TO_OPEN, Breaker
from app.destinations.shared_limits import SharedLimits
from app.destinations.unusable import UnusableError
from app.destinations.user_queues import UserQueues, Waiting
from app.events.instants import iso
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import Fetched, LogReader

WINDOW: Final = 1_000
"""Changes of one destination and partition in hand at most; two batches where that is more."""
READ_WAIT_MS: Final = 500
HELD_S: Final = 60.0
"""Changes that are held back are looked at again after so long, or at once when somebody confirms them."""

log = logging.getLogger(__name__)

Deliver = Callable[[Destination, Sequence[Any]], Awaitable[Sequence[Outcome]]]
"""`Connections.deliver`."""
WriteDeadLetter = Callable[[Destination, Any, str, str], Awaitable[None]]
"""Writes a dead letter: destination, record, reason, detail."""
HandOver = Callable[[Callable[[], Awaitable[None]], int], Awaitable[None]]
"""Lets the agent do something with a batch that begins at an offset."""


@dataclass(slots=True)
class _Result:
    """Result of one change of a try: an item to deliver, the reason that there is none, then the outcome."""

    segment: str
    item: Any = None
    outcome: Outcome | None = None
    unusable: UnusableError | None = None


EXPIRED: Final = Outcome(fate=Fate.DELIVERED, status="expired", asked=False)
"""Of a change that is too old to be sent: it is done with."""


class DeliveryLoop:
    """Delivers to one destination. `run` goes on for ever; when it was ended, `stored` says where to go on."""

    def __init__(
        self,
        limits: SharedLimits,
        *,
        partition: int,
        stored: Stored,
        deliver: Deliver,
        write_dead_letter: WriteDeadLetter,
        metrics: ReaderMetrics,
        more_in_s: Callable[[], float | None] = lambda: None,
        chance: random.Random | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.destination = limits.destination
        self.leaving = False
        self._limits = limits
        self._partition = partition
        self._queues: UserQueues[Any] = UserQueues(stored.offset, stored.done)
        self._deliver = deliver
        self._more_in_s = more_in_s
        self._gathering_s: float | None = None
        self._write_dead_letter = write_dead_letter
        self._metrics = metrics
        self._chance = chance or random.Random()
        self._clock_s = clock_s
        self._window = max(WINDOW, 2 * self.destination.batch.changes_max)
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._trying: set[asyncio.Task[None]] = set()
        self._held: set[int] = set()
        self.hold: Hold | None = None

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
            while self._queues.waiting >= self._window or self.leaving:
                self._room.clear()
                await self._room.wait()
            room = self._window - self._queues.waiting
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
            if is_wanted(self.destination, change):
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
        self._metrics.lag(
            f"destination {name}", self._partition, lag, behind_s=behind_s, held_back_s=fetched.held_back_s
        )

    # ------------------------------------------------------------ sending

    async def _send_all(self) -> None:
        while True:
            self._wake.clear()
            wait_s = self.begin_due()
            self._collect()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
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
            # While nothing gets through, one change is tried and not a whole batch.
            most = self.destination.batch.changes_max if limiter.state is Breaker.CLOSED else 1
            limiter_wait_s = limiter.wait_s(now_s)
            batch = self._queues.runs(now_s, most=most) if limiter_wait_s == 0 else []
            if not batch:
                more_s = self._more_in_s() if limiter.state is Breaker.CLOSED else None
                if more_s != 0 or limiter_wait_s > 0:
                    if (next_s := self._queues.next_due_s()) is not None:
                        more_s = min(next_s - now_s, float("inf") if more_s is None else more_s)
                    if more_s is None or limiter_wait_s == float("inf"):
                        return None
                    return max(limiter_wait_s, more_s, 0.001)
            elif (wait_s := self._gather_s(batch, most, now_s)) > 0:
                return wait_s
            for each in batch:
                self._queues.begin(each)
            limiter.begin(now_s)
            trying = asyncio.ensure_future(self._try(batch))
            trying.add_done_callback(lambda _: self._wake.set())  # also with an error, which is then reported
            self._trying.add(trying)
        return None

    def _gather_s(self, batch: Sequence[Waiting[Any]], most: int, now_s: float) -> float:
        """Seconds that a batch waits for more changes; 0 if it begins."""
        if self._gathering_s is None:
            self._gathering_s = now_s
        wait_s = self._gathering_s + self.destination.batch.wait_ms / 1000 - now_s
        if len(batch) < most and wait_s > 0:
            return wait_s
        self._gathering_s = None
        return 0.0

    async def _try(self, batch: Sequence[Waiting[Any]]) -> None:
        try:
            results = [self._prepare(each) for each in batch]
            items = [result.item for result in results if result.outcome is None and result.unusable is None]
            if items or not batch:  # without a batch: what no change asks for
                began_s = self._clock_s()
                outcomes = await self._deliver(self.destination, items)
                self._tell_request(outcomes, self._clock_s() - began_s)
                answers = iter(outcomes)
                for result in results:
                    if result.outcome is None and result.unusable is None:
                        result.outcome = next(answers)
            await self._settle(batch, results)
        finally:
            self._limits.limiter.end()
            self._queues.settle()
            self._limits.wake()

    def _tell_request(self, outcomes: Sequence[Outcome], took_s: float) -> None:
        asked = [each for each in outcomes if each.asked]
        if asked:
            said = next((each for each in asked if each.fate is not Fate.DELIVERED), asked[0])
            self._metrics.request(self.destination.name, said.status, took_s)

    def _prepare(self, each: Waiting[Any]) -> _Result:
        try:
            change = read_change(each.item.value)
        except UnusableError as error:
            return _Result("", unusable=error)
        segment = change["segment"]
        if is_stale(self.destination, change, now_ms=int(time.time() * 1000)):
            return _Result(segment, outcome=EXPIRED)
        try:
            item = prepare(self.destination, change, each.item.value, source=source_of(each.item))
        except UnusableError as error:
            return _Result(segment, unusable=error)
        return _Result(segment, item=item)

    async def _settle(self, batch: Sequence[Waiting[Any]], results: Sequence[_Result]) -> None:
        """Each change is done with, or tried again; those of a user behind one that is tried again are not done."""
        now_s = self._clock_s()
        given = [result.outcome for result in results if result.outcome is not None and result.outcome.asked]
        got_through = any(outcome.fate is Fate.DELIVERED for outcome in given)
        failed = [outcome for outcome in given if outcome.fate is Fate.AGAIN]
        if got_through:
            if self._limits.delivered(now_s, self._metrics):
                self._queues.hurry(now_s)
        elif failed:
            self._note_failure(failed, now_s)
        behind: set[str] = set()
        for each, result in zip(batch, results, strict=True):
            if each.user in behind:
                self._queues.put_back(each)
            elif not await self._is_done(each, result, now_s, got_through=got_through):
                behind.add(each.user)
        self._note_held(results)

    def confirmed(self) -> None:
        """Somebody has confirmed what is held: it is tried now."""
        self._queues.hurry(self._clock_s())
        self._wake.set()

    def _note_held(self, results: Sequence[_Result]) -> None:
        """Keeps the number of users whose changes are held, with the latest reason."""
        name = self.destination.name
        details = [each.outcome.detail for each in results if each.outcome and each.outcome.fate is Fate.HELD]
        if self._held and (details or self.hold is not None):
            since = iso(int(time.time() * 1000)) if self.hold is None else self.hold.since
            if self.hold is None:
                self._metrics.paused(name, paused=True)
                log.warning(
                    "destination %s: holds back the changes of %d users: %s; `shoal destinations confirm` lets them go",
                    *(name, len(self._held), details[-1]),
                )
            detail = details[-1] if details else self.hold.detail if self.hold else ""
            self.hold = Hold(since=since, users=len(self._held), detail=detail)
        elif self.hold is not None:
            self.hold = None
            self._metrics.paused(name, paused=False)
            log.info("destination %s: holds back nothing any more", name)

    async def _is_done(self, each: Waiting[Any], result: _Result, now_s: float, *, got_through: bool) -> bool:
        """Settles one change; False if it is tried again."""
        outcome, error = result.outcome, result.unusable
        if error is not None:
            return await self._unusable(each, error, result.segment, got_through=got_through)
        assert outcome is not None, "neither an error nor an outcome"
        if outcome.fate is Fate.HELD:
            self._held.add(each.offset)
            self._keep(each, due_s=now_s + HELD_S, now_s=now_s)
            return False
        if outcome.fate is Fate.AGAIN:
            return await self._again(each, outcome, now_s, result.segment)
        if outcome.fate is Fate.REFUSED:
            return await self._refused(each, outcome, now_s, result.segment, got_through=got_through)
        self._finish(each, "expired" if outcome is EXPIRED else "delivered")
        return True

    def _note_failure(self, failed: Sequence[Outcome], now_s: float) -> None:
        waits = [outcome.retry_after_s for outcome in failed if outcome.retry_after_s is not None]
        if self._limits.limiter.failed(now_s, retry_after_s=max(waits, default=None)):
            self._metrics.away(self.destination.name, away=True)
            # The answer may contain personal data: it is stored only in dead letters.
            log.warning(
                "destination %s: circuit breaker opened after %d failures in a row (last: %s); "
                "one change is tried at least every minute",
                *(self.destination.name, FAILURES_TO_OPEN, failed[-1].status),
            )

    async def _again(self, each: Waiting[Any], outcome: Outcome, now_s: float, segment: str) -> bool:
        retry = self.destination.retry
        failing_s = 0.0 if each.failed_s is None else now_s - each.failed_s
        if failing_s * 1000 > retry.give_up_ms and self._limits.limiter.succeeded_s > (each.failed_s or 0.0):
            detail = f"after {each.tries} tries: {outcome.detail}"
            await self._give_up(each, "gave-up", detail, segment=segment, status=outcome.status)
            return True
        pause_s = max(retry.pause_s(each.tries, self._chance), outcome.retry_after_s or 0.0)
        self._queues.retry(each, due_s=now_s + pause_s, now_s=now_s)
        return False

    async def _refused(
        self, each: Waiting[Any], outcome: Outcome, now_s: float, segment: str, *, got_through: bool
    ) -> bool:
        was_away = self._limits.limiter.state is not Breaker.CLOSED and self._limits.pause is None
        # Beside a change that was taken, a refusal is about its own change.
        if not got_through and not self._limits.refused(
            now_s, self._metrics, status=outcome.status, detail=outcome.detail
        ):
            self._keep(each, due_s=now_s, now_s=now_s)
            return False
        if was_away:
            self._queues.hurry(now_s)
        await self._give_up(each, "refused", outcome.detail, segment=segment, status=outcome.status)
        return True

    async def _unusable(self, each: Waiting[Any], error: UnusableError, segment: str, *, got_through: bool) -> bool:
        """There is nothing to deliver for a change. Where that is a mistake in the file it counts as a refusal."""
        limits, now_s = self._limits, self._clock_s()
        if error.mistaken and not got_through:
            if limits.pause is not None:
                # Nothing was asked, so nothing is asked too often: other changes are tried at once.
                self._keep(each, due_s=now_s + self.destination.retry.pause_s(each.tries, self._chance), now_s=now_s)
                return False
            if not limits.refused(now_s, self._metrics, status=error.reason, detail=error.detail):
                self._keep(each, due_s=now_s, now_s=now_s)
                return False
        await self._give_up(each, error.reason, error.detail, segment=segment, status=error.reason)
        return True

    def _keep(self, each: Waiting[Any], *, due_s: float, now_s: float) -> None:
        self._queues.retry(each, due_s=due_s, now_s=now_s)
        each.failed_s = None  # the destination itself fails: the time until `give_up` does not count

    async def _give_up(self, each: Waiting[Any], reason: str, detail: str, *, segment: str, status: str) -> None:
        await self._write_dead_letter(self.destination, each.item, reason, detail)
        self._limits.log_dead_letter(self._clock_s(), segment=segment, reason=reason, status=status)
        self._finish(each, "dead")

    def _finish(self, each: Waiting[Any], outcome: str) -> None:
        self._queues.remove(each)
        self._held.discard(each.offset)
        self._metrics.destination(self.destination.name, outcome)
        self._room.set()
