"""Changes and dead letters, read back with clients that Shoal did not write: confluent-kafka, the CloudEvents SDK."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from jsonschema import Draft202012Validator

from app.main import create_app
from tests.support.broker import Broker
from tests.support.shop import HOUR_MS, MINUTE_MS, Shop, record, running, soon
from tools.docs_pages import ROOT

SCHEMAS = ROOT / "deploy" / "schemas"


def validate(name: str, value: Any) -> None:
    Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(value)


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given={"idle_clock": "off"})
    await made.open()
    yield made
    await made.close()


def read(shop: Shop, topic: str, count: int) -> list[confluent_kafka.Message]:
    """So many committed messages of a topic, by a group of their own."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": shop.settings.kafka_bootstrap_servers,
            "group.id": f"{shop.name}-reader",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
        }
    )
    partitions = [confluent_kafka.TopicPartition(topic, number, 0) for number in range(shop.partitions)]
    consumer.assign(partitions)
    try:
        found: list[confluent_kafka.Message] = []
        while len(found) < count:
            message = consumer.poll(20.0)
            assert message is not None, f"{len(found)} of {count} messages"
            assert message.error() is None, message.error()
            found.append(message)
        return found
    finally:
        consumer.close()


def headers_of(message: confluent_kafka.Message) -> dict[str, bytes]:
    found: Any = message.headers()
    return dict(found)


async def test_changes_are_cloud_events_to_the_sdk(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await shop.send([record("ann ü", n * MINUTE_MS, "Product Viewed", number=n) for n in range(3)])
        await soon(shop.changes)
        await shop.end(2 * HOUR_MS)
        await soon(lambda: shop.changes(at_least=2))
    for topic in (shop.settings.topics.changes, shop.settings.topics.segment("viewers")):
        kinds = []
        for message in read(shop, topic, 2):
            headers = headers_of(message)
            value = message.value() or b""
            event = from_kafka_event(KafkaMessage(headers=headers, key=message.key(), value=value))
            change = json.loads(value)
            validate("change", change)
            validate("change-headers", {name: each.decode() for name, each in headers.items()})
            assert event.get_id() == change["id"]
            assert event.get_source() == f"/shoal/{shop.name}"
            assert event.get_subject() == change["user"] == "ann ü"
            assert event.get_time() == datetime.fromisoformat(change["at"])
            assert event.get_specversion() == "1.0"
            assert event.get_data() == change
            kinds.append(event.get_type())
        assert kinds == ["shoal.segment.entered.v1", "shoal.segment.exited.v1"]


async def test_dead_letters_have_the_headers_that_the_schema_says(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await shop.send([(b"ann", b'{"type":', []), (b"ben", b'{"type":"track"}', [("trace", b"1")])])
        topic = shop.settings.topics.dead_letters
        letters = await soon(lambda: dead_letters(shop, topic))
    for letter in letters:
        headers = {name: value.decode() for name, value in letter.headers}
        validate("dead-letter-headers", headers)
        assert headers["shoal-source-topic"] == shop.settings.topics.clickstream
    reasons = {dict(letter.headers)["shoal-reason"] for letter in letters}
    assert reasons == {b"invalid-json", b"no-user"}


async def dead_letters(shop: Shop, topic: str) -> list[Any]:
    found = await shop.read_all(topic)
    return found if len(found) >= 2 else []
