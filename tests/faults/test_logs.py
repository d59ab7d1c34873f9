"""Topics that are no longer what they were: records beyond the position deleted, a changelog full of holes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from app.runtime.records.journal import Replay
from app.segments.partition.partition import Partition
from app.verification.topic_contents import Cluster
from tests.faults.deployment import PARTITIONS, Deployment, visits
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles
from tests.support.shop import recompute, soon
from tests.support.waiting import eventually

EVENTS = 3_000
COMPACTION: dict[str, Any] = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "200",
    "delete.retention.ms": "100",
}


@asynccontextmanager
async def admin_of(deployment: Deployment) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that changes topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.broker.bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def records_of(deployment: Deployment, topic: str) -> list[list[Any]]:
    """Returns the present records of each partition of a topic."""
    async with Cluster(deployment.settings) as cluster:
        return [
            [record async for some in cluster.read(topic, partition) for record in some]
            for partition in range(PARTITIONS)
        ]


@pytest.mark.faults
@pytest.mark.timeout(180)
async def test_records_that_are_gone_before_they_were_read(on_kafka: Deployment) -> None:
    """The worker logs it and continues after them; all other changes are there once, in order."""
    deployment = on_kafka
    topics = deployment.settings.topics
    records = visits(2 * EVENTS, seed=31)
    await deployment.send(records[:EVENTS])
    deployment.start("first")
    await deployment.until_done(EVENTS)
    deployment.end("first")
    await deployment.send(records[EVENTS:])
    before = await records_of(deployment, topics.clickstream)
    kept_from = [some[-1].offset - 100 for some in before]
    async with admin_of(deployment) as admin:
        await admin.delete_records(
            {
                TopicPartition(topics.clickstream, partition): RecordsToDelete(before_offset=offset)
                for partition, offset in enumerate(kept_from)
            }
        )
    deployment.tally.count("offset below retention")
    positions = [deployment.offset(partition) for partition in range(PARTITIONS)]
    assert all(position < kept for position, kept in zip(positions, kept_from, strict=True))
    deployment.start("first")
    await deployment.until_logged("first", "retention deleted the records", times=PARTITIONS)
    ends = [some[-1].offset + 1 for some in before]
    await eventually(
        lambda: [deployment.offset(partition) for partition in range(PARTITIONS)] == ends, within_s=60, what="the end"
    )
    deployment.end("first")
    wanted: dict[str, list[bytes]] = {}
    async with Cluster(deployment.settings) as cluster:
        for partition in range(PARTITIONS):
            core = Partition(deployment.program, deployment.settings.time_rules)
            read = [
                record
                for record in before[partition]
                if record.offset < positions[partition] or record.offset >= kept_from[partition]
            ]
            for change in recompute(core, read, Replay(await cluster.journal(partition))):
                wanted.setdefault(change.user, []).append(change.encode())
    found: dict[str, list[bytes]] = {}
    for some in await records_of(deployment, topics.changes):
        for record in some:
            found.setdefault(record.key.decode(), []).append(record.value)
    assert found == wanted


@pytest.mark.faults
@pytest.mark.timeout(240)
async def test_a_changelog_full_of_holes_is_restored(on_frail: Deployment) -> None:
    """Compacted while it is written, with transactions in it that were given up: offsets jump, the state does not."""
    deployment = on_frail
    topic = deployment.settings.topics.profiles
    async with admin_of(deployment) as admin:
        (answer,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=COMPACTION)])
        assert not answer.resources[0][0], answer
    records = visits(3 * EVENTS, seed=32)
    for number in range(3):
        await deployment.send(records[number * EVENTS : (number + 1) * EVENTS])
        deployment.start("first", static=True, doom="written:60")
        await deployment.until_dead("first")

    async def holes() -> bool:
        return all(len(some) < some[-1].offset / 2 for some in await records_of(deployment, topic) if some)

    deployment.start("first", static=True)
    await deployment.until_done(deployment.sent)
    await soon(holes, within_s=60)
    deployment.tally.count("changelog with gaps")
    deployment.kill("first")
    deployment.start("first", static=True)
    assert problems_of(await compare_changes(deployment), repeats=False) == []
    deployment.end("first")
    assert await wrong_profiles(deployment) == []
