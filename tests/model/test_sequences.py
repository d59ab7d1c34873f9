"""The oracle against sequences worked out by hand."""

from tests.model.messages import Advance
from tests.model.story import START_MS, event, ms, told, value

ABANDONED = "exists(sequence('V' then 'A' then no 'O' for 30m) within 24h)"


def test_viewed_added_and_no_order_for_half_an_hour() -> None:
    messages = [event("0m", "V"), event("5m", "A")]
    assert told(ABANDONED, messages) == ["35m entered s", "1d35m exited s"]
    assert told(ABANDONED, [*messages, event("34m59s999ms", "O")]) == []
    assert told(ABANDONED, [*messages, event("35m", "O")]) == ["35m entered s", "1d35m exited s"]


def test_an_order_of_the_instant_of_the_last_step_discards_it() -> None:
    assert told(ABANDONED, [event("0m", "V"), event("5m", "A"), event("5m", "O")]) == []


def test_an_order_that_came_earlier_with_a_later_time_discards_it() -> None:
    late_add = [event("0m", "V"), event("20m", "O"), event("5m", "A")]
    assert told(ABANDONED, late_add) == []
    assert told(ABANDONED, [event("0m", "V"), event("35m", "O"), event("5m", "A")]) == [
        "35m entered s",
        "1d35m exited s",
    ]
    assert told(ABANDONED, [event("0m", "V"), event("5m", "O"), event("5m", "A")]) == [
        "35m entered s",
        "1d35m exited s",
    ]


def test_a_completion_whose_time_is_over_occurs_at_once_with_its_own_instant() -> None:
    messages = [event("0m", "V"), event("60m", "X"), event("5m", "A")]
    assert told(ABANDONED, messages) == ["1h entered s", "1d35m exited s"]


def test_an_order_after_the_clock_has_passed_the_end_changes_nothing() -> None:
    clock = Advance(START_MS + ms("35m"))
    assert told(ABANDONED, [event("0m", "V"), event("5m", "A"), clock, event("10m", "O")]) == [
        "35m entered s",
        "1d35m exited s",
    ]


def test_of_two_pendings_the_later_stays() -> None:
    messages = [event("0m", "V"), event("5m", "A"), event("6m", "V"), event("10m", "A")]
    assert told(ABANDONED, messages) == ["40m entered s", "1d40m exited s"]
    messages = [event("0m", "V"), event("10m", "A"), event("3m", "V"), event("5m", "A")]
    assert told(ABANDONED, messages) == ["40m entered s", "1d40m exited s"]


def test_a_completion_older_than_the_pending_is_dropped_even_if_its_time_is_over() -> None:
    condition = "count(sequence('A' then no 'O' for 5s)) >= 1"
    assert told(condition, [event("20s", "A"), event("1s", "A")]) == ["25s entered s"]


def test_a_discarded_pending_takes_the_partial_matches_with_it() -> None:
    messages = [event("0m", "V"), event("1m", "A"), event("2m", "V"), event("3m", "O"), event("4m", "A")]
    assert told(ABANDONED, messages) == []
    harmless = [event("2m", "V"), event("3m", "O"), event("4m", "A")]
    assert told(ABANDONED, harmless) == ["34m entered s", "1d34m exited s"]


def test_within_is_not_more_than_w_after_the_start() -> None:
    condition = "exists(sequence('A' then 'B' within 10s))"
    assert told(condition, [event("0s", "A"), event("10s", "B")]) == ["10s entered s"]
    assert told(condition, [event("0s", "A"), event("10s1ms", "B")]) == []


def test_the_latest_start_is_kept() -> None:
    condition = "exists(sequence('A' then 'B' then 'C' within 10s))"
    messages = [event("0s", "A"), event("1s", "B"), event("5s", "A"), event("6s", "B"), event("15s", "C")]
    assert told(condition, messages) == ["15s entered s"]
    # the later start is still at its first step: A B (start 0) waits for C, and is too old
    assert told(condition, [event("0s", "A"), event("1s", "B"), event("5s", "A"), event("12s", "C")]) == []


