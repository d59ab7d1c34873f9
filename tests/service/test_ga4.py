"""Google Analytics 4 events as messages of the Segment specification."""

from typing import Any

import pytest

from app.events.collected import collected
from app.events.ga4 import EVENTS_MAX, entries_of, messages_of
from app.events.message import MessageError


def one(name: str, /, **params: Any) -> dict[str, Any]:
    (message,) = messages_of({"client_id": "c", "events": [{"name": name, "params": params}]})
    return message


def test_each_item_of_a_cart_is_an_event_of_its_own() -> None:
    items = [{"item_id": "A", "item_name": "Shoe", "item_category": "run", "price": 2}, {"item_id": "B", "quantity": 3}]
    payload = {"client_id": "c", "user_id": "u", "events": [{"name": "add_to_cart", "params": {"items": items}}]}
    first, second = messages_of(payload)
    assert first == {
        "type": "track",
        "userId": "u",
        "anonymousId": "c",
        "event": "Product Added",
        "properties": {"product_id": "A", "name": "Shoe", "category": "run", "price": 2, "quantity": 1},
    }
    assert second["properties"] == {"product_id": "B", "quantity": 3}


def test_what_a_single_item_is_said_to_cost_belongs_to_it() -> None:
    message = one("view_item", currency="EUR", value=5, items=[{"item_id": "A"}])
    assert message["properties"] == {"currency": "EUR", "value": 5, "product_id": "A", "quantity": 1}


def test_a_purchase_is_an_order_with_its_products() -> None:
    message = one("purchase", transaction_id="T", value=9.5, tax=1, items=[{"item_id": "A", "price": 9.5}])
    assert message["event"] == "Order Completed"
    assert message["properties"] == {
        "order_id": "T",
        "total": 9.5,
        "tax": 1,
        "products": [{"product_id": "A", "price": 9.5, "quantity": 1}],
    }


def test_a_page_has_its_path_and_title() -> None:
    message = one(
        "page_view", page_location="https://x.org/a/b?c=d#e", page_title="T", source="news", campaign="spring"
    )
    assert (message["type"], message["name"]) == ("page", "T")
    assert message["properties"]["path"] == "/a/b"
    assert message["context"] == {"campaign": {"source": "news", "name": "spring"}}


def test_other_names_stay_as_they_are() -> None:
    assert one("level_up", level=3) == {
        "type": "track",
        "anonymousId": "c",
        "event": "level_up",
        "properties": {"level": 3},
    }


def test_properties_of_a_user_come_first_as_traits() -> None:
    payload = {"client_id": "c", "user_properties": {"plan": {"value": "pro"}}, "events": [{"name": "login"}]}
    first, second = messages_of(payload)
    assert (first["type"], first["traits"]) == ("identify", {"plan": "pro"})
    assert second["event"] == "Signed In"


def test_times_are_those_of_the_events() -> None:
    events = [{"name": "a"}, {"name": "b", "timestamp_micros": 1_767_225_601_000_000}]
    first, second = messages_of({"client_id": "c", "timestamp_micros": "1767225600000000", "events": events})
    assert (first["timestamp"], second["timestamp"]) == ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z")


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {"events": 1},
        {"events": [1]},
        {"events": [{}]},
        {"events": [{"name": 1}]},
        {"events": [{"name": "a"}], "timestamp_micros": "x"},
        {"events": [{"name": "a"}], "timestamp_micros": -1},
        {"events": [{"name": "a"}], "timestamp_micros": 1e40},
        {"events": [{"name": "a", "timestamp_micros": {}}]},
        {"events": [{"name": "a"}] * (EVENTS_MAX + 1)},
        {"events": [{"name": "add_to_cart", "params": {"items": [{}] * 201}}]},
    ],
)
def test_what_is_no_payload_is_refused(payload: Any) -> None:
    with pytest.raises(MessageError):
        list(messages_of(payload))


def test_odd_parts_are_left_out() -> None:
    events = [
        {"name": "purchase", "params": "text"},
        {"name": "view_item", "params": {"items": [1, None, {"item_id": "A"}]}},
    ]
    ordered, viewed = messages_of({"client_id": "c", "user_properties": 1, "events": events})
    assert ordered["properties"] == {}
    assert viewed["properties"]["product_id"] == "A"
    assert collected(viewed, received_ms=0, skew_max_ms=0, new_id=lambda: "m").user == b"c"


MICROS = 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("given", "unit"),
    [(MICROS // 10**6, "seconds"), (MICROS // 1000, "milliseconds"), (str(MICROS // 1000), "milliseconds"),
     (MICROS * 1000, "nanoseconds"), (7, "before 2001"), (0, "before 2001"), (-MICROS, "before 2001")],
    ids=repr,
)  # fmt: skip
def test_a_time_in_another_unit_is_refused_and_the_unit_named(given: Any, unit: str) -> None:
    payload = {"client_id": "c", "events": [{"name": "a", "timestamp_micros": given}, {"name": "b"}]}
    (index, error), (_, good) = entries_of(payload)
    assert isinstance(error, MessageError)
    assert (index, error.reason) == (0, "invalid-time")
    assert unit in error.detail
    assert isinstance(good, dict)
    assert good["event"] == "b"


def test_a_wrong_time_of_the_payload_counts_for_the_events_without_one() -> None:
    events = [{"name": "a"}, {"name": "b", "timestamp_micros": MICROS}]
    found = list(entries_of({"client_id": "c", "timestamp_micros": 5, "events": events, "user_properties": {"x": 1}}))
    assert [(index, isinstance(each, dict)) for index, each in found] == [(0, False), (0, False), (1, True)]


def test_items_as_a_json_text_are_read() -> None:
    message = one("add_to_cart", items='[{"item_id": "A1", "price": 20}]')
    assert message["properties"] == {"product_id": "A1", "price": 20, "quantity": 1}


@pytest.mark.parametrize("items", ["[{", '{"item_id": "A"}', "A1", 7, {"item_id": "A"}])
def test_items_that_are_no_list_stay_a_property(items: Any) -> None:
    assert one("add_to_cart", items=items)["properties"] == {"items": items}


def test_consent_comes_along_with_every_message() -> None:
    consent = {"ad_user_data": "GRANTED", "ad_personalization": "DENIED", "other": 1, "more": ["GRANTED"]}
    events = [{"name": "login"}, {"name": "page_view", "params": {"source": "x"}}]
    payload = {"client_id": "c", "consent": consent, "user_properties": {"plan": "gold"}, "events": events}
    said = {"categoryPreferences": {"ad_user_data": True, "ad_personalization": False}}
    contexts = [message["context"] for message in messages_of(payload)]
    assert [each["consent"] for each in contexts] == [said] * 3
    assert contexts[2]["campaign"] == {"source": "x"}


@pytest.mark.parametrize("consent", [None, "GRANTED", [], {}, {"ad_user_data": None}, {"ad_user_data": "granted"}])
def test_consent_that_ga4_does_not_know_says_nothing(consent: object) -> None:
    (message,) = messages_of({"client_id": "c", "consent": consent, "events": [{"name": "login"}]})
    assert "context" not in message
