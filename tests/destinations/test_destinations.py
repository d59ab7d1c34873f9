"""`shoal destinations run` on a broker: positions of their own, restarts, dead letters."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from aiohttp import web

from agents.destinations import create_app
from app.cli.destinations import EXIT_SOME_LEFT
from app.cli.destinations import _status as show_status
from app.destinations import destination_task
from app.destinations.dead_letter_replay import replay
from app.destinations.folder import load_destinations
from app.destinations.positions import Stored, destination_topic_specs, destination_topics, position_row
from app.destinations.status import read_status
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import ensure_topics
from app.settings import Settings
from tests.destinations.receiver import Receiver, receiver
from tests.memberships.changes import ChangesOnKafka
from tests.support.broker import Broker
from tests.support.deployment import deployment
from tests.support.records import read_topic
from tests.support.shop import running, soon
from tests.support.waiting import eventually

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


@pytest.fixture
def settings(broker: Broker, unique: str, tmp_path: Path) -> Settings:
    """Of a deployment of this test's own."""
    return deployment(
        broker.bootstrap_servers,
        unique,
        transactions=broker.transactions,
        destinations=tmp_path,
        private_destinations=True,
    )


@pytest.fixture
async def changes(settings: Settings) -> AsyncIterator[ChangesOnKafka]:
    """The topic of changes."""
    made = ChangesOnKafka(settings)
    await made.open()
    yield made
    await made.close()


def write(settings: Settings, name: str, there: Receiver, more: str = "") -> None:
    """A destination that takes everything, from the beginning, and tries again at once."""
    text = f"destination: {name}\nurl: {there.url}/\nchanges: [entered, exited]\nstart: beginning\n"
    (settings.destinations / f"{name}.yaml").write_text(text + "retry: {first: 20ms, longest: 100ms}\n" + more)


def app(settings: Settings) -> object:
    found = load_destinations(settings.destinations, environ={}, private=True)
    return create_app(settings, found)


async def test_every_change_arrives_once_and_each_users_in_order(settings: Settings, changes: ChangesOnKafka) -> None:
    written = [changes.change(f"u-{n % 7}", "entered" if n % 2 else "exited") for n in range(70)]
    async with receiver() as there:
        write(settings, "hook", there)
        await changes.write(written[:40])
        async with running(app(settings)):
            await eventually(lambda: len(there.got) == 40)
            await changes.write(written[40:50])
            await eventually(lambda: len(there.got) == 50)
        await changes.write(written[50:])
        async with running(app(settings)):
            await eventually(lambda: len(there.got) >= 70)
        assert sorted(there.ids) == sorted(each.id for each in written)
        for user in {each.user for each in written}:
            own = [each.id for each in written if each.user == user]
            assert [one for one in there.ids if one in own] == own


async def test_a_dead_destination_slows_nobody_and_gets_everything_when_it_is_back(
    settings: Settings, changes: ChangesOnKafka
) -> None:
    written = [changes.change(f"u-{n % 7}", "entered") for n in range(40)]
    async with receiver() as good, receiver(lambda *_: web.Response(status=503)) as dead:
        write(settings, "good", good)
        write(settings, "dead", dead)
        await changes.write(written)
        async with running(app(settings)):
            await eventually(lambda: len(good.got) == 40)
            tried = len(dead.got)
            assert tried < 40
            dead.answer = lambda *_: web.Response(status=200)
            await eventually(lambda: set(dead.ids[tried:]) >= {each.id for each in written}, within_s=20)


@EMBEDDED
async def test_a_new_destination_begins_with_what_comes_from_now_on(
    settings: Settings, changes: ChangesOnKafka
) -> None:
    await changes.write([changes.change("ann", "entered")])
    async with receiver() as there:
        (settings.destinations / "hook.yaml").write_text(f"destination: hook\nurl: {there.url}/\nchanges: [entered]\n")
        made = app(settings)
        async with running(made):
            stored = destination_topics(settings).positions
            await soon(lambda: read_topic(settings, stored, at_least=2))
            later = changes.change("ann", "entered")
            await changes.write([later])
            await eventually(lambda: there.ids == [later.id])


