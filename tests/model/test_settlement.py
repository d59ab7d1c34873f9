"""The oracle against hand-made marks: `for`, `hold`, `cooldown`, hysteresis, order, evidence, updates, scores."""

from typing import Any

import pytest

from app.segments.evaluation.time_rules import TimeRules
from tests.model.messages import Advance
from tests.model.story import START_MS, answer, attached, event, ms, told, value


def definition(**keys: str) -> str:
    return "segment: s\n" + "".join(f"{key.rstrip('_')}: {text}\n" for key, text in keys.items())


def test_for_asks_for_no_break() -> None:
    lasting = definition(when="exists('V' within 10s)", for_="15s")
    assert told(lasting, [event("0s", "V"), event("9s", "V")]) == ["15s entered s", "19s exited s"]
    # at 10 s time alone makes it false, before the event of that instant
    assert told(lasting, [event("0s", "V"), event("10s", "V")]) == []
    assert told(definition(when="exists('V' within 15s)", for_="15s"), [event("0s", "V")]) == []


def test_hold_keeps_the_user_in() -> None:
    held = definition(when="exists('V' within 10s)", hold="1m")
    assert told(held, [event("0s", "V")]) == ["0s entered s", "1m exited s"]
    assert told(held, [event("0s", "V"), event("59s", "V")]) == ["0s entered s", "1m9s exited s"]


def test_cooldown_keeps_the_user_out_and_for_runs_on_during_it() -> None:
    cooled = definition(when="exists('V' within 10s)", cooldown="1m")
    assert told(cooled, [event("0s", "V"), event("65s", "V")]) == [
        "0s entered s",
        "10s exited s",
        "1m10s entered s",
        "1m15s exited s",
    ]
    both = definition(when="exists('V' within 10s)", cooldown="8s", for_="5s")
    assert told(both, [event("0s", "V"), event("11s", "V")]) == [
        "5s entered s",
        "10s exited s",
        "18s entered s",
        "21s exited s",
    ]


def test_enter_and_exit_are_two_thresholds() -> None:
    hysteresis = definition(enter="count('V' within 1m) >= 2", exit="never('V' within 30s)")
    assert told(hysteresis, [event("0s", "V"), event("5s", "V")]) == ["5s entered s", "35s exited s"]
    # at 35 s: two are still within 1 m, and none within 30 s
    assert told(hysteresis, [event("0s", "V"), event("5s", "V"), event("36s", "V")]) == [
        "5s entered s",
        "35s exited s",
        "36s entered s",
        "1m6s exited s",
    ]


def test_an_older_event_never_moves_the_marks_of_the_past() -> None:
    lasting = definition(when="exists('V' within 1h)", for_="10s")
    assert told(lasting, [event("20s", "X"), event("5s", "V")]) == ["30s entered s", "1h5s exited s"]


def test_a_user_begins_with_the_first_event() -> None:
    assert told("never('V')", [event("3s", "X"), event("5s", "V")]) == ["3s entered s", "5s exited s"]


def test_segments_settle_by_dependency_then_name() -> None:
    files = [
        "segment: a\nwhen: segment('z') and exists('V' within 5s)\n",
        "segment: m\nwhen: exists('V' within 5s)\n",
        "segment: z\nwhen: exists('V' within 5s)\n",
    ]
    assert told(files, [event("0s", "V")]) == [
        "0s entered m",
        "0s entered z",
        "0s entered a",
        "5s exited m",
        "5s exited z",
        "5s exited a",
    ]


def test_membership_is_that_after_for_and_hold() -> None:
    files = ["segment: b\nwhen: exists('V' within 5s)\nhold: 10s\n", "segment: a\nwhen: segment('b')\n"]
    assert told(files, [event("0s", "V")]) == ["0s entered b", "0s entered a", "10s exited b", "10s exited a"]


def test_a_threshold_of_time_is_crossed_at_its_millisecond() -> None:
    assert told("exists('V') and since('V') >= 10s", [event("0s", "V")]) == ["10s entered s"]
    assert told("exists('V') and since('V') > 10s", [event("0s", "V")]) == ["10s1ms entered s"]
    assert told("since('V') = 10s", [event("0s", "V")]) == ["10s entered s", "10s1ms exited s"]
    assert told("since('V') * 2 - 4s > 10s", [event("0s", "V")]) == ["7s1ms entered s"]


