"""The oracle against instants and values computed by hand: windows, aggregates, numbers, texts, comparisons."""

import hashlib
from typing import Any

import pytest

from tests.model.story import attached, event, told, value


def test_four_views_are_in_a_day_until_the_first_of_them_is_24_hours_old() -> None:
    views = [event(at, "V") for at in ("0h", "1h", "2h", "3h")]
    assert told("count('V' within 24h) > 3", views) == ["3h entered s", "1d exited s"]


def test_a_fifth_view_prolongs_until_the_second_is_24_hours_old() -> None:
    views = [event(at, "V") for at in ("0h", "1h", "2h", "3h", "4h")]
    assert told("count('V' within 24h) > 3", views) == ["3h entered s", "1d1h exited s"]


def test_what_ends_at_an_instant_ends_before_the_event_of_that_instant() -> None:
    assert told("exists('V' within 10s)", [event("0s", "V"), event("10s", "V")], until="30s") == [
        "0s entered s",
        "10s exited s",
        "10s entered s",
        "20s exited s",
    ]


def test_an_older_event_counts_from_its_own_time() -> None:
    messages = [event("9s", "X"), event("3s", "V")]
    assert told("exists('V' within 10s)", messages) == ["9s entered s", "13s exited s"]


def test_an_older_event_that_is_out_of_its_window_on_arrival_counts_nothing() -> None:
    assert told("exists('V' within 5s)", [event("9s", "X"), event("4s", "V")]) == []
    assert told("exists('V' within 5s)", [event("9s", "X"), event("4001ms", "V")]) == ["9s entered s", "9s1ms exited s"]


def test_a_window_ends_to_the_millisecond_with_a_break_of_one() -> None:
    messages = [event("0s", "V"), event("10s1ms", "V")]
    assert told("exists('V' within 10s)", messages, until="11s") == ["0s entered s", "10s exited s", "10s1ms entered s"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("count('P')", 4),
        ("sum(x of 'P')", 6.5),
        ("avg(x of 'P')", 2.166667),
        ("min(x of 'P')", 1.5),
        ("max(x of 'P')", 3),
        ("first(x of 'P')", 2),
        ("last(x of 'P')", 3),
        ("distinct(x of 'P')", 3),
        ("exists('P')", True),
        ("never('P')", False),
        ("since('P')", "1s"),
        ("count('P' within 3s)", 2),
        ("sum(x of 'P' within 3s)", 3),
        ("count('P' where x > 1.5)", 2),
        ("count('P' per x)", 1),
        ("key(count('P' per x))", 3),
        ("sum(x of 'P') / count('P')", 1.625),
        ("sum(x of 'P') / 0", None),
        ("sum(y of 'P')", 0),
        ("avg(y of 'P')", None),
        ("since('Q')", None),
        ("count('Q')", 0),
        ("key(count('Q' per x))", None),
    ],
)
def test_values_stand_in_the_order_of_time_whatever_order_they_came_in(expression: str, expected: Any) -> None:
    # at 1 s: 2; at 2 s: 1.5 (arrives last but one); at 4 s: 3; at 3 s: no x (arrives last)
    messages = [event("1s", "P", {"x": 2}), event("4s", "P", {"x": 3}), event("2s", "P", {"x": 1.5}), event("3s", "P")]
    assert value(expression, messages, at="5s") == expected


def test_first_and_last_of_one_instant_follow_arrival() -> None:
    messages = [event("1s", "P", {"x": "a"}), event("1s", "P", {"x": "b"}), event("1s", "P")]
    assert value("first(x of 'P')", messages) == "a"
    assert value("last(x of 'P')", messages) == "b"


def test_sums_are_exact() -> None:
    messages = [event("1s", "P", {"x": 0.1})] * 10
    assert value("sum(x of 'P')", messages) == 1
    assert value("sum(x of 'P')", [event("1s", "P", {"x": 0.0000005}), event("1s", "P", {"x": 0.0000015})]) == 0.000002


