"""`shoal backfill` on a deployment at work: a segment published late is as if it had been there all along.

TRUTH_SHOP_USERS: one of how many visitors of a real shop is looked at (40). TRUTH_DATA says where the data is.
"""

import asyncio
import json
import os
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from app.backfill.job import BackfillJob
from app.cli.backfill import backfill
from app.console.output import make_console
from app.errors import UserError
from app.events.link_record import Link, write_link
from app.main import create_app
from app.offline.backfill_history import HistoryRecord
from app.offline.backfill_plan import plan_of
from app.runtime.audit import AuditLog
from app.runtime.kafka.record_batch import Row
from app.segments.compiler.aggregates import segment_id
from app.segments.definitions.catalog import load_catalog
from app.segments.partition.partition import Partition
from app.simulation.recording import Recording, lines_of
from app.verification.job import Verification
from app.warehouse.once import export_once
from app.warehouse.store import open_store
from app.warehouse.tables import wanted_tables
from tables import profile as profiles
from tables.profile import INSIDE
from tests.contract.test_split_users import event
from tests.model.sql_parity.shop import FILE
from tests.support.broker import Broker
from tests.support.shop import SHOAL, START_MS, Shop, WorkerProcess, history, running, soon

BEFORE = {"viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\n"}
LATER = {
    "buyers.yaml": "segment: buyers\nwhen: count('Order Completed') >= 3\n",
    "slow.yaml": "segment: slow\nwhen: exists('Product Added' within 2h)\nwarmup: wait\nfor: 10m\n",
    "filled.yaml": "segment: filled\nwhen: cart.items > 1\nattach: {value: cart.value}\nupdates: [value]\n",
    "never.yaml": "segment: never\nwhen: never('Order Completed')\n",
}
NAMES = ("buyers", "filled", "never", "slow")
EVENTS = 1_200
ONE_OF = int(os.environ.get("TRUTH_SHOP_USERS", "40"))
ON_KAFKA = pytest.mark.parametrize("broker", ["kafka"], indirect=True)
DIES = """
import os, sys
from app.cli.main import main
from app.backfill.job import BackfillJob
import app.backfill.job as job
job.FILLS_AT_ONCE = 7
written = BackfillJob._written
left = int(sys.argv.pop(1))
async def die(self, *more):
    global left
    left -= 1
    if not left:
        await written(self, *more)
        os._exit(9)
    return await written(self, *more)
BackfillJob._written = die
sys.exit(main())
"""


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, definitions=BEFORE)
    await made.open()
    yield made
    await made.close()


async def published(shop: Shop) -> Shop:
    """The same deployment with all definitions."""
    after = Shop(shop.broker, shop.name, shop.folder, partitions=shop.partitions, definitions=BEFORE | LATER)
    await after.open()
    return after


def job_of(shop: Shop, *, names: Sequence[str] = NAMES, write: bool = True) -> BackfillJob:
    catalog = load_catalog(shop.definitions)
    plan = plan_of(catalog, names, shop.settings.time_rules, source="topic")
    return BackfillJob(shop.settings, plan, None, 0, 30, write=write)


def words(shop: Shop, *names: str) -> list[str]:
    given = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    folder, broker = str(shop.folder), shop.broker.bootstrap_servers
    return ["backfill", *names, "--segments", folder, "--broker", broker, "--set", *given]


async def run(shop: Shop, *names: str, **options: Any) -> None:
    given = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    await asyncio.to_thread(
        lambda: backfill(*names, segments=shop.folder, broker=shop.broker.bootstrap_servers, set_=given, **options)
    )


async def verified(before: Shop, after: Shop) -> None:
    """Checks that workers have written what the records and the journal demand, the fills among them."""
    programs = {each.program.version: each.program for each in (before, after)}
    job = Verification(after.settings, programs, (), timeout_s=30)
    await job.run(make_console(stderr=True), exactly=False)
    assert job.result.equal, job.result.shown


async def members(shop: Shop) -> dict[str, dict[str, int]]:
    """The users in each of the new segments, by the changes that were written."""
    found: dict[str, dict[str, Any]] = {name: {} for name in NAMES}
    for change in await shop.changes():
        if change["segment"] in found:
            if change["change"] == "exited":
                found[change["segment"]].pop(change["user"], None)
            else:
                found[change["segment"]][change["user"]] = True
    return found


Lost: TypeAlias = dict[int, list[Any]]
"""Records that a topic has lost, by partition."""


