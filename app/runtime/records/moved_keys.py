"""The keys that have moved to another, of a whole deployment: the profiles of all partitions are read through."""

from typing import Final

from aiokafka.client import AIOKafkaClient

from app.runtime.kafka.clients import has_transactions
from app.runtime.kafka.log_readers import LogReaders, whole
from app.runtime.records.envelope import POSITION_KEY, decode_profile, is_further
from app.settings import Settings
from tables import profile as profiles

READ_RECORDS: Final = 20_000


async def moved_keys(client: AIOKafkaClient, settings: Settings) -> dict[str, str]:
    """Each with the key that it has moved to; empty where no worker has stored a profile."""
    topic = settings.topics.profiles
    cluster = await client.fetch_all_metadata()
    newest: dict[bytes, bytes] = {}
    async with LogReaders(client, settings, committed_only=await has_transactions(client)) as readers:
        for partition in sorted(cluster.partitions_for_topic(topic) or ()):
            async for records in whole(readers.open(topic, partition), records_max=READ_RECORDS):
                for record in records:
                    if record.key != POSITION_KEY:
                        _note(newest, record.key, record.value)
    moved = {key.decode(): _moved_to(value) for key, value in newest.items()}
    return {key: to for key, to in moved.items() if to is not None}


def _note(newest: dict[bytes, bytes], key: bytes, value: bytes | None) -> None:
    """Remembers the newest value of a key that has moved at some time; others need no room."""
    known = newest.get(key)
    if value is None:
        newest.pop(key, None)
    elif is_further(value, known) if known is not None else _moved_to(value) is not None:
        newest[key] = value


def _moved_to(value: bytes) -> str | None:
    encoded = decode_profile(value).profile
    return profiles.decode(encoded).moved_to if encoded is not None and profiles.has_moved(encoded) else None