def test_a_boolean_or_a_text_that_is_no_number_is_none() -> None:
    odd = ("$5", "5,5", " 5", "5 ", "+5", "05", ".5", "5.", "1e400", "NaN", "", "\u0665", True, None, {"y": 1}, [[2]])
    messages = [event("1s", "P", {"x": x}) for x in (*odd, 10**15 + 1, str(10**15 + 1), 7)]
    assert value("sum(x of 'P')", messages) == 7
    assert value("max(x of 'P')", messages) == 7


def test_a_text_that_is_a_number_counts_as_that_number() -> None:
    messages = [event("1s", "P", {"x": x}) for x in ("19.99", "2", "-1e0", ["0.01", 7, "x"])]
    assert value("sum(x of 'P')", messages) == 28
    assert value("min(x of 'P')", messages) == -1
    assert value("last(x of 'P')", messages[:1]) == "19.99"
    assert value("last(x of 'P') * 2", messages[:2]) == 4
    assert value("distinct(x of 'P')", [event("1s", "P", {"x": x}) for x in ("2", 2, 2.0, "2.0")]) == 3


def test_of_a_list_each_item_is_a_value() -> None:
    messages = [event("1s", "P", {"products": [{"c": "a", "n": 1}, {"c": "b", "n": 2}, {"c": "a", "n": 2}, {}]})]
    assert value("sum(products.n of 'P')", messages) == 5
    assert value("distinct(products.c of 'P')", messages) == 2
    assert value("count('P' per products.c)", messages) == 1
    assert value("first(products.c of 'P')", messages) == ["a", "b", "a"]
    assert value("count('P' where products.c = 'b')", messages) == 1
    assert value("count('P' where products.c != 'b')", messages) == 1
    assert value("count('P' where not products.c = 'b')", messages) == 0
    assert value("count('P' where products.n > 1)", messages) == 1
    assert value("count('P' where products.n + 1 > 1)", messages) == 0


def test_of_values_whose_latest_events_are_of_one_instant_key_is_the_smallest_text() -> None:
    messages = [event("1s", "V", {"c": "a"}), event("1s", "V", {"c": "b"})]
    assert value("key(count('V' per c))", messages) == "a"
    assert value("key(count('V' per c within 5s))", messages) == "a"


def test_key_is_the_highest_count_then_the_latest_event_then_the_smallest_text() -> None:
    views = [("1s", "a"), ("2s", "b"), ("3s", "a"), ("4s", "b")]
    messages = [event(at, "V", {"c": c}) for at, c in views]
    assert value("key(count('V' per c))", messages) == "b"
    assert value("key(count('V' per c within 2s))", messages) == "b"
    assert value("key(count('V' per c))", [event("1s", "V", {"c": ["b", "a", 3]})]) == 3


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("n = 1", True),
        ("n = '1'", True),
        ("n = '1.0'", True),
        ("n != '1'", False),
        ("n = '01'", False),
        ("n in ['x', '1']", True),
        ("yes = '1'", False),
        ("two = 2", True),
        ("two = '2.0'", False),
        ("two >= 1.5", True),
        ("two < 10", True),
        ("two < '10'", False),
        ("two * 3 = 6", True),
        ("two contains 2", False),
        ("prices contains 3.5", True),
        ("prices > 3", True),
        ("prices in [4]", False),
        ("missing != '1'", False),
        ("not missing = '1'", True),
        ("n = true", False),
        ("yes = true", True),
        ("nothing = 'x'", False),
        ("t = 'Abc'", True),
        ("t = 'abc'", False),
        ("t < 'b'", True),
        ("n < 'b'", False),
        ("t contains 'bc'", True),
        ("t starts with 'A'", True),
        ("t matches '^A.c$'", True),
        ("t matches 'b'", True),
        ("n contains '1'", False),
        ("tags contains 'a'", True),
        ("tags contains 'aa'", False),
        ("tags = 'b'", True),
        ("tags in ['x', 'b']", True),
        ("tags in ['x', 'y']", False),
        ("tags starts with 'b'", True),
        ("empty = 'a'", False),
        ("o = 'a'", False),
        ("o.p = 'a'", True),
        ("properties['odd name'] = 2", True),
        ("n + 1 = 2", True),
        ("n / 0 = 0", False),
        ("not n / 0 = 0", True),
        ("t + 1 = 2", False),
        ("context.page.path = '/'", True),
    ],
)
def test_comparisons_of_what_an_event_says(where: str, expected: bool) -> None:
    properties = {
        "n": 1.0,
        "yes": True,
        "nothing": None,
        "t": "Abc",
        "tags": ["a", "b", None, ["c"]],
        "empty": [],
        "o": {"p": "a"},
        "odd name": 2,
        "two": "2",
        "prices": ["$9", "3.50"],
    }
    messages = [event("1s", "P", properties, context={"page": {"path": "/"}})]
    assert value(f"exists('P' where {where})", messages) is expected


