"""Publishing with the console: what is published, what is refused, and what is kept of it."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from app.runtime.audit import AuditLog
from app.settings import Settings
from app.web.jobs import jobs
from tests.support.waiting import wait_until
from tests.web.author import Author, author_of_own_shop

TEA = "# those who drink tea\nsegment: drinkers\nwhen:   exists('Tea Poured')   # at any time\n"
MORE_TEA = TEA.replace("exists('Tea Poured')", "count('Tea Poured') >= 2")
TESTED = (
    TEA.replace("drinkers", "testers")
    + """tests:
  - name: tea is enough
    events: [{at: 0m, event: Tea Poured}]
    expect: [{at: 1m, in: true}]
  - name: cake is enough
    events: [{at: 0m, event: Cake Cut}]
    expect: [{at: 1m, in: true}]
"""
)
CAKE = "segment: eaters\nwhen: exists('Cake Cut')\n"


@pytest.fixture(scope="module")
def author(settings: Settings) -> Iterator[Author]:
    """The author of a shop where nothing is published yet."""
    with author_of_own_shop(settings, "publications") as made:
        yield made


def test_an_empty_shop_gets_its_first_segment_byte_for_byte(author: Author) -> None:
    assert author.latest() == "none"
    read = author.post("/definitions/read", text=TEA).json()
    assert (read["usable"], read["change"], read["name"]) == (True, "new", "drinkers")
    done = author.publish(TEA)
    assert done.status_code == 200, done.text
    assert done.json()["added"] == ["drinkers"]
    shown = author.http.get("/definitions", params={"name": "drinkers"}).json()
    assert (shown["text"], shown["path"], shown["source"]) == (TEA, "drinkers.yaml", "console")
    assert shown["publication"] == "1"
    assert shown["last"]["message"] == "as planned"

    def known() -> bool:
        return "segments" in author.http.get("/segments").json()

    wait_until(known, what="the console follows what it has published")


def test_a_change_is_in_the_history_and_in_the_audit_log_and_can_be_taken_back(author: Author) -> None:
    first = author.latest()
    done = author.publish(MORE_TEA, name="drinkers", message="one cup is not enough").json()
    assert (done["number"], done["changed"]) == (int(first) + 1, ["drinkers"])
    newest = author.history(name="drinkers")[0]
    assert (newest["message"], newest["source"], newest["changed"]) == (
        "one cup is not enough",
        "console",
        ["drinkers"],
    )
    records = asyncio.run(AuditLog(author.settings, actor=None, way="http").latest(10))
    assert [(each.way, each.result) for each in records][:2] == [("http", "done"), ("http", "begun")]
    assert records[0].details["publication"] == str(done["number"])
    shown = author.http.get("/audit").json()["records"]
    assert [(each["deed"], each["way"]) for each in shown][:2] == [
        ("audit.read", "http"),
        ("definitions.publish", "http"),
    ]
    query = {"before": first, "after": author.latest()}
    (difference,) = author.http.get("/publications/difference", params=query).json()["definitions"]
    assert difference["change"] == "changed"
    assert {line["sign"] for line in difference["lines"]} == {" ", "-", "+"}

    planned = author.post("/publications/rollback", to=first, dry_run=True).json()
    assert (planned["number"], planned["changed"]) == (None, ["drinkers"])
    back = author.post("/publications/rollback", to=first, message="too few").json()
    assert back["changed"] == ["drinkers"]
    assert author.http.get("/definitions", params={"name": "drinkers"}).json()["text"] == TEA
    edited = author.publish(TEA.replace("drinkers", "sippers"), name="drinkers")
    assert (edited.status_code, "use Rename on its page" in edited.json()["message"]) == (400, True), edited.text
    assert author.history()[0]["restores"] == int(first)


def test_a_publication_that_only_names_an_owner_is_seen_too(author: Author) -> None:
    text = "segment: pourers\nwhen: exists('Tea Poured')\n"
    assert author.publish(text).status_code == 200
    owned = text + "owner: anna\n"
    assert author.publish(owned, name="pourers").status_code == 200

    def read() -> bool:
        change: str = author.post("/definitions/read", text=owned, name="pourers").json()["change"]
        return change == "same"

    wait_until(read, what="the text is compared with the one that is published")
    assert author.http.get("/segments/pourers").json()["owner"] == "anna"


def test_whoever_has_not_seen_a_change_of_the_definition_does_not_undo_it(author: Author) -> None:
    seen = author.latest()
    assert author.publish(MORE_TEA, name="drinkers", if_version=seen, message="by Ann").status_code == 200
    late = author.publish(TEA + "title: Tea\n", name="drinkers", if_version=seen)
    assert (late.status_code, late.json()["code"]) == (409, "other-version")
    assert "by Ann" in late.json()["message"]
    assert author.http.get("/definitions", params={"name": "drinkers"}).json()["text"] == MORE_TEA
    taken = author.publish(TEA, if_version=author.latest())
    assert (taken.status_code, taken.json()["code"]) == (409, "other-version")
    assert author.publish(CAKE, if_version="999").status_code == 409
    assert author.post("/publications/rollback", to=seen, message="x", if_version=seen).status_code == 409


def test_a_change_of_another_definition_is_no_conflict(author: Author) -> None:
    seen = author.latest()
    assert author.publish(CAKE, if_version=seen).status_code == 200
    done = author.publish(TEA, name="drinkers", if_version=seen)
    assert done.status_code == 200, done.text
    assert done.json()["removed"] == []


def test_a_definition_of_another_source_is_only_taken_over_where_that_is_said(author: Author) -> None:
    author.publish_from("git", "walkers", "segment: walkers\nwhen: exists('Walk Begun')\n")
    text = "segment: walkers\nwhen: count('Walk Begun') >= 3\n"
    refused = author.publish(text, name="walkers")
    assert (refused.status_code, refused.json()["code"]) == (409, "other-source")
    assert "git" in refused.json()["message"]
    assert author.publish(text, name="walkers", take_over=True).status_code == 200
    assert author.http.get("/definitions", params={"name": "walkers"}).json()["source"] == "console"
    assert author.http.get("/definitions", params={"name": "eaters"}).json()["text"] == CAKE


def test_a_text_whose_tests_fail_is_only_published_where_that_is_said(author: Author) -> None:
    before = author.latest()
    refused = author.publish(TESTED)
    assert (refused.status_code, refused.json()["code"]) == (409, "tests-failed")
    assert refused.json()["values"] == {"name": "testers", "tests": ["cake is enough"], "more": 0}
    assert author.latest() == before
    done = author.publish(TESTED, untested=True, message="x" * 2_000)
    assert done.status_code == 200, done.text
    note = "\n\npublished although its tests do not pass: cake is enough"
    newest = author.history(name="testers")[0]
    assert (newest["message"].endswith("x" + note), len(newest["message"])) == (True, 2_000)
    records = asyncio.run(AuditLog(author.settings, actor=None, way="http").latest(2))
    assert records[1].details["message"].endswith(note)
    mended = author.publish(TESTED.replace("event: Cake Cut", "event: Tea Poured"), name="testers", message="mended")
    assert (mended.status_code, author.history()[0]["message"]) == (200, "mended")


def test_tests_that_cannot_be_played_are_no_tests_that_pass(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "JOB_S_MAX", 0.0)
    refused = author.publish(TESTED.replace("testers", "waiters"))
    assert (refused.status_code, refused.json()["code"]) == (409, "tests-failed")
    assert "could not be played: it took longer" in refused.json()["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "segment: x\nwhen: cout('Tea Poured') > 1\n"}, "definitions"),
        ({"text": "segment: x\nwhen: segment('nothing-of-it')\n"}, "definitions"),
        ({"text": CAKE, "name": "drinkers"}, "name"),
        ({"text": CAKE, "name": "eaters", "message": "  "}, "message"),
        ({"text": CAKE, "name": "eaters", "message": "x" * 5_000}, "message"),
        ({"text": 7}, "invalid-request"),
    ],
)
def test_what_cannot_be_published_is_refused_with_a_reason(author: Author, body: dict[str, Any], code: str) -> None:
    before = author.latest()
    refused = author.publish(**({"message": "x"} | body))
    assert (refused.status_code, refused.json()["code"]) == (400, code), refused.text
    assert author.latest() == before


def test_unknown_publications_and_definitions_are_not_found(author: Author) -> None:
    assert author.http.get("/definitions", params={"name": "nobody"}).status_code == 404
    assert author.http.get("/publications/difference", params={"before": "1", "after": "777"}).status_code == 404
    assert author.post("/publications/rollback", to="777", message="x").status_code == 404
    assert author.history(before=1) == []


def test_definitions_of_a_folder_are_read_and_not_published(settings: Settings, url: str) -> None:
    author = Author(url, settings)
    with closing(author.http):
        shown = author.http.get("/definitions", params={"name": "viewers"}).json()
        assert (shown["publication"], shown["source"]) == (None, "")
        refused = author.post("/publications", text=TEA, message="x", if_version="none")
        assert (refused.status_code, refused.json()["code"]) == (409, "folder")
        assert author.http.get("/publications").status_code == 409


def test_a_reading_says_where_what_is_wrong_is_and_what_to_do(settings: Settings, url: str) -> None:
    author = Author(url, settings)
    with closing(author.http):
        text = "segment: viewers\nwhen: count('Product Viewd' within 1h) >= 2 and segmnt('cart-abandoned')\n"
        read = author.post("/definitions/read", text=text, name="viewers").json()
        assert not read["usable"]
        (finding,) = read["findings"]
        assert (finding["line"], finding["severity"]) == (2, "error")
        assert finding["message"]
        assert finding["hint"]

        good = "segment: viewers\nwhen: sum(price of 'Product Viewed' where color = 'red' within 1h) >= 20\n"
        read = author.post("/definitions/read", text=good, name="viewers").json()
        assert read["usable"], read["findings"]
        assert read["reads"] == [{"event": "Product Viewed", "properties": ["color", "price"]}] or read["reads"] == [
            {"event": "Product Viewed", "properties": ["price", "color"]}
        ]
        assert read["change"] == "changed"
        assert {"-", "+"} <= {line["sign"] for line in read["difference"]}
        assert "price" in read["conditions"][0]["clause"]["text"]

        renamed = author.post("/definitions/read", text=good.replace("viewers", "lookers"), name="viewers").json()
        (finding,) = renamed["findings"]
        assert finding["message"] == "this is viewers, and an edit of its text does not rename it"
        assert "its page renames it" in str(finding)


def test_words_are_those_that_occur(settings: Settings, url: str) -> None:
    author = Author(url, settings)
    with closing(author.http):
        words = author.http.get("/vocabulary").json()
        (event,) = [each for each in words["events"] if "script" in each["name"]]
        assert event["properties"][0]["name"] == "name"
        assert "count('...')" in [each["text"] for each in words["functions"]]
        fields = {each["text"]: each["says"] for each in words["fields"]}
        assert fields["item.price"] == "the price of this product in the cart"
        assert words["segments"] == ["cart-abandoned", "viewers"]


@pytest.mark.long
def test_a_segment_is_removed_and_all_others_stay(author: Author) -> None:
    author.publish("segment: short-lived\nwhen: exists('Cup Broken')\n")
    seen, others = author.latest(), {each["name"] for each in author.http.get("/segments").json()["segments"]}
    planned = author.post("/publications/removal", name="short-lived", dry_run=True)
    assert (planned.json()["number"], planned.json()["removed"]) == (None, ["short-lived"])
    assert author.latest() == seen
    for body, status in (
        ({"message": " ", "if_version": seen}, 400),
        ({"message": "x", "if_version": "999"}, 409),
        ({"message": "x", "if_version": seen, "name": "catalog.yaml"}, 400),
        ({"message": "x", "if_version": seen, "name": "<b>"}, 404),
    ):
        assert author.post("/publications/removal", **({"name": "short-lived"} | body)).status_code == status
    assert author.latest() == seen
    done = author.post("/publications/removal", name="short-lived", message="nobody asks for it", if_version=seen)
    assert done.json()["removed"] == ["short-lived"]
    assert (done.json()["added"], done.json()["changed"], done.json()["rewritten"]) == ([], [], [])
    newest = author.history()[0]
    assert (newest["removed"], newest["message"], newest["source"]) == (
        ["short-lived"],
        "nobody asks for it",
        "console",
    )
    assert author.http.get("/definitions", params={"name": "short-lived"}).status_code == 404
    assert all(
        author.http.get("/definitions", params={"name": each}).status_code == 200 for each in others - {"short-lived"}
    )
    back = author.post("/publications/rollback", to=seen, message="somebody does")
    assert back.json()["added"] == ["short-lived"]


@pytest.mark.long
def test_a_segment_that_another_one_uses_or_another_source_owns_is_not_removed(author: Author) -> None:
    author.publish("segment: base\nwhen: exists('Cup Broken')\n")
    author.publish("segment: above\nwhen: segment('base')\n")
    seen = author.latest()
    for dry in (True, False):
        used = author.post("/publications/removal", name="base", message="x", if_version=seen, dry_run=dry)
        assert (used.status_code, used.json()["code"]) == (400, "definitions")
        assert "above" in used.json()["message"]
    author.publish_from("git", "runners", "segment: runners\nwhen: exists('Run Begun')\n")
    owned = author.post("/publications/removal", name="runners", message="x", if_version=author.latest())
    assert (owned.status_code, owned.json()["code"]) == (409, "other-source")
    taken = author.post(
        "/publications/removal", name="runners", message="x", if_version=author.latest(), take_over=True
    )
    assert taken.json()["removed"] == ["runners"]
