"""Renaming in the console: one publication, the same text, and nothing that uses the old name is left behind."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.catalogs.renaming import RenameRefusedError, renamed_text
from app.settings import Settings
from tests.service.browser import Browser
from tests.support.waiting import wait_until
from tests.web.author import Author, author_of_own_shop
from tests.web.conftest import fill_redis
from tests.web.guarded import people_of_own_shop
from tests.web.test_editing import click, give_reason, says
from tests.web.test_pages import look, violations
from tests.web.test_reviews import approve, is_refused, sent

TEXT = "# ☕ carts\r\nsegment:  'cart-abandoned'   # of carts\r\nwhen: exists('cart-abandoned')\r\n"


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop with a segment that nothing uses, and one that another one uses."""
    with author_of_own_shop(settings, "renaming") as made:
        fill_redis(made.settings)
        for text in (TEXT, "segment: base\nwhen: exists('Tea Poured')\n", "segment: above\nwhen: segment('base')\n"):
            assert made.publish(text).status_code == 200, text
        wait_until(lambda: "above" in made.http.get("/segments").text, what="the console follows")
        yield made


def rename(author: Author, name: str, to: str, **body: Any) -> Any:
    given = {"message": "clearer", "if_version": author.latest()} | body
    return author.post("/publications/rename", name=name, to=to, **given)


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        (TEXT, TEXT.replace("'cart-abandoned'   #", "new   #")),
        ("when: list('a')\nsegment: a", "when: list('a')\nsegment: new"),
        ('{segment: "a", when: cart.items > 0}', "{segment: new, when: cart.items > 0}"),
        ("score: a\npoints:\n  - {on: a, add: 1}\n", "score: new\npoints:\n  - {on: a, add: 1}\n"),
    ],
)
def test_all_bytes_but_the_name_stay(text: str, renamed: str) -> None:
    assert renamed_text(text, "cart-abandoned" if text == TEXT else "a", "new") == renamed


@pytest.mark.parametrize("to", ["New", "", "a b", "changes", "x" * 200, "b\nwhen: cart.items > 1", "b # c", "b'"])
def test_a_name_that_cannot_be_one_is_refused(to: str) -> None:
    with pytest.raises(RenameRefusedError):
        renamed_text("segment: a\nwhen: cart.items > 0\n", "a", to)


@pytest.mark.long
def test_one_publication_takes_the_old_name_away_and_brings_the_new_one(author: Author) -> None:
    author.publish("segment: shortlived\nwhen: exists('Cup Broken')\n")
    seen = author.latest()
    planned = rename(author, "shortlived", "longlived", dry_run=True).json()
    assert (planned["number"], planned["added"], planned["removed"]) == (None, ["longlived"], ["shortlived"])
    assert author.latest() == seen
    assert rename(author, "shortlived", "longlived", message=" ").status_code == 400
    assert rename(author, "shortlived", "longlived", if_version="999").status_code == 409
    done = rename(author, "shortlived", "longlived").json()
    assert (done["number"], done["added"], done["removed"]) == (int(seen) + 1, ["longlived"], ["shortlived"])
    shown = author.http.get("/definitions", params={"name": "longlived"}).json()
    assert (shown["path"], shown["source"]) == ("longlived.yaml", "console")
    assert author.http.get("/definitions", params={"name": "shortlived"}).status_code == 404
    audit = author.http.get("/audit").json()["records"][1]
    assert (audit["deed"], audit["details"]["added"], audit["details"]["removed"]) == ("definitions.publish", "1", "1")


@pytest.mark.long
def test_what_others_use_or_own_is_not_renamed(author: Author) -> None:
    seen = author.latest()
    for dry_run in (True, False):
        used = rename(author, "base", "ground", dry_run=dry_run)
        assert (used.status_code, used.json()["code"]) == (409, "in-use")
        assert "above" in used.json()["message"]
    assert (rename(author, "above", "base").status_code, rename(author, "nobody", "x").status_code) == (400, 404)
    assert rename(author, "catalog.yaml", "x").status_code == 400
    assert author.latest() == seen
    author.publish_from("git", "runners", "segment: runners\nwhen: exists('Run Begun')\n")
    assert rename(author, "runners", "joggers").json()["code"] == "other-source"
    assert rename(author, "runners", "joggers", take_over=True).json()["added"] == ["joggers"]


@pytest.mark.long
def test_a_rename_needs_an_approval_where_reviews_are_set(settings: Settings, tmp_path: Any) -> None:
    roles = {"anna": "editor", "ben": "publisher"}
    with people_of_own_shop(settings, tmp_path, "named", roles, console_review=True) as people:
        anna, ben = people["anna"], people["ben"]
        draft = approve(ben, sent(anna, "segment: old\nwhen: exists('Tea Poured')\n"))
        said = {"text": draft["text"], "message": "x", "if_version": "none", "draft": draft["id"]}
        assert ben.post("/publications", **said).status_code == 200
        assert is_refused(rename(ben, "old", "new"))
        draft = approve(ben, sent(anna, name="old", deed="rename", to="new"))
        assert is_refused(rename(ben, "old", "other", draft=draft["id"]))
        assert rename(ben, "old", "new", draft=draft["id"]).json()["added"] == ["new"]


async def test_a_segment_is_renamed_by_its_page(author: Author, page: Browser) -> None:
    for theme, width in (("light", 1280), ("dark", 360)):
        await look(page, f"{author.url}/segments/cart-abandoned?turn={width}", theme=theme, width=width)
        await click(page, "Rename")
        await says(page, "3 users are in it now: they leave the old name")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate(
        "const field = document.querySelector('[name=to]'); field.value = 'left-carts';"
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    await give_reason(page, "<b>clearer</b>")
    await click(page, "Publish under the new name")
    await says(page, "Published as number")
    assert (author.history()[0]["added"], author.history()[0]["removed"]) == (["left-carts"], ["cart-abandoned"])
    assert await page.evaluate("troubles") == []
