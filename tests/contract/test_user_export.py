"""`shoal users export` writes all that is known of a person, and nothing of others."""

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.cli.users import users
from app.errors import UserError
from app.main import create_app
from app.runtime.kafka.clients import connect
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.runtime.records.journal import Unfired, encode_entry
from tests.contract.test_split_users import event
from tests.support.broker import Broker
from tests.support.shop import START_MS, Shop, running, soon
from tools.docs_pages import ROOT

DEFINITIONS = {
    "identity.yaml": "",
    "consent.yaml": "purposes:\n  marketing: {default: denied}\n",
    "viewers.yaml": (
        "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2 and traits.city = 'Oslo'\ntopic: true\n"
    ),
}
SCHEMA = Draft202012Validator(json.loads((ROOT / "deploy" / "schemas" / "person.json").read_text()))
DEED = [("users.export", "begun"), ("users.export", "done")]


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, definitions=DEFINITIONS)
    await made.open()
    yield made
    await made.close()


async def run(shop: Shop, key: str, output: Path | None) -> None:
    """The command, from another thread since it has an event loop of its own."""
    of = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}", "partitions=3"]
    broker = shop.broker.bootstrap_servers
    await asyncio.to_thread(users, "export", key, output=output, segments=shop.folder, broker=broker, set_=of)


async def made_topic(shop: Shop, segment: str) -> None:
    """The topic of a segment that no definition has any more."""
    client = await connect(shop.settings)
    await ensure_topics(shop.settings, client, topic_specs(shop.settings, [segment]))
    await client.close()


async def export(shop: Shop, key: str, output: Path) -> dict[str, Any]:
    await run(shop, key, output)
    return checked(output)


def checked(output: Path) -> dict[str, Any]:
    """The content of a file, when it is as the schema says, and nobody else may read it."""
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    return valid(output.read_bytes())


