"""The runtime where events wait for those before them: time, kills, another order, and what is computed again."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest

from app.catalogs.publishing import publish_catalog
from app.console.output import make_console
from app.main import create_app
from app.offline.backtest import FileRecord
from app.runtime.kafka.record_batch import Row
from app.runtime.records.journal import CatalogChange, IdleMove
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from app.segments.partition.partition import Partition
from app.verification.job import Verification
from tests.support.broker import Broker
from tests.support.shop import DEFINITIONS, HOUR_MS, START_MS, Shop, WorkerProcess, history, record, running, soon

TURNED = "segment: turned\nwhen: count(sequence('Product Viewed' then 'Product Added' within 10m) within 1h) >= 1\n"
PLAIN = DEFINITIONS | {"turned.yaml": TURNED}
WAIT_MS = 60_000
ORDERED = PLAIN | {SETTINGS_FILE: "order: {wait: 1m}\n"}
EVENTS = 2_500
END_MS = EVENTS * 20_000 + 48 * HOUR_MS
OVERTAKEN = [record("ann", 3_000, "Product Added", product_id="p"), record("ann", 1_000, "Product Viewed")]


@pytest.fixture
def given() -> dict[str, str]:
    return {"idle_clock": "off", "batch_records_max": "50"}


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path, given: dict[str, str]) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given=given, definitions=ORDERED)
    await made.open()
    yield made
    await made.close()


async def verified(shop: Shop, *definitions: Mapping[str, str]) -> Verification:
    """The job of `shoal verify`, done."""
    compiled = [compile_catalog(load_catalog(each), shop.settings.time_rules) for each in definitions]
    job = Verification(shop.settings, {each.version: each for each in compiled}, (), timeout_s=30)
    await job.run(make_console(stderr=True), exactly=False)
    return job


def in_order(rows: Iterable[Row], shop: Shop) -> dict[str, list[bytes]]:
    """Changes by user where no event waits, and all come in the order of their times."""
    program = compile_catalog(load_catalog(PLAIN), shop.settings.time_rules)
    found: dict[str, list[bytes]] = defaultdict(list)
    for number in range(shop.partitions):
        partition = Partition(program, shop.settings.time_rules)
        own = [row for row in rows if shop.partition_of(row) == number]
        records = [FileRecord(offset, -1, key, value) for offset, (key, value, _) in enumerate(own)]
        for batch in (partition.process(records), partition.advance(START_MS + END_MS)):
            for change in batch.changes:
                found[change.user].append(change.encode())
    return dict(found)


@pytest.mark.parametrize("given", [{"idle_clock_speed": "60"}])
async def test_the_idle_clock_lets_events_go_that_wait(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await shop.send(OVERTAKEN)
        changes = await soon(shop.changes, within_s=30)
    assert [(each["segment"], each["change"], each["at"][17:23]) for each in changes] == [
        ("turned", "entered", "03.000")
    ]
    assert changes[0]["cause"]["kind"] == "event"
    journal = await shop.journal(shop.partition_of(OVERTAKEN[0]))
    assert any(isinstance(entry, IdleMove) for entry in journal)
    assert await shop.agrees()
    assert (await verified(shop, ORDERED)).result.equal


@pytest.mark.long
async def test_shuffled_events_give_what_they_would_in_order_whatever_is_killed(shop: Shop, tmp_path: Path) -> None:
    rows = history(users=60, events=EVENTS)
    wanted = in_order(sorted(rows, key=_at), shop)
    chance = Random(5)
    shuffled = sorted(rows, key=lambda row: _at(row) + chance.uniform(0, WAIT_MS))
    assert shuffled != rows
    await shop.send(shuffled)
    log, some = tmp_path / "worker.log", ["pace=0ms"]
    if shop.broker.transactions:
        some.append("group_instance_id=one")
    for enough in (20, 100, 200):
        worker = WorkerProcess(shop, log=log, given=some)
        try:
            await soon(partial(shop.changes, at_least=enough), within_s=40)
        finally:
            worker.kill()
    worker = WorkerProcess(shop, log=log, given=some)
    try:
        await shop.settled(END_MS, within_s=60)
        assert await worker.terminate() == 0
    finally:
        worker.kill()
    assert await shop.written() == wanted
    changes = await shop.changes()
    if shop.broker.transactions:
        assert len({each["id"] for each in changes}) == len(changes)
    assert (await verified(shop, ORDERED)).result.equal


async def test_what_waits_is_restored(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await shop.send(OVERTAKEN)
        await soon(partial(_known, shop, b"ann"))
    assert await shop.changes() == []
    async with running(create_app(shop.settings)):
        await shop.end(2 * WAIT_MS)
        assert [each["segment"] for each in await soon(shop.changes)] == ["turned"]
    assert await shop.agrees()


@pytest.mark.parametrize("given", [{"idle_clock": "off", "catalog": "topic"}])
async def test_another_order_that_is_published_holds_for_what_waits_already(shop: Shop) -> None:
    longer = PLAIN | {SETTINGS_FILE: "order: {wait: 2m}\n"}
    await _publish(shop, ORDERED)
    async with running(create_app(shop.settings)):
        await shop.send(OVERTAKEN)
        await soon(partial(_known, shop, b"ann"))
        await _publish(shop, longer)
        await soon(partial(_runs, shop, longer))
        await shop.end(2 * WAIT_MS)
        await shop.send([record("bob", 2 * WAIT_MS, "Page Liked")])
        await soon(partial(_known, shop, b"bob"))
        assert await shop.changes() == [], "by the first wait the turn of all would have come"
        await _publish(shop, PLAIN)
        changes = await soon(shop.changes)
    assert [(each["segment"], each["change"], each["at"][17:23]) for each in changes] == [
        ("turned", "entered", "03.000")
    ]
    job = await verified(shop, ORDERED, longer, PLAIN)
    assert job.result.equal
    assert job.catalogs >= 2


def _at(row: Row) -> int:
    """The instant of an event of the history, in milliseconds after the start; it stands in the id of the message."""
    assert row[1] is not None
    return int(row[1].split(b'"messageId": "', 1)[1].split(b'"', 1)[0].split(b"-")[2])


async def _known(shop: Shop, user: bytes) -> bool:
    """True if a profile of the user was written."""
    return any(each.key == user for each in await shop.read_all(shop.settings.topics.profiles))


async def _publish(shop: Shop, files: Mapping[str, str]) -> None:
    await publish_catalog(shop.settings, load_catalog(files), files, published_ms=1, write=True)


async def _runs(shop: Shop, files: Mapping[str, str]) -> bool:
    """True if the partition that has a profile runs this catalog, as its journal says."""
    version = load_catalog(files).version
    journal = await shop.journal(shop.partition_of(OVERTAKEN[0]))
    return any(isinstance(entry, CatalogChange) and entry.version == version for entry in journal)
