"""The simulated shop: reproducible, in order of arrival, with the rates of a real shop and the network's faults."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from itertools import islice, pairwise, takewhile
from typing import Any

from app.events.message import instant_ms
from app.simulation.shop import Shop, ShopSettings
from app.simulation.wire import Delivery

START_MS = 1_795_429_800_000  # 2026-11-23T10:30:00Z
DAY_MS = 86_400_000
SETTINGS = ShopSettings(seed=7, start_ms=START_MS, events_per_s=10, users=8_000)


@cache
def deliveries(settings: ShopSettings, count: int) -> tuple[Delivery, ...]:
    return tuple(islice(Shop(settings), count))


@cache
def messages() -> tuple[dict[str, Any], ...]:
    return tuple(
        json.loads(delivery.value)
        for delivery in deliveries(SETTINGS, 40_000)
        if delivery.kind == "event" and delivery.value is not None
    )


def event_ms(message: dict[str, Any]) -> int:
    """The sender's time, corrected for the sender's clock."""
    return instant_ms(message["receivedAt"]) - (
        instant_ms(message["sentAt"]) - instant_ms(message["originalTimestamp"])
    )


@cache
def visits() -> tuple[tuple[str, ...], ...]:
    """The events of each visit: of one device, without half an hour of silence in between."""
    by_device: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for message in messages():
        by_device[message["anonymousId"]].append((event_ms(message), message.get("event", message["type"])))
    found: list[list[str]] = []
    for events in by_device.values():
        events.sort()
        previous_ms = None
        for at_ms, name in events:
            if previous_ms is None or at_ms - previous_ms >= 1_800_000:
                found.append([])
            found[-1].append(name)
            previous_ms = at_ms
    return tuple(tuple(visit) for visit in found)


def share_of_visits_with(name: str) -> float:
    return sum(name in visit for visit in visits()) / len(visits())


def test_equal_settings_give_equal_bytes() -> None:
    assert list(islice(Shop(SETTINGS), 2_000)) == list(islice(Shop(SETTINGS), 2_000))


def test_another_seed_gives_another_day() -> None:
    assert deliveries(SETTINGS, 100) != deliveries(replace(SETTINGS, seed=8), 100)


def test_deliveries_come_in_order_of_arrival_and_begin_with_the_start() -> None:
    arrivals = [delivery.arrival_ms for delivery in deliveries(SETTINGS, 40_000)]
    assert all(earlier <= later for earlier, later in pairwise(arrivals))
    assert START_MS <= arrivals[0] < START_MS + 5_000


def test_the_rate_is_kept_from_the_first_minutes_on() -> None:
    arrivals = [delivery.arrival_ms for delivery in deliveries(SETTINGS, 40_000)]
    whole_s = (arrivals[-1] - arrivals[0]) / 1000
    assert 8.5 < len(arrivals) / whole_s < 11.5
    in_first_10_min = sum(1 for _ in takewhile(lambda at_ms: at_ms < START_MS + 600_000, arrivals))
    assert 0.6 < in_first_10_min / 6_000 < 1.6


def test_the_funnel_is_that_of_a_real_shop() -> None:
    viewed, added = share_of_visits_with("Product Viewed"), share_of_visits_with("Product Added")
    checkout, ordered = share_of_visits_with("Checkout Step Viewed"), share_of_visits_with("Order Completed")
    bounced = sum(visit.count("page") <= 1 for visit in visits()) / len(visits())
    assert 0.4 < viewed < 0.6
    assert 0.09 < added < 0.18
    assert 0.03 < checkout < 0.09
    assert 0.015 < ordered < 0.045
    assert 0.4 < bounced < 0.6
    assert ordered < checkout < added < viewed
    assert 0.6 < 1 - ordered / added < 0.9, "most carts are left behind"


def test_every_kind_of_event_comes() -> None:
    names = Counter(message.get("event", message["type"]) for message in messages())
    assert set(names) == {
        "page", "identify", "Product List Viewed", "Product Clicked", "Product Viewed", "Product Added",
        "Product Removed", "Cart Viewed", "Checkout Step Viewed", "Order Completed", "Products Searched",
        "Promotion Clicked", "Element Clicked", "Form Submitted", "Page Scrolled", "Video Playback Started",
        "Video Playback Completed",
    }  # fmt: skip
    assert names["page"] == max(names.values())


def test_an_order_has_the_value_of_its_products() -> None:
    orders = [message["properties"] for message in messages() if message.get("event") == "Order Completed"]
    for order in orders:
        worth = sum(product["price"] * product["quantity"] for product in order["products"])
        assert order["revenue"] == round(worth, 2)
        assert order["products"]
    repeated = len(orders) - len({order["order_id"] for order in orders})
    assert 0 < repeated < len(orders) / 5, "some confirmation pages are loaded again"


def test_some_customers_buy_again() -> None:
    orders: dict[str, set[str]] = defaultdict(set)
    for message in messages():
        if message.get("event") == "Order Completed":
            orders[message["anonymousId"]].add(message["properties"]["order_id"])
    assert sum(len(ids) >= 2 for ids in orders.values()) >= 5


def test_the_key_is_the_user() -> None:
    for delivery in deliveries(SETTINGS, 20_000):
        if delivery.kind != "broken":
            assert delivery.key is not None
            assert delivery.value is not None
            message = json.loads(delivery.value)
            assert delivery.key.decode() == message.get("userId", message["anonymousId"])


def test_visitors_identify_themselves_with_traits_and_keep_their_user_id() -> None:
    known = [message for message in messages() if message["type"] == "identify"]
    assert all(message["userId"] and message["traits"]["plan"] in ("free", "plus") for message in known)
    anonymous = {message["anonymousId"] for message in messages() if "userId" not in message}
    assert any(message["anonymousId"] in anonymous for message in known), "somebody signs in during a visit"


def test_the_corrected_time_is_the_timestamp_and_the_record_has_the_receipt() -> None:
    wrong_clocks = 0
    for delivery in deliveries(SETTINGS, 20_000):
        if delivery.kind == "event" and delivery.value is not None:
            message = json.loads(delivery.value)
            assert instant_ms(message["timestamp"]) == event_ms(message)
            assert instant_ms(message["receivedAt"]) == delivery.arrival_ms
            wrong_clocks += abs(instant_ms(message["originalTimestamp"]) - event_ms(message)) > 60_000
    assert wrong_clocks > 0


def test_messages_are_out_of_order_by_a_few_seconds_and_a_few_by_far() -> None:
    behind_ms: list[int] = []
    highest_ms = 0
    for message in messages():
        highest_ms = max(highest_ms, event_ms(message))
        behind_ms.append(highest_ms - event_ms(message))
    behind_ms.sort()
    assert sum(behind > 0 for behind in behind_ms) > len(behind_ms) / 4
    assert behind_ms[int(0.98 * len(behind_ms))] <= 5_000
    assert 0 < sum(behind > DAY_MS for behind in behind_ms) < len(behind_ms) / 200


def test_a_duplicate_says_the_same_at_the_same_instant() -> None:
    first: dict[str, dict[str, Any]] = {}
    duplicates = 0
    for delivery in deliveries(SETTINGS, 40_000):
        if delivery.kind == "broken" or delivery.value is None:
            continue
        message = json.loads(delivery.value)
        if delivery.kind == "duplicate" and message["messageId"] in first:
            duplicates += 1
            original = first[message["messageId"]]
            assert event_ms(message) == event_ms(original)
            changed = {name for name in message if message[name] != original[name]}
            assert changed == {"sentAt", "receivedAt"}
        first.setdefault(message["messageId"], message)
    assert 0.005 < duplicates / 40_000 < 0.02


def test_a_few_messages_are_broken_in_many_ways() -> None:
    broken = [delivery for delivery in deliveries(SETTINGS, 40_000) if delivery.kind == "broken"]
    assert 0.001 < len(broken) / 40_000 < 0.004
    assert {None, b""} <= {delivery.value for delivery in broken}
    assert b"a-somebody-else" in {delivery.key for delivery in broken}


def test_without_faults_there_are_none() -> None:
    clean = deliveries(replace(SETTINGS, duplicate_share=0, broken_share=0), 5_000)
    assert {delivery.kind for delivery in clean} == {"event"}


def test_a_history_lies_before_the_start_and_has_about_the_events_asked_for() -> None:
    week = replace(SETTINGS, users=500, events_per_s=2, history_ms=7 * DAY_MS, history_events=20_000)
    history = list(takewhile(lambda delivery: delivery.arrival_ms < START_MS, Shop(week)))
    assert 16_000 < len(history) < 26_000
    assert history[0].arrival_ms < START_MS - 6 * DAY_MS
    by_day = Counter((delivery.arrival_ms - START_MS) // DAY_MS for delivery in history)
    assert all(count > 1_500 for count in by_day.values())


def test_after_a_quiet_history_the_present_begins_at_once() -> None:
    for seed in range(12):
        quiet = replace(SETTINGS, seed=seed, users=300, events_per_s=2, history_ms=7 * DAY_MS, history_events=2_000)
        first_minutes = takewhile(lambda delivery: delivery.arrival_ms < START_MS + 300_000, Shop(quiet))
        live = sum(delivery.arrival_ms >= START_MS for delivery in first_minutes)
        assert 250 < live < 1_200, seed
