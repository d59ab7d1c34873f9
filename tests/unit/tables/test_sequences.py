"""Sequences: which partial match stays, when one occurs, what discards it."""

from typing import Any

import pytest

from tables.counted import ABSENT_DROPPED, VALUE_DROPPED, Counted
from tables.recent import VALUES_MAX
from tables.sequences import ABSENTS_MAX, EVERY, Machine
from tables.windows import FOREVER

DAY_MS = 86_400_000


class Sequence:
    """A machine with its state; `now` is the latest time so far."""

    def __init__(self, steps: int = 2, *, within_ms: int | None = None, absent_ms: int | None = None) -> None:
        self.machine = Machine(steps, within_ms, absent_ms, DAY_MS, Counted())
        self.state: Any = None
        self.now = 0

    def event(self, t: int, *steps: int, value: str | None = None, payload: Any = None) -> list[int]:
        """An event that matches these steps; the instants at which the sequence occurs at once."""
        self.now = max(self.now, t)
        keys = EVERY if value is None else (value,)
        self.state, occurred = self.machine.steps_at(self.state, t, list(steps), keys, payload, self.now)
        return [instant for instant, _ in occurred]

    def absent(self, t: int, *values: str) -> None:
        """An R; without values for every value."""
        self.now = max(self.now, t)
        self.state = self.machine.absent(self.state, t, values or None, self.now)

    def pass_to(self, now: int) -> list[int]:
        """Returns what was pending until then."""
        self.now = max(self.now, now)
        return [] if self.state is None else [instant for instant, _ in self.machine.occur(self.state, now)]

    @property
    def due(self) -> int:
        return self.machine.due(self.state)

    @property
    def values(self) -> set[str]:
        return set(self.state[0])


# ---- steps


def test_a_sequence_occurs_with_its_last_step() -> None:
    sequence = Sequence(3)
    assert sequence.event(1, 0) == []
    assert sequence.event(2, 1) == []
    assert sequence.event(3, 2) == [3]


def test_a_step_out_of_turn_does_nothing() -> None:
    sequence = Sequence(3)
    assert sequence.event(1, 1) == []
    assert sequence.event(2, 0) == []
    assert sequence.event(3, 2) == []


def test_two_steps_may_have_one_instant_but_not_one_event() -> None:
    sequence = Sequence()
    assert sequence.event(1, 0, 1) == []
    assert sequence.event(1, 0, 1) == [1]


def test_an_event_that_completes_begins_nothing() -> None:
    sequence = Sequence()
    sequence.event(1, 0)
    assert sequence.event(2, 0, 1) == [2]
    assert sequence.event(3, 1) == []


def test_completing_drops_all_partial_matches() -> None:
    sequence = Sequence(3)
    sequence.event(1, 0)
    sequence.event(2, 1)
    sequence.event(3, 0)
    assert sequence.event(4, 2) == [4]
    assert sequence.event(5, 1) == []
    assert sequence.event(6, 2) == []


def test_the_latest_starting_partial_match_stays() -> None:
    sequence = Sequence(within_ms=10)
    sequence.event(1, 0)
    sequence.event(9, 0)
    sequence.event(5, 0)
    assert sequence.event(19, 1) == [19]
    sequence.event(20, 0)
    assert sequence.event(31, 1) == []


def test_an_event_moves_every_partial_match_that_it_can() -> None:
    sequence = Sequence(3)
    sequence.event(1, 0)
    sequence.event(2, 1)
    sequence.event(3, 0)
    sequence.event(4, 1)  # advances the second one; of two matches after two steps, the later start is kept
    assert sequence.state[0][""][0] == [None, [3, 4]]


def test_within_is_measured_from_the_start_and_includes_its_end() -> None:
    for t, occurs in ((11, [11]), (12, [])):
        sequence = Sequence(3, within_ms=10)
        sequence.event(1, 0)
        sequence.event(9, 1)
        assert sequence.event(t, 2) == occurs


def test_an_event_before_the_last_time_of_a_match_does_not_move_it() -> None:
    sequence = Sequence()
    sequence.event(5, 0)
    assert sequence.event(4, 1) == []
    assert sequence.event(5, 1) == [5]


# ---- then no R for D


