"""Experiments in the console: their groups, who was exposed, and no verdict before the windows are over."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from app.settings import Settings
from tests.service.browser import Browser
from tests.support.waiting import wait_until
from tests.unit.offline.test_uplift_warehouse import Shop
from tests.warehouse.making import START_MS
from tests.web.author import Author, author_of_own_shop
from tests.web.profiles import stored, write_profiles
from tests.web.test_editing import click, says
from tests.web.test_lists import counted
from tests.web.test_pages import look, violations

CART: Final = (
    "segment: cart\nwhen: exists('Product Added' within 1h)\n"
    "experiment: {name: cart-mail, groups: {holdout: 50, mail: 50}, start: 2026-01-01T00:00:00Z}\n"
)
LAYERED: Final = (
    "segment: {0}\nwhen: exists('Tea Poured')\n"
    "experiment: {{name: {0}, groups: {{a: 10, b: 2.5}}, layer: tea, from: {1}}}\n"
)
USERS: Final = 500
MINUTE_MS: Final = 60_000


@pytest.fixture(scope="module")
def author(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    """The author of a shop with three experiments, and the warehouse of one."""
    folder = tmp_path_factory.mktemp("warehouse")
    shop = Shop(lift=0.3)
    for number in range(USERS):
        shop.visit(f"u-{number}", START_MS + number * MINUTE_MS)
    shop.export(folder)
    with author_of_own_shop(replace(settings, warehouse=str(folder)), "experiments") as made:
        for text in (CART, LAYERED.format("first", 0), LAYERED.format("second", 20)):
            assert made.publish(text).status_code == 200, text
        groups = [("mail", False), ("mail", False), ("mail", True), ("old", False)]
        users = [(b"u%d" % number, stored({}, {"cart-mail": each})) for number, each in enumerate(groups)]
        asyncio.run(write_profiles(made.settings, [*users, (b"u9", stored({}, {}))]))
        wait_until(lambda: len(made.http.get("/experiments").json()["experiments"]) == 3, what="the console follows")
        yield made


def compared(author: Author, **wish: Any) -> dict[str, Any]:
    """The job of a comparison, when it has ended."""
    answer = author.post("/jobs", kind="uplift", uplift={"experiment": "cart-mail", "goal": "Order Completed"} | wish)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()

    def ended() -> bool:
        job.update(author.http.get(f"/jobs/{job['id']}").json())
        return bool(job["state"] != "running")

    wait_until(ended, within_s=90, what="the comparison")  # jobs have the lowest priority
    return job


def test_experiments_have_their_groups_layers_and_segments(author: Author) -> None:
    found = author.http.get("/experiments").json()
    assert found["warehouse"] is True
    mail, first, second = found["experiments"]
    assert mail == {
        "name": "cart-mail",
        "groups": [
            {"name": "holdout", "share": 50.0, "starts_at": 0.0},
            {"name": "mail", "share": 50.0, "starts_at": 50.0},
        ],
        "salt": "cart-mail",
        "start": "2026-01-01T00:00:00.000Z",
        "layer": None,
        "is_universal": False,
        "segments": {"cart": "live"},
    }
    assert (first["layer"], first["start"]) == ("tea", None)
    assert [each["starts_at"] for each in second["groups"]] == [20.0, 30.0]


def test_exposed_users_are_counted_by_group_also_those_of_earlier_shares(author: Author) -> None:
    found = {each["name"]: each for each in counted(author)["experiments"]}
    assert found["cart-mail"] == {"name": "cart-mail", "groups": {"mail": 3, "old": 1}, "crossed": 1}
    assert found["first"]["groups"] == {}


@pytest.mark.long
def test_groups_are_compared_and_nobody_counts_before_their_window_is_over(author: Author) -> None:
    over = compared(author, within="2h")["uplift"]
    (against,) = over["comparisons"]
    assert (over["control"], against["verdict"]) == ("holdout", "better")
    assert over["ratio_p"] is not None, "the sizes are checked against the shares of the definition"
    pending = sum(each["pending"] for each in over["groups"])
    assert 0 < pending < USERS
    early = compared(author, within="30d")["uplift"]
    assert [each["users"] for each in early["groups"]] in ([0, 0], [])
    assert not [each for each in early["comparisons"] if each["verdict"] in ("better", "worse")]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"within": "soon"}, "is not a duration"),
        ({"within": "0s"}, "above zero"),
        ({"within": "1d", "experiment": "<b>"}, "no definition has the experiment"),
        ({"within": "1d", "goal": " "}, "name the events"),
    ],
)
def test_what_cannot_be_compared_is_refused(author: Author, wish: dict[str, Any], said: str) -> None:
    asked = {"experiment": "cart-mail", "goal": "Order Completed"} | wish
    refused = author.post("/jobs", kind="uplift", uplift=asked)
    assert (refused.status_code, said in refused.json()["message"]) == (400, True), refused.text
    assert author.post("/jobs", kind="uplift").status_code == 400


@pytest.mark.long
def test_an_experiment_without_exposures_is_a_job_that_says_so(author: Author) -> None:
    job = compared(author, within="1d", experiment="first")
    assert (job["state"], job["problem"]) == ("failed", "the warehouse has no exposures to first yet")


@pytest.mark.long
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
async def test_the_page_counts_and_compares(author: Author, page: Browser, theme: str, width: int) -> None:
    await look(page, f"{author.url}/experiments", theme=theme, width=width)
    await click(page, "Count now")
    await says(page, "4 users have entered one of its segments.")
    await page.evaluate(
        "const fields = document.querySelectorAll('.filters input'); const set = (field, text) => { field.value = text;"
        "field.dispatchEvent(new Event('input', {bubbles: true})); };"
        "set(fields[0], 'Order Completed'); set(fields[1], '2h')"
    )
    await click(page, "Compare the groups")
    await says(page, "Compared with holdout.")
    await says(page, "better")
    await says(page, "they count when they are")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("troubles") == []


@pytest.mark.long
async def test_the_page_of_a_console_without_a_warehouse_says_how_to_get_one(settings: Settings, page: Browser) -> None:
    with author_of_own_shop(settings, "unmeasured") as author:
        assert author.publish(CART).status_code == 200
        wait_until(lambda: "segments" in author.http.get("/segments").json(), what="the console follows")
        assert author.http.get("/experiments").json()["warehouse"] is False
        refused = author.post("/jobs", kind="uplift", uplift={"experiment": "cart-mail", "goal": "x", "within": "1d"})
        assert (refused.status_code, refused.json()["code"]) == (400, "no-warehouse")
        await look(page, f"{author.url}/experiments")
        await says(page, "SHOAL_WAREHOUSE")
        assert await violations(page) == []