async def in_one_run(shop: Shop, lost: Lost | None = None) -> dict[str, dict[str, Any]]:
    """The same, had the segments been there since the beginning. `lost`: records that the topic does not hold."""
    found: dict[str, dict[str, Any]] = {name: {} for name in NAMES}
    for number in range(shop.partitions):
        core = Partition(shop.program, shop.settings.time_rules)
        records = [*(lost or {}).get(number, []), *await shop.read(shop.settings.topics.clickstream, number)]
        core.process([each for each in records if not (each.value or b"").startswith(b'{"type":"control"')])
        for user in {each.key.decode() for each in records if each.key is not None}:
            profile = core.profile(user)
            for name in NAMES:
                member = None if profile is None else profile.members.get(segment_id(name))
                if member is not None and member[INSIDE]:
                    found[name][user] = True
    return found


async def agrees(shop: Shop, lost: Lost | None = None) -> bool:
    return await members(shop) == await in_one_run(shop, lost)


async def lose(shop: Shop, share: float) -> Lost:
    """Deletes the beginning of each partition of the clickstream, as retention does."""
    topic = shop.settings.topics.clickstream
    lost: Lost = {}
    for number in range(shop.partitions):
        records = await shop.read(topic, number)
        lost[number] = records[: int(len(records) * share)]
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.broker.bootstrap_servers)
    await admin.start()
    gone = {TopicPartition(topic, number): own[-1].offset + 1 for number, own in lost.items()}
    await admin.delete_records({at: RecordsToDelete(before_offset=offset) for at, offset in gone.items()})
    await admin.close()
    return lost


def events() -> list[Row]:
    return history(users=60, events=EVENTS, seed=3)


