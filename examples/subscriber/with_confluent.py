"""A subscriber with confluent-kafka: `python with_confluent.py --broker 127.0.0.1:9092 --database mailer.sqlite`."""

import argparse
import logging
import os
import signal
from collections import defaultdict
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from ledger import Ledger, MovedError

log = logging.getLogger("subscriber")
RECORDS_MAX = 500
SESSION_MS = 6_000  # time after which the group notices a killed subscriber; until then its partitions wait


class Stop(SystemExit):
    """SIGTERM: an orderly end."""


def subscribe(broker: str, topic: str, group: str, ledger: Ledger) -> None:
    """Reads until something is raised."""

    def read_on(consumer: Consumer, assigned: list[TopicPartition]) -> None:
        """Seeks to the ledger's position, not the group's: only the ledger was written with the effects."""
        for partition in assigned:
            position = ledger.position(partition.topic, partition.partition)
            if position is not None:
                partition.offset = position
        consumer.assign(assigned)

    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": SESSION_MS,
        }
    )
    consumer.subscribe([topic], on_assign=read_on)
    try:
        while True:
            by_partition: dict[int, list[tuple[int, bytes | None]]] = defaultdict(list)
            for record in consumer.consume(RECORDS_MAX, timeout=0.5):
                if (error := record.error()) is not None:
                    if not error.retriable():
                        log.warning("%s", error)
                    continue
                number, offset = record.partition(), record.offset()
                assert number is not None
                assert offset is not None
                by_partition[number].append((offset, record.value()))
            for number, records in by_partition.items():
                try:
                    gaps = ledger.take(topic, number, records)
                except MovedError as moved:
                    log.warning("%s: reads again from there", moved)
                    try:
                        consumer.seek(TopicPartition(topic, number, ledger.position(topic, number) or 0))
                    except KafkaException:
                        log.info("partition %d has gone to somebody else", number)
                    continue
                for told in gaps:
                    log.error("missing: %s", told)
                log.info("handled %d records of partition %d", len(records), number)
    finally:
        consumer.close()


def main() -> None:
    """Until Ctrl-C or SIGTERM."""

    def stop(number: int, frame: object) -> None:
        raise Stop(0)

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--broker", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"))
    options.add_argument("--topic", default="segment.changes")
    options.add_argument("--group", default="mailer")
    options.add_argument("--database", type=Path, default=Path("mailer.sqlite"))
    options.add_argument("--one-segment", action="store_true", help="the topic is that of one segment")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    subscribe(given.broker, given.topic, given.group, Ledger(given.database, one_segment=given.one_segment))


if __name__ == "__main__":
    main()
