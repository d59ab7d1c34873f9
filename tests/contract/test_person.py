"""`shoal users show` reads a person from the profiles of a deployment."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from app.cli.users import users
from app.errors import UserError
from app.events.instants import iso
from app.main import create_app
from app.runtime.kafka.record_batch import Row
from tests.support.broker import Broker
from tests.support.shop import START_MS, Shop, running, soon

DEFINITIONS = {"identity.yaml": "", "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 3\n"}


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, definitions=DEFINITIONS)
    await made.open()
    yield made
    await made.close()


def view(number: int, **ids: str) -> Row:
    at = iso(START_MS + number * 1_000)
    message = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"m-{number}",
        "timestamp": at,
        "receivedAt": at,
    }
    return ids.get("userId", ids["anonymousId"]).encode(), json.dumps(message | ids).encode(), []


async def ask(shop: Shop, key: str, *, as_json: bool) -> None:
    """The command, from another thread since it has an event loop of its own."""
    of = [f"topic_prefix={shop.settings.topic_prefix}"]
    show = partial(users, "show", key, json=as_json, broker=shop.broker.bootstrap_servers, set_=of)
    await asyncio.to_thread(show)


async def test_a_person_is_shown_by_each_of_their_keys(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(create_app(shop.settings)):
        await shop.send([view(0, anonymousId="a-1"), view(1, userId="ann", anonymousId="a-1")])
        await shop.send([view(2, userId="ann", anonymousId="a-2")])
        changes = await soon(partial(shop.changes, at_least=1))  # the view of a-1 has come to ann

        async def answered() -> bool:
            return len(await shop.read_all(shop.settings.topics.identity)) == 2

        await soon(answered)
    assert changes[-1]["user"] == "ann"
    capsys.readouterr()
    await ask(shop, "a-1", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["asked"], told["user"]) == ("a-1", "ann")
    assert [(move["from"], move["to"]) for move in told["moves"]] == [("a-1", "ann")]
    assert {key["id"]: key["state"] for key in told["keys"]} == {"a-1": "given", "a-2": "moved"}
    await ask(shop, " ann ", as_json=False)
    assert "theirs; what it remembered has moved" in capsys.readouterr().out
    with pytest.raises(UserError, match="nothing is remembered of Ann"):
        await ask(shop, "Ann", as_json=False)


async def test_a_deployment_without_profiles_says_so(broker: Broker, unique: str) -> None:
    with pytest.raises(UserError, match="no worker has stored a profile yet"):
        await asyncio.to_thread(users, "show", "ann", broker=broker.bootstrap_servers, set_=[f"topic_prefix={unique}."])


@pytest.mark.parametrize("key", ["undefined", " ", "\udcff"])
async def test_a_value_that_names_nobody_is_refused_before_anything_is_read(key: str) -> None:
    with pytest.raises(UserError, match="names nobody"):
        await asyncio.to_thread(users, "show", key, broker="127.0.0.1:9")
