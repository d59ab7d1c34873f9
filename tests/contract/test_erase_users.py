"""`shoal users erase` on a deployment at work: all keys of a person are erased, or none."""

import asyncio
import json
import re
import subprocess
import sys
import time
from functools import partial
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.cli import erasure_status
from app.cli.users import users
from app.console.erasure import show_day
from app.errors import UserError
from app.main import create_app
from tests.contract.test_split_users import DIES, ON_KAFKA, command, event, said, shop, verified
from tests.support.shop import START_MS, Shop, running, soon

__all__ = ["shop"]

PERSON = [
    *(event(number, anonymousId="a-1") for number in range(3)),
    event(3, "Order Completed", userId="ann"),
    event(4, "Signed In", userId="ann", anonymousId="a-1"),
    event(5, userId="ann", anonymousId="a-2"),
    event(6, "Order Completed", userId="bea"),
]
"""Ann with two devices, and somebody else."""
ENTERED = {
    ("a-1", "entered", "viewers", "event"),
    ("ann", "entered", "buyers", "event"),
    ("a-1", "exited", "viewers", "merged"),
    ("ann", "entered", "viewers", "merged"),
    ("bea", "entered", "buyers", "event"),
}
LEFT = {("ann", "exited", "viewers", "erased"), ("ann", "exited", "buyers", "erased")}


async def run(shop: Shop, user: str, *, dry_run: bool = False) -> None:
    """The command, from another thread since it has an event loop of its own."""
    given = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    erase = partial(users, "erase", user, broker=shop.broker.bootstrap_servers, set_=given, dry_run=dry_run)
    await asyncio.to_thread(erase)


async def arrived(shop: Shop) -> None:
    """Waits until Ann has both devices."""
    await shop.send(PERSON)
    assert set(await said(shop, at_least=5)) == ENTERED

    async def answered() -> bool:
        return len(await shop.read_all(shop.settings.topics.identity)) == 2

    await soon(answered)


async def controls(shop: Shop) -> list[dict[str, Any]]:
    """The control records in the log."""
    found = [json.loads(record.value) for record in await shop.read_all(shop.settings.topics.clickstream)]
    return [each for each in found if each["type"] == "control"]


@ON_KAFKA
async def test_a_person_is_erased_with_all_their_keys_while_workers_run(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(create_app(shop.settings)):
        await arrived(shop)
        capsys.readouterr()
        await run(shop, "ann", dry_run=True)
        assert "ann would be erased" in capsys.readouterr().out
        assert await controls(shop) == [], "a dry run writes nothing"
        await run(shop, "ann")
        told = capsys.readouterr().out
        assert "ann is erased" in told
        assert "3 keys" in told
        assert {each["from"] for each in await controls(shop)} == {"ann", "a-1", "a-2"}
        assert set(await said(shop, at_least=7)) == ENTERED | LEFT
        await soon(partial(_is_finished, shop))
        steps = [json.loads(record.value) for record in await shop.read_all(shop.settings.topics.erasures)]
        assert sorted((each["result"], each.get("key")) for each in steps[:-1] if each["result"] == "erased") == [
            ("erased", "a-1"),
            ("erased", "a-2"),
            ("erased", "ann"),
        ]
        assert [each["keys"] for each in steps if "keys" in each] == [["ann", "a-1", "a-2"]] * 2
        assert steps[-1]["result"] == "finished"
        assert {"viewers", "buyers"} == {name for each in steps for name in each.get("left", ())}
        await shop.send([*PERSON, event(8, "Order Completed", userId="carl")])  # all of it comes once more
        changes = await said(shop, at_least=8)
        assert set(changes) == ENTERED | LEFT | {("carl", "entered", "buyers", "event")}
        assert len(changes) == 8
        capsys.readouterr()
        with pytest.raises(UserError, match="nothing is remembered of nobody"):
            await run(shop, "nobody")
        await verified(shop)


@ON_KAFKA
async def test_an_erasure_that_dies_has_happened_to_all_keys_or_to_none(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await arrived(shop)
        for place, count in (
            ("producer.begin_transaction", 0),
            ("producer.commit_transaction", 0),
            ("writer.abandon", 3),
        ):
            words = [sys.executable, "-c", DIES, place, *command(shop, "erase", "ann")]
            died = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=False)
            assert died.returncode == 9, died.stderr
            assert len(await controls(shop)) == count, place
        assert set(await said(shop, at_least=7)) == ENTERED | LEFT
        await verified(shop)


@ON_KAFKA
async def test_an_id_that_has_moved_names_the_person_to_erase(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        await arrived(shop)
    with pytest.raises(UserError, match="a-1 has moved to ann"):
        await run(shop, "a-1")
    assert await controls(shop) == []


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_without_transactions_nobody_is_erased(shop: Shop) -> None:
    with pytest.raises(UserError, match="has no transactions"):
        await run(shop, "ann")


DAY_MS = 86_400_000


async def status(shop: Shop, user: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The output of `shoal users erase --status`."""
    given = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    capsys.readouterr()
    await asyncio.to_thread(
        partial(users, "erase", user, broker=shop.broker.bootstrap_servers, set_=given, status=True)
    )
    return capsys.readouterr().out


async def set_terms(shop: Shop, topic: str, **config: str) -> None:
    """Settings of a topic; `retention_ms` is `retention.ms`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.broker.bootstrap_servers)
    await admin.start()
    told = {name.replace("_", "."): value for name, value in config.items()}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=told)])
    await admin.close()


def row_of(told: str, topic: str) -> list[str]:
    """The cells of a topic in the table."""
    (line,) = [line for line in told.splitlines() if line.startswith(f"{topic} ")]
    return [cell.strip() for cell in re.split(r"  +", line.strip())]


