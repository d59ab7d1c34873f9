"""After the terms of the topics, no byte that Kafka has on disk holds what an erased person did."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.cli.users import users
from app.main import create_app
from app.runtime.kafka.record_batch import Row
from tests.contract.test_split_users import event
from tests.support.broker import Broker
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import KafkaNode
from tests.support.shop import Shop, running, soon

# Logs are compressed: a text is in them as it is if no other has four letters of it, the quotes around it included. And
# hexadecimal digits alone would be in the names of transactions as well.
CANARY = "zq-canary-qz"
GUEST = "xq-device-qx"
DEFINITIONS = {
    "identity.yaml": "",
    "viewers.yaml": (
        "segment: viewers\nwhen: count('Product Viewed' within 90d) >= 3\n"
        "attach: {coupon: last(coupon of 'Product Viewed' within 90d)}\n"
    ),
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed' within 90d)\n",
}
AT_ONCE = {
    "log.retention.check.interval.ms": "300",
    "log.cleaner.backoff.ms": "100",
    "log.initial.task.delay.ms": "100",
    "log.index.size.max.bytes": "4096",  # else each segment has 20 MB of zeros, which are searched, too
}
SHORT = {"retention.ms": "1000", "segment.ms": "300", "file.delete.delay.ms": "0", "cleanup.policy": "delete"}
COMPACT = {
    "cleanup.policy": "compact",
    "segment.ms": "300",
    "file.delete.delay.ms": "0",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "300",
    "delete.retention.ms": "100",
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[KafkaNode]:
    """A Kafka that looks for what is over several times a second."""
    try:
        made = KafkaNode(tmp_path / "kafka", settings=AT_ONCE)
    except KafkaUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with made:
        yield made


@pytest.fixture
async def shop(node: KafkaNode, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    broker = Broker("kafka", node.bootstrap_servers, transactions=True)
    made = Shop(broker, unique, tmp_path / "segments", definitions=DEFINITIONS)
    await made.open()
    yield made
    await made.close()


def seen(row: Row) -> Row:
    """The event, with a property that nobody else has."""
    return row[0], json.dumps(json.loads(row[1] or b"") | {"properties": {"coupon": CANARY}}).encode(), []


def holders(folder: Path, text: str) -> set[str]:
    """The topics with a file that holds the text; the names of folders without the number of the partition."""
    found = set()
    for path in sorted((folder / "data").rglob("*")):
        try:
            if path.is_file() and text.encode() in path.read_bytes():
                found.add(path.parent.name.rpartition("-")[0])
        except FileNotFoundError:  # deleted meanwhile
            continue
    return found


async def shorten(shop: Shop) -> None:
    """Gives every topic with records of users terms of a second."""
    topics = shop.settings.topics
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.broker.bootstrap_servers)
    await admin.start()
    every = [
        topics.clickstream,
        topics.late,
        topics.dead_letters,
        topics.changes,
        topics.identity,
        topics.erasures,
        topics.journal,
    ]
    configs = [ConfigResource(ConfigResourceType.TOPIC, name, configs=SHORT) for name in every]
    await admin.alter_configs([*configs, ConfigResource(ConfigResourceType.TOPIC, topics.profiles, configs=COMPACT)])
    await admin.close()


@pytest.mark.long
@pytest.mark.kafka
async def test_after_the_terms_no_byte_of_what_an_erased_person_did_is_on_the_disk(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kafka"
    given = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    command = partial(users, "erase", "ann", broker=shop.broker.bootstrap_servers, set_=given)
    profiles = tmp_path / "profiles"
    async with running(create_app(replace(shop.settings, profile_store="disk", profile_directory=profiles))):
        events = [event(number, anonymousId=GUEST) for number in range(3)]
        events += [event(4, "Order Completed", userId="ann", anonymousId=GUEST), event(5, userId="ann")]
        await shop.send([seen(each) for each in events])
        await soon(partial(shop.changes, at_least=4))
        topics = shop.settings.topics
        seen_in = {topics.clickstream, topics.changes, topics.profiles}

        async def is_on_the_disk() -> bool:
            """Changes of the first batch can be read before the batch of the login is written."""
            known = await asyncio.to_thread(holders, folder, GUEST)
            return known >= {*seen_in, topics.identity} and holders(folder, CANARY) == seen_in

        await soon(is_on_the_disk)
        await asyncio.to_thread(command)
        await soon(partial(shop.changes, at_least=6))
        await shorten(shop)
        at_ms = 60_000

        async def is_gone() -> bool:
            nonlocal at_ms
            at_ms += 1_000
            await shop.end(at_ms)  # others go on: a log is cleaned behind the segment that is written to
            if await asyncio.to_thread(holders, folder, CANARY):
                return False
            return await asyncio.to_thread(holders, folder, GUEST) == {topics.profiles}

        await soon(is_gone, within_s=60)
        files = [path.read_bytes() for path in profiles.rglob("*.sst")]
        assert files, "an erasure writes the table to the disk"
        assert not any(CANARY.encode() in each for each in files)
        capsys.readouterr()
        await asyncio.to_thread(partial(command, status=True))
    told = capsys.readouterr().out
    assert topics.profiles in told
    assert topics.clickstream not in told, "the status agrees with the disk"
