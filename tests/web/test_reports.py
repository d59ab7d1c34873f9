"""Reports in the console: the figures of `shoal report`, as tables and pictures."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from app.cli import main as cli
from app.settings import Settings, load_settings
from app.web.jobs.report_job import KINDS, ReportWish, make_tables, report_task
from tests.service.browser import Browser
from tests.support.waiting import wait_until
from tests.unit.offline.test_uplift_warehouse import Shop
from tests.warehouse.making import START_MS
from tests.web.author import Author, author_of_own_shop
from tests.web.test_editing import click, says
from tests.web.test_languages import speak
from tests.web.test_pages import look, violations

USERS: Final = 300
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
STEPS: Final = ["Product Added", "Order Completed"]
NAMES: Final = {"conversion": "segments", "experiments": "groups"}
"""Beginnings of the names of tables, where they are not that of the kind."""
ARGUMENTS: Final = {"funnel": ["--step", *STEPS]}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a shop of three weeks."""
    folder = tmp_path_factory.mktemp("warehouse")
    shop = Shop(lift=0.3)
    for number in range(USERS):
        shop.visit(f"u-{number}", START_MS + number * 2 * HOUR_MS)
    shop.say("<img src=x onerror=alert(1)>", START_MS + 21 * DAY_MS, "=<b>\u202eBold", userId="hostile")
    shop.export(folder)
    return folder


@pytest.fixture(scope="module")
def author(settings: Settings, warehouse: Path) -> Iterator[Author]:
    """Somebody at a console that has this warehouse."""
    with author_of_own_shop(replace(settings, warehouse=str(warehouse)), "reports") as made:
        yield made


def made(author: Author, **wish: Any) -> dict[str, Any]:
    """The job of a report, when it has ended."""
    answer = author.post("/jobs", kind="report", report=wish)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()

    def ended() -> bool:
        job.update(author.http.get(f"/jobs/{job['id']}").json())
        return bool(job["state"] != "running")

    wait_until(ended, what="the report")
    return job


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_report_has_the_figures_of_the_command(
    warehouse: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    words = ["report", kind, "--warehouse", str(warehouse), "--window", "2d", "--json", *ARGUMENTS.get(kind, [])]
    assert cli.main(words) == 0
    said = json.loads(capsys.readouterr().out)
    settings = load_settings({}, warehouse=str(warehouse))
    found = make_tables(report_task(settings, ReportWish(kind=kind, windows=["2d"], steps=STEPS)))
    assert (found.since, found.until, [str(each) for each in found.notes]) == (
        said["since"],
        said["until"],
        said["notes"],
    )
    (report,) = said["reports"]
    assert found.tables
    for table, plain in zip(found.tables, report["tables"], strict=True):
        names = [each.name for each in table.columns]
        assert [dict(zip(names, row, strict=True)) for row in table.rows] == plain["rows"]
        assert (table.name, [str(each) for each in table.notes]) == (plain["name"], plain["notes"])
    assert any(table.rows for table in found.tables)


@pytest.mark.long
def test_a_report_is_a_job(author: Author) -> None:
    job = made(author, kind="funnel", steps=STEPS, windows=["2h", "2d"])
    assert job["state"] == "done", job["problem"]
    assert [each["name"] for each in job["report"]["tables"]] == ["funnel-2h", "funnel-2d"]
    first, second = job["report"]["tables"][1]["rows"]
    assert (first[0], second[0]) == ("1. Product Added", "2. Order Completed")
    assert 0 < second[1] < first[1]


@pytest.mark.long
def test_a_report_without_anything_in_its_span_says_so(author: Author) -> None:
    job = made(author, kind="paths", since="2030-01-01T00:00:00Z")
    assert (job["state"], "no event is from" in job["problem"] or "is empty" in job["problem"]) == ("failed", True)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"kind": "<b>"}, "is no report"),
        ({"kind": "conversion", "windows": ["soon"]}, "is no window"),
        ({"kind": "conversion", "windows": ["0s"]}, "is no window"),
        ({"kind": "conversion", "windows": []}, "one to 4 windows"),
        ({"kind": "conversion", "windows": ["1d"] * 5}, "one to 4 windows"),
        ({"kind": "conversion", "goal": " "}, "name the events"),
        ({"kind": "conversion", "goal": "x" * 201}, "at most 200"),
        ({"kind": "funnel", "steps": ["one"]}, "2 to 10 steps"),
        ({"kind": "flows", "limit": 0}, "from 1 to 100"),
        ({"kind": "flows", "since": "yesterday"}, "is no instant"),
    ],
)
def test_a_report_that_cannot_be_made_is_refused(author: Author, wish: dict[str, Any], said: str) -> None:
    refused = author.post("/jobs", kind="report", report=wish)
    assert (refused.status_code, said in refused.json()["message"]) == (400, True), refused.text


