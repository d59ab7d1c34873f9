"""Profiles as workers store them."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer

from app.runtime.kafka.clients import start, wait_for_broker
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.runtime.records.envelope import Reached, encode_profile
from app.segments.compiler.list_ids import list_id
from app.segments.compiler.program import experiment_id
from app.settings import Settings
from tables import profile as profiles


def stored(lists: Mapping[str, tuple[int, bool]], experiments: Mapping[str, tuple[str, bool]]) -> bytes:
    """The value of a profile on lists (since when, on or off), and in groups of experiments (crossed or not)."""
    profile = profiles.new_profile(1, 1)
    for name, (at_ms, on) in lists.items():
        profile.leaves[list_id(name)] = [at_ms, on]
    for name, (group, crossed) in experiments.items():
        profile.aggregates[experiment_id(name)] = [group, 1, int(crossed), 1]
    return encode_profile(Reached(0, 0), (), profiles.encode(profile, 0, 0))


async def write_profiles(settings: Settings, values: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Writes records to the topic of profiles, which is made; some may be of one key."""
    client = await wait_for_broker(settings)
    await ensure_topics(settings, client, topic_specs(settings, ()))
    await client.close()
    producer: Any = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await start(producer)
    try:
        for key, value in values:
            await producer.send_and_wait(settings.topics.profiles, value, key)
    finally:
        await producer.stop()