def test_once_per_counts_a_value_again_when_the_event_that_counted_has_left_the_window() -> None:
    orders = [("0s", "a"), ("4s", "a"), ("10s", "a"), ("11s", "b")]
    messages = [event(at, "O", {"id": id_}) for at, id_ in orders]
    # a at 0 s counts, at 4 s it is known, at 10 s it is not any more
    assert told("count('O' once per id within 10s) >= 2", messages, until="1m") == ["11s entered s", "20s exited s"]
    assert value("count('O' once per id)", messages) == 2
    assert value("count('O' once per id)", [event("1s", "O"), event("1s", "O")]) == 2


def test_once_per_with_several_values_counts_if_one_of_them_is_new() -> None:
    messages = [event("1s", "O", {"id": ids}) for ids in ("a", ["a", "b"], ["a", "b"], "b")]
    assert value("count('O' once per id)", messages) == 2


def test_an_event_that_counted_late_is_known_only_as_long_as_its_own_time_is_inside() -> None:
    messages = [event("9s", "X"), event("1s", "O", {"id": "a"}), event("11s", "O", {"id": "a"})]
    assert told("count('O' once per id within 10s) >= 1", messages, until="30s") == [
        "9s entered s",
        "11s exited s",
        "11s entered s",
        "21s exited s",
    ]


def test_since_last_forgets_everything_at_or_before_q() -> None:
    messages = [event("1s", "V"), event("3s", "V"), event("2s", "Q"), event("1s", "V"), event("2s", "V")]
    # 1 s is deleted, 3 s is kept; 1 s is older than Q; 2 s came after Q at its instant
    assert value("count('V' since last 'Q')", messages[:2], at="9s") == 2
    assert value("count('V' since last 'Q')", messages, at="9s") == 2
    assert value("count('V' since last 'Q')", [event("1s", "V"), event("1s", "Q")], at="9s") == 0


def test_an_event_that_is_q_too_counts_nothing() -> None:
    messages = [event("1s", "V", {"a": 1}), event("2s", "V", {"a": 2}), event("3s", "V", {"a": 1})]
    assert value("count('V' since last 'V' where a = 2)", messages[:2]) == 0
    assert value("count('V' since last 'V' where a = 2)", messages) == 1


def test_long_texts_are_kept_short_and_different() -> None:
    one, two = "é" * 200 + "1", "é" * 200 + "2"
    digits = hashlib.sha256(one.encode()).hexdigest()[:16]
    messages = [event("1s", "V", {"c": one}), event("2s", "V", {"c": two})]
    assert value("distinct(c of 'V')", messages) == 2
    assert value("count('V' once per c)", messages) == 2
    assert value("key(count('V' per c))", messages[:1]) == "é" * 118 + "…" + digits  # 236 + 3 + 16 bytes
    assert value("first(c of 'V')", messages) == one
    assert value("first(c of 'V')", [event("1s", "V", {"c": [one]})]) == ["é" * 22 + "…" + digits]  # 44 + 3 + 16