def test_no_report_without_a_wish_or_a_warehouse(author: Author, http: Any) -> None:
    assert author.post("/jobs", kind="report").status_code == 400
    with pytest.raises(Exception, match="no warehouse"):
        report_task(load_settings({}), ReportWish(kind="flows"))


async def choose(page: Browser, name: str, value: str) -> None:
    """Fills in a field of the form."""
    await page.evaluate(
        f"(() => {{ const field = document.querySelector('[name={name}]'); field.value = {json.dumps(value)};"
        "field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def drawn() -> str:
    """An expression: every picture has something on it."""
    return (
        "[...document.querySelectorAll('figure canvas')].every((each) => each.width && each.getContext('2d')"
        ".getImageData(0, 0, each.width, each.height).data.some((part) => part)) &&"
        " document.querySelectorAll('figure canvas').length > 0"
    )


@pytest.mark.long
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
async def test_every_report_is_shown_with_pictures(author: Author, page: Browser, theme: str, width: int) -> None:
    await look(page, f"{author.url}/reports", theme=theme, width=width)
    for kind in KINDS:
        await choose(page, "kind", kind)
        if kind == "funnel":
            await choose(page, "steps", "\n".join(STEPS))
        if kind in ("conversion", "experiments", "funnel", "attribution"):
            await choose(page, "windows", "2d")
        await click(page, "Make the report")
        await page.until(f"!!document.querySelector('[aria-labelledby^=figures-{NAMES.get(kind, kind)}] figure')")
        await page.until(drawn())
        assert await violations(page) == [], kind
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), kind
        assert await page.evaluate("troubles") == [], kind


@pytest.mark.long
async def test_the_page_in_german_saves_a_picture_and_the_figures(author: Author, page: Browser) -> None:
    await speak(page, "de")
    await look(page, f"{author.url}/reports?kind=flows")
    await click(page, "Bericht erstellen")
    await says(page, "Wege zwischen Segmenten")
    await page.until(drawn())
    await page.evaluate(
        "window.saved = []; window.blobs = {}; const kept = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { blobs[blob.type] = blob; return kept(blob); };"
        "HTMLAnchorElement.prototype.click = function () { saved.push(this.download); }; 0"
    )
    await page.evaluate("[...document.querySelectorAll('.saves button')].forEach((each) => each.click())")
    await page.until("saved.length === 2")
    assert sorted(await page.evaluate("saved")) == ["flows.csv", "flows.png"]
    text = await page.evaluate("blobs['text/csv'].text()")
    assert text.startswith("from,to,entries,users,median time between\r\n(first),cart,")
    assert await page.evaluate("createImageBitmap(blobs['image/png']).then((each) => each.width)") > 300


async def test_the_page_of_a_console_without_a_warehouse_says_how_to_get_one(url: str, page: Browser) -> None:
    await look(page, f"{url}/reports")
    assert "SHOAL_WAREHOUSE" in await page.evaluate("document.querySelector('main').textContent")
    assert await violations(page) == []
