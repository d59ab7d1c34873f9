"""`shoal snapshot` and `shoal verify --since`: on both brokers, under load, and after retention."""

import json
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from app.console.output import make_console
from app.errors import UserError
from app.main import create_app
from app.runtime.kafka.record_batch import Row
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE
from app.settings import Settings
from app.verification.job import Verification
from app.verification.snapshot import SnapshotJob
from app.verification.snapshot_file import Snapshot
from tests.support.broker import Broker
from tests.support.shop import DEFINITIONS, Shop, WorkerProcess, history, running, soon

EVENTS = 1_500
END_MS = EVENTS * 20_000 + 48 * 3_600_000
WITH_LOGINS = DEFINITIONS | {IDENTITY_FILE: "{}\n"}


@pytest.fixture
def definitions() -> Mapping[str, str]:
    return DEFINITIONS


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path, definitions: Mapping[str, str]) -> AsyncIterator[Shop]:
    given = {"idle_clock": "off", "batch_records_max": "50"}
    made = Shop(broker, unique, tmp_path / "segments", given=given, definitions=definitions)
    await made.open()
    yield made
    await made.close()


async def snapshot_of(shop: Shop, path: Path) -> Snapshot:
    await SnapshotJob(shop.settings, path, timeout_s=30).run(make_console(stderr=True))
    return Snapshot(path)


async def verified(
    shop: Shop, since: Snapshot | None, *definitions: Mapping[str, str], settings: Settings | None = None
) -> Verification:
    """The job of `shoal verify`, done."""
    rules = shop.settings.time_rules
    compiled = [compile_catalog(load_catalog(each), rules) for each in definitions or [shop.definitions]]
    programs = {each.version: each for each in compiled}
    job = Verification(settings or shop.settings, programs, (), timeout_s=5, since=since)
    await job.run(make_console(stderr=True), exactly=False)
    return job


async def forget(shop: Shop, topic: str, offsets: Mapping[int, int]) -> None:
    """Deletes the beginning of each partition, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.broker.bootstrap_servers)
    await admin.start()
    try:
        gone = {TopicPartition(topic, number): RecordsToDelete(before_offset=at) for number, at in offsets.items()}
        await admin.delete_records(gone)
    finally:
        await admin.close()


async def forget_before(shop: Shop, snapshot: Snapshot) -> None:
    """Deletes all that `verify --since` does not need."""
    topics = shop.settings.topics
    places, ends = snapshot.places, snapshot.ends
    firsts = {each.partition: min(each.offset, ends.clickstream[each.partition].first) for each in places}
    await forget(shop, topics.clickstream, firsts)
    await forget(shop, topics.changes, {number: span.first for number, span in enumerate(ends.changes)})
    await forget(shop, topics.journal, {each.partition: each.journal_end for each in places})


async def handed_in(shop: Shop, rows: list[Row]) -> None:
    """Sends records, and waits until the workers have taken them."""
    await shop.send(rows)
    await shop.settled(END_MS, within_s=60)


def logins(rows: list[Row]) -> list[Row]:
    """Each third event is of a visitor, and some of the others carry the visitor's id."""
    chance = Random(3)
    told: list[Row] = []
    for number, (key, value, headers) in enumerate(rows):
        assert key is not None
        assert value is not None
        event, visitor = json.loads(value), "v-" + key.decode()
        if number % 3 == 0:
            del event["userId"]
            event["anonymousId"] = visitor
            key = visitor.encode()
        elif chance.random() < 0.1:
            event["anonymousId"] = visitor
        told.append((key, json.dumps(event).encode(), headers))
    return told


