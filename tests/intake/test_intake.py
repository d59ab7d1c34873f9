"""`shoal intake` on each broker: everything comes into the clickstream, over failures and restarts."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from agents.intake import create_app
from app.errors import UserError
from app.intake.intake_task import IntakeTask
from app.intake.transform import Taken
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.record_batch import Row
from app.settings import Settings
from tests.support.broker import Broker
from tests.support.deployment import PARTITIONS
from tests.support.partitions import partition_of
from tests.support.records import read_topic, write_topic
from tests.support.shop import running, soon


@pytest.fixture
def sources(unique: str) -> str:
    """One of each shape."""
    return f"{unique}-events, {unique}-web=ga4"


async def send(settings: Settings, source: str, values: list[Any]) -> None:
    """Writes to a source, under keys that mean nothing."""
    records = ((str(number % 5), value) for number, value in enumerate(values))
    await write_topic(settings, f"{settings.app_id}-{source}", records)


def viewed(number: int) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "userId": f"u-{number % 7}", "messageId": f"m-{number}"}


async def clickstream(settings: Settings, *, at_least: int = 0) -> list[Any]:
    return await read_topic(settings, settings.topics.clickstream, at_least=at_least)


async def test_sources_of_both_shapes_come_in_and_what_cannot_be_used_is_set_aside(settings: Settings) -> None:
    await send(settings, "events", [viewed(number) for number in range(10)] + [b"{", {"type": "track"}])
    await send(settings, "web", [{"client_id": "c-1", "events": [{"name": "page_view"}, {"name": "login"}]}])
    app = create_app(settings)
    async with running(app):
        records = await soon(lambda: clickstream(settings, at_least=12))
        dead = await soon(lambda: read_topic(settings, settings.topics.dead_letters, at_least=2))
    assert len(records) == 12
    for number in range(PARTITIONS):
        for record in await read_topic(settings, settings.topics.clickstream, only=number):
            message = json.loads(record.value)
            assert record.key.decode() == message.get("userId", message.get("anonymousId"))
            assert number == partition_of(record.key, PARTITIONS)
    by_reason = {dict(each.headers)["shoal-reason"]: dict(each.headers) for each in dead}
    assert set(by_reason) == {b"invalid-json", b"no-user"}
    assert by_reason[b"no-user"]["shoal-source-topic"] == f"{settings.app_id}-events".encode()
    assert app.metrics.value("shoal_intake_records_total", source=f"{settings.app_id}-events", outcome="taken") == 10


async def test_failures_and_restarts_lose_nothing_and_with_transactions_repeat_nothing(
    settings: Settings, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = IntakeTask.write_uncounted
    calls = 0

    async def sometimes(self: IntakeTask, taken: Taken, positions: Iterable[Row]) -> None:
        """Fails before, in the midst of and after a write."""
        nonlocal calls
        calls += 1
        if calls in (1, 6):
            raise ConnectionError("before")
        if calls in (3, 8) and self._transactions:
            assert self._writer is not None
            await self._writer.producer.begin_transaction()
            raise ConnectionError("in the midst")
        await write(self, taken, positions)
        if calls in (4, 9):
            raise ConnectionError("after")

    monkeypatch.setattr(IntakeTask, "write_uncounted", sometimes)
    await send(settings, "events", [viewed(number) for number in range(100)])
    await send(settings, "web", [{}])
    wanted = {f"m-{number}" for number in range(160)}
    async with running(create_app(settings)):
        await soon(lambda: clickstream(settings, at_least=60))
    await send(settings, "events", [viewed(number) for number in range(100, 160)])

    async def complete() -> bool:
        return {json.loads(each.value)["messageId"] for each in await clickstream(settings)} == wanted

    async with running(create_app(settings)):
        await soon(complete)
    counts = Counter(json.loads(each.value)["messageId"] for each in await clickstream(settings))
    if broker.transactions:
        assert set(counts.values()) == {1}
    assert calls > 9


async def test_a_source_that_is_not_there_is_said_in_words(settings: Settings) -> None:
    with pytest.raises(UserError, match="there is no topic"):
        await create_app(settings).on_first_start()


@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_processes_that_come_and_go_repeat_nothing(settings: Settings) -> None:
    await send(settings, "web", [{"client_id": "c-1", "events": [{"name": "login"}]}])
    await send(settings, "events", [viewed(number) for number in range(50)])
    async with running(create_app(settings)):
        await soon(lambda: clickstream(settings, at_least=20))
        async with running(create_app(settings)):
            await send(settings, "events", [viewed(number) for number in range(50, 100)])
            await soon(lambda: clickstream(settings, at_least=80))
        await send(settings, "events", [viewed(number) for number in range(100, 120)])
        await soon(lambda: clickstream(settings, at_least=121))
    assert len({json.loads(each.value)["messageId"] for each in await clickstream(settings)}) == 121
    assert len(await clickstream(settings)) == 121


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_records_that_are_gone_before_they_are_read_are_counted_and_only_these(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source deletes its first eight records when five of them have been read."""
    source = f"{settings.app_id}-events"
    serve, earliest = IntakeTask._serve, LogReader.earliest
    gone = False

    async def is_overtaken(self: IntakeTask, reader: LogReader) -> None:
        nonlocal gone
        if (self.tp.topic, self.tp.partition) == (source, 0) and not gone:
            await self.write_uncounted(Taken(), [self._position_row(5)])
            gone = True
            raise OffsetLostError(source, 0, 5)
        await serve(self, reader)

    async def after_deletion(self: LogReader) -> int:
        return 8 if gone and (self.topic, self.partition) == (source, 0) else await earliest(self)

    monkeypatch.setattr(IntakeTask, "_serve", is_overtaken)
    monkeypatch.setattr(LogReader, "earliest", after_deletion)
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
        for number in range(10):
            await producer.send_and_wait(source, json.dumps(viewed(number)).encode(), partition=0)
    await send(settings, "web", [{}])
    app = create_app(settings)
    async with running(app):
        records = await soon(lambda: clickstream(settings, at_least=2))
    assert sorted(json.loads(each.value)["messageId"] for each in records) == ["m-8", "m-9"]
    assert app.metrics.value("shoal_intake_records_total", source=source, outcome="lost") == 3
