"""Confirms what a destination holds back: `shoal destinations confirm`."""

from collections.abc import Sequence

from app.destinations.destination import Destination
from app.destinations.outcome import utc_now_s
from app.destinations.positions import confirmation_row, destination_topic_specs, destination_topics
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import ensure_topics
from app.settings import Settings


async def confirm(settings: Settings, wanted: Sequence[Destination]) -> None:
    """Tells the processes that somebody has confirmed it. Raises UserError without a broker."""
    client = await wait_for_broker(settings)
    try:
        await ensure_topics(settings, client, destination_topic_specs(settings))
    finally:
        await client.close()
    rows = [confirmation_row(each.name, utc_now_s()) for each in wanted]
    for partition in range(settings.partitions):
        writer = LogWriter(settings, partition=partition)
        await writer.open()
        try:
            await writer.write([(destination_topics(settings).positions, rows)])
        finally:
            await writer.close()
