"""Dead letters, once more: what was mended comes in, what was not stays, and nothing comes in twice."""

import json
from typing import Any

import pytest

from agents.intake import create_app
from app.cli.main import main
from app.intake.clickstream_replay import Again, DeadLetter, replay
from app.main import create_app as create_worker
from app.runtime.kafka.log_writer import LogWriter
from app.settings import Settings, load_settings
from tests.support.deployment import PARTITIONS
from tests.support.partitions import partition_of
from tests.support.records import read_topic, write_topic
from tests.support.shop import running, soon


async def dead_letters(settings: Settings, at_least: int) -> list[Any]:
    return await read_topic(settings, settings.topics.dead_letters, at_least=at_least)


async def clickstream(settings: Settings) -> list[tuple[bytes, Any]]:
    records = await read_topic(settings, settings.topics.clickstream)
    return [(each.key, json.loads(each.value)) for each in records if each.value != b"{"]


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_what_a_worker_set_aside_for_its_key_comes_in_under_its_user(settings: Settings) -> None:
    event = {"type": "track", "event": "Product Viewed", "userId": "ann", "messageId": "m-1"}
    event |= {"timestamp": "2026-01-05T00:00:00.000Z", "sentAt": "2026-01-05T01:00:00.000Z"}
    async with running(create_worker(settings)):
        await write_topic(settings, settings.topics.clickstream, [("another", event), ("ann", b"{")])
        await soon(lambda: dead_letters(settings, 2))
        looked = await replay(settings, write=False)
        assert (looked.taken, looked.left) == ({"wrong-key": 1}, {"invalid-json": 1})
        assert await replay(settings) == looked
        assert (b"ann", event) in await clickstream(settings), "as it was: its times were corrected before"
        again = await replay(settings)
        assert not again.taken
        assert not again.left
        once_more = await replay(settings, reasons=["invalid-json"])
        assert (once_more.taken, once_more.left) == ({}, {"invalid-json": 1})


@pytest.mark.parametrize(
    ("ids", "user"),
    [
        ({"userId": " ann "}, b"ann"),
        ({"userId": "undefined", "anonymousId": "d-1"}, b"d-1"),
        ({"userId": 1234.0}, b"1234"),
        ({"userId": "undefined"}, None),
    ],
    ids=["blanks", "nobody beside a device", "number", "nobody"],
)
def test_a_letter_whose_key_is_no_id_comes_in_under_the_user_that_a_worker_finds(
    ids: dict[str, Any], user: bytes | None
) -> None:
    settings = load_settings({}, partitions=4)
    value = json.dumps({"type": "page", **ids}).encode()
    letter = DeadLetter(settings.topics.clickstream, 0, 0, 1_767_225_600_000, b"undefined", value, "wrong-key")
    rows = Again(settings).rows(letter)
    assert rows == ({} if user is None else {partition_of(user, 4): [(user, value, [])]})


async def test_a_source_that_is_described_now_is_read_as_what_it_is(settings: Settings) -> None:
    """Payloads of GA4 came in as if they were Segment's."""
    source = settings.sources
    payload = {"client_id": "c-1", "events": [{"name": "page_view"}, {"name": "login"}]}
    await write_topic(settings, source, [(str(number), payload) for number in range(3)])
    async with running(create_app(settings)):
        await soon(lambda: dead_letters(settings, 3))
    assert (await replay(settings, write=False)).left.total() == 3
    mended = load_settings({}, **{name: getattr(settings, name) for name in KEPT}, sources=f"{source}=ga4")
    assert (await replay(mended)).taken.total() == 3
    messages = [message for _, message in await clickstream(settings)]
    assert sorted(message["type"] for message in messages) == ["page"] * 3 + ["track"] * 3
    ids = {message["messageId"] for message in messages}
    assert len(ids) == 6
    assert all(each.startswith(f"{source}-") for each in ids), "of the place where they were first"


KEPT = ("kafka_bootstrap_servers", "app_id", "topic_prefix", "partitions", "session_timeout_ms")


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_the_command_says_what_it_did(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio

    await write_topic(settings, settings.sources, [("1", b"{")])
    async with running(create_app(settings)):
        await soon(lambda: dead_letters(settings, 1))
    command = ["replay", "--broker", settings.kafka_bootstrap_servers, "--partitions", str(PARTITIONS), "--app-id"]
    command += [settings.app_id, "--set", f"topic_prefix={settings.topic_prefix}"]
    assert await asyncio.to_thread(main, command) == 1
    assert "invalid-json" in capsys.readouterr().out
    assert await asyncio.to_thread(main, command) == 0
    assert "no new dead letters" in capsys.readouterr().out


@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_what_was_set_aside_in_a_transaction_that_was_given_up_is_no_dead_letter(settings: Settings) -> None:
    await write_topic(settings, settings.sources, [("1", b"{")])
    async with running(create_app(settings)):
        (letter,) = await soon(lambda: dead_letters(settings, 1))
    writer = LogWriter(settings, partition=0, transactional_id=f"{settings.app_id}-gives-up")
    await writer.open()
    await writer.producer.begin_transaction()
    await writer.write([(settings.topics.dead_letters, [(letter.key, letter.value, list(letter.headers))])])
    await writer.producer.abort_transaction()
    await writer.close()
    assert (await replay(settings)).left == {"invalid-json": 1}
    assert not (await replay(settings)).left