@ON_KAFKA
@pytest.mark.long
async def test_the_status_of_an_erasure_has_each_topic_with_records_of_any_key_and_the_last_date(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    topics = shop.settings.topics
    async with running(create_app(shop.settings)):
        await arrived(shop)
        with pytest.raises(UserError, match="ann has not been erased"):
            await status(shop, "ann", capsys)
        with pytest.raises(UserError, match="no topic has anything of nobody"):
            await status(shop, "nobody", capsys)
    await run(shop, "ann")
    told = await status(shop, "ann", capsys)
    assert told.count("the workers have not come to it yet") == 3
    async with running(create_app(shop.settings)):
        assert set(await said(shop, at_least=7)) == ENTERED | LEFT
        await shop.settled(60_000)
        told = await status(shop, "a-1", capsys)
        assert [line for line in told.splitlines() if line.endswith(": erased")] == [
            f"  {key}: erased" for key in ("a-1", "a-2", "ann")
        ]
        assert "no date is known" in told
        assert row_of(told, topics.clickstream)[-2:] == ["unknown", "retention.ms=-1: for ever"]
        counted = {
            topic: sum(each.key in {b"ann", b"a-1", b"a-2"} for each in await shop.read_all(topic))
            for topic in (topics.clickstream, topics.changes, topics.identity)
        }
        assert {topic: int(row_of(told, topic)[1]) for topic in counted} == counted
        for topic in (topics.clickstream, topics.changes, topics.identity):
            await set_terms(shop, topic, retention_ms=str(2 * DAY_MS), segment_ms=str(DAY_MS))
        terms = {"cleanup_policy": "compact", "max_compaction_lag_ms": str(DAY_MS), "delete_retention_ms": "60000"}
        await set_terms(shop, topics.profiles, **terms)
        told = await status(shop, "ann", capsys)
        newest_ms = max(each.timestamp for each in await shop.read_all(topics.changes) if each.key == b"ann")
        of_changes = row_of(told, topics.changes)
        assert of_changes[-2:] == [show_day(newest_ms + 3 * DAY_MS), "retention.ms 2d, segment.ms 1d"]
        of_profiles = row_of(told, topics.profiles)
        assert f"all of it is gone by {of_profiles[3]}" in told, "38 days and a minute"
        await shop.send([event(int(time.time()) + 2 - START_MS // 1000, "Order Completed", userId="ann")])
        await said(shop, at_least=8)
        await shop.settled(60_000)
        assert "ann: erased; has had events since then" in await status(shop, "ann", capsys)


async def _of(shop: Shop, user: str) -> list[tuple[str, str, str, str]]:
    return [each for each in await said(shop, at_least=1) if each[0] == user]


async def _is_finished(shop: Shop) -> bool:
    steps = await shop.read_all(shop.settings.topics.erasures)
    return any(json.loads(record.value)["result"] == "finished" for record in steps)


async def no_deeds(*_: object) -> list[object]:
    """The control records of an erasure, when the retention of their topic is over."""
    return []


async def _has(shop: Shop, user: str) -> bool:
    return bool(await _of(shop, user))


@ON_KAFKA
@pytest.mark.long
async def test_events_of_a_suppressed_user_are_dropped_until_unsuppress(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}"]
    command = partial(users, broker=shop.broker.bootstrap_servers, set_=given)

    async def order(user: str) -> None:
        later_s = int(time.time()) + 2  # the command's own clock decides
        await shop.send([event(later_s - START_MS // 1000, "Order Completed", userId=user)])

    async with running(create_app(shop.settings)):
        await arrived(shop)
        with pytest.raises(UserError, match="ann is not suppressed"):
            await asyncio.to_thread(command, "unsuppress", "ann")
        await asyncio.to_thread(command, "erase", "ann", suppress=True)
        await asyncio.to_thread(command, "erase", "never-seen", suppress=True)
        assert "later events of ann are dropped" in capsys.readouterr().out
        assert set(await said(shop, at_least=7)) == ENTERED | LEFT
        for user in ("ann", "never-seen", "carl"):
            await order(user)
        told = await status(shop, "ann", capsys)
        assert all(f"{key}: erased; later events are dropped until" in told for key in ("ann", "a-1", "a-2"))
        with monkeypatch.context() as later:
            later.setattr(erasure_status._Look, "_deeds", no_deeds)
            told = await status(shop, "ann", capsys)
        assert all(f"{key}: erased; later events are dropped until" in told for key in ("ann", "a-1", "a-2"))
        await soon(partial(_has, shop, "carl"))
        await verified(shop)  # so the events before Carl's are taken, too
        assert set(await said(shop, at_least=8)) >= ENTERED | LEFT
        assert await _of(shop, "never-seen") == []
        assert len(await _of(shop, "ann")) == 4
        assert "ann: erased; later events are dropped until" in await status(shop, "ann", capsys)
        with pytest.raises(UserError, match="ann is suppressed"):
            await asyncio.to_thread(command, "merge", "bea", "ann", force=True)
        before = await _of(shop, "ann")
        await asyncio.to_thread(command, "unsuppress", "ann")
        assert {each["from"] for each in await controls(shop) if each["deed"] == "unsuppress"} == {"ann", "a-1", "a-2"}
        await order("ann")

        async def is_back() -> bool:
            return await _of(shop, "ann") == [*before, ("ann", "entered", "buyers", "event")]

        await soon(is_back)
        await verified(shop)
    audit = [json.loads(each.value) for each in await shop.read(shop.settings.topics.audit, 0)]
    done = [(each["deed"], each["details"].get("suppressed")) for each in audit if each["result"] == "done"]
    assert done == [
        ("users.erase", "true"),
        ("users.erase", "true"),
        ("users.show", None),
        ("users.show", None),
        ("users.show", None),
        ("users.unsuppress", None),
    ]
