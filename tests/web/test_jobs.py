"""Trying a text: its tests moment by moment, and the latest events with it, in a process that can be cancelled."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.settings import Settings
from app.web.jobs import jobs as jobs_module
from app.web.jobs.draft_backtest import backtest_draft
from app.web.jobs.draft_tests import play_tests
from tests.support.waiting import wait_until
from tests.web.author import Author, author_of_own_shop
from tests.web.changes import SEGMENTS

TEA = "segment: drinkers\nwhen: exists('Tea Poured' within 30d)\n"
USERS = 20
START_MS = 1_767_571_260_000
HOUR_MS = 3_600_000


@dataclass
class Record:
    offset: int
    timestamp: int
    key: bytes
    value: bytes


def cup(user: int, number: int) -> bytes:
    event = {"type": "track", "event": "Tea Poured", "userId": f"user-{user}", "messageId": f"{user}-{number}"}
    return json.dumps(event | {"timestamp": f"2026-01-05T{number:02d}:{user:02d}:00.000Z"}).encode()


async def pour(settings: Settings) -> None:
    """User n pours n cups."""
    client = await wait_for_broker(settings)
    await ensure_topics(settings, client, topic_specs(settings, ()))
    await client.close()
    pours = [(number, user, f"user-{user}".encode()) for number in range(USERS) for user in range(number + 1, USERS)]
    for partition in range(settings.partitions):
        writer = LogWriter(settings, partition=partition)
        await writer.open()
        own = [each for each in pours if partition_of(each[2], settings.partitions) == partition]
        rows: list[Row] = [(key, cup(user, number), []) for number, user, key in own]
        await writer.write([(settings.topics.clickstream, rows)])
        await writer.close()


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop where tea was poured."""
    with author_of_own_shop(settings, "jobs") as made:
        asyncio.run(pour(made.settings))
        made.publish(TEA, message="x")
        wait_until(lambda: "segments" in made.http.get("/segments").json(), what="the console knows the segment")
        yield made


def ended(author: Author, job: dict[str, Any]) -> dict[str, Any]:
    """The job once it has ended."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = author.http.get(f"/jobs/{job['id']}").json()
        return None if found["state"] == "running" else found

    found = wait_until(look, within_s=60, what="the job ends")
    assert found is not None
    return found


def test_a_backtest_says_who_would_enter_and_leave(author: Author) -> None:
    draft = TEA.replace("exists('Tea Poured' within 30d)", "count('Tea Poured' within 30d) >= 15")
    done = ended(author, author.post("/jobs", kind="backtest", text=draft, name="drinkers").json())
    assert done["state"] == "done", done
    result = done["backtest"]
    assert result["members"] == [USERS - 1, USERS - 15]
    assert (result["enter"], result["leave"]) == (0, 14)
    assert {each["user"] for each in result["leave_examples"]} == {f"user-{user}" for user in range(1, 15)}
    assert (result["events"], result["everything"], result["window"]) == (USERS * (USERS - 1) // 2, True, None)
    assert result["curve"][-1]["draft"] == USERS - 15


def test_a_new_segment_is_compared_with_nobody(author: Author) -> None:
    text = "segment: addicts\nwhen: count('Tea Poured' within 30d) >= 19 and segment('drinkers')\n"
    done = ended(author, author.post("/jobs", kind="backtest", text=text).json())
    assert done["backtest"]["members"] == [0, 1], done
    assert [each["user"] for each in done["backtest"]["enter_examples"]] == ["user-19"]


def test_the_tests_of_a_text_are_played_moment_by_moment(author: Author) -> None:
    text = (SEGMENTS / "cart-abandoned.yaml").read_text().replace("{at: 24h, in: false}", "{at: 24h, in: true}", 1)
    done = ended(author, author.post("/jobs", kind="tests", text=text).json())
    assert done["state"] == "done", done
    first, *others = done["tests"]["tests"]
    assert not first["passed"]
    assert [each["expected"] for each in first["failures"]] == ["in"]
    assert all(each["passed"] for each in others)
    moments = {each["at"]: each for each in first["moments"]}
    assert moments["0s"]["events"] == ["Product Added"]
    assert (moments["0s"]["inside"], moments["0s"]["next"], moments["0s"]["next_at"]) == (False, "entered", "30m")
    assert moments["30m"]["inside"]
    why = {each["text"]: each["holds"] for each in moments["29m59s"]["atoms"]}
    assert why["cart.items > 0"]
    assert not why["cart.idle >= 30m"]
    said = {each["text"]: each["said"] for each in moments["29m59s"]["atoms"]}
    assert said["cart.idle >= 30m"] == "the time since the cart was last changed is at least 30 minutes"
    assert said["all of these"] == "all of these"


def test_a_text_with_problems_is_not_tried(author: Author) -> None:
    refused = author.post("/jobs", kind="tests", text="segment: x\nwhen: cout('Tea') > 1\n")
    assert (refused.status_code, refused.json()["code"]) == (400, "definitions")
    assert "new.yaml:2" in refused.json()["message"]
    score = "score: warm\nwithin: 7d\npoints:\n  - {on: Tea Poured, add: 20}\n"
    assert author.post("/jobs", kind="tests", text=score).status_code == 400
    assert author.http.get("/jobs/unknown").status_code == 404


def test_a_job_that_nobody_wants_any_more_ends_with_its_process(author: Author) -> None:
    before = children()
    job = author.post("/jobs", kind="backtest", text=TEA, name="drinkers").json()
    wait_until(lambda: children() - before, what="its process is there")
    cancelled = author.http.request("DELETE", f"/jobs/{job['id']}", json={}, headers=author.headers).json()
    assert cancelled["state"] in ("cancelled", "done")
    wait_until(lambda: not children() - before, what="its process has ended")


def test_so_many_jobs_run_at_once_and_no_more(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "JOBS_AT_ONCE", 0)
    refused = author.post("/jobs", kind="tests", text=TEA, name="drinkers")
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert refused.headers["retry-after"]


def test_a_job_that_takes_too_long_fails(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "JOB_S_MAX", 0.001)
    done = ended(author, author.post("/jobs", kind="tests", text=TEA, name="drinkers").json())
    assert (done["state"], done["problem"]) == ("failed", "it took longer than 0 seconds")


def children() -> set[str]:
    """The processes that this one has started."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    return {pid for each in tasks.glob("*/children") for pid in each.read_text().split()}