@pytest.mark.kafka
@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
@pytest.mark.parametrize("definitions", [DEFINITIONS, WITH_LOGINS], ids=["one key", "several keys"])
@pytest.mark.long
async def test_a_log_without_its_beginning_is_verified_and_a_wrong_change_is_found(shop: Shop, tmp_path: Path) -> None:
    rows = history(users=40, events=EVENTS)
    if IDENTITY_FILE in shop.definitions:
        rows = logins(rows)
    async with running(create_app(shop.settings)):
        await shop.send(rows[: EVENTS // 2])
        await soon(partial(shop.changes, at_least=50))
        snapshot = await snapshot_of(shop, tmp_path / "a.snapshot")
        await shop.send(rows[EVENTS // 2 :])
        await shop.end(END_MS)
        first = await verified(shop, snapshot)
        assert first.result.equal, first.result.shown
        whole = await verified(shop, None)
        assert whole.result.equal, whole.result.shown
        assert 0 < first.result.expected < whole.result.expected
        await forget_before(shop, snapshot)
        with pytest.raises(UserError, match="earlier records are missing"):
            await verified(shop, None)
        again = await verified(shop, snapshot)
        assert again.result.equal, again.result.shown
        assert again.result.expected == first.result.expected > 0

        changes = await shop.read_all(shop.settings.topics.changes)
        wrong = json.loads(changes[-1].value)
        await shop.send_to(shop.settings.topics.changes, changes[-1].key, json.dumps(wrong | {"id": "x"}).encode())
        found = await verified(shop, snapshot)
        assert found.result.counts["extra"] + found.result.counts["out of order"] > 0
        assert found.result.shown[0].user == wrong["user"]

        ends = snapshot.ends.clickstream
        await forget(shop, shop.settings.topics.clickstream, {each: span.last + 1 for each, span in enumerate(ends)})
        with pytest.raises(UserError, match="the snapshot needs it from"):
            await verified(shop, snapshot)


@pytest.mark.long
async def test_snapshots_taken_under_load_all_verify_whatever_is_killed(shop: Shop, tmp_path: Path) -> None:
    await shop.send(history(users=60, events=EVENTS))
    log, snapshots = tmp_path / "worker.log", []
    # The broker ends the transaction of a killed worker so long after its begin, and looks every ten seconds.
    some = ["pace=0ms", "commit_timeout=5s", *(["group_instance_id=one"] if shop.broker.transactions else [])]
    for enough in (20, 60, 100):
        worker = WorkerProcess(shop, log=log, given=some)
        try:
            await soon(partial(shop.changes, at_least=enough), within_s=40)
            snapshots.append(await snapshot_of(shop, tmp_path / f"{enough}.snapshot"))
        finally:
            worker.kill()
        snapshots.append(await snapshot_of(shop, tmp_path / f"{enough}-dead.snapshot"))
    worker = WorkerProcess(shop, log=log, given=some)
    try:
        await shop.settled(END_MS, within_s=60)
    finally:
        worker.kill()
    expected = []
    for snapshot in snapshots:
        job = await verified(shop, snapshot)
        assert job.result.equal, (snapshot.path, job.result.shown)
        expected.append(job.result.expected)
    assert expected == sorted(expected, reverse=True)
    assert expected[-1] > 0


@pytest.mark.long
async def test_a_catalog_that_came_after_the_snapshot_is_verified(shop: Shop, tmp_path: Path) -> None:
    other = dict(shop.definitions) | {"liked.yaml": "segment: liked\nwhen: exists('Page Liked' within 1h)\n"}
    rows = history(users=40, events=EVENTS)
    async with running(create_app(shop.settings)):
        await handed_in(shop, rows[: EVENTS // 2])
        snapshot = await snapshot_of(shop, tmp_path / "a.snapshot")
    for name, text in other.items():
        (shop.folder / name).write_text(text)
    async with running(create_app(shop.settings)):
        await shop.send(rows[EVENTS // 2 :])
        await shop.end(END_MS + 1)
        with pytest.raises(UserError, match="runs the catalog"):
            await verified(shop, snapshot)
        job = await verified(shop, snapshot, shop.definitions, other)
    assert job.result.equal, job.result.shown
    assert job.catalogs == shop.partitions


async def test_a_snapshot_of_another_deployment_or_from_the_future_is_refused(shop: Shop, tmp_path: Path) -> None:
    async with running(create_app(shop.settings)):
        await handed_in(shop, history(users=10, events=100))
        snapshot = await snapshot_of(shop, tmp_path / "a.snapshot")
        snapshot.head = type(snapshot.head)(1, "other", 0, 2, snapshot.head.topics)
        with pytest.raises(UserError, match="of another deployment") as caught:
            await verified(shop, snapshot)
        assert f"app_id: other, here {shop.name}" in str(caught.value)
        later = Snapshot(snapshot.path)
        later.places[0] = type(later.places[0])(0, 10_000, later.places[0].position, None, (), 0)
        with pytest.raises(UserError, match=r"is at offset 10,000 of partition 0, the workers are at"):
            await verified(shop, later)
