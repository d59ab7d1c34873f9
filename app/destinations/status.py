"""Status of destinations as stored on Kafka: how far each is, and whether it is paused."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from app.destinations.destination import Destination
from app.destinations.positions import Hold, Pause, destination_topic_specs, destination_topics, read_states
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_readers import LogReaders
from app.runtime.kafka.topics import ensure_topics, specs_of
from app.settings import Settings


@dataclass(slots=True)
class Status:
    """behind: changes since its positions, wanted or not; None if it has never run. pause: the latest, if any.
    hold: what all partitions hold back, if anything."""

    name: str
    behind: int | None = None
    pause: Pause | None = None
    hold: Hold | None = None


async def read_status(settings: Settings, wanted: Sequence[Destination]) -> list[Status]:
    """The status of each destination, in the given order. Raises UserError without a broker."""
    found = {destination.name: Status(destination.name) for destination in wanted}
    async with AsyncExitStack() as stack:
        client = await wait_for_broker(settings)
        stack.push_async_callback(client.close)
        specs = [*specs_of(settings, settings.topics.changes), *destination_topic_specs(settings)]
        await ensure_topics(settings, client, specs)
        readers = LogReaders(client, settings, committed_only=await has_transactions(client))
        await stack.enter_async_context(readers)
        for partition in range(settings.partitions):
            states = await read_states(readers.open(destination_topics(settings).positions, partition))
            changes = readers.open(settings.topics.changes, partition)
            changes.seek(await changes.earliest())
            end = (await changes.read(records_max=1, wait_ms=1)).end_offset
            for name, status in found.items():
                if (stored := states.positions.get(name)) is not None:
                    done = sum(last - first for first, last in stored.done)
                    status.behind = (status.behind or 0) + max(0, end - stored.offset - done)
                if (hold := states.holds.get(name)) is not None:
                    before = status.hold or Hold(since=hold.since, users=0, detail=hold.detail)
                    since = min(before.since, hold.since)
                    status.hold = Hold(since=since, users=before.users + hold.users, detail=hold.detail)
                pause = states.pauses.get(name)
                if pause is not None and (status.pause is None or pause.refusals >= status.pause.refusals):
                    status.pause = pause
    return list(found.values())