def valid(text: bytes | str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(text)
    SCHEMA.validate(told)
    return told


async def scan(shop: Shop, *keys: str) -> set[tuple[str, int, int]]:
    """Every record of every topic but the profiles that names one of the keys anywhere: topic, partition and offset."""
    topics = shop.settings.topics
    client = await connect(shop.settings)
    cluster = await client.fetch_all_metadata()
    await client.close()
    found = set()
    for topic in cluster.topics() - {topics.profiles}:
        if not topic.startswith(shop.settings.topic_prefix):
            continue
        for partition in cluster.partitions_for_topic(topic):
            for record in await shop.read(topic, partition):
                said = (record.key or b"") + (record.value or b"")
                if any(key.encode() in said for key in keys):
                    found.add((topic, partition, record.offset))
    return found


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def places(told: dict[str, Any]) -> set[tuple[str, int, int]]:
    return {(each["topic"], each["partition"], each["offset"]) for each in told["records"]}


@pytest.mark.long
async def test_an_export_has_every_record_of_all_keys_of_a_person_and_none_of_others(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topics = shop.settings.topics
    consent = {"consent": {"categoryPreferences": {"marketing": True}}}
    _, misplaced, _ = event(6, userId="ann")
    async with running(create_app(shop.settings)):
        await shop.send([event(0, anonymousId="a-1"), event(1, userId="ann", anonymousId="a-1", context=consent)])
        await shop.send([event(2, userId="ann", type="identify", traits={"city": "Oslo"}), event(3, userId="ann")])
        await shop.send([event(4, userId="ben"), event(5, "Liked", userId="ben")])
        await shop.send([(b"somebody", misplaced, [])])

        async def done() -> bool:
            changes = [each for each in await shop.changes() if each["user"] == "ann"]
            others = [await shop.read_all(topic) for topic in (topics.dead_letters, topics.identity)]
            return bool(changes) and all(others)

        await soon(done)
        await shop.settled(60_000)
    await made_topic(shop, "of-last-year")
    unfired = Unfired(1, 1, 0, (("ann", START_MS), ("ben", START_MS)))
    await shop.send_to(topics.journal, b"0", encode_entry(unfired))
    await shop.send_to(topics.segment("of-last-year"), b"ann", b"\xff no JSON")
    friend = {"type": "track", "event": "Liked", "userId": "ben", "properties": {"friend": "ann"}}
    await shop.send_to(topics.late, b"ben", json.dumps(friend).encode())
    output = tmp_path / "ann.json"
    told = await export(shop, "a-1", output)
    assert (told["asked"], told["user"], told["keys"], told["left_out"]) == ("a-1", "ann", ["ann", "a-1"], [])
    of_ben = {(topics.late, shop.partition_of((b"ben", b"", [])), 0)}
    assert places(told) == await scan(shop, "ann", "a-1") - of_ben
    assert {each["topic"] for each in told["topics"]} >= {each[0] for each in places(told)}
    assert sum(each["exported"] for each in told["topics"]) == len(told["records"]) == len(places(told))
    assert "ben" not in output.read_text(), "what an event or the journal says of others stays out"
    profile = told["profiles"][0]
    assert [(each["segment"], each["in"]) for each in profile["segments"]] == [("viewers", True)]
    assert [(each["name"], each["value"]) for each in profile["consent"]] == [("marketing", True)]
    assert {each["name"]: each["value"] for each in profile["values"]} == {"traits.city": "Oslo"}
    assert [each["name"] for each in profile["remembered"]] == ["count('Product Viewed' within 1h) places 2"]
    assert told["profiles"][1]["moved_to"] == "ann"
    capsys.readouterr()
    await run(shop, "ann", None)
    shown = capsys.readouterr()
    assert valid(shown.out)["records"] == told["records"]
    assert "2 keys" in shown.err
    audit = [json.loads(each.value) for each in await shop.read(topics.audit, 0)]
    assert [(each["deed"], each["result"]) for each in audit] == 2 * [
        ("users.export", "begun"),
        ("users.export", "done"),
    ]
    assert audit[1]["details"] == {"records": str(len(told["records"]))}


@pytest.mark.long
async def test_a_key_of_two_users_is_left_out_and_the_export_says_so(shop: Shop, tmp_path: Path) -> None:
    async with running(create_app(shop.settings)):
        await shop.send([event(0, anonymousId="a-7", secret="of-ben"), event(1, userId="ben", anonymousId="a-7")])
        await soon(partial(shop.read_all, shop.settings.topics.identity))
        await shop.send([event(2, userId="ann", anonymousId="a-7")])

        async def moved() -> bool:
            return len(await shop.read_all(shop.settings.topics.identity)) >= 3

        await soon(moved)
    told = await export(shop, "ann", tmp_path / "ann.json")
    assert told["keys"] == ["ann"]
    assert told["left_out"] == [{"key": "a-7", "reason": "another user has claimed it, too"}]
    assert "of-ben" not in json.dumps(told)


@pytest.mark.long
async def test_an_export_that_fails_leaves_the_file_that_was_there(shop: Shop, tmp_path: Path) -> None:
    output = tmp_path / "there.json"
    output.write_text("before")
    output.chmod(0o600)
    with pytest.raises(UserError, match="no topic has a record of them"):
        await export(shop, "nobody-here", output)
    assert output.read_text() == "before"
    assert names_in(tmp_path) == ["segments", "there.json"]


DIES = """
import os, sys
from pathlib import Path
from app.cli.main import main
Path.replace = lambda *_: os._exit(9)
main()
"""


@pytest.mark.long
async def test_an_export_that_is_killed_leaves_the_file_that_was_there_and_a_part_that_only_its_owner_may_read(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.send([event(0, userId="ann")])
    output = tmp_path / "there.json"
    output.write_text("before")
    of = [f"topic_prefix={shop.settings.topic_prefix}", f"app_id={shop.settings.app_id}", "partitions=3"]
    words = ["users", "export", "ann", "--output", str(output), "--segments", str(shop.folder)]
    words += ["--broker", shop.broker.bootstrap_servers, *(word for each in of for word in ("--set", each))]
    command = [sys.executable, "-c", DIES, *words]
    died = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert died.returncode == 9, died.stderr
    assert output.read_text() == "before"
    (part,) = (name for name in names_in(tmp_path) if name.endswith(".part"))
    assert checked(tmp_path / part)["records"], "it was killed when all was written"
    audit = [json.loads(each.value) for each in await shop.read(shop.settings.topics.audit, 0)]
    assert [each["result"] for each in audit] == ["begun"]
    output.chmod(0o600)
    assert places(await export(shop, "ann", output)) == await scan(shop, "ann")