def test_a_pending_occurs_exactly_after_its_silence() -> None:
    sequence = Sequence(1, absent_ms=30)
    assert sequence.due == FOREVER
    assert sequence.event(5, 0) == []
    assert sequence.due == 35
    assert sequence.pass_to(34) == []
    assert sequence.pass_to(35) == [35]
    assert sequence.due == FOREVER


@pytest.mark.parametrize(("t", "occurs"), [(4, True), (5, False), (34, False), (35, True)])
def test_an_r_from_the_completion_until_just_before_the_end_discards_it(t: int, occurs: bool) -> None:
    sequence = Sequence(1, absent_ms=30)
    sequence.event(5, 0)
    sequence.absent(t)
    assert (sequence.due == 35) == occurs


@pytest.mark.parametrize(("t", "occurs"), [(4, True), (5, True), (6, False), (34, False), (35, True)])
def test_an_r_that_came_before_with_a_later_time_discards_it_too(t: int, occurs: bool) -> None:
    sequence = Sequence(1, absent_ms=30)
    sequence.absent(t)
    instants = sequence.event(5, 0) + ([sequence.due] if sequence.due < FOREVER else [])
    assert instants == ([35] if occurs else [])


def test_a_discarded_pending_takes_the_partial_matches_with_it() -> None:
    sequence = Sequence(2, absent_ms=30)
    sequence.event(1, 0)
    sequence.event(2, 1)
    sequence.event(3, 0)
    sequence.absent(4)
    sequence.event(5, 1)
    assert sequence.due == FOREVER


def test_an_r_that_discards_nothing_leaves_partial_matches_alone() -> None:
    sequence = Sequence(2, absent_ms=30)
    sequence.event(1, 0)
    sequence.absent(2)
    sequence.event(3, 1)
    assert sequence.due == 33


def test_of_two_completions_the_later_is_pending_in_whatever_order_they_come() -> None:
    for first, second in ((5, 9), (9, 5)):
        sequence = Sequence(1, absent_ms=30)
        sequence.event(first, 0)
        sequence.event(second, 0)
        assert sequence.due == 39


def test_of_two_completions_at_one_instant_the_one_that_came_later_counts() -> None:
    sequence = Sequence(1, absent_ms=30)
    sequence.event(5, 0, payload="a")
    sequence.event(5, 0, payload="b")
    assert sequence.machine.occur(sequence.state, 35) == [(35, "b")]


def test_a_completion_whose_silence_is_over_when_it_arrives_occurs_at_once() -> None:
    sequence = Sequence(1, absent_ms=30)
    sequence.now = 35
    assert sequence.event(5, 0) == [35]
    assert sequence.due == FOREVER


# ---- matching


def test_each_value_goes_its_own_way() -> None:
    sequence = Sequence()
    sequence.event(1, 0, value="a")
    assert sequence.event(2, 1, value="b") == []
    assert sequence.event(3, 1, value="a") == [3]


def test_an_r_of_one_value_leaves_the_others_and_one_of_none_takes_all() -> None:
    sequence = Sequence(1, absent_ms=30)
    for value in "abc":
        sequence.event(1, 0, value=value)
    sequence.absent(2, "b")
    assert sequence.values == {"a", "c"}
    sequence.absent(3)
    assert sequence.values == set()


@pytest.mark.parametrize(("values", "pending"), [(("b",), True), (("a", "b"), False), ((), False)])
def test_an_r_that_came_before_concerns_its_values_only(values: tuple[str, ...], pending: bool) -> None:
    sequence = Sequence(1, absent_ms=30)
    sequence.absent(9, *values)
    sequence.event(5, 0, value="a")
    assert (sequence.due == 35) == pending


def test_pendings_due_at_one_instant_occur_in_order_of_text() -> None:
    sequence = Sequence(1, absent_ms=30)
    for value in ("b", "a", "\x0010", "9"):
        sequence.event(1, 0, value=value, payload=value)
    assert [payload for _, payload in sequence.machine.occur(sequence.state, 31)] == ["\x0010", "9", "a", "b"]


def test_a_value_that_has_come_to_its_end_takes_no_place() -> None:
    sequence = Sequence()
    sequence.event(1, 0, value="a")
    sequence.event(2, 1, value="a")
    assert sequence.values == set()


