"""From records of a source to records of the clickstream."""

import json
from typing import Any

import pytest

from app.errors import UserError
from app.intake.sources import Shape, read_sources
from app.intake.transform import Taken, transform
from app.settings import load_settings
from tests.destinations.making import Record
from tests.support.partitions import partition_of

NOW_MS = 1_767_225_600_000


def taken(*values: Any, shape: Shape = "segment", timestamp: int = NOW_MS) -> Taken:
    records = [
        Record(offset, value if isinstance(value, bytes) else json.dumps(value).encode(), b"other", timestamp)
        for offset, value in enumerate(values)
    ]
    return transform(records, topic="web", partition=3, shape=shape, partitions=8, skew_max_ms=300_000, now_ms=NOW_MS)


def messages(found: Taken) -> list[dict[str, Any]]:
    return [json.loads(value or b"") for rows in found.rows.values() for _, value, _ in rows]


def test_a_message_goes_under_its_user_to_the_users_partition() -> None:
    found = taken({"type": "track", "event": "Product Viewed", "userId": "ann", "messageId": "m-1"})
    ((partition, ((key, value, _),)),) = found.rows.items()
    assert key == b"ann"
    assert partition == partition_of(b"ann", 8)
    message = json.loads(value or b"")
    assert message["messageId"] == "m-1"
    assert message["timestamp"] == message["receivedAt"] == "2026-01-01T00:00:00.000Z"


def test_an_event_without_an_id_gets_the_same_one_whenever_it_is_read() -> None:
    event = {"type": "page", "anonymousId": "a-1"}
    assert [each["messageId"] for each in messages(taken(event, event))] == ["web-3-0-0", "web-3-1-0"]
    assert messages(taken(event, event)) == messages(taken(event, event))


def test_a_payload_of_ga4_becomes_several_events() -> None:
    payload = {
        "client_id": "c-1",
        "user_id": "ann",
        "timestamp_micros": str(NOW_MS * 1000),
        "user_properties": {"city": {"value": "Bonn"}},
        "events": [
            {"name": "page_view", "params": {"page_location": "https://shop.example/a"}},
            {"name": "add_to_cart", "params": {"items": [{"item_id": "A1", "price": 20}, {"item_id": "B7"}]}},
        ],
    }
    found = taken(payload, shape="ga4")
    assert [(each["type"], each.get("event")) for each in messages(found)] == [
        ("identify", None),
        ("page", None),
        ("track", "Product Added"),
        ("track", "Product Added"),
    ]
    assert {each["messageId"] for each in messages(found)} == {f"web-3-0-{number}" for number in range(4)}
    assert all(key == b"ann" for rows in found.rows.values() for key, _, _ in rows)


def test_what_is_good_in_a_payload_is_taken_and_the_record_is_a_dead_letter_for_the_rest() -> None:
    long = "x" * 40_000
    payload = {"client_id": "c-1", "events": [{"name": "a"}, {"name": "b", "params": {"text": long}}, {"name": "c"}]}
    found = taken(payload, shape="ga4")
    assert [each["event"] for each in messages(found)] == ["a", "c"]
    assert [(reason, detail.split(":")[0]) for _, reason, detail in found.dead] == [("too-large", "event 1")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "invalid-json"),
        (b"\xff", "invalid-json"),
        (b"[" * 100_000, "invalid-json"),
        ([1], "invalid-message"),
        ({"type": "track", "event": "x"}, "no-user"),
        ({"type": "dance", "userId": "ann"}, "invalid-message"),
        ({"type": "track", "event": "x", "userId": "ann", "timestamp": "soon"}, "invalid-time"),
        ({"type": "track", "event": "x", "userId": "ann", "timestamp": "2026-01-02T00:00:00Z"}, "future"),
        ({"type": "watermark", "timestamp": "2026-01-01T00:00:00Z"}, "invalid-message"),
    ],
)
def test_what_cannot_be_used_says_why(value: Any, reason: str) -> None:
    found = taken(value)
    assert [each for _, each, _ in found.dead] == [reason]
    assert not found.rows


def test_a_record_without_a_value_is_a_dead_letter() -> None:
    record: Any = Record(0, b"")
    object.__setattr__(record, "value", None)
    found = transform([record], topic="web", partition=0, shape="segment", partitions=8, skew_max_ms=0, now_ms=NOW_MS)
    assert found.dead[0][1] == "empty"


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("", "there are no sources"),
        ("web=ga5", "sources has 'web=ga5'"),
        ("=ga4", "sources has '=ga4'"),
        ("web,web=ga4", "names web twice"),
        ("clickstream", "Shoal itself writes there"),
    ],
)
def test_sources_that_cannot_be(sources: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_sources(load_settings({}, sources=sources))
