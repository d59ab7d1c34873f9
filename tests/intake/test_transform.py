"""From records of a source to records of the clickstream."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.errors import UserError
from app.events.user_ids import UserIds
from app.intake import shapes, sources
from app.intake import transform as transform_module
from app.intake.sources import read_sources
from app.intake.transform import Taken, transform
from app.settings import Settings, load_settings
from tests.destinations.making import Record
from tests.support.partitions import partition_of

NOW_MS = 1_767_225_600_000


def taken(*values: Any, shape: str = "segment", timestamp: int = NOW_MS) -> Taken:
    records = [
        Record(offset, value if isinstance(value, bytes) else json.dumps(value).encode(), b"other", timestamp)
        for offset, value in enumerate(values)
    ]
    return transformed(records, shape=shape)


def transformed(records: list[Record], *, shape: str = "segment") -> Taken:
    return transform(
        records,
        topic="web",
        partition=3,
        shape=shape,
        partitions=8,
        skew_max_ms=300_000,
        now_ms=NOW_MS,
        user_ids=UserIds(),
    )


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
        ({"type": "track", "userId": "ann"}, "no-event"),
        ({"type": "track", "event": " ", "userId": "ann"}, "no-event"),
        ({"type": "page", "userId": "undefined"}, "no-user"),
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
    found = transformed([record])
    assert found.dead[0][1] == "empty"


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("", "no sources are set"),
        ("web=ga5", "sources has 'web=ga5'"),
        ("=ga4", "sources has '=ga4'"),
        ("web,web=ga4", "names web twice"),
        ("clickstream", "Shoal writes to it"),
    ],
)
def test_sources_that_cannot_be(sources: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_sources(load_settings({}, sources=sources))


LAST_MONTH = {
    "type": "page",
    "userId": "ann",
    "timestamp": "2025-12-03T10:00:00.000Z",
    "originalTimestamp": "2025-12-03T09:00:00.000Z",
    "sentAt": "2025-12-03T09:00:01.000Z",
    "receivedAt": "2025-12-03T10:00:01.000Z",
}


def test_an_event_that_was_received_before_keeps_its_times() -> None:
    (message,) = messages(taken(LAST_MONTH))
    assert message == {**LAST_MONTH, "messageId": "web-3-0-0"}


@pytest.mark.parametrize("shape", ["segment-raw"])
def test_a_source_of_what_anybody_wrote_is_received_when_it_is_recorded(shape: str) -> None:
    (message,) = messages(taken(LAST_MONTH, shape=shape))
    assert message["receivedAt"] == "2026-01-01T00:00:00.000Z"
    assert message["timestamp"] == "2025-12-31T23:59:59.000Z"


def test_a_time_of_receipt_that_is_none_is_left_out_and_counted() -> None:
    found = taken({**LAST_MONTH, "receivedAt": "yesterday"})
    assert messages(found)[0]["receivedAt"] == "2026-01-01T00:00:00.000Z"
    assert found.repairs == {"receivedAt": 1}


@pytest.mark.parametrize("sent", ["yesterday", 7, True, {}])
def test_a_time_of_sending_that_is_none_is_left_out_and_counted(sent: Any) -> None:
    event = {"type": "page", "userId": "ann", "timestamp": "2025-12-31T23:00:00.000Z", "sentAt": sent}
    found = taken(event)
    assert messages(found)[0]["timestamp"] == "2025-12-31T23:00:00.000Z"
    assert found.repairs == {"sentAt": 1}


def test_of_a_payload_of_ga4_the_event_with_a_wrong_time_alone_is_refused() -> None:
    events = [{"name": "a", "timestamp_micros": NOW_MS}, {"name": "b", "timestamp_micros": NOW_MS * 1000}]
    found = taken({"client_id": "c-1", "events": events}, shape="ga4")
    assert [each["event"] for each in messages(found)] == ["b"]
    assert [(reason, detail[:8]) for _, reason, detail in found.dead] == [("invalid-time", "event 0:")]


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(24, "Too many open files"), RecursionError("too deep")], ids=repr
)
def test_what_is_not_about_a_record_makes_no_dead_letter(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("app.intake.transform.collected", fail)
    with pytest.raises(type(error)):
        taken({"type": "page", "anonymousId": "a-1"})


def test_a_record_that_nobody_foresaw_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("price")

    monkeypatch.setattr("app.intake.transform.collected", fail)
    ((_, reason, detail),) = taken({"type": "page", "anonymousId": "a-1"}).dead
    assert (reason, detail) == ("poison", "KeyError: 'price'")


def test_a_shape_that_registers_itself_can_be_named_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "SHAPES", known := dict(shapes.SHAPES))
    monkeypatch.setattr(sources, "SHAPES", known)
    monkeypatch.setattr(transform_module, "SHAPES", known)

    @shapes.register
    class Lines:
        """Events as JSON lines."""

        name = "made-up"
        keeps_receipt = False

        def events(self, value: bytes) -> Iterator[Any]:
            return map(shapes.decode_json, value.splitlines())

    assert dict(read_sources(Settings(sources="web=made-up"))) == {"web": "made-up"}
    value = b'{"type":"page","userId":"ann"}\n{"type":"track","event":"Seen","userId":"bob"}'
    found = taken(value, shape="made-up")
    assert [each["userId"] for each in messages(found)] == ["ann", "bob"]


def test_two_shapes_of_one_name_are_refused() -> None:
    with pytest.raises(AssertionError, match="two shapes are called ga4"):
        shapes.register(shapes.Ga4)
