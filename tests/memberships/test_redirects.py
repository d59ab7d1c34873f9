"""Keys that have moved to a user, in Redis: `shoal memberships run` follows the topic of identity events."""

from dataclasses import replace

import pytest

from agents.memberships import create_app
from app.memberships.membership_view import View
from app.memberships.redirects import lane_of
from app.memberships.verification import verify
from app.runtime.kafka.record_batch import Row
from app.runtime.records.identity_events import encode_identity
from app.segments.evaluation.batch import Linked
from app.settings import Settings
from tests.memberships.changes import START_MS, ChangesOnKafka
from tests.support.partitions import partition_of
from tests.support.shop import running, soon

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


class Claims:
    """Writes identity events as a worker does: the key is the user, the partition that of the id."""

    def __init__(self, changes: ChangesOnKafka) -> None:
        self._changes = changes

    async def tell(self, *events: tuple[str, str, str]) -> None:
        """Each: the id, the user, the result."""
        settings = self._changes.settings
        for key, user, result in events:
            linked = Linked("41f187c2ef8352d998ffac9c", key, user, START_MS, "seen", result)
            row: Row = (user.encode(), encode_identity(linked), [])
            number = partition_of(key.encode(), settings.partitions)
            await self._changes.write_to(number, settings.topics.identity, [row])


@pytest.fixture
def claims(changes: ChangesOnKafka) -> Claims:
    return Claims(changes)


async def moved(view: View, *keys: str) -> dict[str, str]:
    found = [(key, await view.redis.get(view.keys.moved(key))) for key in keys]
    return {key: value.decode() for key, value in found if isinstance(value, bytes)}


async def is_moved(view: View, expected: dict[str, str]) -> bool:
    return await moved(view, "a-1", "a-2", "a-3", "a-4") == expected


async def test_a_key_that_moves_has_an_alias_until_it_is_its_own_again(
    settings: Settings, claims: Claims, view: View
) -> None:
    await claims.tell(
        ("a-1", "ann", "given"),
        ("a-2", "ann", "empty"),
        ("a-2", "ann", "released"),
        ("a-3", "ann", "empty"),
        ("a-3", "ann", "lost"),
        ("a-3", "ben", "empty"),
        ("a-3", "cat", "refused:shared"),
        ("a-4", "ann", "given"),
        ("a-4", "ann", "ended"),
    )
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "ann", "a-3": "ben"}))
        await claims.tell(("a-3", "ben", "lost"), ("a-3", "cat", "refused:shared"), ("a-1", "ann", "ended"))
        await soon(lambda: is_moved(view, {}))


@EMBEDDED
async def test_repeated_records_end_in_what_the_last_one_says(settings: Settings, claims: Claims, view: View) -> None:
    told = [("a-1", "ann", "given"), ("a-1", "ann", "lost"), ("a-1", "ben", "empty")]
    await claims.tell(*told, ("a-2", "ann", "given"), *told[:2], ("a-2", "ann", "released"), *told)
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "ben"}))


@EMBEDDED
async def test_a_restart_goes_on_where_it_was(settings: Settings, claims: Claims, view: View) -> None:
    await claims.tell(("a-1", "ann", "given"), ("a-2", "ann", "given"))
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "ann", "a-2": "ann"}))
    await view.redis.set(view.keys.moved("a-1"), "somebody")
    await claims.tell(("a-2", "ann", "released"))
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "somebody"}))


@EMBEDDED
async def test_verify_finds_keys_that_are_not_where_they_have_moved(
    settings: Settings, claims: Claims, view: View
) -> None:
    await claims.tell(("a-1", "ann", "given"), ("a-2", "ann", "given"), ("a-3", "ben", "empty"), ("a-3", "ben", "lost"))
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "ann", "a-2": "ann"}))
    report = await verify(settings, view)
    assert (report.right, report.moved) == (True, 2)
    await view.redis.set(view.keys.moved("a-1"), "somebody")
    await view.redis.delete(view.keys.moved("a-2"))
    await view.redis.set(view.keys.moved("a-4"), "ben")
    report = await verify(settings, view)
    assert not report.right
    assert report.astray == {"a-1": ("somebody", "ann"), "a-2": (None, "ann"), "a-4": ("ben", None)}


@EMBEDDED
async def test_an_emptied_redis_gets_its_aliases_again(settings: Settings, claims: Claims, view: View) -> None:
    await claims.tell(("a-1", "ann", "given"))
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "ann"}))
        await view.redis.delete(*await view.redis.keys(f"{settings.redis_prefix}*"))
        await soon(lambda: is_moved(view, {"a-1": "ann"}))


@EMBEDDED
async def test_a_projection_of_an_earlier_version_gets_its_aliases(
    settings: Settings, claims: Claims, changes: ChangesOnKafka, view: View
) -> None:
    await changes.write([changes.change("ann", "entered")])
    async with running(create_app(settings)):
        await soon(lambda: view.redis.exists(view.keys.user("ann")))
    for number in range(settings.partitions):
        await view.redis.hdel(view.keys.projection, f"position:{lane_of(number)}")
    generation = (await view.state())["generation"]
    await claims.tell(("a-1", "ann", "given"))
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "ann"}))
    assert (await view.state())["generation"] == generation, "nothing is rebuilt"


@EMBEDDED
async def test_what_is_no_identity_event_is_passed_over(
    settings: Settings, claims: Claims, changes: ChangesOnKafka, view: View
) -> None:
    number = partition_of(b"a-1", settings.partitions)
    bad: list[Row] = [(b"u", b"{", []), (b"u", None, []), (b"u", b'{"from":"a-1"}', [])]
    await changes.write_to(number, settings.topics.identity, bad)
    await claims.tell(("a-1", "ann", "given"))
    async with running(create_app(settings)):
        await soon(lambda: is_moved(view, {"a-1": "ann"}))


@EMBEDDED
async def test_clearing_takes_the_aliases_along(settings: Settings, claims: Claims, view: View) -> None:
    await view.redis.set(view.keys.moved("a-9"), "nobody")
    await claims.tell(("a-1", "ann", "given"))
    async with running(create_app(replace(settings))):
        await soon(lambda: is_moved(view, {"a-1": "ann"}))
    assert await moved(view, "a-9") == {}
