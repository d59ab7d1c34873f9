"""One partition of the changes: a delivery loop for each destination, and their positions, stored as they move."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from faust.types import TP

from app.destinations.connections import Connections
from app.destinations.delivery_loop import Deliver as DeliverItems
from app.destinations.delivery_loop import DeliveryLoop
from app.destinations.destination import Destination
from app.destinations.positions import (
    Hold,
    Pause,
    Stored,
    StoredStates,
    destination_topics,
    hold_row,
    pause_row,
    position_row,
    read_states,
)
from app.destinations.shared_limits import LimitsByDestination
from app.destinations.state_store import PartitionStates, read_partition_states
from app.runtime.follow.follow_task import Deliver, FollowTask
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.runtime.pacing.back_off import REOPEN_MS_FIRST, BackOff
from app.runtime.partition.failures import describe_error
from app.runtime.records.dead_letters import Origin, dead_row, destination_header
from app.settings import Settings

CONFIRM_S: Final = 1.0
STORE_S: Final = 0.2
"""How often positions are stored: what was delivered since is delivered again after a crash, under the same id."""

log = logging.getLogger(__name__)


class DestinationTask(FollowTask):
    """Delivers one partition of the changes. A delivery loop that fails begins again by itself."""

    def __init__(
        self,
        tp: TP,
        *,
        settings: Settings,
        metrics: ReaderMetrics,
        limits_by_destination: LimitsByDestination,
        connections: Connections,
        committed_only: bool,
        deliver: Deliver,
    ) -> None:
        self._metrics = metrics
        self._limits_by_destination = limits_by_destination
        self._connections = connections
        self._topics = destination_topics(settings)
        self._delivery_loops: dict[str, DeliveryLoop] = {}
        self._at: dict[str, Stored] = {}
        self._written: dict[str, Stored] = {}
        self._pauses: dict[str, Pause | None] = {}
        self._states: dict[str, PartitionStates] = {}
        self._holds: dict[str, Hold | None] = {}
        self._confirmed_s: dict[str, float] = {}
        self._writer: LogWriter | None = None
        self._writing = asyncio.Lock()
        super().__init__(tp, settings=settings, committed_only=committed_only, deliver=deliver)

    async def follow(self) -> None:
        """See `FollowTask`."""
        async with self.reading(self._topics.positions) as reader:
            states = await read_states(reader)
        self._at, self._written = dict(states.positions), dict(states.positions)
        self._pauses = {name: states.pauses.get(name) for name in self._limits_by_destination}
        self._holds = {name: states.holds.get(name) for name in self._limits_by_destination}
        for name, pause in self._pauses.items():
            if pause is not None:
                self._limits_by_destination[name].resume_paused(pause, time.monotonic(), self._metrics)
        writer = self._writer = LogWriter(self._settings, partition=self.tp.partition)
        async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
            await writer.open()
        try:
            await self._open_states()
            self._confirm(states)
            async with asyncio.TaskGroup() as group:
                for limits in self._limits_by_destination.values():
                    group.create_task(self._serve(limits.destination))
                group.create_task(self._keep_storing())
                group.create_task(self._keep_confirming())
                self.got_on()
        finally:
            self._close_states()
            self._writer = None
            await writer.close()

    async def stop(self, *, wait_ms: int) -> None:
        """Lets requests under way end, within `wait_ms`, then stores the positions."""
        self._leaving = True
        await asyncio.gather(
            *(delivery_loop.drain(wait_s=wait_ms / 1000) for delivery_loop in self._delivery_loops.values())
        )
        if self._writer is not None:
            try:
                async with asyncio.timeout(max(0.5, wait_ms / 1000)):
                    await self._store()
            except Exception as error:  # noqa: BLE001  # the stored position is older: some changes are delivered again
                log.warning("%s: storing positions failed: %r", self.name, error)
        await super().stop(wait_ms=0)

    async def _serve(self, destination: Destination) -> None:
        back_off = BackOff(first_ms=REOPEN_MS_FIRST, longest_ms=self._settings.retry_wait_max_ms)
        while True:
            try:
                async with self.reading() as reader:
                    stored = await self._begin(destination, reader)
                    delivery_loop = self._delivery_loops[destination.name] = DeliveryLoop(
                        self._limits_by_destination[destination.name],
                        partition=self.tp.partition,
                        stored=stored,
                        deliver=self._deliver_items(destination),
                        write_dead_letter=self._write_dead_letter,
                        more_in_s=self._more_in_s(destination),
                        metrics=self._metrics,
                    )
                    delivery_loop.leaving = self._leaving
                    try:
                        await delivery_loop.run(reader, self._hand_over)
                    finally:
                        # From now on this is its position, whatever follows: not the one of the delivery loop.
                        del self._delivery_loops[destination.name]
                        self._at[destination.name] = delivery_loop.stored
                        if delivery_loop.stored != stored:
                            back_off.reset()  # it made progress: the next failure counts as the first
            except OffsetLostError as error:
                async with self.reading() as reader:
                    earliest = await reader.earliest()
                log.warning(
                    "%s, destination %s: %s; continues at offset %d", self.name, destination.name, error, earliest
                )
                self._at[destination.name] = Stored(earliest)
            except Exception as error:  # noqa: BLE001  # after any error it starts again at its position
                back_off.failed()
                log.warning("%s, destination %s: %s", self.name, destination.name, describe_error(error))
            await asyncio.sleep(back_off.pause_ms / 1000)

    async def _open_states(self) -> None:
        """Reads the states of the destinations that keep one."""
        names = [name for name, limits in self._limits_by_destination.items() if limits.destination.keeps_state]
        if not names:
            return
        async with self.reading(self._topics.states) as reader:
            self._states = await read_partition_states(
                reader, names, partition=self.tp.partition, write=self._write_states
            )
        for name, states in self._states.items():
            self._connections.opened(self._limits_by_destination[name].destination, states)

    def _close_states(self) -> None:
        for name, states in self._states.items():
            self._connections.closed(self._limits_by_destination[name].destination, states)
        self._states = {}

    def _deliver_items(self, destination: Destination) -> DeliverItems:
        if not destination.keeps_state:
            return self._connections.deliver
        return partial(self._connections.deliver_with, self._states[destination.name])

    def _more_in_s(self, destination: Destination) -> Callable[[], float | None]:
        if not destination.keeps_state:
            return lambda: None
        return partial(self._connections.more_in_s, self._states[destination.name], destination)

    async def _write_states(self, rows: Sequence[Row]) -> None:
        assert self._writer is not None, "not open"
        async with self._writing:
            await self._writer.write([(self._topics.states, rows)])

    async def _begin(self, destination: Destination, reader: LogReader) -> Stored:
        """Returns the first position; a new destination begins at the end unless it says otherwise."""
        known = self._at.get(destination.name)
        if known is not None:
            return known
        earliest = await reader.earliest()
        offset = earliest
        if destination.start == "now":
            reader.seek(earliest)
            offset = (await reader.read(records_max=1, wait_ms=1)).end_offset
            await reader.stop()
        self._at[destination.name] = Stored(offset)
        log.info("%s: new destination %s begins at offset %d", self.name, destination.name, offset)
        return self._at[destination.name]

    async def _hand_over(self, deed: Callable[[], Awaitable[None]], offset: int) -> None:
        await self.hand_over(deed, offset=offset)

    async def _write_dead_letter(self, destination: Destination, record: Any, reason: str, detail: str) -> None:
        """Writes a dead letter."""
        assert self._writer is not None, "not open"
        origin = Origin(topic=self.tp.topic, partition=self.tp.partition, offset=record.offset)
        more = [destination_header(destination.name)]
        row = dead_row(record, reason=reason, detail=detail, origin=origin, more=more)
        async with self._writing:
            await self._writer.write([(self._topics.dead_letters, [row])])

    async def _keep_storing(self) -> None:
        while True:
            await asyncio.sleep(STORE_S)
            await self._store()
            for name in self._limits_by_destination:
                delivery_loop = self._delivery_loops.get(name)
                self._metrics.waiting(name, 0 if delivery_loop is None else delivery_loop.waiting)
                if (destination := self._limits_by_destination[name].destination).minimum_members:
                    self._metrics.waiting_for_members(name, self._connections.waiting(destination))

    async def _keep_confirming(self) -> None:
        """Looks for confirmations while something is held back."""
        while True:
            await asyncio.sleep(CONFIRM_S)
            if any(each.hold is not None for each in self._delivery_loops.values()):
                async with self.reading(self._topics.positions) as reader:
                    self._confirm(await read_states(reader))

    def _confirm(self, stored: StoredStates) -> None:
        for name in self._states:
            confirmation = stored.confirmations.get(name)
            if confirmation is None or confirmation.at_s <= self._confirmed_s.get(name, 0.0):
                continue
            self._confirmed_s[name] = confirmation.at_s
            self._connections.confirmed(self._limits_by_destination[name].destination, confirmation.at_s)
            if (delivery_loop := self._delivery_loops.get(name)) is not None:
                delivery_loop.confirmed()

    async def _store(self) -> None:
        for name, delivery_loop in self._delivery_loops.items():
            self._at[name] = delivery_loop.stored
        news = {
            name: at
            for name, at in self._at.items()
            if self._written.get(name) != at and name in self._limits_by_destination
        }
        pauses = {
            name: limits.pause
            for name, limits in self._limits_by_destination.items()
            if self._pauses.get(name) != limits.pause
        }
        holds = {
            name: delivery_loop.hold
            for name, delivery_loop in self._delivery_loops.items()
            if self._holds.get(name) != delivery_loop.hold
        }
        if not (news or pauses or holds) or self._writer is None:
            return
        async with self._writing:
            rows = [position_row(name, at) for name, at in news.items()]
            rows += [pause_row(name, pause) for name, pause in pauses.items()]
            rows += [hold_row(name, hold) for name, hold in holds.items()]
            await self._writer.write([(self._topics.positions, rows)])
        self._written |= news
        self._pauses |= pauses
        self._holds |= holds
