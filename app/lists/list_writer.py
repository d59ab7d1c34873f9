"""Writes list records to the clickstream, each at the key of its user."""

import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app.errors import UserError
from app.events.list_record import ListRecord, write_list_record
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import Row
from app.settings import Settings

USERS_AT_ONCE: Final = 5_000


async def write_list(
    settings: Settings, name: str, users: Iterable[str], *, on: bool, progress: Callable[[int], None]
) -> int:
    """Puts users on a list, or takes them off it; returns how many. `progress` is told how many are acknowledged.

    A user may come twice; to write the same again is harmless, so what was cut off is begun anew. Raises UserError if
    the workers have no topic yet, or the broker does not acknowledge.
    """
    client = await wait_for_broker(settings)
    try:
        cluster = await client.fetch_all_metadata()
        partitions = len(cluster.partitions_for_topic(settings.topics.clickstream) or ())
    finally:
        await client.close()
    if not partitions:
        raise UserError(
            f"there is no topic {settings.topics.clickstream} at {settings.kafka_bootstrap_servers}",
            hint="start a worker, or create the topics: shoal topics create",
        )
    at_ms = time.time_ns() // 1_000_000
    value = write_list_record(ListRecord(app=settings.app_id, name=name, on=on, at_ms=at_ms))
    writer = LogWriter(settings, partition=0)
    written = 0
    try:
        await writer.open()
        waiting = iter(users)
        while some := list(islice(waiting, USERS_AT_ONCE)):
            rows: dict[TopicPartition, list[Row]] = {}
            for user in some:
                key = user.encode()
                place = TopicPartition(settings.topics.clickstream, partition_of(key, partitions))
                rows.setdefault(place, []).append((key, value, []))
            await writer.write_to(rows.items())
            written += len(some)
            progress(written)
    except (KafkaError, OSError) as error:
        raise UserError(
            f"{written:,} users were written, then Kafka did not acknowledge: {type(error).__name__}: {error}",
            hint="run it again: who is written twice is on the list once",
        ) from None
    finally:
        await writer.close()
    return written