def test_the_value_that_moved_longest_ago_goes_when_there_are_more_than_a_hundred() -> None:
    sequence = Sequence()
    for number in range(VALUES_MAX):
        sequence.event(number, 0, value=f"v{number:03}")
    sequence.event(200, 0, value="v000")
    sequence.event(201, 0, value="new")
    assert "v001" not in sequence.values
    assert {"v000", "new"} < sequence.values
    assert sequence.machine.counted == {VALUE_DROPPED: 1}


def test_values_that_are_out_of_time_make_room_first() -> None:
    sequence = Sequence(within_ms=50)
    for number in range(VALUES_MAX + 1):
        sequence.event(number, 0, value=f"v{number:03}")
    assert not sequence.machine.counted
    assert "v000" not in sequence.values
    assert sequence.event(1, 1, value="v001") == [1]


def test_a_value_that_has_something_pending_stays_when_values_out_of_time_make_room() -> None:
    sequence = Sequence(2, within_ms=50, absent_ms=10_000)
    sequence.event(0, 0, value="pending")
    sequence.event(1, 1, value="pending")
    for number in range(VALUES_MAX):
        sequence.event(100 * number, 0, value=f"v{number:03}")
    assert "v000" not in sequence.values
    assert sequence.due == 10_001


# ---- late events


@pytest.mark.parametrize("on_time", [True, False])
def test_late_events_match_as_they_would_have_then(on_time: bool) -> None:
    sequence = Sequence(within_ms=30)
    if on_time:
        sequence.event(0, 0)
    sequence.now = 32
    sequence.event(0, 0)
    assert sequence.event(0, 1) == [0]


@pytest.mark.parametrize(("now", "known"), [(DAY_MS + 30, True), (DAY_MS + 31, False)])
def test_a_partial_match_is_forgotten_when_no_event_that_is_accepted_could_go_on_with_it(now: int, known: bool) -> None:
    sequence = Sequence(within_ms=30)
    sequence.event(0, 0)
    sequence.now = now
    assert sequence.event(30, 1) == ([30] if known else [])


# ---- state of R


def test_the_latest_hundred_r_are_remembered_by_arrival() -> None:
    sequence = Sequence(1, absent_ms=1_000)
    sequence.absent(500)
    for number in range(ABSENTS_MAX):
        sequence.absent(10 + number)
    assert len(sequence.state[1]) == ABSENTS_MAX
    assert sequence.machine.counted == {ABSENT_DROPPED: 1}
    sequence.event(400, 0)
    assert sequence.due == 1_400


def test_each_value_of_an_r_takes_one_of_the_hundred() -> None:
    sequence = Sequence(1, absent_ms=1_000)
    sequence.absent(5, "a", "b", "c")
    assert sequence.state[1] == [[5, "a"], [5, "b"], [5, "c"]]
    sequence.absent(6, *(f"v{number:03}" for number in range(ABSENTS_MAX)))
    assert [key for _, key in sequence.state[1]] == [f"v{number:03}" for number in range(ABSENTS_MAX)]
    assert sequence.machine.counted == {ABSENT_DROPPED: 3}


def test_an_r_is_remembered_for_the_allowed_lateness() -> None:
    sequence = Sequence(1, absent_ms=1_000)
    sequence.absent(1)
    sequence.absent(DAY_MS)
    assert len(sequence.state[1]) == 2
    sequence.absent(DAY_MS + 1)
    assert [t for t, _ in sequence.state[1]] == [DAY_MS, DAY_MS + 1]


# ---- two users who are one


def merge(user: Sequence, other: Sequence, now: int = 0) -> Sequence:
    user.now = max(user.now, other.now, now)
    if user.state is not None and other.state is not None:
        user.machine.meet(user.state, other.state, user.now)
    if user.machine.absent_ms is not None:
        other.pass_to(user.now)
    user.state = user.machine.merge(user.state, other.state, user.now)
    return user


def test_a_sequence_that_began_with_one_key_goes_on_with_the_other() -> None:
    user, other = Sequence(), Sequence()
    other.event(1, 0)
    assert merge(user, other).event(5, 1) == [5]


def test_of_two_partial_matches_of_a_step_the_one_that_starts_later_stays() -> None:
    for first, second in ((3, 7), (7, 3)):
        user, other = Sequence(within_ms=10), Sequence(within_ms=10)
        user.event(first, 0)
        other.event(second, 0)
        assert merge(user, other).event(17, 1) == [17]