def test_late_events_match_as_they_would_have_then() -> None:
    count = "count(sequence('P' then 'R' within 30m matching p))"
    late = [event("0m", "P", {"p": 1}), event("0m", "R", {"p": 1})]
    assert value(count, [event("32m", "X"), *late], at="33m") == 1
    assert value(count, [event("0m", "P", {"p": 1}), event("32m", "X"), *late], at="33m") == 1
    assert value(count, [event("0m", "P", {"p": 1}), event("32m", "X"), late[1]], at="33m") == 1


def test_an_older_first_step_does_not_replace_a_later_start() -> None:
    condition = "count(sequence('A' then 'B' within 10s)) >= 1"
    assert told(condition, [event("5s", "A"), event("3s", "A"), event("14s", "B")]) == ["14s entered s"]


def test_a_step_is_not_before_the_last_time() -> None:
    assert told("exists(sequence('A' then 'B'))", [event("5s", "A"), event("4s", "B")]) == []
    assert told("exists(sequence('A' then 'B'))", [event("5s", "A"), event("5s", "B")]) == ["5s entered s"]


def test_one_event_moves_each_partial_match_one_step() -> None:
    # A starts a match; the second A is step 2 of the first match and starts another; the third completes
    condition = "count(sequence('A' then 'A' then 'A'))"
    assert value(condition, [event(f"{n}s", "A") for n in range(1, 4)]) == 1
    assert value(condition, [event(f"{n}s", "A") for n in range(1, 6)]) == 1
    assert value(condition, [event(f"{n}s", "A") for n in range(1, 7)]) == 2


def test_the_event_that_completes_does_not_begin_a_new_match() -> None:
    assert value("count(sequence('A' then 'A'))", [event(f"{n}s", "A") for n in range(1, 5)]) == 2
    assert value("count(sequence('A' then 'A'))", [event(f"{n}s", "A") for n in range(1, 4)]) == 1


def test_completion_drops_all_partial_matches() -> None:
    messages = [
        event("1s", "A"),
        event("2s", "B"),
        event("3s", "A"),
        event("4s", "C"),
        event("5s", "B"),
        event("6s", "C"),
    ]
    assert value("count(sequence('A' then 'B' then 'C'))", messages) == 1


def test_the_derived_event_has_its_instant_and_the_properties_of_the_last() -> None:
    messages = [event("1s", "A", {"x": 1}), event("2s", "B", {"x": 2})]
    assert value("last(x of sequence('A' then 'B'))", messages) == 2
    assert value("since(sequence('A' then 'B' then no 'C' for 10s))", messages, at="20s") == "8s"
    assert value("count(sequence('A' then 'B') where x = 2)", messages) == 1


def test_matching_keeps_values_apart() -> None:
    condition = "count(sequence('V' then 'A' matching p))"
    messages = [event("1s", "V", {"p": "a"}), event("2s", "V", {"p": "b"}), event("3s", "A", {"p": "a"})]
    assert value(condition, messages) == 1
    assert value(condition, [*messages, event("4s", "A", {"p": "c"})]) == 1
    assert value(condition, [*messages, event("4s", "A")]) == 1
    assert value(condition, [*messages, event("4s", "A", {"p": ["a", "b"]})]) == 2
    assert value(condition, [*messages[:2], event("4s", "A", {"p": ["b", "a"]})]) == 2


def test_an_absent_event_without_the_property_counts_for_every_value() -> None:
    condition = "count(sequence('A' then no 'O' for 10s matching p)) >= 1"
    messages = [event("1s", "A", {"p": "a"}), event("2s", "A", {"p": "b"})]
    assert told(condition, messages) == ["11s entered s"]
    assert told(condition, [*messages, event("3s", "O", {"p": "a"})]) == ["12s entered s"]
    assert told(condition, [*messages, event("3s", "O")]) == []
    assert told(condition, [*messages, event("3s", "O", {"p": "c"})]) == ["11s entered s"]


