"""Drafts that people share: nobody's text is lost, whoever writes at once, and whatever is restarted."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from app.runtime.kafka.clients import start
from app.runtime.records.draft_record import DraftRecord, encode_draft, take_draft
from app.settings import Settings
from app.web.drafts import shared_drafts
from tests.service.browser import Browser
from tests.support.waiting import wait_until
from tests.web.author import Author, author_of_own_shop
from tests.web.changes import HOSTILE
from tests.web.conftest import console_served
from tests.web.test_editing import READY, TEXT, click, says, write
from tests.web.test_pages import look, violations

TEA: Final = "segment: drinkers\nwhen: exists('Tea Poured')\n"
EVIL: Final = f"{HOSTILE}</th><b class=evil>x</b>"


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop where one segment is published."""
    with author_of_own_shop(settings, "drafts") as made:
        assert made.publish(TEA).status_code == 200
        wait_until(lambda: "segments" in made.http.get("/segments").json(), what="the console follows")
        yield made


def begun(author: Author, text: str = TEA, **body: Any) -> dict[str, Any]:
    answer = author.post("/drafts", text=text, **{"base": author.latest()} | body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def send(author: Author, method: str, draft: dict[str, Any], **body: Any) -> httpx.Response:
    return author.http.request(
        method, f"/drafts/{draft['id']}", json={"revision": draft["revision"]} | body, headers=author.headers
    )


def test_a_draft_outlives_the_console_that_took_it(author: Author) -> None:
    draft = begun(author, TEA + "# ☕ \ufeff\r\n", name="drinkers")
    assert (draft["revision"], draft["base"], draft["deleted"]) == (1, author.latest(), None)
    with console_served(replace(author.settings, audit_actor="Bea")) as url:
        bea = Author(url, author.settings)
        with closing(bea.http):
            assert bea.http.get(f"/drafts/{draft['id']}").json() == draft
            changed = send(bea, "PUT", draft, text=TEA + "owner: bea\n", base=draft["base"]).json()
    assert (changed["by"], changed["changed_by"], changed["revision"]) == (draft["by"], "Bea", 2)
    assert author.http.get(f"/drafts/{draft['id']}").json() == changed
    (row,) = [each for each in author.http.get("/drafts").json()["drafts"] if each["id"] == draft["id"]]
    assert (row["text"], row["name"], row["changed_by"]) == ("segment: drinkers", "drinkers", "Bea")


def test_the_second_of_two_writers_is_told_and_neither_text_is_lost(author: Author) -> None:
    draft = begun(author)
    assert send(author, "PUT", draft, text="first", base="1").status_code == 200
    for method, body in (("PUT", {"text": "second", "base": "1"}), ("DELETE", {})):
        late = send(author, method, draft, **body)
        assert (late.status_code, late.json()["code"]) == (409, "other-revision")
        assert "changed this draft at" in late.json()["message"]
    assert author.http.get(f"/drafts/{draft['id']}").json()["text"] == "first"


def test_of_many_writers_at_once_one_wins(author: Author) -> None:
    draft = begun(author)

    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(timeout=60, headers=author.headers) as http:

            async def put(number: int) -> int:
                body = {"text": f"text {number}", "base": "1", "revision": 1}
                return (await http.put(f"{author.url}/console/v1/drafts/{draft['id']}", json=body)).status_code

            return await asyncio.gather(*map(put, range(6)))

    assert sorted(asyncio.run(all_at_once())) == [200] + [409] * 5
    assert author.http.get(f"/drafts/{draft['id']}").json()["revision"] == 2


def test_a_deleted_draft_can_be_brought_back(author: Author) -> None:
    draft = begun(author)
    gone = send(author, "DELETE", draft).json()
    assert gone["deleted"] is not None
    assert send(author, "PUT", gone, text="x", base="1").status_code == 409
    back = author.post(f"/drafts/{draft['id']}/bring-back", revision=gone["revision"]).json()
    assert (back["deleted"], back["text"], back["revision"]) == (None, TEA, 3)
    assert author.post(f"/drafts/{draft['id']}/bring-back", revision=3).status_code == 409


def test_a_draft_that_was_deleted_for_good_is_gone_for_every_console(author: Author) -> None:
    draft = begun(author)
    assert author.post(f"/drafts/{draft['id']}/purge", revision=1).status_code == 409, "it is not deleted"
    gone = send(author, "DELETE", draft).json()
    assert author.post(f"/drafts/{draft['id']}/purge", revision=1).status_code == 409, "another revision"
    assert author.post(f"/drafts/{draft['id']}/purge", revision=gone["revision"]).json() == gone
    assert author.http.get(f"/drafts/{draft['id']}").status_code == 404
    assert author.post(f"/drafts/{draft['id']}/bring-back", revision=gone["revision"]).status_code == 404
    with console_served(author.settings) as url:
        other = Author(url, author.settings)
        with closing(other.http):
            assert draft["id"] not in {each["id"] for each in other.http.get("/drafts").json()["drafts"]}


@pytest.mark.long
def test_drafts_that_are_gone_for_good_count_no_more(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = begun(author)
    present = len(author.http.get("/drafts").json()["drafts"])
    monkeypatch.setattr(shared_drafts, "DRAFTS_MAX", present)
    full = author.post("/drafts", text=TEA, base="1")
    assert (full.status_code, full.json()["code"]) == (400, "too-many")
    gone = send(author, "DELETE", draft).json()
    assert author.post("/drafts", text=TEA, base="1").status_code == 400
    assert author.post(f"/drafts/{draft['id']}/purge", revision=gone["revision"]).status_code == 200
    assert author.post("/drafts", text=TEA, base="1").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": 7, "base": "1"}, 400),
        ({"text": "x"}, 400),
        ({"text": "x", "base": "1" * 101}, 400),
        ({"text": "x", "base": "1", "name": "n" * 301}, 400),
        ({"text": "\x00" * 60_000, "base": "1"}, 413),
        ({"text": "x" * 300_000, "base": "1"}, 413),
    ],
)
def test_what_cannot_be_kept_is_refused(author: Author, body: dict[str, Any], status: int) -> None:
    before = author.http.get("/drafts").json()
    assert author.post("/drafts", **body).status_code == status
    assert author.http.get("/drafts").json() == before


