"""The newest stored values of some keys. Their partitions of the changelog are read through, nothing else is asked.

That takes about a second for half a million users a partition: it is for questions of people, a few at a time.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Final

from aiokafka.client import AIOKafkaClient

from app.runtime.kafka.clients import has_transactions
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_readers import LogReaders
from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.envelope import reached_of
from app.settings import Settings

READ_RECORDS: Final = 2_000


def _untold(_: float) -> None:
    """Nobody wants to know."""


async def newest_values(
    client: AIOKafkaClient,
    settings: Settings,
    users: Iterable[str],
    *,
    also: Collection[bytes] = (),
    on_share: Callable[[float], None] = _untold,
) -> dict[bytes, bytes] | None:
    """Of each user the value that has come furthest, and of the keys `also`, which every partition has.

    None where no worker has made the topic. Users who are not there are left out. `on_share` is told now and then
    which share of the partitions' offsets has been read, from 0 to 1.
    """
    topic = settings.topics.profiles
    cluster = await client.fetch_all_metadata()
    count = len(cluster.partitions_for_topic(topic) or ())
    if not count:
        return None
    by_partition: dict[int, set[bytes]] = {}
    for user in users:
        key = user.encode()
        by_partition.setdefault(partition_of(key, count), set(also)).add(key)
    values: dict[bytes, bytes] = {}
    async with LogReaders(client, settings, committed_only=await has_transactions(client)) as readers:
        for done, (partition, wanted) in enumerate(sorted(by_partition.items())):
            values |= await _read_through(
                readers.open(topic, partition),
                wanted,
                lambda share, done=done: on_share((done + share) / len(by_partition)),  # type: ignore[misc]  # of this round
            )
    return values


async def _read_through(
    reader: LogReader, wanted: Collection[bytes], on_share: Callable[[float], None]
) -> dict[bytes, bytes]:
    values: dict[bytes, bytes] = {}
    earliest = await reader.earliest()
    reader.seek(earliest)
    while True:
        fetched = await reader.read(records_max=READ_RECORDS, wait_ms=1)
        for record in fetched.records:
            if record.key not in wanted:
                continue
            known = values.get(record.key)
            if record.value is None:
                values.pop(record.key, None)
            elif known is None or reached_of(record.value) >= reached_of(known):
                values[record.key] = record.value
        if fetched.drained:
            return values
        on_share((fetched.next_offset - earliest) / (fetched.end_offset - earliest))
        await asyncio.sleep(0)
