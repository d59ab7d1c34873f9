"""Pseudonyms: the same id has the same one at each door, and nothing of the id is left in the event."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.configuration.incoming_ids import incoming_ids
from app.errors import UserError
from app.events.collected import collected
from app.events.pseudonyms import PseudonymKey, Pseudonyms
from app.events.user_ids import UserIds
from app.intake.transform import transform
from app.lists.list_file import Skipped, ids_of_csv, ids_of_lines
from app.segments.evaluation.batch import WaitingRecord
from app.segments.evaluation.time_rules import TimeRules
from app.service.access.named_user import checked, named
from app.service.incoming.event_batch import read_ga4, read_single, validate_events
from app.settings import load_settings

OLD, NEW = "old:" + "o" * 32, "new:" + "n" * 32
NOW_MS = 1_770_000_000_000
SETTINGS = load_settings({}, pseudonym_keys=NEW)
IDS = SETTINGS.incoming_ids
RULES = TimeRules()


def pseudonyms(keys: str) -> UserIds:
    return incoming_ids("null", keys, "")


def taken(event: dict[str, Any], ids: UserIds = IDS) -> tuple[str, dict[str, Any]]:
    """The key and the content of the record that is written."""
    row = collected(event, received_ms=NOW_MS, skew_max_ms=1_000, new_id=lambda: "m", user_ids=ids)
    return row.user.decode(), json.loads(row.value)


def brought(shape: str, value: Any) -> bytes:
    """The key under which `shoal intake` writes a record of a source."""
    record = WaitingRecord(0, NOW_MS, b"any", json.dumps(value).encode())
    done = transform(
        [record],
        topic="t",
        partition=0,
        shape=shape,
        partitions=1,
        skew_max_ms=1_000,
        now_ms=NOW_MS,
        user_ids=IDS,
    )
    assert not done.dead
    return done.rows[0][0][0] or b""


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_the_same_id_gives_the_same_key_at_each_door(text: str) -> None:
    key = IDS.id_of(text)
    if key is None:  # it names nobody, at no door
        assert UserIds.id_of(IDS, text) is None
        return
    bare = text.strip()
    raw = key.encode()
    track = {"type": "track", "event": "e", "userId": text}
    rows = [
        validate_events(each, received_ms=NOW_MS, rules=RULES, ids=IDS).rows[0]
        for each in (
            read_single(json.dumps(track).encode(), "track"),
            read_ga4(json.dumps({"user_id": text, "events": [{"name": "login"}]}).encode()),
            read_ga4(json.dumps({"client_id": text, "events": [{"name": "login"}]}).encode()),
        )
    ]
    assert {row.user for row in rows} == {raw}
    assert brought("segment", track) == raw
    assert brought("ga4", {"client_id": text, "events": [{"name": "login"}]}) == raw
    assert brought("posthog", {"event": "e", "distinct_id": text, "properties": {}}) == raw
    assert {named(SETTINGS, text), checked(SETTINGS, text), IDS.key_of(text)} == {key}
    if bare.isprintable() and '"' not in bare:
        assert list(ids_of_lines([text], IDS, Skipped())) == [key]
        assert list(ids_of_csv(["userId", f'"{text}"'], None, IDS, Skipped())) == [key]


@given(st.text(min_size=1, max_size=40))
def test_a_pseudonym_stands_for_the_id_behind_it_also_one_by_an_older_key(text: str) -> None:
    before, after = pseudonyms(OLD), pseudonyms(f"{NEW},{OLD}")
    made = before.key_of(text)
    assert before.key_of(made) == made
    assert after.key_of(made) == after.key_of(text) == after.key_of(after.key_of(text))
    assert after.key_of(text) != made


def test_pseudonyms_differ_by_key_and_by_id() -> None:
    made = [ids.key_of(text) for ids in (pseudonyms(OLD), pseudonyms(NEW)) for text in ("ann", "Ann", "ben")]
    assert len(set(made)) == len(made)
    assert all(name.startswith(("old_", "new_")) for name in made)


def test_what_looks_like_a_pseudonym_of_an_unknown_key_is_an_id() -> None:
    text = "other_" + "a" * 26
    assert IDS.key_of(text) != text
    assert IDS.key_of("new_" + "A" * 26) != "new_" + "A" * 26


SAID: dict[str, dict[str, Any]] = {
    "identify": {
        "type": "identify",
        "userId": "ann-4711",
        "anonymousId": "device-0815",
        "traits": {"id": "ann-4711", "user_id": "ann-4711", "plan": "gold"},
        "context": {
            "device": {"id": "device-0815", "advertisingId": "device-0815", "model": "x"},
            "externalIds": [{"id": "ann-4711", "type": "crm"}],
            "traits": {"id": "ann-4711", "anonymousId": "device-0815"},
        },
    },
    "alias": {"type": "alias", "userId": "ann-4711", "previousId": "device-0815"},
    "group": {"type": "group", "userId": "ann-4711", "groupId": "g-1", "traits": {"id": "g-1"}},
    "number": {"type": "page", "userId": 47114711, "properties": {"user_id": 47114711.0}},
    "message id": {"type": "page", "anonymousId": "device-0815", "messageId": "consent-1-device-0815"},
    "PostHog": {
        "type": "track",
        "event": "e",
        "anonymousId": "device-0815",
        "properties": {"distinct_id": "device-0815", "$device_id": "device-0815", "$user_id": "ann-4711"},
    },
    "nested": {
        "type": "track",
        "event": "e",
        "userId": "ann-4711",
        "properties": {"friends": [{"userId": "device-0815"}], "products": [{"id": "p-1"}]},
    },
}


@pytest.mark.parametrize("name", SAID)
def test_no_id_is_left_in_an_event(name: str) -> None:
    key, event = taken(json.loads(json.dumps(SAID[name])))
    text = json.dumps(event)
    assert all(each not in text + key for each in ("4711", "0815")), text
    assert key == event.get("userId", event.get("anonymousId"))


def test_everything_else_of_an_event_stays() -> None:
    event = taken(json.loads(json.dumps(SAID["nested"])))[1]
    assert event["properties"]["products"] == [{"id": "p-1"}]
    assert taken(json.loads(json.dumps(SAID["group"])))[1]["traits"] == {"id": "g-1"}
    said = {"type": "identify", "userId": "ann", "traits": {"email": "ann@shop.example"}, "messageId": "m-1"}
    event = taken(said)[1]
    assert (event["traits"], event["messageId"]) == ({"email": "ann@shop.example"}, "m-1")


def test_an_id_that_names_nobody_has_no_pseudonym() -> None:
    event = taken({"type": "page", "userId": "null", "anonymousId": "a-1"})[1]
    assert "userId" not in event
    assert event["anonymousId"] == IDS.key_of("a-1")
    assert taken({"type": "page", "userId": "ann", "properties": {"user_id": "null"}})[1]["properties"] == {
        "user_id": "null"
    }


def test_a_repeat_has_the_same_message_id() -> None:
    once, again = (taken(json.loads(json.dumps(SAID["message id"])))[1] for _ in range(2))
    assert once["messageId"] == again["messageId"]


def test_without_keys_ids_stay_as_they_are() -> None:
    key, event = taken(json.loads(json.dumps(SAID["identify"])), UserIds())
    assert key == "ann-4711"
    assert event["traits"] == SAID["identify"]["traits"]
    assert load_settings({}).incoming_ids == UserIds()


def test_a_key_does_not_show_its_secret() -> None:
    assert "nnn" not in repr(Pseudonyms(keys=(PseudonymKey("new", b"n" * 32),)))
    assert "nnn" not in repr(SETTINGS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no-colon", "entry 1 of SHOAL_PSEUDONYM_KEYS is not name:secret"),
        (f"{NEW},Bad Name:{'s' * 32}", "entry 2 of SHOAL_PSEUDONYM_KEYS is not name:secret"),
        ("new:" + "s" * 31, "the secret new of SHOAL_PSEUDONYM_KEYS has less than 32 characters"),
        (f"{NEW},{NEW}", "two keys named new"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_their_secret(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        pseudonyms(text)
    assert "s" * 31 not in str(raised.value)