@ON_KAFKA
async def test_a_segment_published_late_is_as_if_it_had_been_there_all_along(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = events()
    async with running(create_app(shop.settings)):
        await shop.send(rows[:800])
        await shop.settled(800 * 20_000)
    after = await published(shop)
    async with running(create_app(after.settings)):
        await after.send(rows[800:900])
        job = job_of(after)
        filling = asyncio.create_task(job.run(make_console(stderr=True)))
        for first in range(900, 1_100, 20):
            await after.send(rows[first : first + 20])
        await filling
        assert job.filled >= 60
        await after.send(rows[1_100:])
        await soon(lambda: agrees(after))
        await verified(shop, after)
        capsys.readouterr()
        await run(after, *NAMES)
        assert "already filled" in capsys.readouterr().out
        await run(after, "status")
        assert "no backfill is under way" in capsys.readouterr().out
        causes = {(each["segment"], each["cause"]["kind"]) for each in await after.changes()}
        assert {(name, "backfill") for name in NAMES} <= causes
    await after.close()


@pytest.mark.long
@ON_KAFKA
async def test_a_command_and_workers_that_die_leave_nothing_out_and_double_nothing(shop: Shop, tmp_path: Path) -> None:
    rows = events()
    async with running(create_app(shop.settings)):
        await shop.send(rows[:900])
        await shop.settled(900 * 20_000)
    after = await published(shop)
    worker = WorkerProcess(after, log=tmp_path / "worker-0.log")
    await after.send(rows[900:910])
    for number, dies in enumerate((1, 3, 6, 2), start=1):
        died = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", DIES, str(dies), *words(after, *NAMES)])
        assert died.returncode == 9
        await after.send(rows[900 + 10 * number : 910 + 10 * number])
        if number % 2:
            worker.kill()
            worker = WorkerProcess(after, log=tmp_path / f"worker-{number}.log")
    assert (await asyncio.to_thread(subprocess.run, [sys.executable, *SHOAL, *words(after, *NAMES)])).returncode == 0
    await after.send(rows[950:])
    await soon(lambda: agrees(after))
    await verified(shop, after)
    log = await after.read_all(after.settings.topics.clickstream)
    assert sum(b'"deed":"fill",' in each.value for each in log) >= 60
    await worker.terminate()
    await after.close()


@ON_KAFKA
@pytest.mark.parametrize("source", ["files", "parquet", "topic"])
@pytest.mark.long
async def test_history_before_what_the_topic_holds_comes_from_files(
    shop: Shop, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = events()
    paths = [str(tmp_path / "events.jsonl")]
    async with running(create_app(shop.settings)):
        await shop.send(rows[:800])
        await shop.settled(800 * 20_000)
    if source == "parquet":
        paths = [str(tmp_path / "warehouse")]
        tables = wanted_tables(replace(shop.settings, warehouse_tables="events"))
        await export_once(shop.settings, tables, open_store(paths[0]))
    else:  # more than what the topic has lost
        told = b"\n".join(value or b"" for _, value, _ in rows[:700])
        await asyncio.to_thread(Path(paths[0]).write_bytes, told)
    lost = await lose(shop, 0.5)
    after = await published(shop)
    async with running(create_app(after.settings)):
        await after.send(rows[800:900])
        if source == "topic":
            lost = {}
            await run(after, *NAMES, since="90d")
        else:
            await run(after, *NAMES, from_=[source, *paths], since="3650d")
            assert " from files, where " in capsys.readouterr().out
        await after.send(rows[900:])
        await soon(lambda: agrees(after, lost))
        found = await AuditLog(after.settings, actor=None, way="command").latest(2)
        assert [(each.deed, each.result) for each in found] == [("backfill.fill", "done"), ("backfill.fill", "begun")]
        assert found[0].details["source"] == source
        with pytest.raises(UserError, match="names no history"):
            await run(after, *NAMES, from_=["tape", *paths])
    await after.close()


@ON_KAFKA
async def test_a_new_deployment_begins_with_all_its_segments_filled_from_files(shop: Shop, tmp_path: Path) -> None:
    rows = events()
    path = tmp_path / "events.jsonl"
    told = b"\n".join(value or b"" for _, value, _ in rows[:900])
    await asyncio.to_thread(path.write_bytes, told)
    lost: Lost = {number: [] for number in range(shop.partitions)}
    for key, value, _ in rows[:900]:
        own = lost[shop.partition_of((key, value, []))]
        own.append(HistoryRecord(len(own), -1, key, value))
    after = await published(shop)
    async with running(create_app(after.settings)):
        await run(after, all_=True, from_=["files", str(path)])
        await soon(lambda: agrees(after, lost))
        await after.send(rows[900:])
        await soon(lambda: agrees(after, lost))
    await after.close()


def is_looked_at(line: bytes) -> bool:
    """True for the messages of one of so many visitors, by a hash."""
    visitor = json.loads(line)["anonymousId"]
    return ONE_OF == 1 or zlib.crc32(visitor.encode()) % ONE_OF == 0


@ON_KAFKA
@pytest.mark.timeout(1_200)
@pytest.mark.skipif(not FILE.exists(), reason=f"needs {FILE.name} (TRUTH_DATA says where it is)")
async def test_a_real_month_whose_last_days_are_live_is_as_one_run(shop: Shop, tmp_path: Path) -> None:
    lines = [line for line in lines_of([FILE]) if is_looked_at(line)]
    records = list(Recording(lines, partitions=shop.partitions, rules=shop.settings.time_rules).records())
    begin, end = len(records) * 85 // 100, len(records) * 92 // 100
    lost: Lost = {number: [] for number in range(shop.partitions)}
    for each in records[:begin]:
        place = len(lost[each.partition])
        lost[each.partition].append(HistoryRecord(place, each.timestamp_ms, each.key, each.value))
    rows: list[Row] = [(each.key, each.value, []) for each in records]
    path = tmp_path / "month.jsonl"
    await asyncio.to_thread(path.write_bytes, b"\n".join(lines[:end]))
    async with running(create_app(shop.settings)):
        await shop.send(rows[begin : begin + 100])
        await soon(shop.changes, within_s=120)
    after = await published(shop)
    async with running(create_app(after.settings)):
        await after.send(rows[begin + 100 : end])
        filling = asyncio.create_task(run(after, *NAMES, from_=["files", str(path)]))
        for first in range(end, len(rows), 1_000):
            await after.send(rows[first : first + 1_000])
        await filling
        await soon(lambda: agrees(after, lost), within_s=300)
    await after.close()


@ON_KAFKA
@pytest.mark.kafka
@pytest.mark.long
async def test_a_give_that_the_definitions_do_not_bring_about_ends_the_backfill(shop: Shop) -> None:
    """As of a login that happened at another moment, before `order: {wait: ...}` was changed."""
    definitions = BEFORE | LATER | {"identity.yaml": ""}
    people = Shop(shop.broker, shop.name, shop.folder, partitions=shop.partitions, definitions=definitions)
    await people.open()
    known = profiles.encode(profiles.waiting_profile(None), 0, 0)
    give = Link(
        step="give",
        app=shop.name,
        id="1",
        source="g-1",
        to="ann",
        n=1,
        at_ms=START_MS,
        asker="ann",
        path=("g-1",),
        profile=known,
    )
    async with running(create_app(people.settings)):
        await people.send([event(0, userId="ann"), event(1, userId="ann")])
        await people.send_to(people.settings.topics.clickstream, b"ann", write_link(give))
        await people.send([event(2, userId="ann")])
        await soon(lambda: people.changes(at_least=1))
        with pytest.raises(UserError, match="g-1 was given to ann where these definitions do not say so"):
            await run(people, "buyers")
        await run(people, "buyers", since="3650d")
    await people.close()
