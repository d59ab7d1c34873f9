"""Streams of Kinesis: everything comes in once, in the order of each key, over resharding, failures and restarts."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from agents.intake import create_app
from app.errors import UserError
from app.intake.clickstream_replay import Again, DeadLetter
from app.intake.kinesis_task import KinesisTask
from app.intake.source_errors import SourceError
from app.settings import Settings
from tests.intake.kinesis_server import FakeKinesis, kinesis
from tests.support.broker import Broker
from tests.support.deployment import deployment
from tests.support.records import read_topic
from tests.support.shop import running, soon


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def stream() -> Iterator[FakeKinesis]:
    with kinesis("clicks", shards=2) as fake:
        yield fake


@pytest.fixture
def settings(broker: Broker, unique: str, stream: FakeKinesis) -> Settings:
    return deployment(
        broker.bootstrap_servers,
        unique,
        transactions=broker.transactions,
        sources="kinesis:clicks",
        kinesis_endpoint=stream.url,
        kinesis_pause_ms="200ms",
        kinesis_shards_every_ms="1s",
        kinesis_records_max=20,
    )


def viewed(number: int, *, users: int = 7) -> tuple[str, dict[str, Any]]:
    user = f"u-{number % users}"
    return user, {"type": "track", "event": "Product Viewed", "userId": user, "messageId": f"m-{number:06}"}


def put(stream: FakeKinesis, begin: int, end: int) -> None:
    for number in range(begin, end):
        stream.put(*viewed(number))


async def clickstream(settings: Settings, *, at_least: int = 0) -> list[dict[str, Any]]:
    records = await read_topic(settings, settings.topics.clickstream, at_least=at_least)
    return [json.loads(each.value) for each in records]


def are_in_order(messages: list[dict[str, Any]]) -> bool:
    """The first time that each id of a user comes."""
    by_user: dict[str, list[str]] = defaultdict(list)
    for each in messages:
        if each["messageId"] not in by_user[each["userId"]]:
            by_user[each["userId"]].append(each["messageId"])
    return all(ids == sorted(ids) for ids in by_user.values())


async def test_records_come_in_and_what_cannot_be_used_is_set_aside_with_its_place(
    settings: Settings, stream: FakeKinesis
) -> None:
    put(stream, 0, 50)
    stream.put("u-1", b"{")
    stream.put("u-1", {"type": "page", "userId": "u-1"})
    app = create_app(settings)
    async with running(app):
        messages = await soon(lambda: clickstream(settings, at_least=51))
        (dead,) = await soon(lambda: read_topic(settings, settings.topics.dead_letters, at_least=1))
        reader = "intake kinesis:clicks"
        shard = stream.shards[0].id
        await soon_true(lambda: app.metrics.value("shoal_reader_lag_seconds", reader=reader, partition=shard) == 0)
    headers = {name: value.decode() for name, value in dead.headers}
    letter = DeadLetter.of(dead)
    place = (headers["shoal-source-topic"], headers["shoal-source-partition"])
    assert place[0] == "kinesis:clicks"
    (bad,) = (each for shard in stream.shards for each in shard.records if each["Data"] == "ew==")
    assert headers["shoal-source-offset"] == bad["SequenceNumber"]
    assert headers["shoal-reason"] == "invalid-json"
    assert (letter.partition, letter.offset) == (place[1], bad["SequenceNumber"])
    assert not Again(settings).is_withheld(replace(letter, value=None))
    mended = replace(letter, value=b'{"type": "page", "userId": "u-1"}')
    (((_, value, _),),) = Again(settings).rows(mended).values()
    assert json.loads(value or b"")["messageId"] == f"kinesis:clicks-{place[1]}-{bad['SequenceNumber']}-0"
    (made,) = (each["messageId"] for each in messages if not each["messageId"].startswith("m-"))
    assert made.startswith(f"kinesis:clicks-{place[1]}-49")
    assert app.metrics.value("shoal_intake_records_total", source="kinesis:clicks", outcome="taken") == 51
    assert app.metrics.value("shoal_intake_records_total", source="kinesis:clicks", outcome="invalid-json") == 1


async def soon_true(ask: Any) -> None:
    async def answer() -> bool:
        return bool(ask())

    await soon(answer)


@pytest.mark.long
async def test_a_split_and_a_merge_keep_the_order_of_each_user(settings: Settings, stream: FakeKinesis) -> None:
    put(stream, 0, 100)
    stream.split(0)
    put(stream, 100, 200)
    stream.merge()
    put(stream, 200, 260)
    async with running(create_app(settings)):
        await soon(lambda: clickstream(settings, at_least=230))
        stream.split(1)
        put(stream, 260, 300)
        stream.merge()
        put(stream, 300, 340)
        messages = await soon(lambda: clickstream(settings, at_least=340))
    assert Counter(each["messageId"] for each in messages) == {f"m-{number:06}": 1 for number in range(340)}
    assert are_in_order(messages)


@pytest.mark.long
async def test_restarts_and_failed_writes_lose_nothing_and_with_transactions_repeat_nothing(
    settings: Settings, stream: FakeKinesis, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = KinesisTask.write
    calls = 0

    async def sometimes(self: KinesisTask, *arguments: Any, **more: Any) -> None:
        nonlocal calls
        calls += 1
        if calls in (2, 5):
            raise ConnectionError("before")
        await write(self, *arguments, **more)
        if calls in (3, 6):
            raise ConnectionError("after")

    monkeypatch.setattr(KinesisTask, "write", sometimes)
    put(stream, 0, 150)
    stream.split(1)
    async with running(create_app(settings)):
        await soon(lambda: clickstream(settings, at_least=100))
    put(stream, 150, 220)
    wanted = {f"m-{number:06}" for number in range(220)}

    async def complete() -> bool:
        return {each["messageId"] for each in await clickstream(settings)} == wanted

    async with running(create_app(settings)):
        await soon(complete)
    messages = await clickstream(settings)
    if broker.transactions:
        assert len(messages) == 220
    assert are_in_order(messages)
    assert calls > 6


@pytest.mark.long
async def test_expired_iterators_and_throttling_are_waited_out(settings: Settings, stream: FakeKinesis) -> None:
    stream.refuse = {
        "GetRecords": ["ExpiredIteratorException", "ProvisionedThroughputExceededException"] * 2,
        "GetShardIterator": ["ProvisionedThroughputExceededException"] * 4,
        "ListShards": ["LimitExceededException"] * 4,
    }
    put(stream, 0, 60)
    app = create_app(settings)
    async with running(app):
        messages = await soon(lambda: clickstream(settings, at_least=60))
    assert len(messages) == 60
    assert not any(stream.refuse.values())


@pytest.mark.long
async def test_credentials_that_end_are_named_and_nothing_is_lost(
    settings: Settings, stream: FakeKinesis, caplog: pytest.LogCaptureFixture
) -> None:
    put(stream, 0, 20)
    app = create_app(settings)
    async with running(app):
        await soon(lambda: clickstream(settings, at_least=20))
        stream.refuse_all = "ExpiredTokenException"
        failures = {"source": "kinesis:clicks", "cause": "credentials"}
        await soon_true(lambda: (app.metrics.value("shoal_intake_failures_total", **failures) or 0) > 0)
        put(stream, 20, 40)
        stream.refuse_all = None
        messages = await soon(lambda: clickstream(settings, at_least=40))
    assert {each["messageId"] for each in messages} == {f"m-{number:06}" for number in range(40)}
    assert "kinesis:clicks: AWS refuses the credentials (ExpiredTokenException" in caplog.text


@pytest.mark.long
async def test_a_shard_that_is_gone_is_counted_and_its_children_are_read(
    settings: Settings, stream: FakeKinesis
) -> None:
    put(stream, 0, 40)
    async with running(create_app(settings)):
        await soon(lambda: clickstream(settings, at_least=40))
    stream.split(0)
    put(stream, 40, 60)
    gone = stream.shards.pop(0)
    assert gone.closed
    app = create_app(settings)
    async with running(app):
        messages = await soon(lambda: clickstream(settings, at_least=60))
    assert len(messages) == 60
    assert app.metrics.value("shoal_intake_records_total", source="kinesis:clicks", outcome="lost") == 1


@pytest.mark.long
async def test_a_stream_that_was_made_again_is_read_from_its_beginning(settings: Settings) -> None:
    for created_s in (1.0, 2.0):
        with kinesis("clicks", shards=1) as stream:
            stream.created_s += created_s
            put(stream, 0, 10)
            again = deployment(
                settings.kafka_bootstrap_servers,
                settings.app_id,
                transactions=True,
                session_timeout_ms=settings.session_timeout_ms,
                sources="kinesis:clicks",
                kinesis_endpoint=stream.url,
            )
            wanted = 10 * int(created_s)
            async with running(create_app(again)):
                await soon(partial(clickstream, settings, at_least=wanted))
    assert set(Counter(each["messageId"] for each in await clickstream(settings)).values()) == {2}


@pytest.mark.parametrize(
    ("given", "refusal", "words"),
    [
        ({"sources": "kinesis:other"}, None, "kinesis:other: there is no such stream at http"),
        ({}, "UnrecognizedClientException", "AWS refuses the credentials"),
        ({"kinesis_endpoint": "http://127.0.0.1:1"}, None, "Kinesis is not reached"),
        ({"kinesis_endpoint": "nonsense"}, None, "Invalid endpoint"),
    ],
)
@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_what_keeps_a_stream_from_being_read_is_said_at_the_start(
    settings: Settings, stream: FakeKinesis, given: dict[str, str], refusal: str | None, words: str
) -> None:
    stream.refuse_all = refusal
    own = deployment(
        settings.kafka_bootstrap_servers,
        settings.app_id,
        transactions=False,
        **{"sources": "kinesis:clicks", "kinesis_endpoint": stream.url} | given,
    )
    with pytest.raises(SourceError, match=words):
        await create_app(own).on_first_start()


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ("kinesis:", "the name '' cannot be"),
        ("kinesis:a b", "the name 'a b' cannot be"),
        ("sqs:queue", "no kind of source is called 'sqs'"),
        ("kinesis:a, kinesis:a", "names kinesis:a twice"),
    ],
)
def test_a_source_that_cannot_be_is_said_in_words(sources: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        create_app(Settings(sources=sources))
