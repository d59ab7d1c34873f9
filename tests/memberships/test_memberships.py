"""`shoal memberships run`: changes on a broker become memberships in Redis, whatever happens to Redis."""

import pytest

from agents.memberships import create_app
from app.memberships.membership_view import View
from app.settings import Settings
from tests.memberships.changes import START_MS, ChangesOnKafka
from tests.memberships.looking import members, memberships
from tests.support.shop import running, soon
from tests.support.waiting import eventually

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


async def test_who_enters_is_there_and_who_leaves_is_not(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    await changes.write(
        [
            changes.change("ann", "entered", cart=20),
            changes.change("ben", "entered"),
            changes.change("ann", "entered", "buyers"),
            changes.change("ben", "exited"),
        ]
    )
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ann", at_least=2))
    found = await memberships(view, "ann")
    assert set(found) == {"viewers", "buyers"}
    assert found["viewers"]["attach"] == {"cart": 20}
    assert found["viewers"]["since"] == "2026-01-01T00:00:01.000Z"
    assert await memberships(view, "ben") == {}
    assert await members(view, "viewers") == {"ann": START_MS + 1_000}


@EMBEDDED
async def test_an_update_keeps_since_and_changes_the_rest(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    await changes.write([changes.change("ann", "entered", cart=20), changes.change("ann", "updated", cart=30)])
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ann"))
    entry = (await memberships(view, "ann"))["viewers"]
    assert entry["attach"] == {"cart": 30}
    assert entry["since"] == "2026-01-01T00:00:01.000Z"
    assert await members(view, "viewers") == {"ann": START_MS + 1_000}


@EMBEDDED
async def test_repeats_and_stale_changes_change_nothing(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    entered, exited = changes.change("ann", "entered"), changes.change("ann", "exited")
    await changes.write([entered, exited, entered, exited, entered, changes.change("ben", "entered")])
    app = create_app(settings)
    async with running(app):
        await soon(lambda: memberships(view, "ben"))
        await eventually(lambda: app.metrics.value("shoal_membership_changes_total", outcome="repeated") == 3)
    assert await memberships(view, "ann") == {}
    assert await members(view, "viewers") == {"ben": START_MS + 1_000}


@EMBEDDED
async def test_what_is_no_change_is_passed_over(settings: Settings, changes: ChangesOnKafka, view: View) -> None:
    entered = changes.change("ann", "entered")
    await changes.write_raw([(b"ann", b"{", []), (b"ann", None, []), (b"ann", b'{"user":"ann"}', [])])
    await changes.write([entered])
    app = create_app(settings)
    async with running(app):
        await soon(lambda: memberships(view, "ann"))
    assert app.metrics.value("shoal_membership_changes_total", outcome="unreadable") == 2


async def test_goes_on_where_it_was(settings: Settings, changes: ChangesOnKafka, view: View) -> None:
    await changes.write([changes.change("ann", "entered")])
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ann"))
    await changes.write([changes.change("ann", "entered", "buyers"), changes.change("ben", "entered")])
    app = create_app(settings)
    async with running(app):
        await soon(lambda: memberships(view, "ben"))
        await soon(lambda: memberships(view, "ann", at_least=2))
        assert app.metrics.value("shoal_membership_changes_total", outcome="applied") == 2


async def test_an_emptied_redis_is_noticed_and_filled_again(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    await changes.write([changes.change("ann", "entered"), changes.change("ben", "entered")])
    app = create_app(settings)
    async with running(app):
        await soon(lambda: members(view, "viewers", at_least=2))
        await view.redis.delete(*await view.redis.keys(f"{settings.redis_prefix}*"))
        await soon(lambda: members(view, "viewers", at_least=2))
        await changes.write([changes.change("ann", "exited")])
        await soon(lambda: view_is(view, "viewers", {"ben"}))


@EMBEDDED
async def test_a_redis_that_comes_back_as_it_was_before_is_brought_up_to_date(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    keep = ("memberships", "user:ann", "segment:viewers", "sequence:ann")
    await changes.write([changes.change("ann", "entered")])
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ann"))
        dumps = {name: await view.redis.dump(settings.redis_prefix + name) for name in keep}
        await changes.write([changes.change("ann", "entered", "buyers")])
        await soon(lambda: memberships(view, "ann", at_least=2))
        everything = await view.redis.keys(f"{settings.redis_prefix}*")
        async with view.redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(*everything)
            for name, dump in dumps.items():
                assert dump is not None
                pipeline.restore(settings.redis_prefix + name, 0, dump)
            await pipeline.execute()
        await soon(lambda: memberships(view, "ann", at_least=2))


async def view_is(view: View, segment: str, users: set[str]) -> bool:
    return set(await members(view, segment)) == users
