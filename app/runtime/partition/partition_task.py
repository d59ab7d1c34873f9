"""The life of one assigned partition: open, then (fetch, let the agent work, commit) for ever.

Any exception is a doubt: the batch, the state and the producer are thrown away, and the partition is opened again
after a pause. Nothing here raises into the agent. Nothing here knows an event loop, either: whatever takes time is
asked of the `Environment`, so that the simulator runs these very steps.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from app.runtime.delivery.commit import poison_letter
from app.runtime.delivery.delivery import Commit, Delivery
from app.runtime.kafka.key_sample import MISPLACED, KeySample
from app.runtime.kafka.log_reader import OffsetLostError
from app.runtime.partition.environment import Connection, Log, WorkFailedError
from app.runtime.partition.failures import (
    BatchFailedError,
    Unreadable,
    classify_failure,
    describe_batch_failure,
    describe_error,
    describe_next,
    fatal_error,
    root_cause,
)
from app.runtime.partition.gone_records import first_offset_after
from app.runtime.partition.idle_clock import IdleClock
from app.runtime.partition.lifecycle import Event, Lifecycle, State
from app.runtime.partition.partition_context import PartitionContext
from app.runtime.partition.partition_state import PartitionState, state_of
from app.runtime.partition.quarantine import Quarantine
from app.runtime.partition.restore import nothing_written_since, restore
from app.runtime.records.journal import CatalogChange, IdleMove, JournalEntry, Poisoned
from app.runtime.records.record_errors import is_caused_by_record
from app.segments.language.durations import format_duration
from app.segments.partition.partition import Batch, DeadLetter, Partition

CANCEL_MS = 1_000
ASK_GROUP_MS = 200
SWEEP_PROFILES = 1_000
TIMERS_MAX = 1_000  # instants of timers that fire in one batch: some 25 ms
TIMERS_FIRST_S = 0.5

log = logging.getLogger(__name__)


class PartitionTask:
    """One partition, from its assignment to its revocation. `stop` gives back what is worth keeping."""

    def __init__(self, partition: int, context: PartitionContext, *, kept: PartitionState | None = None) -> None:
        self.partition = partition
        self._environment = context.environment
        self._settings = context.settings
        self.lifecycle = Lifecycle(now_s=self._environment.now_s(), pause_ms_max=self._settings.retry_wait_max_ms)
        self.lag: int | None = None
        self.source_offset: int | None = None
        self._context = context
        self._topics = context.settings.topics
        self._layout = context.layout(partition)
        self._kept = kept
        self._quarantine = Quarantine(tries=context.settings.poison_tries)
        self._condemned: DeadLetter | None = None
        self._state: PartitionState | None = None
        self._delivery: Delivery | None = None
        self._reader: Log | None = None
        self._connection: Connection | None = None
        self._fetched: list[Any] = []
        self._keys = KeySample(partition, self._settings.partitions)
        self._in_batch = self._in_doubt = False
        self._pause_ms = 0
        self.handle = self._environment.spawn(self._run(), name=f"partition-{partition}")

    @property
    def state(self) -> State:
        """State of the partition."""
        return self.lifecycle.state

    @property
    def core(self) -> Partition | None:
        """The partition's state, while it is open."""
        return None if self._state is None else self._state.core

    @property
    def in_doubt(self) -> bool:
        """True if something was processed or written of which nobody knows yet that it is written for good."""
        return self._in_doubt

    async def stop(self, *, wait_ms: int) -> PartitionState | None:
        """Finishes the batch in hand, within `wait_ms`; begins no other. Returns the state if it is beyond doubt."""
        if not self.lifecycle.leaving:
            self._happen(Event.REVOKE)
        if not self.handle.done and self._in_batch and wait_ms > 0:
            await self.handle.wait(wait_ms)
        if not self.handle.done:
            self.handle.cancel()
            await self.handle.wait(CANCEL_MS)
        kept = None if self._in_doubt else self._state
        self._state = None
        return kept

    async def _run(self) -> None:
        try:
            while not self.lifecycle.leaving:
                try:
                    await self._open()
                    await self._serve()
                except Exception as error:  # noqa: BLE001  # any exception leaves the result unknown, and is handled in the same way
                    await self._fail(error)
        finally:
            await self._let_go(clean=not self._in_doubt)
            if self.state is State.DRAINING:
                self._happen(Event.DRAINED)

    # ------------------------------------------------------------ open

    async def _open(self) -> None:
        context, settings, environment = self._context, self._settings, self._environment
        began_s = environment.now_s()
        self._happen(Event.OPEN)
        self._in_doubt = False
        delivery = self._delivery = context.new_delivery(self.partition)
        await environment.within(delivery.open(), limit_ms=settings.commit_timeout_ms)
        await environment.pause(self._pause_ms)
        self._connection = await environment.connect()
        self._happen(Event.FENCED)
        changelog, journal = self._new_reader(self._topics.profiles), self._new_reader(self._topics.journal)
        reader = self._reader = self._new_reader(self._topics.clickstream)
        kept, self._kept = self._kept, None
        if (
            kept is not None
            and delivery.committed_only  # otherwise another owner may have written before the last write of this one
            and await nothing_written_since(changelog, kept.changelog_end)
            and await nothing_written_since(journal, kept.journal_end)
        ):
            self._state, told = kept, f"kept {kept.core.users:,} profiles"
        else:
            on_share = partial(context.metrics.restoring, self.partition)
            restored = await restore(changelog, journal, context.new_core, environment, on_share, context.new_values)
            context.metrics.restored(self.partition, restored.records, restored.seconds)
            if restored.resend or restored.resend_links:
                await self._write(self._layout.resend(restored.resend, restored.resend_links))
            self._state = await state_of(restored, reader, settings)
            self._in_doubt = False
            told = f"restored {restored.core.users:,} profiles"
            told += f", sent {len(restored.resend):,} changes again" if restored.resend else ""
        reader.seek(self._state.offset)
        self._happen(Event.RESTORED)
        ms = (environment.now_s() - began_s) * 1000
        log.info("partition %d: %s, reads from offset %d, %.0f ms", self.partition, told, self._state.offset, ms)

    def _new_reader(self, topic: str) -> Log:
        assert self._delivery is not None
        assert self._connection is not None
        return self._connection.log(
            topic, self.partition, committed_only=self._delivery.committed_only, on_progress=self._progress
        )

    # ------------------------------------------------------------ running

    async def _serve(self) -> None:
        condemned, state = self._condemned, self._state
        assert state is not None
        if condemned is not None:
            # Another worker may have given it up, or this one without knowing: position and journal show it by now.
            at = condemned.record.offset
            if at >= state.offset and at not in state.replay.poisoned:
                await self._bury(condemned)
            self._condemned = None
        while not self.lifecycle.leaving:
            state = self._state
            assert state is not None
            if self._is_behind(state):
                await self._adopt_catalog(state)  # before anything moves under a catalog that is not in the journal
            if state.sweeping:
                await self._sweep(state)
            if state.core.overdue or state.unsaid:
                await self._fire_overdue(state)
            if move := state.replay.due(self._fetched[0].offset if self._fetched else state.offset):
                await self._move(move.clock_ms, announce=False)
            elif records := self._next_records(state):
                await self._records(records)
            elif not self._fetched:  # otherwise a poison record was skipped, and a move comes before the next record
                await self._fetch(state)

    def _is_behind(self, state: PartitionState) -> bool:
        """True if another catalog has to take effect. It waits until the one before it has reached everybody and its
        timers have fired; unless this worker does not know that one, or another worker announced a later one and went
        no further."""
        core = state.core
        if core.stale or state.replay.epoch > core.epoch > 0:
            return True
        waits = state.sweeping or core.overdue
        return not waits and core.program.version != self._context.program().version

    async def _fetch(self, state: PartitionState) -> None:
        """Waits for records; when there are none, the idle clock may go on."""
        assert self._reader is not None
        wait_ms = state.wait_ms(self._settings, wall_ms=self._environment.wall_ms())
        try:
            fetched = await self._reader.read(records_max=self._settings.batch_records_max, wait_ms=wait_ms)
        except OffsetLostError as lost:
            await self._skip_what_is_gone(lost)
            return
        self.lag = fetched.end_offset - fetched.next_offset
        self._fetched = fetched.records
        self._context.metrics.held_back(self.partition, fetched.held_back_s)
        if (home := self._keys.look(fetched.records)) is not None:
            self._context.metrics.misplaced(self.partition)
            if self._keys.misplaced == 1:
                log.warning(MISPLACED, self.partition, fetched.records[0].offset, home)
        if fetched.drained and not fetched.records:
            self._context.metrics.lag(self.partition, 0)
            await self._idle(state)
            if not state.sweeping and not state.core.overdue:
                self.lifecycle.idle(now_s=self._environment.now_s())

    def _next_records(self, state: PartitionState) -> Sequence[Any]:
        """The next records that may be processed together, out of what was fetched."""
        records = self._fetched
        while records and (reason := state.replay.poisoned.pop(records[0].offset, None)) is not None:
            log.warning("partition %d: skips poison at offset %d: %s", self.partition, records[0].offset, reason)
            state.offset = records[0].offset + 1
            records = records[1:]
        count = self._quarantine.limit(state.offset, len(records))
        if records and (stop := state.replay.next_stop(records[0].offset)) is not None:
            count = min(count, sum(record.offset < stop for record in records))
        self._fetched = records[count:]
        return records if count == len(records) else records[:count]

    async def _records(self, records: Sequence[Any]) -> None:
        state, environment = self._state, self._environment
        assert state is not None
        read_ms = environment.wall_ms()
        began_s = environment.now_s()
        closely, core = self._quarantine.suspicious, state.core
        first = None if core.epoch else CatalogChange(state.offset, core.clock_ms, core.program.version, 1)
        outcome = await self._work(state, records=records, closely=closely)
        entries = [] if first is None or not core.epoch else [first]
        state.anchor = IdleClock(outcome.clock_ms, read_ms, self._settings.idle_clock_speed)
        await self._commit(outcome, entries, records=len(records), began_s=began_s)
        self._quarantine.passed(state.offset)
        pause_ms = self._settings.pace_ms - 1000 * (environment.now_s() - began_s)
        if pause_ms > 0 and not self.lag and not self._fetched:
            await environment.pause(pause_ms)

    async def _idle(self, state: PartitionState) -> None:
        if state.anchor is None or not self._settings.idle_clock or state.core.overdue:
            return
        clock_ms = state.anchor.at(self._environment.wall_ms())
        if clock_ms > state.core.clock_ms and state.core.has_due(clock_ms):
            await self._move(clock_ms, announce=True)

    async def _move(self, clock_ms: int, *, announce: bool) -> None:
        """Time goes on to `clock_ms`. One that is announced goes to the journal, since it fires something."""
        state = self._state
        assert state is not None
        began_s = self._environment.now_s()
        outcome = await self._work(state, clock_ms=clock_ms)
        entries = [IdleMove(offset=state.offset, clock_ms=clock_ms)] if announce else []
        await self._commit(outcome, entries, records=0, began_s=began_s)

    async def _fire_overdue(self, state: PartitionState) -> None:
        """Fires timers that the clock has passed, some in each commit; records that may have come wait not too long.

        It makes no difference when that is done: each user's timers fire before their next event.
        """
        began_s = self._environment.now_s()
        until_s = began_s + TIMERS_FIRST_S
        while (state.core.overdue or state.unsaid) and began_s < until_s and not self.lifecycle.leaving:
            outcome = await self._work(state, clock_ms=state.core.clock_ms)
            if outcome.profiles or state.unsaid:
                await self._commit(outcome, (), records=0, began_s=began_s)
            self._in_batch = self._in_doubt = False
            began_s = self._environment.now_s()

    async def _adopt_catalog(self, state: PartitionState) -> None:
        """Another catalog takes effect here and now; the journal says so first."""
        core, program = state.core, self._context.program()
        if entries := state.turn_to(program):
            announced = self._layout.announced([], [], entries)
            await self._write(Commit(next_offset=state.offset, announced=announced))
            self._in_doubt = False
        core.adopt(program, clock_ms=core.clock_ms)
        state.sweeping = bool(core.unswept)
        self._layout = self._context.layout(self.partition)  # it may have other segment topics
        log.info("partition %d: catalog %s from offset %d on", self.partition, program.version, state.offset)

    async def _sweep(self, state: PartitionState) -> None:
        """Evaluates some profiles that have not seen the catalog yet."""
        began_s = self._environment.now_s()
        outcome = await self._work(state, sweep=SWEEP_PROFILES)
        state.sweeping = bool(state.core.unswept)
        if outcome.profiles:
            await self._commit(outcome, (), records=0, began_s=began_s)
        self._in_batch = self._in_doubt = False

    async def _work(
        self,
        state: PartitionState,
        *,
        records: Sequence[Any] = (),
        clock_ms: int | None = None,
        sweep: int = 0,
        closely: bool = False,
    ) -> Batch:
        """Lets the agent work. From here to the end of the commit the state is in doubt."""
        self._in_batch = self._in_doubt = True
        offset = state.offset
        try:
            outcome = await self._environment.work(
                state.core,
                partition=self.partition,
                offset=offset,
                records=records,
                clock_ms=clock_ms,
                sweep=sweep,
                closely=closely,
            )
        except WorkFailedError as failed:
            error = root_cause(failed)
            if records and is_caused_by_record(error) and not isinstance(error, Unreadable):
                place = {"end": records[-1].offset + 1, "handed_out": failed.handed_out}
                condemned = self._quarantine.failed(offset, records=len(records), suspect=failed.suspect, **place)
                if condemned and offset >= state.seen:  # a record that was processed once is not poison
                    self._condemned = poison_letter(records[0], error)
            told = describe_batch_failure(error, offset=offset, records=len(records), suspect=failed.suspect)
            raise BatchFailedError(told) from error
        self._progress()
        return outcome

    async def _commit(self, outcome: Batch, entries: Sequence[JournalEntry], *, records: int, began_s: float) -> None:
        state, delivery, environment = self._state, self._delivery, self._environment
        assert state is not None
        assert delivery is not None
        processed_s = environment.now_s()
        if records:
            state.offset = outcome.next_offset
        position = state.next_position(outcome)
        await self._write(self._layout.commit(outcome, position, entries))
        self._context.forget_erased(state.core, outcome)
        state.changelog_end = delivery.end_of(self._topics.profiles, state.changelog_end)
        state.journal_end = delivery.end_of(self._topics.journal, state.journal_end)
        committed_s = environment.now_s()
        self.lifecycle.committed(now_s=committed_s)
        self.source_offset = state.offset
        self._in_batch = self._in_doubt = False
        metrics, wall_ms = self._context.metrics, environment.wall_ms()
        took_s = {"processed_s": processed_s - began_s, "committed_s": committed_s - processed_s}
        metrics.committed(self.partition, outcome, records=records, wall_ms=wall_ms, **took_s)
        metrics.clock(self.partition, outcome.clock_ms, wall_ms=wall_ms)
        if self.lag is not None:
            metrics.lag(self.partition, self.lag + len(self._fetched))

    async def _write(self, commit: Commit) -> None:
        """Writes a commit. The caller records when the written state is known here and no longer in doubt."""
        assert self._delivery is not None
        self._in_doubt = True
        limit_ms = self._settings.commit_timeout_ms
        try:
            await self._environment.within(self._delivery.commit(commit), limit_ms=limit_ms)
        except BaseException as error:
            self._context.metrics.aborted(self.partition)
            if isinstance(error, TimeoutError):
                limit = format_duration(limit_ms)
                raise TimeoutError(f"the broker did not accept a batch within {limit} (commit_timeout)") from None
            raise
        self._progress()

    async def _bury(self, letter: DeadLetter) -> None:
        """A record that no attempt could process goes to the dead-letter topic, and the journal says so."""
        state = self._state
        assert state is not None
        entry = Poisoned(letter.record.offset, letter.detail.partition(":")[0])  # its text may name a user
        await self._write(Commit(next_offset=state.offset, announced=self._layout.announced([letter], [], [entry])))
        self._context.metrics.dead_letter(letter.reason)
        state.replay.poisoned[entry.offset] = entry.reason
        self._in_doubt = False
        log.error("partition %d: dead letter at offset %d: %s", self.partition, entry.offset, entry.reason)

    async def _skip_what_is_gone(self, lost: OffsetLostError) -> None:
        assert self._reader is not None
        assert self._state is not None
        first = await first_offset_after(lost, self._reader, partition=self.partition)
        self._context.metrics.lost(self.partition, first - lost.offset)
        self._state.offset = first
        self._reader.seek(first)

    # ------------------------------------------------------------ ends

    async def _fail(self, error: Exception) -> None:
        """Throws everything away. Raises UserError if opening again would not help."""
        self._in_batch = False
        self._in_doubt = True
        self._state = None
        self._fetched = []
        self.lag = None
        doing, failure, why = self.state.value, classify_failure(error), describe_error(error)
        advice = self.lifecycle.fail(failure, why, now_s=self._environment.now_s())
        self._context.metrics.state(self.partition, self.state)
        if not advice.give_up:
            self._context.metrics.reopened(self.partition)
            failures = self.lifecycle.failures_in_a_row
            if failures & (failures - 1) == 0:  # the 1st, 2nd, 4th, 8th ... in a row
                then = describe_next(advice, leaving=self.lifecycle.leaving)
                log.warning("partition %d: %s, %s; %s", self.partition, doing, why, then)
                log.debug("partition %d", self.partition, exc_info=error)
        await self._let_go(clean=False)
        if self.lifecycle.leaving:
            return
        if advice.give_up:
            raise fatal_error(self.partition, error) from error
        # Fenced first, then the pause: a transaction that was left open stops the readers of other partitions.
        self._pause_ms = 0 if advice.ask_group or doing == State.FENCING.value else advice.pause_ms
        await self._environment.pause(advice.pause_ms - self._pause_ms)
        if advice.ask_group:
            await self._wait_for_group()

    async def _wait_for_group(self) -> None:
        """Until the group has confirmed the assignment; if it gives the partition away, `stop` ends the wait."""
        while not self.lifecycle.leaving:
            if await self._environment.still_member():
                if not self.lifecycle.leaving:
                    self._happen(Event.CONFIRM)
                return
            await self._environment.pause(ASK_GROUP_MS)

    async def _let_go(self, *, clean: bool) -> None:
        delivery, self._delivery = self._delivery, None
        reader, self._reader = self._reader, None
        connection, self._connection = self._connection, None
        if reader is not None:
            await reader.stop()
        if delivery is not None:
            if clean:
                with suppress(Exception):
                    await self._environment.within(delivery.close(), limit_ms=CANCEL_MS)
            else:
                await delivery.abandon()
        if connection is not None:
            await connection.close()

    def _happen(self, event: Event) -> None:
        self.lifecycle.happen(event, now_s=self._environment.now_s())
        self._context.metrics.state(self.partition, self.state)

    def _progress(self) -> None:
        self.lifecycle.progress(now_s=self._environment.now_s())
