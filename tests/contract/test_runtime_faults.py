"""The runtime when things go wrong: kills, moves, poison, lost writes."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest

from app.main import create_app
from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.delivery import Commit
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.records.envelope import POSITION_KEY
from app.runtime.records.journal import CatalogChange, Poisoned
from app.segments.partition.partition import RecordLike
from tests.support.broker import Broker
from tests.support.poison import MARK, FragilePartition
from tests.support.shop import HOUR_MS, MINUTE_MS, Shop, WorkerProcess, history, record, running, soon
from tests.support.waiting import eventually

EVENTS = 4_000
STARVED_TIMES = 40
END_MS = EVENTS * 20_000 + 48 * HOUR_MS


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path, held: Mapping[str, str]) -> AsyncIterator[Shop]:
    given = {"idle_clock": "off", "batch_records_max": "50", **held}
    made = Shop(broker, unique, tmp_path / "segments", given=given)
    await made.open()
    yield made
    await made.close()


@pytest.mark.long
async def test_a_worker_killed_half_way_goes_on_where_it_was(shop: Shop, tmp_path: Path) -> None:
    await shop.send(history(users=60, events=EVENTS))
    log = tmp_path / "worker.log"
    given = ["pace=0ms", "group_instance_id=one"] if shop.broker.transactions else ["pace=0ms"]
    for enough in (50, 250, 500):
        worker = WorkerProcess(shop, log=log, given=given)
        try:
            await soon(partial(shop.changes, at_least=enough), within_s=30)
        finally:
            worker.kill()
    worker = WorkerProcess(shop, log=log, given=given)
    try:
        await shop.settled(END_MS)
        assert await worker.terminate() == 0
    finally:
        worker.kill()
    await _none_is_repeated_with_transactions(shop)


async def test_partitions_move_between_workers_with_their_state(shop: Shop, tmp_path: Path) -> None:
    rows = history(users=60, events=EVENTS)
    first = WorkerProcess(shop, log=tmp_path / "first.log")
    second: WorkerProcess | None = None
    try:
        await first.logged("reads from offset", times=2)
        await shop.send(rows[:1_500])
        await soon(partial(shop.changes, at_least=100), within_s=30)
        second = WorkerProcess(shop, log=tmp_path / "second.log")
        await second.logged("reads from offset", times=1)
        await shop.send(rows[1_500:3_000])
        await soon(partial(shop.changes, at_least=500), within_s=30)
        assert await first.terminate() == 0
        await second.logged("reads from offset", times=2)
        await shop.send(rows[3_000:])
        await shop.settled(END_MS)
    finally:
        first.kill()
        if second is not None:
            second.kill()
    await _none_is_repeated_with_transactions(shop)


async def test_a_record_that_no_attempt_can_process_goes_to_the_dead_letters(shop: Shop) -> None:
    class Always(FragilePartition):
        pass

    rows = history(users=20, events=400)
    rows.insert(200, record("ann", 200 * 20_000, MARK.decode()))
    await shop.send(rows)
    app = create_app(
        shop.settings, program=shop.program, new_partition=lambda: Always(shop.program, shop.settings.time_rules)
    )
    async with running(app):
        dead = await soon(lambda: shop.read_all(shop.settings.topics.dead_letters), within_s=30)
        await shop.settled(END_MS)
    assert len(dead) == 1
    assert MARK in dead[0].value
    headers = dict(dead[0].headers)
    assert headers["shoal-reason"] == b"poison"
    assert b"cannot digest this" in headers["shoal-detail"]
    assert headers["shoal-source-topic"].decode() == shop.settings.topics.clickstream
    assert app.metrics.value("shoal_dead_letters_total", reason="poison") == 1
    partition = int(headers["shoal-source-partition"])
    journal = [entry for entry in await shop.journal(partition) if not isinstance(entry, CatalogChange)]
    assert [type(entry) for entry in journal] == [Poisoned]
    tries = Always.failures
    again = create_app(
        shop.settings, program=shop.program, new_partition=lambda: Always(shop.program, shop.settings.time_rules)
    )
    async with running(again):
        await shop.settled(END_MS + HOUR_MS)
    assert Always.failures == tries


async def test_an_exception_that_passes_costs_nothing(shop: Shop) -> None:
    class Once(FragilePartition):
        times = 2

    rows = history(users=20, events=400)
    rows.insert(200, record("ann", 200 * 20_000, MARK.decode()))
    await shop.send(rows)
    app = create_app(
        shop.settings, program=shop.program, new_partition=lambda: Once(shop.program, shop.settings.time_rules)
    )
    async with running(app):
        await shop.settled(END_MS)
    assert await shop.read_all(shop.settings.topics.dead_letters) == []
    assert Once.failures == 2


class Starved(FragilePartition):
    """Has no memory left, for a while, at any record."""

    starved = 0

    def _checked(self, records: Iterable[RecordLike]) -> Iterable[RecordLike]:
        cls = type(self)
        for each in records:
            if 0 < cls.starved < STARVED_TIMES:
                cls.starved += 1
                raise MemoryError
            yield each


async def test_a_machine_without_memory_condemns_no_record(shop: Shop) -> None:
    """There are enough failures to cut batches down to one record and to condemn several."""
    settings = replace(shop.settings, poison_tries=1, retry_wait_max_ms=100)
    Starved.starved = 1
    await shop.send(history(users=20, events=400))
    app = create_app(
        settings, program=shop.program, new_partition=lambda: Starved(shop.program, shop.settings.time_rules)
    )
    async with running(app):
        await eventually(lambda: Starved.starved == STARVED_TIMES, within_s=30)
        await shop.settled(END_MS)
    assert await shop.read_all(shop.settings.topics.dead_letters) == []


class FailingDelivery(AtLeastOnce):
    """Fails now and then, before one of the groups of writes of changes: as if the worker had died there."""

    points = ("announced", "profiles", "changes", "position")
    commits = 0
    deaths: ClassVar[list[str]] = []

    async def commit(self, commit: Commit) -> None:
        """Writes some of it."""
        cls = type(self)
        cls.commits += bool(commit.changes)
        if not commit.changes or cls.commits % 3:
            await super().commit(commit)
            return
        point = self.points[len(cls.deaths) % 4]
        cls.deaths.append(point)
        partial = Commit(next_offset=commit.next_offset)
        for group in self.points[: self.points.index(point)]:
            setattr(partial, group, getattr(commit, group))
        if point == "profiles" and len(commit.profiles) > 1:
            partial.profiles = commit.profiles[: len(commit.profiles) // 2]
        await super().commit(partial)
        raise ConnectionError(f"died before {point}")


async def test_every_point_of_death_between_two_writes_is_survived(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.application.AtLeastOnce", FailingDelivery)
    monkeypatch.setattr(FailingDelivery, "deaths", [])
    settings = shop.given | {"batch_records_max": "20", "delivery": "at-least-once"}
    await shop.send(history(users=10, events=1_000))
    app = create_app(Shop(shop.broker, shop.name, shop.folder, given=settings).settings)
    async with running(app):
        await shop.settled(END_MS, within_s=60)
    ids = [each["id"] for each in await shop.changes()]
    assert len(ids) > len(set(ids)), "changes beyond the position are sent again"
    assert set(FailingDelivery.deaths) == set(FailingDelivery.points)


async def test_profiles_ahead_of_the_position_skip_what_they_have_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NeverAPosition(AtLeastOnce):
        async def commit(self, commit: Commit) -> None:
            await super().commit(Commit(next_offset=commit.next_offset, profiles=commit.profiles))
            raise ConnectionError("died before the changes")

    rows = [record(f"u-{n % 7}", n * MINUTE_MS, "Product Viewed", number=n) for n in range(60)]
    await shop.send(rows)
    with monkeypatch.context() as patch:
        patch.setattr("app.runtime.application.AtLeastOnce", NeverAPosition)
        settings = shop.given | {"delivery": "at-least-once"}
        app = create_app(Shop(shop.broker, shop.name, shop.folder, given=settings).settings)
        await app.start()
        try:
            await eventually(lambda: app.metrics.value("shoal_reopened_total", partition="0") >= 2, within_s=20)
        finally:
            await app.stop()
    keys = {each.key for each in await shop.read_all(shop.settings.topics.profiles)}
    assert POSITION_KEY not in keys
    async with running(create_app(shop.settings)):
        await shop.settled(END_MS)


@pytest.mark.parametrize("store", ["memory", "disk"])
async def test_a_transaction_is_all_or_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubtful(ExactlyOnce):
        commits = 0

        async def commit(self, commit: Commit) -> None:
            """Now and then the connection is lost before the end, or after it."""
            cls = type(self)
            cls.commits += 1
            if cls.commits % 6 == 0:
                await super().commit(commit)
                raise ConnectionError("lost after the end")
            if cls.commits % 6 == 3:
                await self._writer.producer.begin_transaction()
                await self._writer.write([(self._changelog, commit.profiles), *commit.changes])
                raise ConnectionError("lost before the end")
            await super().commit(commit)

    if not shop.broker.transactions:
        pytest.skip("this broker has no transactions")
    monkeypatch.setattr("app.runtime.application.ExactlyOnce", Doubtful)
    await shop.send(history(users=10, events=1_000))
    async with running(create_app(shop.settings)):
        await shop.settled(END_MS, within_s=60)
    assert Doubtful.commits > 12
    await _none_is_repeated_with_transactions(shop)


async def _none_is_repeated_with_transactions(shop: Shop) -> None:
    if shop.broker.transactions:
        ids = [each["id"] for each in await shop.changes()]
        assert len(ids) == len(set(ids))