def test_a_window_of_since_ends() -> None:
    assert told("since('V' within 1m) >= 10s", [event("0s", "V")]) == ["10s entered s", "1m exited s"]


def test_clocks_read_local_time_and_follow_summer_time() -> None:
    night = "exists('V') and hour_of_day('Europe/Berlin') < 2"
    assert told(night, [event("0s", "V")], until="2d") == [
        "0s entered s",
        "1h exited s",
        "23h entered s",
        "1d1h exited s",
        "1d23h entered s",
    ]
    weekend = "exists('V') and day_of_week('Europe/Berlin') in ['saturday', 'sunday']"
    # Monday the 5th 01:00 local; Saturday the 10th begins at 4 d 23 h; Monday the 12th at 6 d 23 h
    assert told(weekend, [event("0s", "V")], until="8d") == ["4d23h entered s", "6d23h exited s"]
    # 2026-03-29 01:00 UTC: from 02:00 to 03:00 local; 83 d after the start
    two = "exists('V') and hour_of_day('Europe/Berlin') = 2"
    assert told(two, [event("82d", "V")], until="84d2h") == [
        "82d1h entered s",
        "82d2h exited s",
        "84d entered s",
        "84d1h exited s",
    ]


def test_evidence_names_each_atom_with_its_value() -> None:
    text = "count('V' within 1m) > 2 and (not exists('O') or 1 < count('V')) and since('V') < 30s"
    changes = answer(
        text, [event("0s", "V"), event("1s", "V"), event("2s", "V"), event("3s", "V")], until="2m"
    ).changes["u"]
    assert [change["evidence"] for change in changes] == [
        [
            {"expression": "count('V' within 1m) > 2", "value": "3+"},
            {"expression": "not exists('O')", "value": True},
            {"expression": "1 < count('V')", "value": 3},
            {"expression": "since('V') < 30s", "value": "0s"},
        ],
        [
            {"expression": "count('V' within 1m) > 2", "value": "3+"},
            {"expression": "not exists('O')", "value": True},
            {"expression": "1 < count('V')", "value": 4},
            {"expression": "since('V') < 30s", "value": "30s"},
        ],
    ]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("exists('V') or exists('O')", ["exists('V') True"]),
        ("exists('O') or count('V') > 0", ["count('V') > 0 1"]),
        ("not exists('O')", ["not exists('O') True"]),
        ("exists('V') and not count('V') > 3", ["exists('V') True", "not count('V') > 3 1"]),
        ("not (exists('O') or count('V') > 3)", ["not exists('O') True", "not count('V') > 3 1"]),
        ("not (exists('V') and count('V') > 3)", ["not count('V') > 3 1"]),
        ("not (exists('V') and not exists('V'))", ["exists('V') True"]),
        ("(exists('O') and exists('V')) or (exists('V') and never('O'))", ["exists('V') True", "never('O') True"]),
        ("not exists('O') = true", ["not exists('O') = true False"]),
    ],
)
def test_evidence_tells_the_branch_that_held(condition: str, told: list[str]) -> None:
    [change] = answer(condition, [event("0s", "V")], until="1s").changes["u"]
    assert [f"{atom['expression']} {atom['value']}" for atom in change["evidence"]] == told


def test_evidence_of_an_end_tells_every_branch_of_an_or() -> None:
    condition = "exists('V' within 1m) or exists('W' within 1m)"
    *_, change = answer(condition, [event("0s", "V"), event("1s", "W")], until="2m").changes["u"]
    assert change["change"] == "exited"
    assert [atom["value"] for atom in change["evidence"]] == [False, False]