def test_a_published_draft_has_nobody_and_a_long_window_is_told() -> None:
    live = load_catalog({"drinkers.yaml": TEA + "status: draft\n"})
    draft = load_catalog({"drinkers.yaml": TEA})
    records = [Record(number, START_MS + number * HOUR_MS, b"user-1", cup(1, number)) for number in range(3)]
    result = backtest_draft(
        records, (live, draft), "drinkers", TimeRules(), everything=False, progress=lambda done, total: None
    )
    assert (result.members, result.enter) == ((0, 1), 1)
    assert (result.window, result.span, result.since) == ("30d", "2h", "2026-01-05T00:01:00.000Z")


def test_changes_by_time_alone_are_shown_after_the_last_expectation() -> None:
    text = (SEGMENTS / "cart-abandoned.yaml").read_text().partition("tests:")[0] + (
        "tests:\n  - name: waits\n    events: [{at: 0m, event: Product Added, properties: {product_id: A, price: 1}}]\n"
        "    expect: [{at: 1m, in: false}]\n"
    )
    catalog = load_catalog({"cart-abandoned.yaml": text})
    (played,) = play_tests(catalog, catalog.segments[0], TimeRules(), lambda done, total: None).tests
    assert played.passed
    assert [(each.at, each.inside) for each in played.moments] == [
        ("0s", False),
        ("1m", False),
        ("30m", True),
        ("1d", False),
    ]


def test_each_moment_of_a_segment_by_value_says_by_which_values_the_user_is_in() -> None:
    text = (
        "segment: seen\neach: sku\nwhen: exists('Viewed' within 1h)\ntests:\n  - name: two\n    events:\n"
        "      - {at: 0m, event: Viewed, properties: {sku: A}}\n      - {at: 5m, event: Viewed, properties: {sku: 5}}\n"
        '      - {at: 5m, event: Viewed, properties: {sku: "5"}}\n    expect: [{at: 5m, value: A, in: true}]\n'
    )
    catalog = load_catalog({"seen.yaml": text})
    (played,) = play_tests(catalog, catalog.segments[0], TimeRules(), lambda done, total: None).tests
    assert [(each.at, each.by) for each in played.moments][:3] == [
        ("0s", ["A"]),
        ("5m", ["5", '"5"', "A"]),
        ("1h", ["5", '"5"']),
    ]
