"""Asking brokers for topics and settings as they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from app.runtime.kafka.clients import connect_admin
from app.runtime.kafka.topic_check import TopicState
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class ClusterState:
    """The topics that exist of those asked for, and each broker's settings by its number."""

    topics: Mapping[str, TopicState]
    brokers: Mapping[int, Mapping[str, str]]


async def cluster_state(settings: Settings, client: AIOKafkaClient, names: Sequence[str]) -> ClusterState:
    """Returns the state of the cluster; a broker that tells no settings is no error. Raises KafkaError."""
    metadata = await client.fetch_all_metadata()
    there = [name for name in names if metadata.partitions_for_topic(name)]
    numbers = sorted(broker.nodeId for broker in metadata.brokers())
    admin = await connect_admin(settings)
    try:
        of_topics = await _configs(admin, [ConfigResource(ConfigResourceType.TOPIC, name) for name in there])
        of_brokers: dict[str, dict[str, str]] = {}
        for number in numbers:
            of_brokers |= await _configs(admin, [ConfigResource(ConfigResourceType.BROKER, str(number))])
    finally:
        await admin.close()
    topics = {
        name: TopicState(
            name=name,
            partitions=len(metadata.partitions_for_topic(name)),
            replicas=_fewest(metadata, name),
            config=of_topics.get(name, {}),
        )
        for name in there
    }
    return ClusterState(topics, {number: of_brokers.get(str(number), {}) for number in numbers})


async def topic_configs(settings: Settings, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings of topics that exist, by name; nothing where the broker does not tell."""
    admin = await connect_admin(settings)
    try:
        return await _configs(admin, [ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    finally:
        await admin.close()


async def _configs(admin: AIOKafkaAdminClient, resources: Iterable[ConfigResource]) -> dict[str, dict[str, str]]:
    """Settings by the name of what they belong to; nothing where the broker does not tell."""
    try:
        responses = await admin.describe_configs(list(resources))
    except (KafkaError, NotImplementedError):
        return {}
    return {
        name: {entry[0]: entry[1] for entry in entries if entry[1] is not None}
        for response in responses
        for error_code, _, _, name, entries in response.resources
        if not error_code
    }


def _fewest(metadata: Any, name: str) -> int:
    partitions = metadata._partitions[name].values()  # aiokafka reports replicas nowhere else
    return min((len(partition.replicas) for partition in partitions), default=0)
