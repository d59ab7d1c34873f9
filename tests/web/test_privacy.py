"""Deeds for people who ask about their data: only with the right role, never by one click, and always recorded."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer

from app.runtime.audit import AuditLog
from app.runtime.kafka.clients import start
from app.runtime.records.erasure_events import encode_erasure
from app.segments.evaluation.batch import ErasureStep
from app.settings import Settings
from app.web.privacy import erasures_of
from tests.service.browser import Browser
from tests.support.waiting import eventually, wait_until
from tests.web.author import Author
from tests.web.changes import HOSTILE, write_changes
from tests.web.guarded import be, people_of_own_shop
from tests.web.profiles import stored, write_profiles
from tests.web.test_editing import click, says
from tests.web.test_lists import listed
from tests.web.test_pages import look, violations

ROLES: Final = {"petra": "privacy", "adam": "admin", "paul": "publisher"}
SECRET: Final = "of tests"
PATHS: Final = ("/privacy/erasures", "/privacy/exports", "/privacy/restrictions")


def steps(user: str, number: int, *results: str) -> list[bytes]:
    """Records of an erasure of a user with one further id."""
    keys = (user, f"{user}-device")
    said: dict[str, dict[str, Any]] = {
        "requested": {"keys": keys},
        "finished": {"keys": keys},
        "erased": {"left": ("viewers",)},
    }
    made = []
    for place, result in enumerate(results):
        more = said.get(result, {})
        if result in ("erased", "elsewhere"):
            more = more | {"key": keys[place % 2], "until_ms": number}
        made.append(encode_erasure(ErasureStep(id=f"{number:024x}", user=user, at_ms=number, result=result, **more)))
    return made


@pytest.fixture(scope="module")
def people(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Author]]:
    """People of a shop with events, a profile and three erasures, one of a user who means harm."""
    folder = tmp_path_factory.mktemp("privacy")
    with people_of_own_shop(settings, folder, "privacy", ROLES, audit_secret=SECRET) as made:
        petra = made["petra"]
        asyncio.run(write_changes(petra.settings))
        asyncio.run(write_profiles(petra.settings, [(b"ann", stored({}, {})), (HOSTILE.encode(), stored({}, {}))]))
        asyncio.run(write_erasures(petra.settings))
        for text in (
            "segment: open\nwhen: exists('Tea Poured')\n",
            "segment: careful\nwhen: exists('Tea Poured') and not list('restricted')\n",
        ):
            assert made["paul"].publish(text).status_code == 200
        wait_until(lambda: "careful" in petra.http.get("/segments").text, what="the console follows")
        yield made


async def write_erasures(settings: Settings) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await start(producer)
    try:
        values = [b"{", *steps("old", 1_000, "requested", "erased", "erased", "finished")]
        values += steps(HOSTILE, 2_000, "requested", "erased")
        values += steps("back", 3_000, "requested", "erased", "elsewhere", "finished", "unsuppressed")
        for value in values:
            await producer.send_and_wait(settings.topics.erasures, value, b"k")
    finally:
        await producer.stop()


def recorded(settings: Settings, count: int) -> list[tuple[str | None, str, str, bool]]:
    records = asyncio.run(AuditLog(settings, actor=None, way="http").latest(count))
    return [(each.actor, each.deed, each.result, each.subject is not None) for each in records]


def test_only_the_role_privacy_sees_and_does_it(people: dict[str, Author]) -> None:
    for name in ("adam", "paul"):
        assert people[name].http.get("/privacy").status_code == 403
        for path in PATHS:
            assert people[name].post(path, user="ann", confirm="ann").status_code == 403
    petra = people["petra"]
    for path in PATHS:
        without = petra.http.post(
            path, json={"user": "ann", "confirm": "ann"}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert (without.status_code, without.json()["code"]) == (403, "csrf")
    assert petra.http.get("/audit").status_code == 403


@pytest.mark.long
def test_each_erasure_says_how_far_it_is(people: dict[str, Author]) -> None:
    found = people["petra"].http.get("/privacy").json()
    told = [
        (each["user"], each["state"], each["erased"], each["elsewhere"], each["left"]) for each in found["erasures"]
    ]
    assert told == [
        ("back", "unsuppressed", 1, 1, ["viewers"]),
        (HOSTILE, "begun", 1, 0, ["viewers"]),
        ("old", "finished", 2, 0, ["viewers"]),
    ]
    assert found["everything"] is True
    assert (found["restricting"], found["others"]) == (["careful"], ["open"])


def test_records_that_are_no_erasures_are_passed_over() -> None:
    assert erasures_of([None, b"", b"[]", b"\xff", *steps("u", 5, "requested")])[0].keys == ["u", "u-device"]


def test_nothing_is_done_unless_the_id_is_typed_twice(people: dict[str, Author]) -> None:
    petra = people["petra"]
    before = recorded(petra.settings, 50)
    for path in PATHS[:2]:
        for confirm in ("", "Ann", "ann "):
            refused = petra.post(path, user="ann", confirm=confirm)
            assert (refused.status_code, refused.json()["code"]) == (400, "confirm")
    assert recorded(petra.settings, 50) == before
    assert petra.post(PATHS[2], user="null").status_code == 400


def test_an_erasure_that_the_broker_cannot_do_is_refused_and_recorded(people: dict[str, Author]) -> None:
    petra = people["petra"]
    refused = petra.post("/privacy/erasures", user="ann", confirm="ann")
    assert (refused.status_code, "has no transactions" in refused.json()["message"]) == (503, True), refused.text
    assert recorded(petra.settings, 2) == [
        ("petra", "users.erase", "failed", True),
        ("petra", "users.erase", "begun", True),
    ]


def test_an_export_is_one_file_and_is_recorded(people: dict[str, Author]) -> None:
    petra = people["petra"]
    answer = petra.post("/privacy/exports", user=HOSTILE, confirm=HOSTILE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.json()["user"] == HOSTILE
    assert "<script>alert(2)</script>" in json.dumps(answer.json()["records"])
    missing = petra.post("/privacy/exports", user="nobody", confirm="nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown-user")
    exports = petra.http.get("/privacy").json()["exports"]
    assert [(each["by"], each["state"], each["subject"] is not None) for each in exports] == [
        ("petra", "failed", True),
        ("petra", "done", True),
    ]
    assert int(exports[1]["records"]) > 0


def test_a_restriction_is_a_list_record_and_is_recorded(people: dict[str, Author]) -> None:
    petra = people["petra"]
    assert petra.post("/privacy/restrictions", user="ann").json() == {"user": "ann", "on": True}
    assert petra.post("/privacy/restrictions", user="ann", on=False).json() == {"user": "ann", "on": False}
    found = [each for each in asyncio.run(listed(petra.settings)) if each[0] == "ann"]
    assert found == [("ann", "restricted", True), ("ann", "restricted", False)]
    assert recorded(petra.settings, 1) == [("petra", "lists.write", "done", False)]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
@pytest.mark.long
async def test_a_person_is_exported_by_the_page(
    people: dict[str, Author], page: Browser, tmp_path: Path, theme: str, width: int
) -> None:
    petra = people["petra"]
    await be(page, petra)
    await page.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await look(page, f"{petra.url}/privacy?user=ann", theme=theme, width=width)
    await says(page, HOSTILE)
    await click(page, "Go on")
    await says(page, "It reads all topics")
    assert await page.evaluate("document.querySelector('.panel button.main').disabled")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate("document.querySelector('[name=confirm]').focus()")
    await page.command("Input.insertText", text="ann")
    await page.until("!document.querySelector('.panel button.main').disabled")
    await page.evaluate("document.querySelector('.panel button.main').click()")
    await says(page, "The file was saved.")
    file = tmp_path / "person.json"
    await eventually(file.exists, what="the file is saved")
    assert json.loads(file.read_text(encoding="utf-8"))["user"] == "ann"
    assert await page.evaluate("document.querySelectorAll('main img').length") == 0
    assert await page.evaluate("troubles") == []


@pytest.mark.long
async def test_an_erasure_asks_twice_and_says_what_stands_in_the_way(people: dict[str, Author], page: Browser) -> None:
    petra = people["petra"]
    await be(page, petra)
    await look(page, f"{petra.url}/privacy?user=ann")
    await page.evaluate(
        "const field = document.querySelector('main select'); field.value = 'erase';"
        "field.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    await page.until("!!document.querySelector('main [type=checkbox]')")
    await click(page, "Go on")
    await says(page, "has no transactions")
    assert await violations(page) == []
    await be(page, people["adam"])
    await look(page, f"{petra.url}/privacy?again=1")
    await says(page, "Your role does not include deeds for people")
    assert await page.evaluate("troubles") == []
