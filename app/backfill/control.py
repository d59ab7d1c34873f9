"""A backfill that is not over: its name, and its end before time."""

from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from app.backfill.stored_catalogs import stored_catalogs
from app.events.control_record import Control, write_control
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.segments.compiler.aggregates import segment_id
from app.segments.definitions.definition import Catalog
from app.segments.partition.position import Filling
from app.settings import Settings
from app.verification.topic_contents import Cluster


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A backfill that is under way in some partition. names: its segments, as far as the catalog has them."""

    id: str
    names: tuple[str, ...]
    partitions: tuple[int, ...]


async def unfinished_backfill(settings: Settings, catalog: Catalog) -> Unfinished | None:
    """The backfill that has begun and is not over; None if there is none."""
    async with Cluster(settings) as cluster:
        entries = await stored_catalogs(cluster, without_users=True)
    fillings = {number: entry.filling for number, entry in entries.items() if entry.filling is not None}
    return _unfinished(fillings, catalog)


def _unfinished(fillings: dict[int, Filling], catalog: Catalog) -> Unfinished | None:
    if not fillings:
        return None
    filling = fillings[min(fillings)]
    names = {segment_id(segment.name): segment.name for segment in catalog.segments}
    own = tuple(sorted(names[own] for own in filling.segments if own in names))
    return Unfinished(filling.id, own, tuple(sorted(fillings)))


async def cancel_backfill(settings: Settings, catalog: Catalog) -> tuple[str, ...] | None:
    """Gives up the backfill that is not over; returns its segments."""
    found = await unfinished_backfill(settings, catalog)
    if found is None:
        return None
    told = Control(
        deed="filling", app=settings.app_id, id=found.id, source="", to="", n=0, at_ms=0, version=catalog.version
    )
    row: Row = (None, write_control(told), [])
    topic = settings.topics.clickstream
    writer = LogWriter(settings, partition=0, transactional_id=f"{settings.app_id}-backfill")
    await writer.open()  # it ends a command that is still at work
    try:
        await writer.producer.begin_transaction()
        await writer.write_to([(TopicPartition(topic, number), [row]) for number in found.partitions])
        await writer.producer.commit_transaction()
    finally:
        await writer.abandon()
    return found.names
