"""Reviews: nothing is published that a second person has not approved word for word, however one asks for it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from app.runtime.audit import AuditLog
from app.settings import Settings
from tests.service.browser import Browser
from tests.web.author import Author, author_of_own_shop
from tests.web.changes import HOSTILE
from tests.web.guarded import be, people_of_own_shop
from tests.web.test_editing import click, give_reason, says, write
from tests.web.test_pages import look, violations

TEA: Final = "segment: drinkers\nwhen: exists('Tea Poured')\n"
MORE_TEA: Final = TEA.replace("exists('Tea Poured')", "count('Tea Poured') >= 2")
PEOPLE: Final = {"anna": "editor", "ben": "publisher", "cleo": "publisher", "dan": "admin"}


@pytest.fixture(scope="module")
def people(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Author]]:
    """People of a shop where everything needs a second person, and `drinkers` is published."""
    folder = tmp_path_factory.mktemp("reviews")
    with people_of_own_shop(settings, folder, "reviews", PEOPLE, console_review=True) as made:
        draft = sent(made["anna"], TEA)
        assert publish(made["ben"], approve(made["cleo"], draft)).status_code == 200
        yield made


def sent(who: Author, text: str = "", *, name: str = "", **body: Any) -> dict[str, Any]:
    """A draft that somebody has begun and sent for review."""
    begun = who.post("/drafts", text=text, name=name, **{"base": who.latest()} | body)
    assert begun.status_code == 200, begun.text
    made: dict[str, Any] = step(who, "review", begun.json(), "please look").json()
    return made


def step(who: Author, name: str, draft: dict[str, Any], message: str = "") -> httpx.Response:
    return who.post(f"/drafts/{draft['id']}/{name}", revision=draft["revision"], message=message)


def approve(who: Author, draft: dict[str, Any]) -> dict[str, Any]:
    answer = step(who, "approval", draft)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def change(who: Author, draft: dict[str, Any], text: str) -> httpx.Response:
    body = {"text": text, "base": draft["base"], "revision": draft["revision"]}
    return who.http.put(f"/drafts/{draft['id']}", json=body, headers=who.headers)


def publish(who: Author, draft: dict[str, Any], /, **body: Any) -> httpx.Response:
    said = {"text": draft["text"], "name": draft["name"], "if_version": draft["base"], "message": "as planned"}
    return who.post("/publications", **said | {"draft": draft["id"]} | body)


def kept(who: Author, draft: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = who.http.get(f"/drafts/{draft['id']}").json()
    return found


def is_refused(answer: httpx.Response, status: int = 409, code: str = "no-approval") -> bool:
    return (answer.status_code, answer.json()["code"]) == (status, code)


def test_nobody_publishes_removes_or_goes_back_alone(people: dict[str, Author]) -> None:
    for name in ("ben", "dan"):
        who = people[name]
        before = who.history()
        assert is_refused(who.publish(MORE_TEA, name="drinkers"))
        body: dict[str, Any] = {"message": "x", "if_version": who.latest()}
        assert is_refused(who.post("/publications/removal", name="drinkers", **body))
        assert is_refused(who.post("/publications/rollback", to="1", **body))
        assert who.post("/publications/removal", name="drinkers", dry_run=True).status_code == 200
        assert who.history() == before


@pytest.mark.long
def test_what_is_approved_is_published_word_for_word_or_not_at_all(people: dict[str, Author]) -> None:
    anna, ben, cleo = (people[name] for name in ("anna", "ben", "cleo"))
    draft = sent(anna, MORE_TEA, name="drinkers")
    assert is_refused(publish(ben, draft)), "it waits"
    draft = approve(cleo, draft)
    wrong = ({"text": TEA + "# more\n"}, {"name": ""}, {"if_version": "none"}, {"draft": "none"}, {"draft": ""})
    for body in wrong:
        assert publish(ben, draft, **body).status_code in (404, 409), body
    assert is_refused(ben.post("/publications/removal", name="drinkers", message="x", draft=draft["id"]))
    assert is_refused(ben.post("/publications/rollback", to="1", message="x", draft=draft["id"]))
    assert publish(anna, draft).status_code == 403, "to approve gives nobody a right"
    done = publish(ben, draft, message="twice is better")
    assert done.status_code == 200, done.text
    newest = ben.history()[0]
    assert (newest["by"], newest["approved_by"], newest["message"]) == ("ben", "cleo", "twice is better")
    review = kept(anna, draft)["review"]
    assert (review["state"], review["publication"]) == ("published", done.json()["number"])
    assert is_refused(publish(ben, draft)), "an approval is good for one publication"


@pytest.mark.long
def test_nobody_approves_what_they_have_written(people: dict[str, Author]) -> None:
    anna, ben, cleo = (people[name] for name in ("anna", "ben", "cleo"))
    draft = sent(anna, MORE_TEA + "# anna\n", name="drinkers")
    assert is_refused(step(anna, "approval", draft), 403, "right")
    changed = change(ben, draft, MORE_TEA + "# ben\n").json()
    assert changed["review"] is None
    assert sorted(changed["writers"]) == ["anna", "ben"]
    again = step(cleo, "review", changed, "ben has written in it").json()
    assert is_refused(step(ben, "approval", again), 403, "own-draft")
    own = sent(cleo, MORE_TEA + "# cleo\n", name="drinkers")
    assert is_refused(step(cleo, "approval", own), 403, "own-draft")
    assert approve(cleo, again)["review"]["decided_by"] == "cleo"


def test_any_edit_ends_an_approval(people: dict[str, Author]) -> None:
    anna, ben, cleo = (people[name] for name in ("anna", "ben", "cleo"))
    draft = approve(cleo, sent(anna, MORE_TEA + "# a\n", name="drinkers"))
    changed = change(anna, draft, MORE_TEA + "# b\n").json()
    assert is_refused(publish(ben, changed))
    assert is_refused(publish(ben, changed, text=draft["text"]))
    same = approve(cleo, step(anna, "review", change(anna, changed, draft["text"]).json(), "x").json())
    gone = anna.http.request(
        "DELETE", f"/drafts/{same['id']}", json={"revision": same["revision"]}, headers=anna.headers
    ).json()
    assert is_refused(publish(ben, same))
    back = step(anna, "bring-back", gone).json()
    assert back["review"] is None
    assert is_refused(publish(ben, back))


def test_a_draft_that_was_sent_back_says_why_and_waits_for_nobody(people: dict[str, Author]) -> None:
    anna, ben = people["anna"], people["ben"]
    draft = sent(anna, MORE_TEA + "# c\n", name="drinkers")
    assert step(ben, "return", draft, " ").status_code == 400
    back = step(ben, "return", draft, HOSTILE).json()
    assert (back["review"]["state"], back["review"]["comment"]) == ("returned", HOSTILE)
    assert is_refused(step(ben, "approval", back), 409, "no-review")
    approved = approve(ben, step(anna, "review", back, "now").json())
    assert is_refused(step(anna, "review", approved, "again"), 409, "approved")
    assert step(people["cleo"], "return", approved, "wait").json()["review"]["state"] == "returned"
    assert is_refused(publish(ben, approved))


def test_an_approval_of_what_somebody_has_just_changed_is_none(people: dict[str, Author]) -> None:
    anna, ben, cleo = (people[name] for name in ("anna", "ben", "cleo"))
    draft = sent(anna, MORE_TEA + "# d\n", name="drinkers")
    assert change(anna, draft, MORE_TEA + "# unseen\n").status_code == 200
    late = step(cleo, "approval", draft)
    assert is_refused(late, 409, "other-revision")
    assert "anna changed this draft at" in late.json()["message"]
    draft = sent(anna, MORE_TEA + "# e\n", name="drinkers")

    async def at_once() -> list[int]:
        async with httpx.AsyncClient(timeout=60) as http:
            body = {"text": MORE_TEA + "# f\n", "base": draft["base"], "revision": draft["revision"]}
            path = f"{anna.url}/console/v1/drafts/{draft['id']}"
            edits = http.put(path, json=body, headers=anna.headers | {"Cookie": anna.cookie})
            said = {"revision": draft["revision"]}
            approves = http.post(f"{path}/approval", json=said, headers=cleo.headers | {"Cookie": cleo.cookie})
            return [each.status_code for each in await asyncio.gather(edits, approves)]

    assert sorted(asyncio.run(at_once())) == [200, 409]
    now = kept(anna, draft)
    assert (now["review"] is None) is (now["text"] != draft["text"])
    assert publish(ben, draft).status_code == (200 if now["review"] else 409)


def test_a_removal_and_going_back_need_an_approval_of_their_own(people: dict[str, Author]) -> None:
    anna, ben, cleo = (people[name] for name in ("anna", "ben", "cleo"))
    made = approve(cleo, sent(anna, "segment: shortlived\nwhen: exists('Cup Broken')\n"))
    assert publish(ben, made).status_code == 200
    removal = approve(cleo, sent(anna, name="shortlived", deed="removal"))
    asked = {"name": "shortlived", "message": "unused", "if_version": removal["base"], "draft": removal["id"]}
    assert is_refused(ben.post("/publications/removal", **asked | {"name": "drinkers"}))
    assert ben.post("/publications/removal", **asked).json()["removed"] == ["shortlived"]
    back_to = str(int(ben.latest()) - 1)
    rollback = approve(cleo, sent(anna, deed="rollback", to=back_to))
    asked = {"to": back_to, "message": "after all", "if_version": rollback["base"], "draft": rollback["id"]}
    assert is_refused(ben.post("/publications/rollback", **asked | {"to": "1"}))
    assert is_refused(ben.post("/publications/rollback", **asked | {"if_version": None}))
    assert ben.post("/publications/rollback", **asked).json()["added"] == ["shortlived"]
    assert [each["approved_by"] for each in ben.history()[:2]] == ["cleo", "cleo"]
    for body in ({"deed": "removal"}, {"deed": "rollback"}, {"deed": "removal", "name": "x", "text": TEA}):
        assert anna.post("/drafts", **{"text": "", "base": "1"} | body).status_code == 400


def test_each_step_is_in_the_audit_log(people: dict[str, Author]) -> None:
    anna, ben, cleo = (people[name] for name in ("anna", "ben", "cleo"))
    draft = approve(cleo, sent(anna, TEA + "owner: anna\n", name="drinkers"))
    assert publish(ben, draft).status_code == 200
    records = asyncio.run(AuditLog(anna.settings, actor=None, way="http").latest(6))
    told = [(each.actor, each.deed, each.result, each.details.get("step")) for each in records]
    review = "definitions.review"
    assert told[2:] == [
        ("cleo", review, "done", "approved"),
        ("cleo", review, "begun", "approved"),
        ("anna", review, "done", "asked"),
        ("anna", review, "begun", "asked"),
    ]
    assert records[2].details == {
        "step": "approved",
        "draft": draft["id"],
        "deed": "publish",
        "definition": "drinkers",
    }
    assert (records[0].actor, records[0].details["approved_by"]) == ("ben", "cleo")


def test_a_console_without_reviews_has_none(settings: Settings) -> None:
    with author_of_own_shop(settings, "unreviewed") as author:
        draft = author.post("/drafts", text=TEA, base="none").json()
        for name in ("review", "approval", "return"):
            assert is_refused(step(author, name, draft, "x"), 409, "no-review")
        assert author.publish(TEA).status_code == 200
        assert author.history()[0]["approved_by"] == ""


async def go_to_review(page: Browser) -> None:
    link = "[...document.querySelectorAll('main a')].find((each) => each.href.includes('/review'))"
    await page.until(f"!!{link}")
    await page.evaluate(f"{link}.click()")


async def test_a_text_goes_from_its_author_by_a_second_person_to_the_workers(
    people: dict[str, Author], page: Browser
) -> None:
    anna, ben = people["anna"], people["ben"]
    url = anna.url
    await be(page, anna)
    await look(page, f"{url}/edit/drinkers")
    await write(page, f"# {HOSTILE}\n")
    await says(page, "Keep the text as a draft first")
    await click(page, "Keep as a draft")
    await page.until("location.search.startsWith('?draft=')")
    await go_to_review(page)
    await says(page, "not sent for review")
    await give_reason(page, f"Please {HOSTILE}")
    await click(page, "Send for review")
    await says(page, "Somebody who may publish has to approve it")
    address = await page.evaluate("location.pathname + location.search")

    await be(page, ben)
    await look(page, f"{url}/drafts", theme="dark", width=360)
    await says(page, "waits for a review")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for theme, width in (("light", 1280), ("dark", 1280), ("light", 360)):
        await look(page, f"{url}{address}&w={theme}{width}", theme=theme, width=width)
        await says(page, f"Please {HOSTILE}")
        await page.until("document.querySelectorAll('.difference .added').length == 1")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await click(page, "Approve")
    await page.until("document.querySelector('[name=message]')?.value.startsWith('Please')")
    assert await violations(page) == []
    await click(page, "Publish")
    await says(page, "Published as number")
    assert ben.history()[0]["approved_by"] == "ben"
    await look(page, f"{url}/history")
    await says(page, "Approved by")
    assert await page.evaluate("document.querySelectorAll('main img').length") == 0
    assert await page.evaluate("troubles") == []


async def test_a_removal_is_asked_for_where_it_would_be_done(people: dict[str, Author], page: Browser) -> None:
    ben = people["ben"]
    await be(page, ben)
    await look(page, f"{ben.url}/segments/drinkers")
    await click(page, "Remove")
    await page.until("!!document.querySelector('form.publish [name=message]')")
    await give_reason(page, "nobody needs it")
    await click(page, "Send for review")
    await says(page, "Sent for review.")
    await go_to_review(page)
    await says(page, "You have written in this draft: somebody else has to approve it.")
    await page.until(f"document.querySelector('.changed')?.textContent.includes({json.dumps('drinkers')})")
    await give_reason(page, "no, they do")
    await click(page, "Send back")
    await says(page, "sent back")
    assert await violations(page) == []
    assert await page.evaluate("troubles") == []