def test_unknown_drafts_are_not_found(author: Author) -> None:
    nothing = {"id": "%3Cb%3E", "revision": 1}
    assert author.http.get("/drafts/%3Cb%3E").status_code == 404
    assert send(author, "PUT", nothing, text="x", base="1").status_code == 404
    assert send(author, "DELETE", nothing).status_code == 404


def test_records_that_are_no_drafts_are_passed_over(author: Author) -> None:
    draft = begun(author)

    async def write_rubbish() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=author.settings.kafka_bootstrap_servers)
        await start(producer)
        try:
            for key, value in ((draft["id"].encode(), b"{"), (b"\xff", b"[]"), (None, b"x"), (b"other", None)):
                await producer.send_and_wait(author.settings.topics.drafts, value, key)
        finally:
            await producer.stop()

    asyncio.run(write_rubbish())
    assert author.http.get(f"/drafts/{draft['id']}").json() == draft


def test_a_record_under_the_key_of_another_draft_is_none() -> None:
    record = DraftRecord(
        id="a", revision=1, name="", text="", base="none", by="", begun_ms=0, changed_by="", changed_ms=0
    )
    drafts: dict[str, DraftRecord] = {}
    take_draft(drafts, b"b", encode_draft(record))
    assert drafts == {}
    take_draft(drafts, b"a", encode_draft(record))
    assert drafts == {"a": record}


@pytest.mark.long
async def test_a_text_is_kept_for_others_and_goes_on_being_kept(author: Author, page: Browser) -> None:
    await look(page, f"{author.url}/edit/drinkers")
    await write(page, "# mine\n")
    await click(page, "Keep as a draft")
    await page.until("location.search.startsWith('?draft=')")
    await says(page, "Kept for others")
    await write(page, "# and more\n")
    address = await page.evaluate("location.href")
    draft_id = address.partition("draft=")[2]

    def kept() -> bool:
        return bool(author.http.get(f"/drafts/{draft_id}").json()["text"] == TEA + "# mine\n# and more\n")

    await asyncio.to_thread(wait_until, kept, what="the text is kept")
    await page.evaluate("localStorage.clear()")
    await look(page, f"{address}&again=1")
    await page.until(f"{READY} && {TEXT}.includes('# and more')")
    assert await violations(page) == []
    assert await page.evaluate("troubles") == []


async def test_whoever_is_second_chooses_and_both_texts_stay(author: Author, page: Browser) -> None:
    draft = begun(author, name="drinkers")
    await look(page, f"{author.url}/edit/drinkers?draft={draft['id']}", theme="dark", width=360)
    await page.until(READY)
    theirs = send(author, "PUT", draft, text=TEA + f"# {EVIL}\n", base=draft["base"]).json()
    await write(page, "# mine\n")
    await says(page, "changed this draft at")
    await says(page, EVIL)
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await look(page, f"{author.url}/edit/drinkers?draft={draft['id']}&again=1", theme="dark", width=360)
    await page.until(f"{READY} && {TEXT}.includes('# mine')")
    await says(page, "changed this draft at")
    assert author.http.get(f"/drafts/{draft['id']}").json() == theirs
    await click(page, "Keep mine as a draft of its own")
    await page.until(f"!location.search.includes({json.dumps(draft['id'])}) && location.search.includes('draft=')")
    await page.until(f"{READY} && {TEXT}.includes('# mine')")
    apart = await page.evaluate("new URLSearchParams(location.search).get('draft')")
    assert author.http.get(f"/drafts/{draft['id']}").json() == theirs
    assert author.http.get(f"/drafts/{apart}").json()["text"] == TEA + "# mine\n"
    assert await page.evaluate("document.querySelectorAll('main .evil, main img').length") == 0
    assert await page.evaluate("troubles") == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
@pytest.mark.long
async def test_drafts_are_listed_deleted_and_brought_back(
    author: Author, page: Browser, theme: str, width: int
) -> None:
    draft = begun(author, f"{EVIL}\nwhen: x\n")
    await look(page, f"{author.url}/drafts", theme=theme, width=width)
    link = f"[...document.querySelectorAll('main a')].find((each) => each.href.endsWith({json.dumps(draft['id'])}))"
    await page.until(f"{link}?.textContent == {json.dumps(EVIL)}")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate(f"{link}.closest('tr').querySelector('button').click()")
    await says(page, "It can be brought back")
    await page.until(f"!{link} && !!document.querySelector('details')")
    await page.evaluate("document.querySelector('main details').open = true")
    assert await violations(page) == []
    await page.evaluate("document.querySelector('main details button').click()")
    await page.until(f"!!{link}")
    await page.evaluate(f"{link}.closest('tr').querySelector('button').click()")
    await page.until(f"!{link} && !!document.querySelector('details')")
    await page.evaluate("document.querySelector('main details').open = true")
    for word in ("Delete for good", "Really delete for good"):
        await click(page, word)
    await says(page, "Deleted for good:")
    assert author.http.get(f"/drafts/{draft['id']}").status_code == 404
    assert await page.evaluate("document.querySelectorAll('main .evil, main img').length") == 0
    assert await page.evaluate("troubles") == []
