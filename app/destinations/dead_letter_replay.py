"""Sends dead letters once more: each change that was given up is tried once; what fails again stays a dead letter."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from app.destinations.changes import is_wanted, prepare, read_change, source_of
from app.destinations.connections import Connections
from app.destinations.destination import Destination
from app.destinations.outcome import Fate
from app.destinations.positions import (
    Stored,
    destination_topic_specs,
    destination_topics,
    position_row,
    read_states,
)
from app.destinations.unusable import UnusableError
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_readers import LogReaders, rest
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import ensure_topics
from app.runtime.records.dead_letters import Origin, dead_row, destination_header, destination_of
from app.settings import Settings

READ_RECORDS: Final = 500
REPLAY: Final = "replay:"
"""Positions of replays stand beside those of destinations, with this before the name; no name has a colon."""


@dataclass(slots=True)
class Counts:
    """Counts of the dead letters of one destination by outcome."""

    delivered: int = 0
    left: int = 0


async def replay(settings: Settings, wanted: Sequence[Destination]) -> dict[str, Counts]:
    """Goes through the dead letters that no replay has seen, as they are now. Raises UserError without a broker."""
    counts: dict[str, Counts] = {}
    async with AsyncExitStack() as stack:
        client = await wait_for_broker(settings)
        stack.push_async_callback(client.close)
        await ensure_topics(settings, client, destination_topic_specs(settings))
        private = settings.private_destinations
        connections = await stack.enter_async_context(Connections(wanted, private=private))
        readers = LogReaders(client, settings, committed_only=await has_transactions(client))
        await stack.enter_async_context(readers)
        names = destination_topics(settings)
        for partition in range(settings.partitions):
            positions = (await read_states(readers.open(names.positions, partition))).positions
            for destination in wanted:
                if destination.keeps_state:
                    continue  # an old change says nothing of the state that is wanted now
                known = positions.get(REPLAY + destination.name)
                one = _Replay(settings, destination, partition, connections)
                await one.run(readers.open(names.dead_letters, partition), 0 if known is None else known.offset)
                if one.counts.delivered or one.counts.left:
                    total = counts.setdefault(destination.name, Counts())
                    total.delivered += one.counts.delivered
                    total.left += one.counts.left
    return counts


class _Replay:
    """The dead letters of one destination in one partition."""

    def __init__(self, settings: Settings, destination: Destination, partition: int, connections: Connections) -> None:
        self.counts = Counts()
        self._settings = settings
        self._destination = destination
        self._partition = partition
        self._connections = connections
        self._topics = destination_topics(settings)
        self._failed_users: set[bytes | None] = set()

    async def run(self, reader: LogReader, offset: int) -> None:
        writer = LogWriter(self._settings, partition=self._partition)
        await writer.open()
        try:
            async for part in rest(reader, offset, records_max=READ_RECORDS):
                for record in part.records:
                    if destination_of(record) == self._destination.name:
                        await self._again(record, writer)
                if part.records:
                    row = position_row(REPLAY + self._destination.name, Stored(part.reached))
                    await writer.write([(self._topics.positions, [row])])
        finally:
            await writer.close()

    async def _again(self, record: Any, writer: LogWriter) -> None:
        reason, detail = await self._try(record)
        if not reason:
            self.counts.delivered += 1
            return
        self.counts.left += 1
        self._failed_users.add(record.key)
        headers = dict(record.headers)
        origin = Origin(
            topic=headers.get("shoal-source-topic", b"").decode(),
            partition=int(headers.get("shoal-source-partition", b"0")),
            offset=int(headers.get("shoal-source-offset", b"0")),
        )
        more = [destination_header(self._destination.name)]
        row = dead_row(record, reason=reason, detail=detail, origin=origin, more=more)
        await writer.write([(self._topics.dead_letters, [row])])

    async def _try(self, record: Any) -> tuple[str, str]:
        """Reason and detail of the failure; empty texts if it was delivered. A user's order is kept."""
        if record.key in self._failed_users:
            return "waits", "an earlier change of the same user was not delivered"
        destination = self._destination
        try:
            change = read_change(record.value or b"")
            if not is_wanted(destination, change):
                return "unwanted", "the destination does not want this change any more"
            item = prepare(destination, change, record.value, source=source_of(record))
        except UnusableError as error:
            return error.reason, error.detail
        (outcome,) = await self._connections.deliver(destination, [item])
        if destination.rate:
            await asyncio.sleep(1 / destination.rate)
        if outcome.fate is Fate.DELIVERED:
            return "", ""
        return ("refused" if outcome.fate is Fate.REFUSED else "gave-up"), outcome.detail