@EMBEDDED
async def test_what_is_refused_can_be_replayed(settings: Settings, changes: ChangesOnKafka) -> None:
    written = [changes.change("ann", "entered"), changes.change("ann", "exited"), changes.change("ben", "entered")]
    async with receiver(lambda *_: web.Response(status=422, text="no such field")) as there:
        write(settings, "hook", there)
        await changes.write(written)
        topic = destination_topics(settings).dead_letters
        async with running(app(settings)):
            letters = await soon(lambda: read_topic(settings, topic, at_least=3))
        headers = dict(letters[0].headers)
        assert headers["shoal-destination"] == b"hook"
        assert headers["shoal-reason"] == b"refused"
        assert b"422" in headers["shoal-detail"]
        found = load_destinations(settings.destinations, environ={}, private=True)
        there.got.clear()
        there.answer = lambda request, _: web.Response(status=200 if request.headers["ce-subject"] == "ben" else 500)
        counts = (await replay(settings, found))["hook"]
        assert (counts.delivered, counts.left) == (1, 2)
        assert written[1].id not in there.ids, "what comes after a change that fails waits"
        there.answer = lambda *_: web.Response(status=200)
        there.got.clear()
        counts = (await replay(settings, found))["hook"]
        assert (counts.delivered, counts.left) == (2, 0)
        assert there.ids == [written[0].id, written[1].id]
        assert await replay(settings, found) == {}


@EMBEDDED
async def test_a_pause_is_stored_shown_and_over_once_a_change_is_taken(
    settings: Settings, changes: ChangesOnKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = [changes.change(f"u-{n}", "entered") for n in range(30)]
    async with receiver(lambda *_: web.Response(status=400, text="no field \x1b[31mtags")) as there:
        write(settings, "hook", there, "pause_after: 5\n")
        await changes.write(written)
        found = load_destinations(settings.destinations, environ={}, private=True)
        assert [(each.behind, each.pause) for each in await read_status(settings, found)] == [(None, None)]
        async with running(app(settings)):
            await soon(lambda: paused(settings))
        dead = await read_topic(settings, destination_topics(settings).dead_letters, at_least=5)
        assert len(dead) == 5
        async with running(app(settings)):
            asked = len(there.got)
            await eventually(lambda: len(there.got) > asked)
        assert len(await read_topic(settings, destination_topics(settings).dead_letters, at_least=5)) == 5
        (status,) = await read_status(settings, found)
        assert status.pause is not None
        assert status.behind == 25
        monkeypatch.setattr("app.destinations.status.read_status", AsyncMock(return_value=[status]))
        assert await asyncio.to_thread(show_status, settings, found) == EXIT_SOME_LEFT
        shown = capsys.readouterr().out
        assert "hook: paused since 2" in shown
        assert "it said last: answered 400: no field \\x1b[31mtags" in shown
        monkeypatch.undo()
        there.answer = lambda *_: web.Response(status=200)
        there.got.clear()
        async with running(app(settings)):
            await soon(lambda: arrived(there, 25))
            await soon(lambda: not_paused(settings))
    assert len(set(there.ids)) == 25


async def paused(settings: Settings) -> bool:
    found = load_destinations(settings.destinations, environ={}, private=True)
    return any(each.pause is not None for each in await read_status(settings, found))


async def not_paused(settings: Settings) -> bool:
    return not await paused(settings)


@EMBEDDED
async def test_processes_that_come_and_go_deliver_everything_in_order_and_nothing_twice(
    settings: Settings, changes: ChangesOnKafka
) -> None:
    written = [changes.change(f"u-{n % 9}", "entered" if n % 2 else "exited") for n in range(90)]
    async with receiver() as there:
        write(settings, "hook", there)
        async with running(app(settings)) as first:
            await changes.write(written[:30])
            await soon(lambda: arrived(there, 30))
            async with running(app(settings)) as second:
                await eventually(lambda: [len(each.tasks) for each in (first, second)] == [1, 1], within_s=30)
                await changes.write(written[30:60])
                await soon(lambda: arrived(there, 60))
            await changes.write(written[60:])
            await soon(lambda: arrived(there, 90))
        assert sorted(there.ids) == sorted(each.id for each in written)
        for user in {each.user for each in written}:
            own = [each.id for each in written if each.user == user]
            assert [one for one in there.ids if one in own] == own


async def arrived(there: Receiver, count: int) -> bool:
    return len(there.got) >= count


@EMBEDDED
async def test_a_position_that_the_topic_does_not_hold_is_left_behind(
    settings: Settings, changes: ChangesOnKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topic of changes was made anew. Positions are stored all the time meanwhile."""
    monkeypatch.setattr(destination_task, "STORE_S", 0.005)
    client = await connect(settings)
    try:
        await ensure_topics(settings, client, destination_topic_specs(settings))
    finally:
        await client.close()
    for partition in range(settings.partitions):
        writer = LogWriter(settings, partition=partition)
        await writer.open()
        await writer.write([(destination_topics(settings).positions, [position_row("hook", Stored(90))])])
        await writer.close()
    written = [changes.change(f"u-{number}", "entered") for number in range(6)]
    await changes.write(written)
    async with receiver() as there:
        write(settings, "hook", there)
        async with running(app(settings)):
            await eventually(lambda: len(there.ids) >= 6)
    assert sorted(there.ids) == sorted(each.id for each in written)
