"""PostHog's events as messages of the Segment specification."""

from contextlib import suppress
from typing import Any

import pytest

from app.events.collected import Collected, collected
from app.events.message import MessageError
from app.events.posthog import EVENTS_MAX, entries_of

AT = "2026-01-05T10:00:00.000Z"
PAGE = {
    "event": "$pageview",
    "distinct_id": "d-1",
    "uuid": "018d-1",
    "timestamp": AT,
    "properties": {
        "token": "phc_secret",
        "$device_id": "d-1",
        "$is_identified": False,
        "$current_url": "https://shop.example/shoes?utm_source=mail",
        "$pathname": "/shoes",
        "title": "Shoes",
        "utm_source": "mail",
        "utm_campaign": "spring",
        "$raw_user_agent": "Mozilla/5.0",
    },
}


def event(name: str, distinct_id: Any = "ann", **properties: Any) -> dict[str, Any]:
    return {"event": name, "distinct_id": distinct_id, "properties": properties}


def messages(record: Any) -> list[dict[str, Any]]:
    found = list(entries_of(record))
    assert not [each for each in found if isinstance(each, MessageError)], found
    return [each for each in found if not isinstance(each, MessageError)]


def accepted(message: dict[str, Any]) -> Collected:
    return collected(message, received_ms=1_767_607_200_000, skew_max_ms=0, new_id=lambda: "new")


def test_a_view_of_a_page_keeps_its_address_campaign_and_id() -> None:
    (page,) = messages(PAGE)
    assert (page["type"], page["anonymousId"], page["messageId"], page["timestamp"]) == ("page", "d-1", "018d-1", AT)
    assert "userId" not in page
    assert (page["properties"]["path"], page["properties"]["title"]) == ("/shoes", "Shoes")
    assert page["context"]["campaign"] == {"source": "mail", "name": "spring"}
    assert page["context"]["userAgent"] == "Mozilla/5.0"
    assert "phc_secret" not in str(page)
    assert accepted(page).user == b"d-1"


@pytest.mark.parametrize(
    ("properties", "who"),
    [
        ({"$is_identified": True, "$device_id": "d-1"}, "userId"),
        ({"$is_identified": False}, "anonymousId"),
        ({"$device_id": "ann"}, "anonymousId"),
        ({"$device_id": "d-1"}, "userId"),
        ({}, "userId"),
    ],
)
def test_an_id_names_a_user_where_the_library_says_so_or_a_server_sends_it(
    properties: dict[str, Any], who: str
) -> None:
    (message,) = messages(event("Order Completed", **properties))
    assert {name: message[name] for name in ("userId", "anonymousId") if name in message} == {who: "ann"}


def test_identify_has_both_ids_and_the_traits() -> None:
    given = {"$anon_distinct_id": "d-1", "$set_once": {"plan": "free", "first": 1}, "$set": {"plan": "pro"}}
    (message,) = messages(event("$identify", **given))
    assert (message["type"], message["userId"], message["anonymousId"]) == ("identify", "ann", "d-1")
    assert message["traits"] == {"plan": "pro", "first": 1}
    (alone,) = messages({**event("$identify"), "$set": {"plan": "pro"}})
    assert "anonymousId" not in alone
    assert alone["traits"] == {"plan": "pro"}


def test_an_alias_gives_the_other_id_to_the_distinct_id() -> None:
    (message,) = messages(event("$create_alias", alias="d-2"))
    assert (message["type"], message["userId"], message["previousId"]) == ("alias", "ann", "d-2")
    assert accepted(message).user == b"ann"


def test_properties_of_a_person_at_an_event_are_traits_with_an_id_of_their_own() -> None:
    order = {**event("Order Completed", total=20, **{"$set": {"vip": True}}), "uuid": "018d-2"}
    track, identify = messages(order)
    assert (track["type"], track["event"], track["properties"]["total"]) == ("track", "Order Completed", 20)
    assert (identify["type"], identify["traits"]) == ("identify", {"vip": True})
    assert (track["messageId"], identify["messageId"]) == ("018d-2", "018d-2-set")


def test_a_screen_a_group_and_a_set_are_what_they_are_in_the_specification() -> None:
    (screen,) = messages(event("$screen", **{"$screen_name": "Cart"}))
    (group,) = messages(event("$groupidentify", **{"$group_key": "acme", "$group_set": {"seats": 5}}))
    (traits,) = messages(event("$set", **{"$set": {"vip": True}}))
    assert (screen["type"], screen["name"]) == ("screen", "Cart")
    assert (group["type"], group["groupId"], group["traits"]) == ("group", "acme", {"seats": 5})
    assert (traits["type"], traits["traits"]) == ("identify", {"vip": True})


def test_of_a_batch_each_event_stands_for_itself() -> None:
    batch = [PAGE, event("$merge_dangerously", alias="ben"), 7, event("$create_alias"), event("Order Completed")]
    found = list(entries_of({"api_key": "phc", "batch": batch, "sent_at": AT}))
    assert [each.reason if isinstance(each, MessageError) else each["type"] for each in found] == [
        "page",
        "refused-merge",
        "invalid-message",
        "invalid-message",
        "track",
    ]
    assert isinstance(found[0], dict)
    assert found[0]["sentAt"] == AT


@pytest.mark.parametrize("record", [None, 7, [], "x", {"batch": 7}, {"batch": [PAGE] * (EVENTS_MAX + 1)}])
def test_what_is_no_event_and_no_batch_is_refused(record: Any) -> None:
    with pytest.raises(MessageError):
        list(entries_of(record))


@pytest.mark.parametrize("odd", [None, 7, [], {}, "", True, {"$set": 7}, "\ud800"])
@pytest.mark.parametrize("name", ["$pageview", "$identify", "$create_alias", "$groupidentify", "Order Completed"])
def test_odd_values_raise_nothing_but_a_reason(name: str, odd: Any) -> None:
    for record in (
        {"event": name, "distinct_id": odd},
        {"event": name, "distinct_id": "ann", "properties": odd, "$set": odd, "uuid": odd, "timestamp": odd},
        event(
            name, **{"$anon_distinct_id": odd, "alias": odd, "$set": odd, "$current_url": odd, "$is_identified": odd}
        ),
    ):
        for message in entries_of(record):
            if not isinstance(message, MessageError):
                with suppress(MessageError):
                    accepted(message)
