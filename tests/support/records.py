"""All records of a topic, for tests."""

from typing import Any

from app.runtime.kafka import connect, has_transactions
from app.runtime.log_reader import LogReader
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