def test_of_two_that_start_at_one_instant_the_users_stays() -> None:
    user, other = Sequence(3), Sequence(3)
    user.event(1, 0)
    user.event(4, 1)
    other.event(1, 0)
    other.event(2, 1)
    assert merge(user, other).event(3, 2) == []
    assert user.event(4, 2) == [4]


def test_values_of_both_go_on() -> None:
    user, other = Sequence(), Sequence()
    user.event(1, 0, value="x")
    other.event(2, 0, value="y")
    merge(user, other)
    assert (user.event(5, 1, value="x"), user.event(5, 1, value="y")) == ([5], [5])


def test_what_was_pending_with_either_occurs_the_later_of_two() -> None:
    for first, second, due in ((1, None, 11), (None, 2, 12), (1, 2, 12), (2, 1, 12)):
        user, other = Sequence(1, absent_ms=10), Sequence(1, absent_ms=10)
        for sequence, at in ((user, first), (other, second)):
            if at is not None:
                sequence.event(at, 0)
        assert merge(user, other).pass_to(100) == [due]


def test_of_two_pendings_of_one_instant_the_others_stays() -> None:
    user, other = Sequence(1, absent_ms=10), Sequence(1, absent_ms=10)
    user.event(1, 0, payload="user")
    other.event(1, 0, payload="other")
    assert user.machine.occur(merge(user, other).state, 100) == [(11, "other")]


def test_the_order_of_one_discards_what_is_pending_with_the_other() -> None:
    for who in ("user", "other"):
        user, other = Sequence(1, absent_ms=10), Sequence(1, absent_ms=10)
        waits, ordered = (user, other) if who == "user" else (other, user)
        waits.event(1, 0)
        ordered.absent(5)
        assert merge(user, other).pass_to(100) == []


def test_an_order_of_another_value_or_outside_of_the_wait_discards_nothing() -> None:
    for t, value in ((5, "y"), (0, "x"), (11, "x")):
        for who in ("user", "other"):
            user, other = Sequence(1, absent_ms=10), Sequence(1, absent_ms=10)
            waits, ordered = (user, other) if who == "user" else (other, user)
            waits.event(1, 0, value="x")
            ordered.absent(t, value)
            user.now = other.now = 0
            assert merge(user, other).pass_to(100) == [11]


def test_a_completion_that_comes_after_the_merge_is_discarded_by_an_order_of_either() -> None:
    user, other = Sequence(1, absent_ms=10), Sequence(1, absent_ms=10)
    other.absent(5)
    merge(user, other).event(1, 0)
    assert user.pass_to(100) == []


def test_what_no_event_can_go_on_with_any_more_does_not_come() -> None:
    user, other = Sequence(within_ms=10), Sequence(within_ms=10)
    user.event(1, 0)
    other.event(3, 0)
    assert merge(user, other, now=DAY_MS + 12).state[0][""][0] == [[3, 3]]
    assert merge(Sequence(within_ms=10), other, now=DAY_MS + 14).state is not None
    user, other = Sequence(within_ms=10), Sequence(within_ms=10)
    user.event(3, 0)
    other.event(1, 0)
    assert merge(user, other, now=DAY_MS + 12).state[0][""][0] == [[3, 3]]


def test_of_the_values_of_both_a_hundred_stay() -> None:
    user, other = Sequence(), Sequence()
    for number in range(VALUES_MAX):
        user.event(number, 0, value=f"u{number}")
    other.event(500, 0, value="a")
    merge(user, other)
    assert len(user.state[0]) == VALUES_MAX
    assert "u0" not in user.state[0]
    assert user.machine.counted == {VALUE_DROPPED: 1}


def test_of_the_orders_of_both_the_hundred_latest_by_arrival_stay() -> None:
    user, other = Sequence(1, absent_ms=10), Sequence(1, absent_ms=10)
    for number in range(ABSENTS_MAX):
        user.absent(number, "u")
    other.absent(1, "a")
    merge(user, other)
    assert user.state[1][-1] == [1, "a"]
    assert user.state[1][0] == [1, "u"]
    assert user.machine.counted == {ABSENT_DROPPED: 1}
