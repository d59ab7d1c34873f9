"""`shoal census` on a deployment at work: all users are counted, whatever dies; segments compare with the numbers."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.console.output import make_console
from app.events.instants import iso
from app.main import create_app
from app.population.census_coordinator import CensusCoordinator
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.runtime.records.population_events import Begun, Counted, Result, counted_of, read_population
from app.segments.evaluation.batch import UserCount
from app.verification.job import Verification
from app.verification.snapshot import SnapshotJob
from app.verification.snapshot_file import Snapshot
from tests.support.broker import Broker
from tests.support.shop import SHOAL, START_MS, Shop, running, soon
from tests.support.waiting import eventually

TOP = "sum(revenue of 'Order Completed')"
DEFINITIONS = {
    "top.yaml": f"segment: top\nenter: {TOP} >= top(10%)\nexit: {TOP} < top(20%)\n",
    "large.yaml": "segment: large\nwhen: segment_size('buyers') >= 40 and exists('Order Completed')\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed')\n",
}
USERS = 40


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, definitions=DEFINITIONS)
    await made.open()
    yield made
    await made.close()


def order(number: int, revenue: int) -> Row:
    said = {
        "type": "track",
        "event": "Order Completed",
        "userId": f"u{number}",
        "timestamp": iso(START_MS + number),
        "messageId": f"m{number}-{revenue}",
        "properties": {"revenue": revenue},
    }
    return f"u{number}".encode(), json.dumps(said).encode(), []


async def events(shop: Shop) -> list[Any]:
    return [read_population(record.value) for record in await shop.read(shop.settings.topics.population, 0)]


async def inside(shop: Shop, segment: str) -> set[str]:
    found: set[str] = set()
    for change in await shop.changes():
        if change["segment"] == segment:
            (found.add if change["change"] == "entered" else found.discard)(change["user"])
    return found


async def test_users_enter_by_a_census_and_verify_knows_it(shop: Shop, tmp_path: Path) -> None:
    async with running(create_app(shop.settings)):
        await shop.send([order(number, number) for number in range(1, USERS + 1)])
        await soon(lambda: _counts(shop, "buyers", USERS))
        assert not await inside(shop, "top")
        coordinator = CensusCoordinator(shop.settings)
        await asyncio.wait_for(coordinator.run(once=True), 60)
        result = coordinator.ledger.result
        assert result is not None
        assert result.numbers[f"top(10%) of {TOP}"] == 37
        assert result.numbers[f"top(20%) of {TOP}"] == 33
        assert result.numbers["segment_size('buyers')"] == USERS
        await soon(lambda: _counts(shop, "top", 4))
        await soon(lambda: _counts(shop, "large", USERS))
        assert await inside(shop, "top") == {"u37", "u38", "u39", "u40"}
        change = next(each for each in await shop.changes() if each["segment"] == "top")
        assert change["cause"] == {"kind": "population", "census": result.census}
        assert change["evidence"][0]["threshold"] == 37
        await shop.send([order(1, 50), order(2, 10)])  # between two censuses the number stands
        await soon(lambda: _counts(shop, "top", 5))
        assert "u1" in await inside(shop, "top")
        await SnapshotJob(shop.settings, tmp_path / "between", timeout_s=60).run(make_console(stderr=True))
        await asyncio.wait_for(CensusCoordinator(shop.settings).run(once=True), 60)
    kinds = [type(event) for event in await events(shop)]
    assert kinds == [Begun, Counted, Counted, Counted, Result] * 2
    async with running(create_app(shop.settings)):  # restored, with the numbers
        await shop.send([order(3, 35)])
        await soon(lambda: _has(shop, "top", "u3"))
    await verified(shop)
    await verified(shop, since=Snapshot(tmp_path / "between"))


async def test_verify_finds_a_partition_that_has_counted_wrongly(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def miscounted(count: UserCount, *, partition: int) -> Counted:
        counted = counted_of(count, partition=partition)
        wrong = {name: users + 1 for name, users in counted.members.items()}
        return msgspec.structs.replace(counted, members=wrong) if partition == 1 else counted

    monkeypatch.setattr("app.runtime.delivery.commit.counted_of", miscounted)
    async with running(create_app(shop.settings)):
        await shop.send([order(number, number) for number in range(1, USERS + 1)])
        await soon(lambda: _counts(shop, "buyers", USERS))
        coordinator = CensusCoordinator(shop.settings)
        await asyncio.wait_for(coordinator.run(once=True), 60)
        result = coordinator.ledger.result
        assert result is not None
        assert result.numbers["segment_size('buyers')"] == USERS + 1
        await soon(lambda: _counts(shop, "large", USERS))
    job = await verification(shop)
    assert job.counted == shop.partitions
    name, first = f"census {result.census}", job.result.shown[0]
    # Without transactions the result is that of the counts which are there, since a partition may count twice.
    follows = [name, *(f"partition {number} in {name}" for number in range(shop.partitions))]
    places = [each.place for each in job.result.shown]
    assert places == [f"partition 1 in {name}", *(follows if shop.broker.transactions else ())]
    assert first.kind == "different"
    assert first.said.startswith("the count is wrong: users in buyers: expected ")


async def verification(shop: Shop, *, since: Snapshot | None = None) -> Verification:
    """A comparison of all that workers have written with what the records and the journal demand."""
    job = Verification(shop.settings, {shop.program.version: shop.program}, (), timeout_s=60, since=since)
    await job.run(make_console(stderr=True), exactly=False)
    return job


async def verified(shop: Shop, *, since: Snapshot | None = None) -> None:
    """Checks that workers have written what the records and the journal demand, counts of censuses among it."""
    job = await verification(shop, since=since)
    assert job.result.equal, job.result.shown
    assert job.counted >= shop.partitions


async def _counts(shop: Shop, segment: str, users: int) -> bool:
    return len(await inside(shop, segment)) == users


async def _has(shop: Shop, segment: str, user: str) -> bool:
    return user in await inside(shop, segment)


DIES = """
import os, sys
from app.cli.main import main
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.closing import Producer
dies, writes = int(sys.argv.pop(1)), 0
write_to = LogWriter.write_to
async def dying(self, rows):
    global writes
    writes += 1
    rows = list(rows)
    if writes == dies:
        await write_to(self, rows[: len(rows) // 2])
        os._exit(9)
    await write_to(self, rows)
LogWriter.write_to = dying
sys.exit(main())
"""


@pytest.mark.long
async def test_a_coordinator_that_dies_in_any_step_leaves_no_census_with_two_results(shop: Shop) -> None:
    words = ["census", "once", "--broker", shop.settings.kafka_bootstrap_servers, "--app-id", shop.settings.app_id]
    words += ["--set", f"topic_prefix={shop.settings.topic_prefix}"]
    async with running(create_app(shop.settings)):
        await shop.send([order(number, number) for number in range(1, USERS + 1)])
        await soon(lambda: _counts(shop, "buyers", USERS))
        for dies in (1, 2, 1, 2):
            died = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", DIES, str(dies), *words])
            assert died.returncode in (0, 9)
            await shop.send([order(dies, 3)])
        done = await asyncio.to_thread(subprocess.run, [sys.executable, *SHOAL, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert f"top(10%) of {TOP}" in done.stdout
        await soon(lambda: _counts(shop, "large", USERS))
    results: dict[int, list[Any]] = {}
    for event in await events(shop):
        if isinstance(event, Result):
            results.setdefault(event.census, []).append(event.numbers)
    assert results
    for found in results.values():
        assert len(found) == 1 or not shop.broker.transactions
        assert all(each == found[0] for each in found)
    await verified(shop)


async def test_a_second_coordinator_ends_the_first(shop: Shop) -> None:
    if not shop.broker.transactions:
        pytest.skip("without transactions nothing is fenced")
    first = CensusCoordinator(shop.settings)
    running_first = asyncio.ensure_future(first.run())
    await eventually(lambda: first.ledger.begun is not None, within_s=60, what="a census begins")
    second = LogWriter(shop.settings, partition=0, transactional_id=f"{shop.settings.app_id}-census")
    await second.open()
    async with running(create_app(shop.settings)):
        with pytest.raises(Exception, match="another shoal census"):
            await asyncio.wait_for(running_first, 60)
    await second.close()
