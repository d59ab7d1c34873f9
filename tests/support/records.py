"""All records of a topic, and new ones, for tests."""

import json
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from app.runtime.kafka.clients import connect, has_transactions
from app.runtime.kafka.log_reader import LogReader
from app.settings import Settings


async def read_topic(settings: Settings, topic: str, *, at_least: int = 0, only: int | None = None) -> list[Any]:
    """Partition after partition (or `only` one), committed ones; nothing as long as there are fewer than `at_least`."""
    client = await connect(settings)
    try:
        committed_only = await has_transactions(client)
        found: list[Any] = []
        for partition in range(settings.partitions) if only is None else (only,):
            reader = LogReader(
                client, topic=topic, partition=partition, committed_only=committed_only, bytes_max=8 << 20
            )
            reader.seek(await reader.earliest())
            while True:
                fetched = await reader.read(records_max=100_000, wait_ms=1)
                found += fetched.records
                if fetched.drained:
                    break
        return found if len(found) >= at_least else []
    finally:
        await client.close()


async def write_topic(settings: Settings, topic: str, records: Iterable[tuple[str, Any]]) -> None:
    """Key and value of each: bytes as they are, anything else as JSON. Acknowledged when it returns."""
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
        for key, value in records:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            await producer.send_and_wait(topic, data, key=key.encode())