def test_one_step_and_nothing_after_it() -> None:
    condition = "count(sequence('A' then no 'O' for 10s) within 1h) >= 2"
    messages = [event("0s", "A"), event("5s", "A"), event("20s", "A")]
    # the second replaces the first: 15 s, then 30 s
    assert told(condition, messages) == ["30s entered s", "1h15s exited s"]


# ---- what must not lie between two steps


GUIDED = "count(sequence('A' then no 'B' then 'C'))"


def test_what_lies_between_two_steps_lets_no_sequence_occur() -> None:
    assert value(GUIDED, [event("1s", "A"), event("2s", "B"), event("3s", "C")]) == 0
    assert value(GUIDED, [event("1s", "B"), event("2s", "A"), event("3s", "C"), event("4s", "B")]) == 1
    again = [event("1s", "A"), event("2s", "B"), event("3s", "A"), event("4s", "C")]
    assert value(GUIDED, again) == 1


def test_what_must_not_come_does_so_by_its_own_time() -> None:
    assert value(GUIDED, [event("2s", "B"), event("1s", "A"), event("3s", "C")]) == 0
    assert value(GUIDED, [event("1s", "A"), event("3s", "B"), event("2s", "C")], at="4s") == 1
    assert value(GUIDED, [event("1s", "A"), event("3s", "C"), event("2s", "B")], at="4s") == 1


def test_of_one_instant_the_first_to_arrive_is_the_earlier() -> None:
    assert value(GUIDED, [event("1s", "A"), event("1s", "B"), event("1s", "C")]) == 0
    assert value(GUIDED, [event("1s", "B"), event("1s", "A"), event("1s", "C"), event("1s", "B")]) == 1
    assert value(GUIDED, [event("1s", "A"), event("1s", "B"), event("1s", "A"), event("1s", "C")]) == 1


def test_no_event_lies_between_itself_and_another() -> None:
    pages = [event(f"{n}s", "page", {"path": path}) for n, path in enumerate(("/a", "/b", "/c"))]
    next_page = "count(sequence(page where path = '/a' then no page then page where path = '{}'))"
    assert value(next_page.format("/b"), pages) == 1
    assert value(next_page.format("/c"), pages) == 0


def test_what_must_not_come_and_arrives_late_takes_what_waits() -> None:
    condition = "exists(sequence('A' then no 'B' then 'C' then no 'D' for 10s))"
    steps = [event("1s", "A"), event("5s", "C")]
    assert told(condition, [*steps, event("20s", "X")]) == ["15s entered s"]
    assert told(condition, [*steps, event("3s", "B"), event("20s", "X")]) == []
    assert told(condition, [*steps, event("5s", "B"), event("20s", "X")]) == ["15s entered s"]


def test_each_gap_and_each_value_has_its_own() -> None:
    gaps = "count(sequence('A' then no 'B' then 'C' then no 'D' then 'E'))"
    assert value(gaps, [event(f"{n}s", name) for n, name in enumerate("ADCBE")]) == 1
    assert value(gaps, [event(f"{n}s", name) for n, name in enumerate("ACDE")]) == 0
    both = "count(sequence('A' then no 'B' then no 'D' then 'C'))"
    assert value(both, [event(f"{n}s", name) for n, name in enumerate("ADC")]) == 0
    matching = "count(sequence('A' then no 'B' then 'C' matching p))"
    steps = [event("1s", "A", {"p": "x"}), event("1s", "A", {"p": "y"}), event("3s", "C", {"p": ["x", "y"]})]
    assert value(matching, steps) == 2
    assert value(matching, [*steps[:2], event("2s", "B", {"p": "x"}), steps[2]]) == 1
    assert value(matching, [*steps[:2], event("2s", "B"), steps[2]]) == 0


def test_only_a_completion_that_passes_the_filter_is_q() -> None:
    since = "count('V' since last sequence('A' then 'B') where x = 1)"
    said = [event("1s", "V"), event("2s", "A"), event("3s", "B", {"x": 2}), event("4s", "V")]
    assert value(since, said) == 2
    assert value(since, [*said, event("5s", "A"), event("6s", "B", {"x": 1}), event("7s", "V")]) == 1
