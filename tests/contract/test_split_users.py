"""`shoal users split` and `merge` on a deployment at work: both keys change, or neither, and no event is lost."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from app.cli.key_control import KeyControl
from app.cli.users import users
from app.console.output import make_console
from app.errors import UserError
from app.events.instants import iso
from app.main import create_app
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.verification.job import Verification
from tests.support.broker import Broker
from tests.support.shop import START_MS, Shop, running, soon

DEFINITIONS = {
    "identity.yaml": "",
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 90d) >= 3\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed' within 90d)\n",
}
DIES = """
import os, sys
from aiokafka import AIOKafkaProducer
from app.cli.main import main
from app.runtime.kafka.log_writer import LogWriter
async def die(*_: object) -> None:
    os._exit(9)
owner, name = sys.argv.pop(1).split(".")
setattr({"producer": AIOKafkaProducer, "writer": LogWriter}[owner], name, die)
main()
"""
ON_KAFKA = pytest.mark.parametrize("broker", ["kafka"], indirect=True)


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, definitions=DEFINITIONS)
    await made.open()
    yield made
    await made.close()


def event(number: int, name: str = "Product Viewed", **more: Any) -> Row:
    at = iso(START_MS + number * 1_000)
    message = {"type": "track", "event": name, "messageId": f"m-{number}", "timestamp": at, "receivedAt": at}
    return more.get("userId", more.get("anonymousId", "")).encode(), json.dumps(message | more).encode(), []


WRONG = [
    event(0, anonymousId="a-1"),
    event(1, anonymousId="a-1"),
    event(2, anonymousId="a-1"),
    event(3, "Order Completed", userId="ann"),
    event(4, "Signed In", userId="ann", anonymousId="a-1"),
]
"""Someone has browsed on a device, and Ann logs in there."""


async def said(shop: Shop, *, at_least: int) -> list[tuple[str, str, str, str]]:
    found = await soon(partial(shop.changes, at_least=at_least))
    return [(each["user"], each["change"], each["segment"], each["cause"]["kind"]) for each in found]


async def results(shop: Shop) -> list[str]:
    return [json.loads(record.value)["result"] for record in await shop.read_all(shop.settings.topics.identity)]


def command(shop: Shop, *words: str) -> list[str]:
    given = ["--set", f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    segments = [] if words[0] != "split" else ["--segments", str(shop.folder)]
    return ["users", *words, *segments, "--broker", shop.broker.bootstrap_servers, *given]


async def run(shop: Shop, action: Any, one: str, other: str | None = None, **options: Any) -> None:
    """The command, from another thread since it has an event loop of its own."""
    given = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    if action == "split":
        options["segments"] = shop.folder
    work = partial(users, action, one, other, broker=shop.broker.bootstrap_servers, set_=given, **options)
    await asyncio.to_thread(work)


async def wrongly_merged(shop: Shop) -> None:
    await shop.send(WRONG)
    assert set(await said(shop, at_least=4)) == {
        ("a-1", "entered", "viewers", "event"),
        ("ann", "entered", "buyers", "event"),
        ("a-1", "exited", "viewers", "merged"),
        ("ann", "entered", "viewers", "merged"),
    }


async def verified(shop: Shop) -> None:
    """Checks that workers have written what the records and the journal demand."""
    job = Verification(shop.settings, {shop.program.version: shop.program}, (), timeout_s=30)
    await job.run(make_console(stderr=True), exactly=False)
    assert job.result.equal, job.result.shown


@ON_KAFKA
async def test_a_split_undoes_a_wrong_merge_while_workers_run(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(create_app(shop.settings)):
        await wrongly_merged(shop)
        capsys.readouterr()
        await run(shop, "split", "ann", "a-1", dry_run=True)
        told = capsys.readouterr().out
        assert "a-1 would be split from ann" in told
        assert "ann leaves viewers" in told
        assert await results(shop) == ["given"], "a dry run writes nothing"
        await run(shop, "split", "ann", "a-1")
        assert "a-1 is split from ann" in capsys.readouterr().out
        assert set((await said(shop, at_least=6))[4:] + await said(shop, at_least=6)) >= {
            ("ann", "exited", "viewers", "split"),
            ("a-1", "entered", "viewers", "split"),
        }
        assert await results(shop) == ["given", "split"]
        more = [event(5, userId="ann", anonymousId="a-1"), event(6, anonymousId="a-1"), event(7, userId="ann")]
        await shop.send([*more, event(8, userId="ann")])
        changes = await said(shop, at_least=7)
        assert ("ann", "entered", "viewers", "event") in changes, "three views of her own"
        assert await results(shop) == ["given", "split"], "nothing is claimed again"
        with pytest.raises(UserError, match="a-1 was split from ann already"):
            await run(shop, "split", "ann", "a-1")
        capsys.readouterr()
        await run(shop, "show", "ann")
        assert "split off by an administrator" in capsys.readouterr().out
        await verified(shop)


@ON_KAFKA
async def test_a_split_that_dies_has_happened_or_not_and_can_be_run_again(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await wrongly_merged(shop)
        for place, happened in (
            ("producer.begin_transaction", False),
            ("producer.commit_transaction", False),
            ("writer.abandon", True),
        ):
            words = [sys.executable, "-c", DIES, place, *command(shop, "split", "ann", "a-1")]
            died = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=False)
            assert died.returncode == 9, died.stderr
            if happened:
                await soon(partial(has_result, shop, "split"))
            else:
                assert await results(shop) == ["given"], place
        changes = await said(shop, at_least=6)
        assert {("ann", "exited", "viewers", "split"), ("a-1", "entered", "viewers", "split")} <= set(changes)
        assert await results(shop) == ["given", "split"]
        await verified(shop)


async def has_result(shop: Shop, result: str) -> bool:
    return result in await results(shop)


@ON_KAFKA
async def test_an_event_that_comes_while_a_split_computes_is_in_the_profile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = KeyControl._write
    attempts: list[bool] = []

    async def write(control: KeyControl, *arguments: Any) -> bool:
        if len(attempts) < 2:  # after the log was read, and before the records of the split
            row = event(10 + len(attempts), userId="ann")
            writer = LogWriter(shop.settings, partition=shop.partition_of(row))  # of the command's event loop
            await writer.open()
            await writer.write([(shop.settings.topics.clickstream, [row])])
            await writer.close()
        attempts.append(await written(control, *arguments))
        return attempts[-1]

    async with running(create_app(shop.settings)):
        await wrongly_merged(shop)
        monkeypatch.setattr(KeyControl, "_write", write)
        await run(shop, "split", "ann", "a-1")
        monkeypatch.undo()
        assert attempts[:2] == [False, False]
        assert attempts[-1]
        await soon(partial(has_result, shop, "split"))
        await shop.send([event(20, userId="ann")])
        changes = await said(shop, at_least=7)
        assert ("ann", "entered", "viewers", "event") in changes, "two views from while it computed, and one after it"
        await verified(shop)


@ON_KAFKA
@pytest.mark.long
async def test_a_merge_by_force_moves_a_user_and_a_split_undoes_it(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await shop.send([event(0, userId="ann"), event(1, userId="ann"), event(2, userId="bea")])
        await soon(partial(has_profile, shop, "bea"))
        with pytest.raises(UserError, match="may make one of two people"):
            await run(shop, "merge", "bea", "ann")
        await run(shop, "merge", "bea", "ann", force=True)
        assert ("ann", "entered", "viewers", "merged") in await said(shop, at_least=1)
        await shop.send([event(3, "Order Completed", userId="bea")])
        assert ("ann", "entered", "buyers", "event") in await said(shop, at_least=2)
        with pytest.raises(UserError, match="bea has moved to ann"):
            await run(shop, "split", "bea", "ann")
        await run(shop, "split", "ann", "bea")
        assert set((await said(shop, at_least=5))[2:]) >= {
            ("ann", "exited", "buyers", "split"),
            ("ann", "exited", "viewers", "split"),
            ("bea", "entered", "buyers", "split"),
        } - set((await said(shop, at_least=5))[:2])
        assert await results(shop) == ["given", "split"]
        await verified(shop)


async def has_profile(shop: Shop, user: str) -> bool:
    found = await shop.read_all(shop.settings.topics.profiles)
    return any(record.key == user.encode() for record in found)


@ON_KAFKA
async def test_a_split_is_refused_with_its_reason(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await wrongly_merged(shop)
    for one, other, why in (
        ("ann", "a-2", "a-2 is not linked to ann"),
        ("a-1", "ann", "a-1 has moved to ann"),
        ("bob", "a-1", "nothing is remembered of bob"),
        ("ann", " ann ", "both keys are 'ann'"),
    ):
        with pytest.raises(UserError, match=why):
            await run(shop, "split", one, other)
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.broker.bootstrap_servers)
    await admin.start()
    topic = TopicPartition(shop.settings.topics.clickstream, shop.partition_of(event(0, userId="ann")))
    await admin.delete_records({topic: RecordsToDelete(before_offset=1)})
    await admin.close()
    with pytest.raises(UserError, match="events of ann may be missing"):
        await run(shop, "split", "ann", "a-1")


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_without_transactions_keys_are_neither_split_nor_merged(shop: Shop) -> None:
    with pytest.raises(UserError, match="has no transactions"):
        await run(shop, "split", "ann", "a-1")
    with pytest.raises(UserError, match="has no transactions"):
        await run(shop, "merge", "bea", "ann", force=True)
