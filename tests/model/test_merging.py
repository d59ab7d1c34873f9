"""The oracle against what comes of two users who are one, computed by hand."""

from typing import Any

import pytest

from tests.model.messages import Merge
from tests.model.plain import instant_text
from tests.model.story import START_MS, Messages, answer, event, told, value

LOGIN = Merge("u", "visitor")


def guest(at: str, name: str, properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return event(at, name, properties, **{"anonymousId": "visitor", **more})


def added(at: str, product: str, *, of: Any = event, quantity: int = 1, price: float = 1) -> dict[str, Any]:
    said: dict[str, Any] = of(at, "Product Added", {"product_id": product, "quantity": quantity, "price": price})
    return said


# ---- what depends only on the times of events


def test_views_of_both_count_from_the_login_on() -> None:
    messages: Messages = [
        event("0h", "V"),
        guest("1h", "V"),
        guest("2h", "V"),
        guest("3h", "V"),
        event("4h", "X"),
        LOGIN,
    ]
    assert told("count('V' within 24h) >= 4", messages) == ["4h entered s", "1d exited s"]


def test_of_two_events_at_one_instant_the_guests_is_the_later() -> None:
    messages: Messages = [event("1s", "V", {"x": "u"}), guest("1s", "V", {"x": "a"}), LOGIN]
    assert value("last(x of 'V')", messages, at="2s") == "a"
    assert value("first(x of 'V')", messages, at="2s") == "u"


def test_the_later_q_of_both_holds() -> None:
    messages: Messages = [
        event("1s", "V"),
        event("4s", "V"),
        guest("2s", "V"),
        guest("3s", "Q"),
        guest("5s", "V"),
        LOGIN,
    ]
    assert value("count('V' since last 'Q')", messages, at="6s") == 2
    messages = [
        event("1s", "V"),
        event("3s", "Q"),
        guest("2s", "V"),
        guest("3s", "V"),
        guest("5s", "V"),
        LOGIN,
    ]
    assert value("count('V' since last 'Q')", messages, at="6s") == 2


# ---- once per


def test_an_order_that_both_know_counts_once() -> None:
    expression = "sum(revenue of 'O' once per order_id within 30d)"
    order = {"order_id": 17, "revenue": 50}
    messages: Messages = [
        event("1s", "O", order),
        guest("2s", "O", order),
        guest("3s", "O", {"order_id": 18, "revenue": 5}),
        LOGIN,
    ]
    assert value(expression, messages, at="4s") == 55
    assert value(expression.replace(" within 30d", ""), messages, at="4s") == 105
    assert value("count('O' once per order_id)", messages, at="4s") == 2


def test_an_event_of_the_guest_that_brought_something_new_stays() -> None:
    messages: Messages = [
        event("1s", "O", {"c": "a"}),
        guest("2s", "O", {"c": ["a", "b"]}),
        LOGIN,
        event("3s", "O", {"c": "b"}),
    ]
    assert value("count('O' once per c)", messages, at="4s") == 2


# ---- the cart


def test_products_of_the_guest_come_in_behind_and_of_one_in_both_the_larger_quantity_counts() -> None:
    messages: Messages = [
        added("1s", "shoes", quantity=2, price=50),
        added("2s", "belt", of=guest, price=20),
        added("3s", "shoes", of=guest, price=40),
        LOGIN,
    ]
    assert value("cart.products", messages, at="4s") == ["shoes", "belt"]
    assert value("cart.quantity", messages, at="4s") == 3
    assert value("cart.value", messages, at="4s") == 100


def test_an_order_of_either_empties_what_the_other_touched_before_it() -> None:
    for orders in (event("5s", "Order Completed"), guest("5s", "Order Completed")):
        messages: Messages = [added("1s", "a"), added("2s", "b", of=guest), orders, LOGIN]
        assert value("cart.items", messages, at="6s") == 0
    messages = [event("5s", "Order Completed"), added("6s", "b", of=guest), LOGIN]
    assert value("cart.items", messages, at="7s") == 1


# ---- the visit


def test_a_login_goes_on_with_the_visit_of_the_guest() -> None:
    newsletter = {"campaign": {"source": "newsletter"}}
    messages: Messages = [
        event("0m", "page"),
        guest("2h", "page", context=newsletter),
        event("2h10m", "page", context={"campaign": {"source": "mail"}}),
        LOGIN,
    ]
    assert value("session.source", messages, at="2h11m") == "newsletter"
    assert value("session.number", messages, at="2h11m") == 2
    assert value("session.pages", messages, at="2h11m") == 2


def test_visits_apart_are_two() -> None:
    messages: Messages = [event("0m", "page"), guest("2h", "page"), event("2h30m", "page"), LOGIN]
    assert value("session.number", messages, at="2h31m") == 3
    assert value("session.pages", messages, at="2h31m") == 1


# ---- sequences


def test_what_the_guest_began_the_user_completes() -> None:
    messages: Messages = [guest("1s", "V", {"p": 1}), event("2s", "X"), LOGIN, event("3s", "P", {"p": 1})]
    assert value("count(sequence('V' then 'P' within 1h matching p))", messages, at="4s") == 1


@pytest.mark.parametrize(("ordered", "expected"), [("10m", 1), ("20m", 0), ("29m", 0)])
def test_an_order_of_the_user_ends_what_waits_with_the_guest(ordered: str, expected: int) -> None:
    messages: Messages = [event("0m", "X"), guest("10m", "P"), event(ordered, "O"), event("30m", "X"), LOGIN]
    assert value("count(sequence('P' then no 'O' for 30m))", messages, at="1h") == expected


def test_an_order_of_the_guest_ends_what_waits_with_the_user() -> None:
    messages: Messages = [event("10m", "P"), guest("20m", "O"), event("30m", "X"), LOGIN]
    assert value("count(sequence('P' then no 'O' for 30m))", messages, at="1h") == 0


def test_what_would_have_occurred_with_the_guest_before_the_login_has_occurred() -> None:
    messages: Messages = [event("0m", "X"), guest("10m", "P"), event("50m", "X"), LOGIN]
    assert value("since(sequence('P' then no 'O' for 30m))", messages, at="1h") == "20m"


def test_what_has_occurred_with_the_guest_no_order_of_the_user_discards_any_more() -> None:
    messages: Messages = [guest("0m", "P"), event("20m", "O"), event("40m", "X"), LOGIN]
    assert value("count(sequence('P' then no 'O' for 30m))", messages, at="1h") == 1


# ---- who someone is


def test_of_two_traits_said_at_one_instant_the_users_stays() -> None:
    messages: Messages = [event("1s", "identify", {"plan": "u"}), guest("1s", "identify", {"plan": "a"}), LOGIN]
    assert value("traits.plan", messages, at="2s") == "u"
    messages = [event("1s", "identify", {"plan": "u"}), guest("2s", "identify", {"plan": "a"}), LOGIN]
    assert value("traits.plan", messages, at="3s") == "a"


def test_a_repeat_of_a_message_of_the_guest_does_not_count() -> None:
    messages: Messages = [event("0s", "X"), guest("1s", "V", messageId="m"), LOGIN, event("2s", "V", messageId="m")]
    assert value("count('V')", messages, at="3s") == 1


# ---- segments

FOR = "segment: s\nwhen: cart.items > 0\nfor: 30m\n"


def test_for_goes_on_from_where_it_was_with_the_guest() -> None:
    messages: Messages = [event("0m", "X"), added("10m", "a", of=guest), event("30m", "X"), LOGIN]
    assert told(FOR, messages) == ["40m entered s"]


def test_for_is_over_if_the_guest_was_in() -> None:
    messages: Messages = [event("0m", "X"), added("10m", "a", of=guest), guest("50m", "X"), event("50m", "X"), LOGIN]
    assert told(FOR, messages) == ["50m entered s"]


def test_a_cool_down_of_the_guest_holds_and_none_begins_with_the_login() -> None:
    cooled = "segment: s\nwhen: exists('V' within 1h)\ncooldown: 7h\n"
    messages: Messages = [guest("0h", "V"), guest("2h", "X"), event("2h", "X"), LOGIN, event("7h30m", "V")]
    assert told(cooled, [event("0s", "X"), *messages]) == ["8h entered s", "8h30m exited s"]
    messages = [guest("0h", "V"), event("0h", "X"), LOGIN]
    assert told(cooled, messages) == ["0s entered s", "1h exited s"]


def test_times_are_the_users_own_and_the_guest_leaves_everything() -> None:
    messages: Messages = [event("0s", "X"), guest("1s", "V"), event("2s", "X"), LOGIN]
    changes = answer("exists('V')", messages, until="1h").changes
    (left,) = [change for change in changes["visitor"] if change["change"] == "exited"]
    (entered,) = changes["u"]
    assert (left["cause"], left["evidence"], left["at"]) == ({"kind": "merged"}, [], instant_text(START_MS + 1_000))
    assert (entered["cause"], entered["times"]) == ({"kind": "merged"}, 1)


def test_one_who_was_never_seen_under_the_users_key_begins_with_what_the_guest_did() -> None:
    changes = answer("exists('V')", [guest("1s", "V"), LOGIN], until="1h").changes["u"]
    assert [(change["change"], change["sequence"]) for change in changes] == [("entered", START_MS + 1_000)]


def test_what_comes_after_the_login_under_the_other_key_is_of_a_new_user() -> None:
    messages: Messages = [guest("1s", "V"), event("2s", "X"), LOGIN, guest("3s", "V")]
    assert [change["change"] for change in answer("exists('V')", messages, until="1h").changes["visitor"]] == [
        "entered",
        "exited",
        "entered",
    ]


def test_what_must_not_lie_between_the_steps_of_one_may_be_the_others() -> None:
    occurred = "exists(sequence('A' then no 'B' then 'C'))"
    end = event("5s", "C")
    assert told(occurred, [guest("1s", "A"), LOGIN, end]) == ["5s entered s"]
    assert told(occurred, [guest("1s", "A"), event("2s", "B"), LOGIN, end]) == []
    assert told(occurred, [event("1s", "A"), guest("2s", "B"), LOGIN, end]) == []
    assert told(occurred, [event("1s", "B"), guest("1s", "A"), LOGIN, end]) == ["5s entered s"]
    assert told(occurred, [event("1s", "A"), guest("1s", "B"), LOGIN, end]) == []
