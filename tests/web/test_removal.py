"""Removing a segment in a real browser: what it means is said before, and it takes a reason."""

from collections.abc import Iterator

import pytest

from app.settings import Settings
from tests.service.browser import Browser
from tests.support.waiting import wait_until
from tests.web.author import Author, author_of_own_shop
from tests.web.conftest import fill_redis
from tests.web.test_editing import click, give_reason, says
from tests.web.test_pages import look, violations

TEXT = "segment: cart-abandoned\nwhen: exists('Tea Poured')\n"


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop of their own, with the users of the other tests in its segment."""
    with author_of_own_shop(settings, "removal") as made:
        fill_redis(made.settings)
        assert made.publish(TEXT).status_code == 200
        wait_until(lambda: "segments" in made.http.get("/segments").json(), what="the console follows")
        yield made


@pytest.mark.long
async def test_who_would_leave_is_said_before_a_segment_is_removed(author: Author, page: Browser) -> None:
    for theme, width in (("light", 1280), ("dark", 360)):
        await look(page, f"{author.url}/segments/cart-abandoned?turn={width}", theme=theme, width=width)
        await click(page, "Remove")
        await says(page, "3 users are in it now, and would leave.")
        await page.until("!!document.querySelector('form.publish [name=message]')")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await give_reason(page, "<b>nobody</b> needs it")
    await click(page, "Publish without it")
    await says(page, "Removed, with publication 2.")
    assert author.history()[0]["removed"] == ["cart-abandoned"]
    assert await page.evaluate("troubles") == []