@pytest.mark.parametrize(
    ("atom", "value_seen"),
    [
        ("count('V' within 1h) > 1", "2+"),
        ("count('V' within 1h) >= 1", "1+"),
        ("count('V' within 1h) >= 2", "2+"),
        ("count('V' within 1h) >= 1.5", "2+"),
        ("count('V' within 1h) = 2", 2),
        ("not count('V' within 1h) = 1", "2+"),
        ("count('V' within 1h) != 0", "1+"),
        ("count('V' within 1h) <= 2", 2),
        ("count('V' within 1h) < 3", 2),
        ("count('V' within 1h) >= 0", "1+"),
        ("1 < count('V' within 1h)", "2+"),
        ("count('V' since last 'Q') > 0", "1+"),
        ("count('V' per c within 1h) >= 2", "2+"),
        ("count('V') > 1", 2),
        ("count('V' within 1h) in [1, 2]", 2),
        ("count('V' within 1h) + 0 > 1", 2),
    ],
)
def test_as_many_events_are_kept_as_the_number_needs(atom: str, value_seen: Any) -> None:
    messages = [event("0s", "V", {"c": 1}), event("1s", "V", {"c": 1})]
    condition = f"exists('V' where c = 1) and count('V') > 1 and ({atom})"
    [change] = answer(condition, messages, until="2s").changes["u"]
    assert change["evidence"][2]["value"] == value_seen


def test_updates_send_all_values_when_a_named_one_differs() -> None:
    keyed = (
        "segment: s\nwhen: count('V' within 10s) >= 1\nupdates: [category]\n"
        "attach:\n  category: key(count('V' per c within 10s))\n  n: count('V')\n"
    )
    messages = [event("0s", "V", {"c": "a"}), event("1s", "V", {"c": "a"}), event("2s", "V", {"c": "b"})]
    # a, b is 2 to 1 until a's first leaves at 10 s: b is later; at 12 s all are gone
    assert told(keyed, messages) == ["0s entered s", "10s updated s", "12s exited s"]
    assert attached(keyed, messages, until="2d") == [
        {"category": "a", "n": 1},
        {"category": "b", "n": 3},
        {"category": "b", "n": 3},
    ]


def test_times_and_sequence_count() -> None:
    changes = answer("exists('V' within 10s)", [event("3s", "V"), event("20s", "V")], until="1m").changes["u"]
    assert [change["times"] for change in changes] == [1, 1, 2, 2]
    assert [change["sequence"] for change in changes] == [START_MS + 3_000 + n for n in range(4)]
    assert [change["cause"]["kind"] for change in changes] == ["event", "time", "event", "time"]


def test_a_score_with_a_half_life_decays() -> None:
    files = [
        "score: intent\nhalf_life: 1h\npoints:\n  - {on: \"'V'\", add: 8}\n",
        "segment: s\nwhen: score('intent') >= 4\n",
    ]
    # 8 at 0, 4 at 1 h; rounded to six places it is 4 up to d ms later, where 4 * 2^(-d / 3600000) < 3.9999995
    # d = 3600000 * log2(4 / 3.9999995) = 0.6492, so the first whole millisecond after 1 h is below
    assert told(files, [event("0s", "V")]) == ["0s entered s", "1h1ms exited s"]
    # 8 at 0; at 1 h 4 + 8 = 12; an older V of 30 m is worth 8 / sqrt 2 = 5.656854 then: 17.656854 in all
    messages = [event("0h", "V"), event("1h", "V"), event("30m", "V")]
    assert value_of_score(files, messages) == 17.656854


def value_of_score(files: list[str], messages: list[dict[str, Any]]) -> Any:
    shown = "segment: s\nwhen: exists('now')\nattach:\n  x: score('intent')\n"
    return attached([files[0], shown], [*messages, event("1h", "now")])[0]["x"]


def test_points_of_a_window_and_of_a_condition() -> None:
    files = [
        (
            "score: intent\nwithin: 10s\npoints:\n"
            "  - {on: \"'V'\", add: 20}\n  - {when: \"exists('W' within 5s)\", add: 10.5}\n"
        ),
        "segment: s\nwhen: score('intent') >= 30\n",
    ]
    assert told(files, [event("0s", "V"), event("3s", "W")]) == ["3s entered s", "8s exited s"]
    assert told(files, [event("0s", "V"), event("3s", "V")]) == ["3s entered s", "10s exited s"]


def test_draft_segments_are_not_live() -> None:
    assert told("segment: s\nwhen: exists('V')\nstatus: draft\n", [event("0s", "V")]) == []


