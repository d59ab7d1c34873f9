"""Link records and identity events of a deployment, as its topics hold them."""

import json
from collections import Counter

from app.events.link_record import LINK_MARK, read_link
from app.settings import Settings
from app.verification.topic_contents import Cluster


async def link_steps(settings: Settings) -> Counter[str]:
    """Kind of link record -> how many stand in the input topic."""
    found: Counter[str] = Counter()
    async with Cluster(settings) as cluster:
        for partition in range(cluster.partitions):
            async for records in cluster.read(cluster.topics.clickstream, partition):
                found.update(read_link(record.value).step for record in records if record.value.startswith(LINK_MARK))
    return found


async def identity_results(settings: Settings) -> Counter[str]:
    """Result of a claim, without the reason of a refusal -> how many stand in the topic of identity; keys are users."""
    found: Counter[str] = Counter()
    async with Cluster(settings) as cluster:
        for partition in range(cluster.partitions):
            async for records in cluster.read(cluster.topics.identity, partition):
                for record in records:
                    event = json.loads(record.value)
                    assert record.key == event["to"].encode()
                    found[event["result"].partition(":")[0]] += 1
    return found
