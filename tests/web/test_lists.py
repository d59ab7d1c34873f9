"""Static lists in the console: who is on them is counted, and a file of users goes where the workers read it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from app.events.list_record import read_list_record
from app.runtime.audit import AuditLog
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_readers import LogReaders, whole
from app.settings import Settings
from tests.service.browser import Browser
from tests.support.waiting import wait_until
from tests.web.author import Author, author_of_own_shop
from tests.web.changes import HOSTILE, write_changes
from tests.web.profiles import stored, write_profiles
from tests.web.test_editing import click, says
from tests.web.test_pages import look, violations

GUESTS: Final = "segment: guests\nwhen: list('vip') and not list('restricted')\n"


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop with one segment that asks for two lists."""
    with author_of_own_shop(settings, "lists") as made:
        asyncio.run(write_changes(made.settings))
        assert made.publish(GUESTS).status_code == 200
        wait_until(lambda: "segments" in made.http.get("/segments").json(), what="the console follows")
        yield made


def counted(author: Author, **body: Any) -> Any:
    """The result of a job that counts."""
    job = author.post("/jobs", kind="counts", **body).json()

    def ended() -> bool:
        job.update(author.http.get(f"/jobs/{job['id']}").json())
        return bool(job["state"] != "running")

    wait_until(ended, what="the count")
    assert job["state"] == "done", job
    return job["counts"]


async def listed(settings: Settings) -> list[tuple[str, str, bool]]:
    """The list records of the clickstream: user, list, on or off."""
    client = await connect(settings)
    found = []
    async with LogReaders(client, settings, committed_only=False) as readers:
        for partition in range(settings.partitions):
            async for records in whole(readers.open(settings.topics.clickstream, partition), records_max=100):
                for each in records:
                    if each.value.startswith(b'{"type":"list"'):
                        record = read_list_record(each.value)
                        found.append((each.key.decode(), record.name, record.on))
    await client.close()
    return found


def test_users_of_lists_are_counted_as_the_workers_have_stored_them(author: Author) -> None:
    on, off = (1_767_571_200_000, True), (1_767_571_300_000, False)
    newest = (1_767_571_400_000, True)
    asyncio.run(
        write_profiles(
            author.settings,
            [
                (b"ann", stored({"vip": on}, {})),
                (b"ben", stored({"vip": newest, "early": on}, {})),
                (b"cleo", stored({"vip": on}, {})),
                (b"cleo", stored({"vip": off}, {})),
                (b"dan", stored({"vip": on}, {})),
                (b"dan", None),
                (b"eve", stored({}, {})),
            ],
        )
    )
    assert author.http.get("/lists").json() == {
        "lists": [{"name": "restricted", "used_by": ["guests"]}, {"name": "vip", "used_by": ["guests"]}]
    }
    found = counted(author, lists=["early"])
    assert [(each["name"], each["users"], each["newest"]) for each in found["lists"]] == [
        ("early", 1, "2026-01-05T00:00:00.000Z"),
        ("restricted", 0, None),
        ("vip", 2, "2026-01-05T00:03:20.000Z"),
    ]
    assert author.post("/jobs", kind="counts", lists=["No Name"]).status_code == 400


def test_a_file_is_checked_then_written_and_stands_in_the_audit_log(author: Author) -> None:
    text = f"name,userId\nAnn,ann\n{HOSTILE},null\nBen,ben\nAnn,ann\n"
    plan = author.post("/lists/import", name="vip", text=text, csv=True, dry_run=True).json()
    assert (plan["users"], plan["written"], plan["skipped"]) == (2, False, 1)
    assert "line 3" in plan["examples"][0]
    assert asyncio.run(listed(author.settings)) == []
    done = author.post("/lists/import", name="vip", text=text, csv=True).json()
    assert (done["users"], done["written"]) == (2, True)
    assert author.post("/lists/import", name="vip", text="ben\n", on=False).json()["users"] == 1
    assert sorted(asyncio.run(listed(author.settings))) == [
        ("ann", "vip", True),
        ("ben", "vip", False),
        ("ben", "vip", True),
    ]
    records = asyncio.run(AuditLog(author.settings, actor=None, way="http").latest(2))
    assert {(each.deed, each.way, each.details.get("users")) for each in records} == {("lists.write", "http", "1")}
    assert all("ben" not in json.dumps(each.details) for each in records)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "No Name", "text": "ann"}, "is no name of a list"),
        ({"name": "vip", "text": "a,b\n1,2", "csv": True}, "no column has a usual name for ids: choose one: a, b"),
        ({"name": "vip", "text": "a,b\n1,2", "csv": True, "column": "c"}, "there is no column"),
        ({"name": "vip", "text": 7}, "Expected `str`"),
    ],
)
def test_what_is_no_file_of_users_is_refused(author: Author, body: dict[str, Any], said: str) -> None:
    before = asyncio.run(listed(author.settings))
    refused = author.post("/lists/import", **body)
    assert refused.status_code == 400
    assert said in refused.json()["message"]
    assert asyncio.run(listed(author.settings)) == before


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
@pytest.mark.long
async def test_users_are_put_on_a_list_by_the_page(
    author: Author, page: Browser, tmp_path: Path, theme: str, width: int
) -> None:
    file = tmp_path / "users.csv"
    file.write_text(f"userId\nu-{width}\n{HOSTILE}\n,\n\x00\n", encoding="utf-8")
    await look(page, f"{author.url}/lists", theme=theme, width=width)
    await page.evaluate(
        "const field = document.querySelector('[list=lists]'); field.value = 'by-page';"
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    found = await page.command("DOM.getDocument")
    node = await page.command("DOM.querySelector", nodeId=found["root"]["nodeId"], selector="[type=file]")
    await page.command("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(file)])
    await page.until("document.querySelector('[name=column]')?.options.length == 2")
    await click(page, "Check")
    await says(page, "2 users would be put on by-page.")
    await says(page, "row names nobody")
    await click(page, "Count now")
    await says(page, "As the workers have stored it")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await click(page, "Put them on the list")
    await says(page, "2 users were put on by-page.")
    assert (f"u-{width}", "by-page", True) in await listed(author.settings)
    assert await page.evaluate("troubles") == []


def test_lists_of_a_folder_are_shown_as_well(settings: Settings, url: str) -> None:
    author = Author(url, settings)
    with closing(author.http):
        assert author.http.get("/lists").json() == {"lists": []}
