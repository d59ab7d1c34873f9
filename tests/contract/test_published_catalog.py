"""A catalog is published while a worker runs: it takes effect without a restart, once for everyone."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError

from app.catalogs.publishing import publish_catalog, published_catalog
from app.errors import UserError
from app.main import create_app
from app.runtime.records.journal import CatalogChange
from app.runtime.records.published_catalog import Published
from app.segments.definitions.catalog import load_catalog
from tests.support.broker import Broker
from tests.support.shop import DEFINITIONS, MINUTE_MS, Shop, record, running, soon
from tests.support.waiting import eventually

STRICTER = {
    "viewers.yaml": (
        "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2 and exists('Tea Poured')\ntopic: true\n"
    )
}
TEA = {"drinkers.yaml": "segment: drinkers\nwhen: exists('Tea Poured')\ntopic: true\n"}


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path, held: Mapping[str, str]) -> AsyncIterator[Shop]:
    given = {"idle_clock": "off", "catalog": "topic", **held}
    made = Shop(broker, unique, tmp_path / "segments", given=given)
    await made.open()
    yield made
    await made.close()


async def publish(shop: Shop, files: Mapping[str, str]) -> str:
    catalog = load_catalog(files)
    await publish_catalog(shop.settings, catalog, files, published_ms=1, write=True)
    return catalog.version


async def taken_over(shop: Shop, version: str) -> bool:
    """True if the partition that has a profile says in its journal that it runs this catalog."""
    entries = [entry for number in range(shop.partitions) for entry in await shop.journal(number)]
    return any(isinstance(entry, CatalogChange) and entry.version == version for entry in entries)


async def test_a_worker_takes_over_what_is_published_and_keeps_the_history(shop: Shop) -> None:
    await publish(shop, DEFINITIONS)
    async with running(create_app(shop.settings)):
        await shop.send([record("ann", n * MINUTE_MS, "Product Viewed", number=n) for n in range(3)])
        await soon(shop.changes)
        version = await publish(shop, STRICTER | TEA)
        await soon(partial(taken_over, shop, version))
        await shop.send([record("ann", 5 * MINUTE_MS, "Tea Poured")])
        changes = await soon(partial(shop.changes, at_least=4))
    assert [(each["segment"], each["change"], each["cause"]["kind"]) for each in changes] == [
        ("viewers", "entered", "event"),
        ("viewers", "exited", "catalog"),
        ("drinkers", "entered", "event"),
        ("viewers", "entered", "event"),
    ]
    assert len(await shop.read_all(shop.settings.topics.segment("drinkers"))) == 1


@pytest.mark.parametrize("store", ["memory", "disk"])
async def test_a_worker_that_was_away_takes_over_when_it_comes_back(shop: Shop) -> None:
    await publish(shop, DEFINITIONS)
    async with running(create_app(shop.settings)):
        await shop.send([record("ann", n * MINUTE_MS, "Product Viewed", number=n) for n in range(3)])
        await soon(shop.changes)
    await publish(shop, TEA)
    async with running(create_app(shop.settings)):
        changes = await soon(partial(shop.changes, at_least=2))
    assert [(each["segment"], each["change"], each["cause"]["kind"]) for each in changes] == [
        ("viewers", "entered", "event"),
        ("viewers", "exited", "catalog"),
    ]


async def test_what_is_published_can_be_read_back_and_published_again_changes_nothing(shop: Shop) -> None:
    assert await published_catalog(shop.settings) is None
    version = await publish(shop, DEFINITIONS)
    found = await published_catalog(shop.settings)
    assert found is not None
    assert (found.catalog.version, dict(found.files)) == (version, DEFINITIONS)
    catalog = load_catalog(DEFINITIONS)
    again = await publish_catalog(shop.settings, catalog, DEFINITIONS, published_ms=2, write=True)
    assert again.changes.nothing
    unchanged = await published_catalog(shop.settings)
    assert unchanged is not None
    assert unchanged.publication.published_ms == 1


async def test_a_worker_without_a_published_catalog_says_what_to_do(shop: Shop) -> None:
    app = create_app(shop.settings)
    object.__setattr__(shop.settings, "start_timeout_ms", 500)
    with pytest.raises(UserError, match="no definitions are published") as error:
        await app.on_first_start()
    assert error.value.hint == "publish some: shoal publish DIR"


async def test_a_worker_refuses_what_goes_beyond_its_rules_until_other_definitions_are_published(shop: Shop) -> None:
    await publish(shop, {"patient.yaml": "segment: patient\nwhen: exists('Tea Poured' within 500d)\n"})
    with pytest.raises(UserError, match="cannot be used here") as error:
        await create_app(shop.settings).on_first_start()
    assert "within 500d is longer than users are remembered" in (error.value.detail or "")
    await publish(shop, TEA)
    async with running(create_app(shop.settings)):
        await shop.send([record("ann", 0, "Tea Poured")])
        assert [each["segment"] for each in await soon(shop.changes)] == ["drinkers"]


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
@pytest.mark.parametrize("error", [KafkaConnectionError("away"), MemoryError()], ids=repr)
async def test_a_publication_that_a_worker_could_not_take_over_at_first_is_taken_over_later(
    shop: Shop, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(shop, DEFINITIONS)
    settings = replace(shop.settings, retry_wait_max_ms=100)
    async with running(create_app(settings)) as app:
        take_over, failed = app._take_over, False

        async def fail_once(published: Published) -> None:
            nonlocal failed
            if not failed:
                failed = True
                raise error
            await take_over(published)

        monkeypatch.setattr(app, "_take_over", fail_once)
        app._following.cancel()
        app._following = asyncio.create_task(app._follow_catalog(app._follower))
        version = await publish(shop, STRICTER | TEA)
        await eventually(lambda: app.program.version == version, within_s=20)
    assert failed
