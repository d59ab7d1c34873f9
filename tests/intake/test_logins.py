"""Logins in every shape of a source: what a guest did belongs to the user afterwards."""

from typing import Any

import pytest

from app.intake.shapes import SHAPES
from tests.intake.test_transform import taken
from tests.unit.segments.partition.test_linked_keys import Shop

RECEIVED_MS = 1_767_607_300_000  # 2026-01-05T10:01:40Z
AT = ("2026-01-05T10:00:00.000Z", "2026-01-05T10:00:10.000Z", "2026-01-05T10:00:20.000Z")
CART = {"name": "add_to_cart", "params": {"items": [{"item_id": "p1"}]}}
#: By shape: the guest `a` fills a cart, logs in as `u`, and does something else. RudderStack's libraries send an empty
#: userId before the login, and both ids with each event after it; those of GA4 repeat client_id.
LOGINS: dict[str, list[list[Any]]] = {
    "segment": [
        [
            {"type": "track", "event": "Product Added", "anonymousId": "a", "timestamp": AT[0]},
            {"type": "identify", "userId": "u", "anonymousId": "a", "timestamp": AT[1]},
            {"type": "page", "userId": "u", "anonymousId": "a", "timestamp": AT[2]},
        ],
        [
            {"type": "track", "event": "Product Added", "anonymousId": "a", "timestamp": AT[0]},
            {"type": "alias", "userId": "u", "previousId": "a", "timestamp": AT[1]},
        ],
    ],
    "segment-raw": [
        [
            {"type": "track", "event": "Product Added", "userId": "", "anonymousId": "a", "timestamp": AT[0]},
            {"type": "track", "event": "Signed In", "userId": "u", "anonymousId": "a", "timestamp": AT[1]},
            {"type": "screen", "name": "Home", "userId": "u", "anonymousId": "a", "timestamp": AT[2]},
        ]
    ],
    "ga4": [
        [
            {"client_id": "a", "timestamp_micros": "1767607200000000", "events": [CART]},
            {
                "client_id": "a",
                "user_id": "u",
                "timestamp_micros": "1767607210000000",
                "user_properties": {"plan": {"value": "pro"}},
                "events": [{"name": "login"}, {"name": "page_view"}, CART],
            },
        ],
        [
            {"app_instance_id": "a", "timestamp_micros": "1767607200000000", "events": [CART]},
            {
                "app_instance_id": "a",
                "user_id": "u",
                "timestamp_micros": "1767607210000000",
                "events": [{"name": "screen_view"}],
            },
        ],
    ],
    "posthog": [
        [
            {
                "event": "Product Added",
                "distinct_id": "a",
                "timestamp": AT[0],
                "properties": {"$device_id": "a", "$is_identified": False},
            },
            {"event": "$identify", "distinct_id": "u", "timestamp": AT[1], "properties": {"$anon_distinct_id": "a"}},
            {
                "event": "$pageview",
                "distinct_id": "u",
                "timestamp": AT[2],
                "properties": {"$device_id": "a", "$is_identified": True},
            },
        ],
        [
            {"event": "Product Added", "distinct_id": "a", "timestamp": AT[0], "properties": {"$device_id": "a"}},
            {"event": "$create_alias", "distinct_id": "u", "timestamp": AT[1], "properties": {"alias": "a"}},
        ],
    ],
}


def test_every_shape_has_a_login() -> None:
    assert LOGINS.keys() == SHAPES.keys()


@pytest.mark.parametrize(("shape", "records"), [(shape, records) for shape, some in LOGINS.items() for records in some])
def test_what_a_guest_did_belongs_to_the_user_after_the_login(shape: str, records: list[Any]) -> None:
    found = taken(*records, shape=shape, timestamp=RECEIVED_MS)
    assert found.dead == []
    shop = Shop()
    rows = [row for rows in found.rows.values() for row in rows]
    for key, value, _ in sorted(rows, key=lambda row: row[0] == b"u"):
        assert key is not None
        assert value is not None
        shop.take(key.decode(), RECEIVED_MS, value)
        shop.deliver()
    assert shop.results == ["given"]
    assert shop.of("a").held("a").moved_to == "u"  # type: ignore[union-attr]  # a key that has moved is held


def test_a_dangerous_merge_of_posthog_is_a_dead_letter() -> None:
    found = taken({"event": "$merge_dangerously", "distinct_id": "u", "properties": {"alias": "w"}}, shape="posthog")
    assert [(reason, not found.rows) for _, reason, _ in found.dead] == [("refused-merge", True)]
