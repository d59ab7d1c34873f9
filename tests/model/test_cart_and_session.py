"""The oracle against hand-made carts and visits."""

from tests.model.story import event, told, value


def add(at: str, product: object, **properties: object) -> dict[str, object]:
    return event(at, "Product Added", {"product_id": product, **properties})


def remove(at: str, product: object, **properties: object) -> dict[str, object]:
    return event(at, "Product Removed", {"product_id": product, **properties})


def test_the_cart_of_the_language_page() -> None:
    condition = "cart.items > 0 and cart.idle >= 30m and cart.idle < 24h"
    assert told(condition, [add("0m", "A1", price=20, quantity=2)]) == ["30m entered s", "1d exited s"]


def test_quantities_and_values() -> None:
    messages = [add("1s", "A", price=2.5, quantity=2), add("2s", "B"), add("3s", "A"), add("4s", "A", price=3)]
    assert value("cart.items", messages) == 2
    assert value("cart.quantity", messages) == 5
    assert value("cart.value", messages) == 12
    assert value("cart.products", messages) == ["A", "B"]


def test_the_price_that_arrived_last_counts_also_of_an_older_event() -> None:
    assert value("cart.value", [add("2s", "A", price=2), add("1s", "A", price=3)]) == 6


def test_removing_takes_the_quantity_and_the_product_when_none_is_left() -> None:
    messages = [add("1s", "A", quantity=3, price=1), add("1s", "B"), remove("2s", "A", quantity=2), remove("2s", "C")]
    assert value("cart.value", messages) == 1
    assert value("cart.products", [*messages, remove("3s", "A", quantity=2)]) == ["B"]
    assert value("cart.products", [*messages, remove("3s", "A")]) == ["B"]
    assert value("cart.value", [*messages, remove("3s", "A"), add("4s", "A")]) == 0  # the price went with it


def test_what_is_not_a_product_or_has_no_quantity_is_ignored() -> None:
    messages = [add("1s", None), add("1s", "A", quantity=0), add("1s", "B", quantity=-1), add("1s", {"x": 1})]
    assert value("cart.items", messages) == 0
    assert value("cart.items", [add("1s", "A", quantity="0")]) == 0
    assert value("cart.quantity", [add("1s", "A", quantity="3 pieces")]) == 1


def test_a_price_and_a_quantity_may_come_as_text() -> None:
    messages = [add("1s", "A", quantity="3", price="19.99"), add("2s", "A", price="$5")]
    assert value("cart.quantity", messages) == 4
    assert value("cart.value", messages) == 79.96


def test_a_list_of_products_stands_for_its_items() -> None:
    messages = [add("1s", "Z", products=[{"product_id": "A", "price": 2}, {"quantity": 5}, {"product_id": 7}])]
    assert value("cart.products", messages) == ["A", 7]
    assert value("cart.value", messages) == 2
    removed = event("2s", "Product Removed", {"product_id": "A", "products": [{"product_id": 7}]})
    assert value("cart.products", [*messages, removed]) == ["A"]


def test_an_order_empties_the_cart_but_for_what_was_touched_later() -> None:
    messages = [add("1s", "A"), add("5s", "B"), event("3s", "Order Completed", {"products": [{"product_id": "Z"}]})]
    assert value("cart.products", messages) == ["B"]
    assert value("cart.products", [*messages, add("2s", "C")]) == ["B"]  # older than the latest emptying
    assert value("cart.products", [*messages, add("3s", "C")]) == ["B", "C"]
    assert value("cart.products", [*messages, event("6s", "Cart Cleared")]) == []


def test_idle_is_the_time_since_the_latest_event_that_changed_the_cart() -> None:
    # the removal of what is not there, the view of the cart and the older order change nothing
    messages = [
        add("10s", "A"),
        add("5s", "B"),
        remove("20s", "C"),
        event("21s", "Cart Viewed"),
    ]
    assert told("cart.items = 2 and cart.idle >= 1m", messages) == ["1m10s entered s"]
    assert value("cart.idle", [event("0s", "X")]) is None


def test_an_empty_cart_can_be_emptied() -> None:
    assert value("cart.products", [event("5s", "Cart Cleared"), add("4s", "A"), add("6s", "B")]) == ["B"]


def test_a_visit_is_over_30_minutes_after_its_last_event() -> None:
    messages = [event("0m", "page"), event("6m", "page")]
    assert told("session.duration > 5m", messages) == ["6m entered s", "36m exited s"]


def test_an_event_at_the_end_of_a_visit_begins_a_new_one() -> None:
    messages = [event("0m", "page"), event("30m", "page")]
    assert told("session.pages >= 1", messages, until="1h") == [
        "0s entered s",
        "30m exited s",
        "30m entered s",
        "1h exited s",
    ]
    assert value("session.number", messages) == 2
    assert value("session.number", [event("0m", "page"), event("29m59s999ms", "page")]) == 1


def test_an_older_event_moves_the_start_of_a_visit_back() -> None:
    source = {"campaign": {"source": "mail"}, "page": {"path": "/a"}}
    messages = [event("60m", "page", {"path": "/b"}), event("31m", "screen", context=source)]
    assert value("session.duration", messages) == "29m"
    assert value("session.source", messages) == "mail"
    assert value("session.landing_page", messages) == "/a"
    assert value("session.landing_page", messages[:1]) == "/b"
    assert value("session.pages", messages) == 2
    too_old = event("30m", "page")
    assert value("session.pages", [messages[0], too_old]) == 1
    assert value("session.number", [messages[0], too_old]) == 1


def test_a_late_arrival_revives_a_visit_that_the_clock_had_ended() -> None:
    # the other user's event moves the clock to 39 m; u's visit was over at 30 m, and continues until 59 m
    messages = [
        event("0m", "page"),
        {**event("39m5s", "page"), "anonymousId": "v"},
        event("29m", "page"),
        {**event("70m", "page"), "anonymousId": "v"},
    ]
    assert told("session.pages >= 1", messages) == ["0s entered s", "30m exited s", "39m entered s", "59m exited s"]


def test_only_texts_are_sources() -> None:
    messages = [event("0m", "page", {"path": 5}, context={"campaign": {"source": 1}})]
    assert value("session.source", messages) is None
    assert value("session.landing_page", messages) is None


def test_users_age_idle_and_identity() -> None:
    messages = [event("5s", "group"), event("2s", "alias")]
    assert told("user.age >= 10s", messages) == ["12s entered s"]
    assert told("user.idle >= 10s", messages) == ["15s entered s"]
    assert value("user.identified", messages) is False
    assert value("user.identified", [{**event("5s", "group"), "userId": "u"}]) is True