LONG = "/" + "p" * 1_200


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"last(c of 'V') = '{LONG}'", True),
        (f"last(c of 'V') = '{LONG}q'", False),
        (f"last(c of 'V') != '{LONG}'", False),
        (f"last(c of 'V') in ['x', '{LONG}']", True),
        (f"last(c of 'V') <= '{LONG}' and last(c of 'V') >= '{LONG}'", True),
        (f"last(c of 'V') < '{LONG}'", False),
        (f"key(count('V' per c)) = '{LONG}'", True),
        (f"key(count('V' per c)) = '{LONG[:-1]}'", False),
        (f"last(tags of 'V') contains '{LONG}'", True),
        (f"last(tags of 'V') = '{LONG}'", True),
        ("last(tags of 'V') = last(c of 'V')", True),
        ("key(count('V' per c)) = last(c of 'V')", True),
        (f"traits.page = '{LONG}' and context.page.path = '{LONG}' and session.landing_page = '{LONG}'", True),
        (f"last(c of 'V') contains '{LONG}' and last(c of 'V') starts with '{LONG}'", True),
        ("last(c of 'V') contains 'p/'", False),
        ("last(c of 'V') matches '…|[0-9a-f]$'", False),
        (f"cart.products contains '{LONG}'", True),
        (f"exists('V' where c = '{LONG}')", True),
    ],
)
def test_a_text_that_was_cut_equals_the_whole_one_and_no_other(condition: str, expected: bool) -> None:
    context = {"traits": {"page": LONG}, "page": {"path": LONG}}
    messages = [
        event("1s", "V", {"c": LONG, "tags": ["x", LONG]}, context=context),
        event("1s", "Product Added", {"product_id": LONG}, context=context),
    ]
    assert bool(told(condition, messages)) is expected


def test_one_and_true_are_two_values_and_one_and_its_decimal_form_one() -> None:
    messages = [event("1s", "V", {"c": c}) for c in (1, True, 1.0, "1", "true", False)]
    assert value("distinct(c of 'V')", messages) == 5


def test_latest_traits_follow_time_then_arrival_leaf_by_leaf() -> None:
    messages = [
        event("2s", "identify", {"plan": "pro", "address": {"city": "B", "zip": 1}}),
        event("1s", "identify", {"plan": "free", "age": 20, "address": {"city": "A"}}),
        event("2s", "V", context={"traits": {"plan": "team", "address": {"zip": None}}}),
    ]
    assert value("traits.plan", messages) == "team"
    assert value("traits.age", messages) == 20
    assert value("traits.address.city", messages) == "B"
    assert value("traits.address.zip", messages) is None
    assert value("traits.address.zip", messages[:2]) == 1


def test_within_one_identify_context_traits_come_first() -> None:
    messages = [event("1s", "identify", {"a": 1}, context={"traits": {"a": 2, "b": 2}})]
    assert value("traits.a", messages) == 1
    assert value("traits.b", messages) == 2


@pytest.mark.parametrize(
    ("said", "expected"),
    [({"address": None}, None), ({"address": "x"}, "B"), ({"address": {"city": {"x": 1}}}, "B"), ({}, "B")],
)
def test_null_above_a_leaf_forgets_and_anything_else_there_says_nothing(said: dict[str, Any], expected: Any) -> None:
    messages = [event("1s", "identify", {"address": {"city": "B"}}), event("2s", "identify", said)]
    assert value("traits.address.city", messages) == expected


def test_context_is_the_latest_of_all_events() -> None:
    messages = [
        event("2s", "group", context={"device": {"type": "tv"}}),
        event("1s", "page", context={"device": {"type": "pc"}}),
    ]
    assert value("context.device.type", messages) == "tv"


def test_instants_and_durations_are_shown_as_texts() -> None:
    messages = [event("90m", "V"), event("0s", "V")]
    assert value("user.first_seen", messages) == "2026-01-05T00:00:00.000Z"
    assert value("since('V')", messages, at="90m1s500ms") == "1s500ms"


def test_a_missing_value_is_attached_as_null() -> None:
    definition = "segment: s\nwhen: exists('V')\nattach:\n  x: last(x of 'V')\n"
    assert attached(definition, [event("0s", "V")]) == [{"x": None}]


def test_an_empty_list_says_nothing_about_a_trait() -> None:
    messages = [event("1s", "identify", {"tags": ["a", "b"]}), event("2s", "identify", {"tags": []})]
    assert value("traits.tags", messages) == ["a", "b"]
