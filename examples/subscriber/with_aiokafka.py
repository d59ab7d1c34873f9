"""A subscriber with aiokafka: `python with_aiokafka.py --broker 127.0.0.1:9092 --database mailer.sqlite`."""

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from ledger import Ledger, MovedError

log = logging.getLogger("subscriber")
SESSION_MS = 6_000  # time after which the group notices a killed subscriber; until then its partitions wait


class SeekToLedger(ConsumerRebalanceListener):
    """Seeks to the ledger's position, not the group's: only the ledger was written with the effects."""

    def __init__(self, consumer: AIOKafkaConsumer, ledger: Ledger) -> None:
        self._consumer = consumer
        self._ledger = ledger

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing is held back: every batch was written when it was read."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Partitions of which the ledger knows nothing begin at the beginning (auto_offset_reset)."""
        for partition in assigned:
            position = self._ledger.position(partition.topic, partition.partition)
            if position is not None:
                self._consumer.seek(partition, position)


async def subscribe(broker: str, topic: str, group: str, ledger: Ledger) -> None:
    """Reads until it is cancelled."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_MS,
    )
    consumer.subscribe([topic], listener=SeekToLedger(consumer, ledger))
    await consumer.start()
    try:
        while True:
            for partition, records in (await consumer.getmany(timeout_ms=500)).items():
                try:
                    gaps = ledger.take(topic, partition.partition, ((each.offset, each.value) for each in records))
                except MovedError as moved:
                    log.warning("%s: reads again from there", moved)
                    consumer.seek(partition, ledger.position(topic, partition.partition) or 0)
                    continue
                for told in gaps:
                    log.error("missing: %s", told)
                log.info("handled %d records of partition %d", len(records), partition.partition)
    finally:
        await consumer.stop()


async def main() -> None:
    """Until Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--broker", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"))
    options.add_argument("--topic", default="segment.changes")
    options.add_argument("--group", default="mailer")
    options.add_argument("--database", type=Path, default=Path("mailer.sqlite"))
    options.add_argument("--one-segment", action="store_true", help="the topic is that of one segment")
    given = options.parse_args()
    ledger = Ledger(given.database, one_segment=given.one_segment)
    work = asyncio.create_task(subscribe(given.broker, given.topic, given.group, ledger))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()


if __name__ == "__main__":
    asyncio.run(main())
