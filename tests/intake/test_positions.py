"""Positions of intake are read as all transactions have left them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.intake.intake_task import intake_topic_spec
from app.intake.intake_writer import IntakeWriter
from app.intake.positions import POSITION_PARTITION, Positions
from app.intake.transform import Taken
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.topics import ensure_topics
from app.runtime.records.dead_letters import Origin
from app.settings import Settings
from tests.support.waiting import eventually

ORIGIN = Origin(topic="raw", partition=0, offset=0)


async def write(writer: IntakeWriter, key: bytes, value: bytes | None) -> None:
    await writer.write(Taken(), [(key, value, [])], origin=lambda _: ORIGIN, dead_partition=0)


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[LogReader]:
    client = await connect(settings)
    topic = settings.topics.intake
    await ensure_topics(settings, client, [intake_topic_spec(settings)])
    made = LogReader(client, topic=topic, partition=POSITION_PARTITION, committed_only=True, bytes_max=1 << 20)
    yield made
    await made.stop()
    await client.close()


@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_a_position_behind_an_open_transaction_of_another_source_is_not_missed(
    settings: Settings, reader: LogReader
) -> None:
    one, other = (IntakeWriter(settings, name=name, transactions=True) for name in ("one", "other"))
    await one.open()
    await other.open()
    await write(one, b"raw/0", b"4")
    await other.producer.begin_transaction()
    await other.producer.send_and_wait(settings.topics.intake, b"9", key=b"other/0", partition=POSITION_PARTITION)
    await write(one, b"raw/0", b"5")
    positions = Positions(reader, b"raw/")
    refreshing = asyncio.create_task(positions.refresh())
    await eventually(lambda: positions.values == {b"0": b"4"})
    assert not refreshing.done()
    await other.producer.abort_transaction()
    await asyncio.wait_for(refreshing, 30)
    assert positions.values == {b"0": b"5"}
    await write(one, b"raw/0", None)
    await positions.refresh()
    assert positions.values == {}
    for each in (one, other):
        await each.close(clean=True)
