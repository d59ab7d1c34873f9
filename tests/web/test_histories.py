"""The histories that the settings name: a page chooses among them, and nothing else is opened."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import UserError
from app.settings import Settings
from app.web.jobs.histories import Origin, read_histories
from tests.support.waiting import wait_until
from tests.web.author import Author, author_of_own_shop
from tests.web.changes import write_changes


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop with one segment."""
    with author_of_own_shop(settings, "histories") as made:
        asyncio.run(write_changes(made.settings))
        made.publish("segment: drinkers\nwhen: exists('Tea Poured')\n", message="x")
        wait_until(lambda: "segments" in made.http.get("/segments").json(), what="the console knows the segment")
        yield made


def test_histories_are_read_from_the_settings() -> None:
    found = read_histories("spring = files: /data/march.jsonl , /data/april.jsonl.gz ; all=parquet:/warehouse;")
    assert found == {
        "spring": Origin("files", (Path("/data/march.jsonl"), Path("/data/april.jsonl.gz"))),
        "all": Origin("parquet", (Path("/warehouse"),)),
    }
    assert read_histories("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spring", "names no files"),
        ("spring=/data/march.jsonl", "names no files"),
        ("spring=zip:/data/march.zip", "names no files"),
        ("spring=files: , ", "names no files"),
        ("topic=files:/data/a", "is no name of a history"),
        ("=files:/data/a", "is no name of a history"),
        ("Spring <b>=files:/data/a", "is no name of a history"),
        ("a=files:/data/a; a=files:/data/b", "has the name of another one"),
    ],
)
def test_what_is_no_history_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_histories(text)


def test_files_that_are_not_there_are_told_when_they_are_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read_histories(f"a=files:{tmp_path / 'none.jsonl'}")["a"].open()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"names": []}, "name one to 200 segments"),
        ({"names": ["x"] * 201}, "name one to 200 segments"),
        ({"names": ["<b>nobody"]}, "there is no live segment '<b>nobody'"),
        ({"names": ["drinkers"], "source": "/etc/passwd"}, "is no history of this console"),
        ({"names": ["drinkers"], "source": "files:/etc/passwd"}, "is no history of this console"),
    ],
)
def test_a_page_cannot_name_files(author: Author, body: dict[str, Any], said: str) -> None:
    refused = author.post("/backfill", **body)
    assert (refused.status_code, said in refused.json()["message"]) == (400, True), refused.text


def test_a_broker_without_transactions_is_told(author: Author) -> None:
    assert author.post("/backfill", names=["drinkers"]).status_code == 200
    found: dict[str, Any] = {}

    def failed() -> bool:
        found.update(author.http.get("/backfill").json())
        return bool(found["state"] == "failed")

    wait_until(failed, within_s=60, what="the backfill fails")
    assert "has no transactions" in found["problem"]
