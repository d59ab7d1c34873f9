"""Redis full, away, killed: memberships wait, and are right afterwards."""

import os
import signal
from collections.abc import Iterator

import pytest

import app.embedded.server
from agents.memberships import create_app
from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.errors import UserError
from app.memberships.membership_view import ProjectionMovedError, View
from app.memberships.verification import verify
from app.runtime.redis_client import connect_redis
from app.settings import Settings
from tests.memberships.changes import ChangesOnKafka
from tests.memberships.looking import members, memberships
from tests.support.deployment import PARTITIONS, deployment
from tests.support.shop import running, soon
from tests.support.waiting import eventually


@pytest.fixture
def own_redis() -> Iterator[EmbeddedRedis]:
    """A Redis of this test's own."""
    with EmbeddedRedis() as redis:
        yield redis


@pytest.fixture
def settings(embedded_broker: EmbeddedBroker, own_redis: EmbeddedRedis, unique: str) -> Settings:
    """Of a deployment with a Redis of its own."""
    return deployment(
        embedded_broker.bootstrap_servers, unique, transactions=False, redis_url=own_redis.url, redis_timeout_ms=500
    )


async def test_a_full_redis_is_waited_for_and_nothing_is_half_done(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    await changes.write([changes.change("ann", "entered")])
    application = create_app(settings)
    async with running(application):
        await soon(lambda: memberships(view, "ann"))
        await view.redis.config_set("maxmemory", "1mb")
        await changes.write([changes.change("ann", "exited"), changes.change("ben", "entered")])
        await eventually(lambda: application.why_not_ready())
        assert set(await members(view, "viewers")) == {"ann"}
        await view.redis.config_set("maxmemory", "0")
        await soon(lambda: memberships(view, "ben"))
        await soon(lambda: is_count(view, 1))
        assert (await verify(settings, view)).right


async def test_a_silent_redis_is_waited_for(
    settings: Settings, changes: ChangesOnKafka, view: View, own_redis: EmbeddedRedis
) -> None:
    await changes.write([changes.change("ann", "entered")])
    application = create_app(settings)
    async with running(application):
        await soon(lambda: memberships(view, "ann"))
        os.kill(own_redis.pid, signal.SIGSTOP)
        try:
            await changes.write([changes.change("ben", "entered")])
            await eventually(lambda: application.why_not_ready())
        finally:
            os.kill(own_redis.pid, signal.SIGCONT)
        await soon(lambda: memberships(view, "ben"))
        await eventually(lambda: application.why_not_ready() is None)
        assert (await verify(settings, view)).right


async def test_a_redis_that_was_killed_and_comes_back_empty_is_filled_again(
    settings: Settings,
    changes: ChangesOnKafka,
    view: View,
    own_redis: EmbeddedRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await changes.write([changes.change(f"u{number}", "entered") for number in range(50)])
    async with running(create_app(settings)):
        await soon(lambda: members(view, "viewers", at_least=50))
        port = own_redis.port
        own_redis.stop()
        await changes.write([changes.change(f"u{number}", "exited") for number in range(20)])
        monkeypatch.setattr(app.embedded.server, "free_port", lambda: port)
        own_redis.start()
        await view.redis.connection_pool.disconnect()
        await soon(lambda: members(view, "viewers", at_least=30))
        await soon(lambda: is_count(view, 30))
        assert (await verify(settings, view)).right


async def test_one_that_throws_keys_away_is_refused(settings: Settings, view: View) -> None:
    await view.redis.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(UserError, match="allkeys-lru"):
        async with View(connect_redis(settings), prefix="x:", partitions=1):
            pytest.fail("it was opened")


async def test_verify_finds_what_is_wrong(settings: Settings, changes: ChangesOnKafka, view: View) -> None:
    await changes.write([changes.change("ann", "entered"), changes.change("ben", "entered", cart=1)])
    async with running(create_app(settings)):
        await soon(lambda: members(view, "viewers", at_least=2))
    report = await verify(settings, view)
    assert report.right
    assert (report.users, report.memberships) == (2, 2)
    await view.redis.hdel(view.keys.user("ann"), "viewers")
    await view.redis.zrem(view.keys.segment("viewers"), "ben")
    await view.redis.hset(view.keys.user("eve"), "viewers", '{"since":"2026-01-01T00:00:00.000Z"}')
    report = await verify(settings, view)
    assert set(report.wrong) == {"ann", "eve"}
    assert ("viewers", "ben") in report.unlisted


async def test_a_partition_that_was_never_begun_cannot_be_verified(settings: Settings, view: View) -> None:
    with pytest.raises(UserError, match="holds no memberships"):
        await verify(settings, view)


async def is_count(view: View, count: int) -> bool:
    return len(await members(view, "viewers")) == count


async def test_a_redis_that_was_filled_from_another_topic_cannot_be_verified(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    await changes.write([changes.change("ann", "entered")])
    await view.generation()
    for partition in range(PARTITIONS):
        await view.redis.hset(view.keys.projection, f"position:{partition}", "90")
    with pytest.raises(UserError, match="another topic"):
        await verify(settings, view)


async def test_what_is_made_anew_is_not_ready_because_it_was(settings: Settings, view: View) -> None:
    """`rebuild`, while a partition that has come to the end is about to say so."""
    before = await view.generation()
    await view.forget()
    with pytest.raises(ProjectionMovedError):
        await view.caught_up(before, 0)
    assert await view.state() == {}
    await view.redis.hset(view.keys.projection, "ready:0", "1")  # of an older version, which did not look
    assert await view.generation() != before
    assert "ready:0" not in await view.state()
    await view.caught_up(await view.generation(), 0)
    assert (await view.state())["ready:0"] == "1"