def test_a_forgotten_user_exits_from_everything_and_starts_anew() -> None:
    rules = TimeRules(retention_ms=ms("2h"))
    messages = [event("0h", "V"), {**event("5h", "V"), "anonymousId": "v"}, event("4h", "V")]
    result = answer("exists('V')", messages, until="5h", rules=rules).changes["u"]
    assert [(change["change"], change["at"], change["times"]) for change in result] == [
        ("entered", "2026-01-05T00:00:00.000Z", 1),
        ("exited", "2026-01-05T02:00:00.000Z", 1),
        ("entered", "2026-01-05T04:59:55.000Z", 1),
    ]
    assert result[1]["cause"] == {"kind": "forgotten"}
    assert result[1]["evidence"] == []
    assert result[2]["sequence"] == START_MS + ms("4h59m55s")


def test_duplicates_are_those_of_the_last_24_hours() -> None:
    once = [event("0h", "V", messageId="1")]
    counted = "count('V') >= 2"
    assert told(counted, [*once, event("24h", "V", messageId="1")]) == []
    assert told(counted, [*once, event("24h1ms", "V", messageId="1")]) == ["1d1ms entered s"]
    assert told(counted, [*once, event("0h", "V", messageId="2")]) == ["0s entered s"]


def test_late_events_change_nothing() -> None:
    rules = TimeRules(lateness_ms=10_000)
    assert told("exists('V')", [event("20s", "X"), event("10s", "V")], rules=rules) == ["20s entered s"]
    assert told("exists('V')", [event("20s", "X"), event("9s999ms", "V")], rules=rules) == []


def test_now_is_the_highest_of_the_event_the_user_and_the_clock() -> None:
    other = {**event("1m", "X"), "anonymousId": "v"}
    assert told("exists('V')", [other, event("0s", "V")]) == ["55s entered s"]
    assert told("exists('V')", [other, Advance(START_MS + 57_000), event("0s", "V")]) == ["57s entered s"]
    assert told("exists('V')", [event("58s", "X"), other, event("0s", "V")]) == ["58s entered s"]


def test_an_event_of_the_future_is_dead_and_moves_no_clock() -> None:
    received = "2026-01-05T00:00:00.000Z"
    messages = [event("5m1ms", "V", receivedAt=received), event("5m", "V", receivedAt=received)]
    result = answer("exists('V')", messages, until="0s")
    assert result.outcomes == {0: "dead: future", 1: "accepted"}
    assert result.clock_ms == START_MS
    assert result.changes["u"][0]["at"] == "2026-01-05T00:05:00.000Z"


def test_a_skewed_senders_clock_is_corrected() -> None:
    message = event(
        "9h",
        "V",
        sentAt="2026-01-05T10:00:01Z",
        originalTimestamp="2026-01-05T10:00:00Z",
        receivedAt="2026-01-05T00:00:05Z",
    )
    assert told("exists('V')", [message]) == ["4s entered s"]


def test_the_limit_of_values_forgets_the_oldest_for_good() -> None:
    messages = [event("1s", "V", {"c": f"{n:03}"}) for n in range(101)]
    assert value("distinct(c of 'V')", messages) == 100
    # 000 has the smallest text of the oldest: it is dropped, and when it comes back, 001 is dropped
    assert value("count('V' where c = '000' per c)", messages) == 1
    assert value("count('V' per c within 1h)", [*messages, event("2s", "V", {"c": "000"})]) == 1
    assert value("count('V' per c within 1h)", [*messages, event("2s", "V", {"c": "002"})]) == 2


def test_the_limit_of_events_keeps_the_latest() -> None:
    messages = [event(f"{n}s", "V", {"x": n}) for n in range(1_003)]
    assert value("count('V' within 1h)", messages) == 1_000
    assert value("min(x of 'V' within 1h)", messages) == 3
    assert value("count('V')", messages) == 1_003


def test_the_limit_of_the_cart_drops_what_was_untouched_longest() -> None:
    def added(n: int) -> dict[str, Any]:
        return event("1s", "Product Added", {"product_id": f"{n:03}"})

    messages = [*(added(n) for n in range(100)), added(0), added(100)]
    products = value("cart.products", messages)
    assert len(products) == 100
    assert "000" in products
    assert "001" not in products
