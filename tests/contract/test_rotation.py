"""`shoal privacy rotate` on a deployment at work: everybody keeps their segments under a new pseudonym."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.cli.privacy import privacy
from app.cli.users import users
from app.errors import UserError
from app.main import create_app
from app.runtime.kafka.record_batch import Row
from app.settings import Settings
from tests.contract.test_split_users import DEFINITIONS, event, results, said, verified
from tests.support.broker import Broker
from tests.support.shop import Shop, running, soon

OLD, NEW = f"old:{'o' * 32}", f"new:{'n' * 32}"


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", partitions=3, definitions=DEFINITIONS)
    await made.open()
    yield made
    await made.close()


def coming(settings: Settings, row: Row) -> Row:
    """The event as `shoal serve` writes it."""
    message = json.loads(row[1] or b"")
    settings.incoming_ids.cover(message)
    return message.get("userId", message.get("anonymousId")).encode(), json.dumps(message).encode(), []


async def rotate(settings: Settings, *, dry_run: bool = False) -> None:
    given = [f"topic_prefix={settings.topic_prefix}", f"app_id={settings.app_id}"]
    given.append(f"pseudonym_keys={settings.pseudonym_keys}")
    work = partial(privacy, "rotate", broker=settings.kafka_bootstrap_servers, set_=given, dry_run=dry_run)
    await asyncio.to_thread(work)


@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
@pytest.mark.parametrize("before", [OLD, ""], ids=["from an older key", "from ids"])
@pytest.mark.long
async def test_who_is_in_a_segment_is_in_it_under_the_new_pseudonym(
    shop: Shop, before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old = replace(shop.settings, pseudonym_keys=before)
    new = replace(shop.settings, pseudonym_keys=",".join(filter(None, (NEW, before))))
    of_old, of_new = old.incoming_ids.key_of, new.incoming_ids.key_of
    shared: Any = {"broker": shop.broker.bootstrap_servers}
    given = [f"topic_prefix={old.topic_prefix}", f"app_id={old.app_id}", f"pseudonym_keys={before}"]

    async def current(*, at_least: int) -> set[tuple[str, str]]:
        inside: set[tuple[str, str]] = set()
        for user, change, segment, _ in await said(shop, at_least=at_least):
            (inside.add if change == "entered" else inside.discard)((user, segment))
        return inside

    async with running(create_app(shop.settings)):
        events = [event(number, anonymousId="v-1") for number in range(3)]
        events += [event(3, "Order Completed", userId="ann"), event(4, "Order Completed", userId="ben")]
        await shop.send([coming(old, each) for each in events])
        were = {("v-1", "viewers"), ("ann", "buyers"), ("ben", "buyers")}
        assert await current(at_least=3) == {(of_old(user), segment) for user, segment in were}
        await asyncio.to_thread(partial(users, "erase", "ben", suppress=True, set_=given, **shared))
        await said(shop, at_least=4)
        capsys.readouterr()
        await rotate(new, dry_run=True)
        assert "2 keys would move; 1 suppressed" in capsys.readouterr().out
        await rotate(new)
        assert "2 keys move to new pseudonyms; 1 suppressed" in capsys.readouterr().out
        left = {(of_new(user), segment) for user, segment in were if user != "ben"}
        assert await current(at_least=8) == left

        async def is_over() -> bool:
            await rotate(new, dry_run=True)
            return "0 keys would move; 1 suppressed" in capsys.readouterr().out

        await soon(is_over)
        more = [coming(old, event(5, anonymousId="v-1")), coming(new, event(6, "Order Completed", userId="ben"))]
        login = coming(new, event(7, "Signed In", userId="ann", anonymousId="v-1"))
        await shop.send([*more, login])
        assert await current(at_least=10) == {(of_new("ann"), "buyers"), (of_new("ann"), "viewers")}
        assert (await results(shop))[-1] == "given", "the visitor was none that had logged in"
        await rotate(new)  # the old key is suppressed no more, since nobody sends it
        capsys.readouterr()

        async def is_done() -> bool:
            await rotate(new, dry_run=True)
            return "0 keys would move; 0 suppressed" in capsys.readouterr().out

        await soon(is_done)
        await verified(shop)


@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_without_keys_there_is_nothing_to_rotate(shop: Shop) -> None:
    async with running(create_app(shop.settings)):
        with pytest.raises(UserError, match="there is no pseudonym key"):
            await rotate(shop.settings)
