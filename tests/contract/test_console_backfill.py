"""Backfills out of the console on a deployment at work: begun, seen, gone on with after a restart, and given up."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.backfill.job import BackfillJob
from app.console.output import make_console
from app.errors import UserError
from app.main import create_app
from app.offline.backfill_plan import plan_of
from app.runtime.audit import AuditLog
from app.segments.definitions.catalog import load_catalog
from tests.service.browser import browser
from tests.support.broker import Broker
from tests.support.shop import Shop, history, running, soon
from tests.web.author import Author
from tests.web.conftest import console_served
from tests.web.test_editing import click, says
from tests.web.test_pages import look, violations

BEFORE = {"viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\n"}
LATER = {
    "buyers.yaml": "segment: buyers\nwhen: count('Order Completed') >= 3\n",
    "likers.yaml": "segment: likers\nwhen: exists('Page Liked')\n",
}
EVENTS = 600
ON_KAFKA = pytest.mark.parametrize("broker", ["kafka"], indirect=True)


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A deployment in which much has happened before two segments are published."""
    before = Shop(broker, unique, tmp_path / "segments", partitions=2, definitions=BEFORE)
    await before.open()
    async with running(create_app(before.settings)):
        await before.send(history(users=30, events=EVENTS))
        await soon(lambda: before.changes(at_least=1))
    await before.close()
    made = Shop(broker, unique, tmp_path / "segments", partitions=2, definitions=BEFORE | LATER)
    await made.open()
    yield made
    await made.close()


@contextmanager
def author_of(shop: Shop, **more: str) -> Iterator[Author]:
    """Somebody at a console of this deployment."""
    with console_served(replace(shop.settings, console_port=0, **more)) as url:  # type: ignore[arg-type]  # of any setting
        made = Author(url, shop.settings)
        with closing(made.http):
            yield made


async def state(author: Author, *wanted: str) -> dict[str, Any]:
    """The backfill, once it is in one of these states."""

    async def look_at_it() -> dict[str, Any] | None:
        found: dict[str, Any] = (await asyncio.to_thread(author.http.get, "/backfill")).json()
        assert found["state"] != "failed" or "failed" in wanted, found
        return found if found["state"] in wanted else None

    found = await soon(look_at_it, within_s=120)
    assert found is not None
    return found


async def filled(shop: Shop, segment: str) -> set[str]:
    """The users whom a backfill has put into a segment."""
    return {
        each["user"]
        for each in await shop.changes()
        if each["segment"] == segment and each["cause"]["kind"] == "backfill" and each["change"] == "entered"
    }


@ON_KAFKA
@pytest.mark.kafka
@pytest.mark.long
async def test_a_click_fills_a_segment_and_everybody_sees_how_far_it_is(shop: Shop, tmp_path: Path) -> None:
    with author_of(shop) as author:
        async with running(create_app(shop.settings)), browser(tmp_path / "profile") as page:
            for number, (theme, width) in enumerate((("light", 1280), ("dark", 360))):
                await look(page, f"{author.url}/backfill?name={('buyers', 'likers')[number]}", theme=theme, width=width)
                await state(author, "none", "done")
                await click(page, "Begin")
                await state(author, "done")
                await says(page, "They are now as if they had been there since the beginning")
                assert await violations(page) == []
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert await page.evaluate("troubles") == []
            found = await state(author, "done")
            assert (found["names"], found["source"], found["outcome"]["was_over"]) == (["likers"], "topic", False)
            assert found["outcome"]["filled"] > 0
            assert await soon(lambda: filled(shop, "buyers"))
            assert await soon(lambda: filled(shop, "likers"))
        records = await AuditLog(shop.settings, actor=None, way="http").latest(10)
        told = [(each.deed, each.result, each.way) for each in records]
        assert told[:2] == [("backfill.fill", "done", "http"), ("backfill.fill", "begun", "http")]
        assert records[1].details == {"segments": "likers", "source": "topic"}


@ON_KAFKA
@pytest.mark.kafka
@pytest.mark.long
async def test_a_console_that_starts_finds_what_is_not_over_and_goes_on_or_gives_it_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(*_: Any) -> list[int]:
        raise UserError("killed")

    async def half(*names: str) -> None:
        plan = plan_of(load_catalog(shop.definitions), names, shop.settings.time_rules, source="topic")
        job = BackfillJob(shop.settings, plan, None, 0, 60, write=True)
        with monkeypatch.context() as changed:
            changed.setattr(BackfillJob, "_end", stop)
            with pytest.raises(UserError, match="killed"):
                await job.run(make_console(stderr=True))

    async with running(create_app(shop.settings)):
        await half("buyers")
        with author_of(shop) as author:
            found = await state(author, "unfinished")
            assert (found["names"], found["source"]) == (["buyers"], "topic")
            begun = author.post("/backfill", names=["buyers"], source="topic")
            assert begun.json()["state"] == "running", begun.text
            done = await state(author, "done")
            assert done["names"] == ["buyers"]
        assert await soon(lambda: filled(shop, "buyers"))
        await half("likers")
        with author_of(shop) as author:
            await state(author, "unfinished")
            answer = author.http.request("DELETE", "/backfill", headers=author.headers, json={})
            assert answer.status_code == 200, answer.text
            given_up = await state(author, "cancelled")
            assert given_up["names"] == ["likers"]
        with author_of(shop) as author:
            await state(author, "none")


@ON_KAFKA
@pytest.mark.kafka
@pytest.mark.long
async def test_there_is_one_at_a_time_and_it_can_be_given_up(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "before.jsonl"
    told = {
        "type": "track",
        "event": "Page Liked",
        "userId": "zoe",
        "messageId": "m",
        "timestamp": "2025-12-01T00:00:00Z",
    }
    path.write_text(json.dumps(told) + "\n")
    with author_of(shop, console_histories=f"autumn=files:{path}") as author:
        first = author.post("/backfill", names=["buyers", "likers"], source="autumn").json()
        assert (first["state"], first["sources"]) == ("running", ["topic", "autumn"])  # no worker runs: it waits
        second = author.post("/backfill", names=["buyers"])
        assert (second.status_code, second.json()["code"]) == (409, "busy")
        assert "buyers, likers" in second.json()["message"]
        assert author.http.request("DELETE", "/backfill", headers=author.headers, json={}).status_code == 200
        await state(author, "cancelled")
        async with running(create_app(shop.settings)):
            author.post("/backfill", names=["likers"], source="autumn")
            await state(author, "done")
            await soon(lambda: zoe_is_in(shop))


async def zoe_is_in(shop: Shop) -> bool:
    return "zoe" in await filled(shop, "likers")
