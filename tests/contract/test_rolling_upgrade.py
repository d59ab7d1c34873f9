"""A group whose workers are replaced one after the other by those that know several keys of a person."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.catalogs.publishing import publish_catalog
from app.console.output import make_console
from app.events.instants import iso
from app.runtime.kafka.record_batch import Row
from app.runtime.records.envelope import POSITION_KEY, decode_profile
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.partition.position import CATALOG_KEY
from app.verification.job import Verification
from tables import profile as profiles
from tables.profile import FORMAT, FORMAT_OF_ONE_KEY
from tests.support.broker import Broker
from tests.support.shop import SHOAL, START_MS, Shop, WorkerProcess, record, soon

COUNTED = "attach:\n  n: count('Product Viewed')\nupdates: [n]\n"
BEFORE = {"viewers.yaml": f"segment: viewers\nwhen: count('Product Viewed') >= 1\n{COUNTED}"}
AFTER = BEFORE | {"identity.yaml": "follow: always\n"}
OLDER = ("-m", "tests.support.older_worker")
USERS = [f"u-{number}" for number in range(12)]


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    given = {"catalog": "topic"}
    made = Shop(broker, unique, tmp_path / "segments", partitions=4, given=given, definitions=BEFORE)
    await made.open()
    await publish(made, BEFORE)
    yield made
    await made.close()


async def publish(shop: Shop, files: Mapping[str, str]) -> None:
    catalog = load_catalog(files)
    await publish_catalog(shop.settings, catalog, files, published_ms=START_MS, write=True)


async def stored_formats(shop: Shop) -> set[int]:
    """The formats of all profiles as they were last written."""
    newest: dict[bytes, bytes | None] = {}
    for each in await shop.read_all(shop.settings.topics.profiles):
        if each.key not in (POSITION_KEY, CATALOG_KEY.encode()):
            newest[each.key] = decode_profile(each.value).profile
    return {profiles.decode(encoded).format for encoded in newest.values() if encoded is not None}


async def view_by_all(shop: Shop, turn: int) -> None:
    """One view of each user, and the change that it makes."""
    await shop.send([record(user, turn * 60_000, "Product Viewed", number=turn) for user in USERS])
    changes = await soon(partial(shop.changes, at_least=turn * len(USERS)))
    assert len(changes) == turn * len(USERS)
    assert counts_of(changes) == dict.fromkeys(USERS, turn)


def counts_of(changes: Iterable[dict[str, Any]]) -> dict[str, int]:
    """The count that each user was last told to have."""
    return {each["user"]: each["attach"]["n"] for each in changes if each["user"] in USERS}


def visit(device: str, number: int, **more: str) -> Row:
    at = iso(START_MS + 3_600_000 + number * 1_000)
    message = {"type": "track", "event": "Product Viewed", "anonymousId": device, "messageId": f"{device}-{number}"}
    said = message | {"timestamp": at, "receivedAt": at} | more
    return more.get("userId", device).encode(), json.dumps(said).encode(), []


@pytest.mark.long
@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_old_and_new_workers_go_together_until_identity_is_published(shop: Shop, tmp_path: Path) -> None:
    """Each reads what the other has written; the old one refuses `identity.yaml` and keeps the catalog before it."""
    workers: list[WorkerProcess] = []

    def start(name: str, code: Sequence[str] = SHOAL) -> WorkerProcess:
        worker = WorkerProcess(shop, log=tmp_path / f"{name}.log", given=["catalog=topic"], code=code)
        workers.append(worker)
        return worker

    try:
        old = start("old", OLDER)
        await view_by_all(shop, 1)
        first = start("new-1")
        await first.logged("assigned 2 of 4 partitions")
        await view_by_all(shop, 2)  # two partitions by the new one, on profiles of the old one
        first.kill()
        await old.logged("assigned 4 of 4 partitions", times=2)
        await view_by_all(shop, 3)  # by the old one, on profiles of both
        assert await stored_formats(shop) == {FORMAT_OF_ONE_KEY}
        second = start("new-2")
        await second.logged("assigned 2 of 4 partitions")
        await publish(shop, AFTER)
        await old.logged("published catalog cannot be used, the previous one stays")
        await second.logged("catalog", times=2)
        await view_by_all(shop, 4)  # each under its own catalog
        assert await old.terminate() == 0
        await second.logged("assigned 4 of 4 partitions")
        logins = [row for user in USERS for row in (visit(f"a-{user}", 0), visit(f"a-{user}", 1, userId=user))]
        await shop.send(logins)
        await soon(partial(has_merged, shop))
        assert await stored_formats(shop) == {FORMAT}
        compiled = [compile_catalog(load_catalog(each), shop.settings.time_rules) for each in (BEFORE, AFTER)]
        job = Verification(shop.settings, {each.version: each for each in compiled}, (), timeout_s=30)
        await job.run(make_console(stderr=True), exactly=False)
        assert job.result.equal, job.result.shown
        second.kill()
        await publish(shop, BEFORE)
        late = start("late", OLDER)
        await late.logged("a profile of format 3, but this version knows none above 2")
        assert await asyncio.to_thread(late.process.wait, 30) == 2
    finally:
        for worker in workers:
            worker.kill()


async def has_merged(shop: Shop) -> bool:
    """True if each user has the view of their device, and their own."""
    return counts_of(await shop.changes()) == dict.fromkeys(USERS, 6)
