"""The newest records of a topic, such as the events of the clickstream, as far back as a limit allows."""

from contextlib import AsyncExitStack
from typing import Any, Final

from app.runtime.kafka.clients import connect, has_transactions
from app.runtime.kafka.log_readers import LogReaders, rest
from app.settings import Settings

RECORDS_A_READ: Final = 5_000
VALUE_BYTES_MAX: Final = 40_000


async def recent_events(settings: Settings, *, records_max: int) -> tuple[list[Any], bool]:
    """Records in order of their arrival, from all partitions, and whether these are all that the topic holds.

    Raises KafkaError, OSError, OffsetLostError.
    """
    return await recent_records(settings, settings.topics.clickstream, records_max=records_max)


async def recent_records(settings: Settings, topic: str, *, records_max: int) -> tuple[list[Any], bool]:
    """The same of any topic; none of one that is not there."""
    found: list[Any] = []
    everything = True
    client = await connect(settings)
    try:
        partitions = sorted((await client.fetch_all_metadata()).partitions_for_topic(topic) or ())
        each_max = max(1, records_max // max(1, len(partitions)))
        async with AsyncExitStack() as stack:
            readers = LogReaders(client, settings, committed_only=await has_transactions(client))
            await stack.enter_async_context(readers)
            for partition in partitions:
                reader = readers.open(topic, partition)
                earliest = await reader.earliest()
                reader.seek(earliest)
                end = (await reader.read(records_max=1, wait_ms=1)).end_offset
                await reader.stop()
                start = max(earliest, end - each_max)
                everything = everything and start == earliest
                async for part in rest(reader, start, records_max=RECORDS_A_READ):
                    found += [each for each in part.records if len(each.value or b"") <= VALUE_BYTES_MAX]
                await reader.stop()
    finally:
        await client.close()
    found.sort(key=lambda record: (record.timestamp, record.offset))
    return found, everything
