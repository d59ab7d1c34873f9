"""Enrichers: values are added to events, and nothing that an enricher does costs an event."""

import json
import random
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.intake import create_app
from app.errors import UserError
from app.events.user_ids import UserIds
from app.intake.enrichment import RECORD_BYTES_MAX, Enricher, Enrichment, enrichment_of, is_allowed
from app.intake.keyword_tagger import keyword_tagger
from app.intake.transform import Taken, transform
from app.settings import Settings, load_settings
from tests.destinations.making import Record

NOW_MS = 1_767_225_600_000


def taken(enrichers: Mapping[str, Enricher], *events: Any) -> Taken:
    records = [Record(offset, json.dumps(event).encode(), b"k", NOW_MS) for offset, event in enumerate(events)]
    return transform(
        records,
        topic="web",
        partition=0,
        shape="segment",
        partitions=1,
        skew_max_ms=300_000,
        now_ms=NOW_MS,
        user_ids=UserIds(),
        enrichment=Enrichment(enrichers),
    )


def messages(found: Taken) -> list[dict[str, Any]]:
    return [json.loads(value or b"") for _, value, _ in found.rows[0]]


def track(**properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Read", "userId": "ann", "properties": properties}


def tagged(value: Any) -> Enricher:
    return lambda *_: value


def test_values_are_added_and_nothing_sent_is_changed() -> None:
    def mood(kind: str, event: str | None, values: dict[str, Any]) -> dict[str, Any]:
        values["title"] = "changed"
        return {"mood": [kind, event], "title": "overwritten"}

    found = taken({"mood": mood}, track(title="sent"), {"type": "page", "name": "Home", "userId": "ann"})
    first, second = messages(found)
    assert first["properties"] == {"title": "sent", "mood": ["track", "Read"]}
    assert second["properties"] == {"title": "overwritten", "mood": ["page", "Home"]}
    assert found.enriched == {("mood", "added"): 2}


def test_an_identify_gets_traits_and_an_enricher_no_ids() -> None:
    heard: list[Any] = []

    def hear(*given: Any) -> dict[str, Any]:
        heard.append(given)
        return {"kind": "x"}

    identify = {"type": "identify", "userId": "canary", "traits": {"a": 1}, "context": {"ip": "canary"}}
    (message,) = messages(taken({"hear": hear}, identify))
    assert message["traits"] == {"a": 1, "kind": "x"}
    assert heard == [("identify", None, {"a": 1})]


def test_each_sees_what_those_before_it_have_added() -> None:
    found = taken({"one": tagged({"a": 1}), "two": lambda _, __, values: {"b": values["a"] + 1, "a": 9}}, track())
    assert messages(found)[0]["properties"] == {"a": 1, "b": 2}
    again = taken({"one": tagged({"a": 1}), "two": tagged({"a": 2})}, track())
    assert again.enriched == {("one", "added"): 1, ("two", "nothing"): 1}


def test_whatever_an_enricher_does_the_event_goes_on() -> None:
    def fails(*_: Any) -> None:
        raise RecursionError

    class Array(list[int]):
        def __bool__(self) -> bool:
            raise ValueError("the truth value of an array is ambiguous")

    event = track(title="x")
    wrong: dict[str, Any] = {
        "none": None,
        "list": ["a"],
        "array": Array([1]),
        "empty": [],
        "object": {"a": {"b": 1}},
        "deep": {"a": [[1]]},
        "name": {"a b": 1},
        "long": {"a": "x" * 201},
        "many": {f"a{number}": 1 for number in range(21)},
        "large": {f"a{number}": ["x" * 200] * 20 for number in range(2)},
        "half": {"a": "\ud800"},
        "nan": {"a": float("nan")},
        "number": {"a": 10**15},
        "bytes": {"a": b"x"},
        "own": {1: "a"},
    }
    enrichers: dict[str, Enricher] = {name: tagged(value) for name, value in wrong.items()} | {"fails": fails}
    found = taken(enrichers, event, event)
    (plain,) = messages(taken({}, event))
    for message in messages(found):
        assert message | {"messageId": ""} == plain | {"messageId": ""}
    assert not found.dead
    assert found.enriched.pop(("none", "nothing")) == 2
    assert found.enriched.pop(("fails", "failed")) == 2
    assert {outcome for _, outcome in found.enriched} == {"invalid"}


def test_what_is_no_event_or_has_other_properties_stays_as_it_is() -> None:
    odd: list[Any] = [{"type": "track", "event": "A", "userId": "u", "properties": [1]}, {"type": "watermark"}, 7]
    with_it, without = taken({"a": tagged({"a": 1})}, *odd), taken({}, *odd)
    assert messages(with_it) == messages(without)
    assert [reason for _, reason, _ in with_it.dead] == [reason for _, reason, _ in without.dead]
    assert not with_it.enriched


def test_the_largest_records_are_left_as_they_are_and_no_event_becomes_too_large() -> None:
    values = {f"a{number}": "\x01" * 200 for number in range(6)}
    small, large = track(text="\x01" * (RECORD_BYTES_MAX // 6 - 60)), track(text="x" * RECORD_BYTES_MAX)
    found = taken({"a": tagged(values)}, small, large)
    assert not found.dead
    assert found.enriched == {("a", "added"): 1, ("a", "too-large"): 1}
    two = {"a": tagged(values), "b": tagged({"b": "\x01" * 200})}
    assert taken(two, small).enriched == {("a", "added"): 1, ("b", "invalid"): 1}
    three = {"b": tagged({"b": 1}), "a": tagged(values | {"a9": "\x01" * 200}), "c": tagged({"c": 1})}
    assert taken(three, small).enriched == {("b", "added"): 1, ("a", "invalid"): 1, ("c", "added"): 1}


def test_allowed_values_can_always_be_written() -> None:
    chance = random.Random(3)
    plain: list[Any] = ["", "ä\u2028", True, 1, -1.5, "x" * 200]
    for _ in range(300):
        values = {f"n{number}": chance.choice([chance.choice(plain), chance.sample(plain, 3)]) for number in range(5)}
        assert is_allowed(values)
        (message,) = messages(taken({"a": tagged(values)}, track()))
        assert message["properties"] == values


# ---- keywords


@pytest.fixture
def keywords(tmp_path: Path) -> Path:
    file = tmp_path / "keywords.json"
    topics = {"adventure": ["Hike", "Straße"], "calm": ["tea", "hike"]}
    file.write_text(json.dumps({"fields": ["title", "tags"], "topics": topics}))
    return file


@pytest.mark.parametrize(
    ("values", "topics"),
    [
        ({"title": "A HIKE!"}, ["adventure", "calm"]),
        ({"title": "hikes and teams"}, None),
        ({"title": "strasse"}, ["adventure"]),
        ({"tags": ["x", "green_tea", 7, None]}, ["calm"]),
        ({"other": "tea"}, None),
        ({"title": 7}, None),
    ],
)
def test_topics_are_told_by_whole_words(keywords: Path, values: dict[str, Any], topics: list[str] | None) -> None:
    assert keyword_tagger(str(keywords))("track", "Read", values) == (None if topics is None else {"topics": topics})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "holds no keywords"),
        ('{"fields": ["a"]}', "holds no keywords"),
        ('{"fields": ["a"], "topics": {}}', "from 1 to 20 topics"),
        ('{"fields": [], "topics": {"a": ["b"]}}', "needs fields"),
        ('{"fields": ["a"], "topics": {"a": ["two words"]}}', "is not one word"),
        ('{"fields": ["a"], "topics": {"a": ["b"]}, "more": 1}', "holds no keywords"),
        (None, "cannot read"),
    ],
)
def test_a_file_that_cannot_be_used_is_said(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "keywords.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=message):
        enrichment_of(settings(enrichers="keywords", enricher_keywords=str(file)))


# ---- entry points


def settings(**given: Any) -> Settings:
    return replace(load_settings({}, sources="web"), **given)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with enrichers."""
    (tmp_path / "moods_for_tests.py").write_text(
        "def make():\n    return lambda kind, event, values: {'mood': 'good'}\n"
        "def broken():\n    raise RuntimeError('no model')\ndef odd():\n    return 7\n"
    )
    info = tmp_path / "moods_for_tests-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moods-for-tests\nVersion: 1\n")
    names = {"mood": "make", "broken": "broken", "odd": "odd", "gone": "gone"}
    points = "\n".join(f"{name} = moods_for_tests:{made}" for name, made in names.items())
    (info / "entry_points.txt").write_text(f"[shoal.enrichers]\n{points}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "moods_for_tests", raising=False)


@pytest.mark.usefixtures("package")
def test_an_installed_enricher_is_found_by_its_name(keywords: Path) -> None:
    made = enrichment_of(settings(enrichers=" mood, keywords,mood ", enricher_keywords=str(keywords)))
    assert made is not None
    assert list(made.enrichers) == ["mood", "keywords"]
    (message,) = messages(taken(made.enrichers, track(title="tea")))
    assert message["properties"] == {"title": "tea", "mood": "good", "topics": ["calm"]}


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "there is no enricher 'nothing'"),
        ("broken", "the enricher broken cannot be made"),
        ("gone", "the enricher gone cannot be made"),
        ("odd", "is no function, but int"),
        ("keywords", "keywords needs a file"),
    ],
)
def test_one_that_cannot_be_made_ends_the_start(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        create_app(settings(enrichers=name))


def test_without_the_setting_there_is_none() -> None:
    assert enrichment_of(settings()) is None
