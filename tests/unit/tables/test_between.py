"""Sequences with events that must not lie between two steps."""

from typing import Any

import msgspec

from tables.counted import ABSENT_DROPPED, Counted
from tables.sequences import ABSENTS_MAX, EVERY, Machine
from tables.windows import FOREVER

LATENESS_MS = 1_000


class Sequence:
    """A machine with its state, which is saved and restored before each event; `now` is the latest time so far."""

    def __init__(self, steps: int = 2, *, within_ms: int | None = None, absent_ms: int | None = None) -> None:
        self.machine = Machine(steps, within_ms, absent_ms, LATENESS_MS, Counted(), has_between=True)
        self.state: Any = None
        self.now = 0

    def event(self, t: int, *steps: int, no: tuple[int, ...] = (), value: str = "") -> list[int]:
        """An event that matches these steps, and `no` behind those; the instants at which the sequence occurs."""
        self.now = max(self.now, t)
        keys = (value,) if value else EVERY
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state))
        occurred: list[tuple[int, Any]] = []
        if steps:
            state, occurred = self.machine.steps_at(state, t, list(steps), keys, None, self.now)
        if no:
            state = self.machine.between(state, t, no, keys, steps, self.now)
        self.state = state
        return [instant for instant, _ in occurred]

    def for_all(self, t: int) -> None:
        """A B of every value, behind the first step."""
        self.now = max(self.now, t)
        self.state = self.machine.between(self.state, t, (0,), None, (), self.now)

    @property
    def due(self) -> int:
        return self.machine.due(self.state)


def test_what_lies_between_two_steps_keeps_the_sequence_from_occurring() -> None:
    sequence = Sequence()
    sequence.event(10, 0)
    sequence.event(20, no=(0,))
    assert sequence.event(30, 1) == []


def test_what_lies_before_and_behind_does_nothing() -> None:
    sequence = Sequence()
    sequence.event(10, no=(0,))
    sequence.event(20, 0)
    assert sequence.event(30, 1) == [30]
    sequence.event(40, no=(0,))
    assert sequence.event(50, 1) == []


def test_it_begins_anew_after_what_must_not_come() -> None:
    sequence = Sequence()
    sequence.event(10, 0)
    sequence.event(20, no=(0,))
    sequence.event(30, 0)
    assert sequence.event(40, 1) == [40]


def test_of_events_of_one_instant_the_order_of_arrival_decides() -> None:
    sequence = Sequence()
    sequence.event(10, no=(0,))
    sequence.event(10, 0)
    assert sequence.event(10, 1) == [10]
    sequence.event(20, 0)
    sequence.event(20, no=(0,))
    assert sequence.event(20, 1) == []
    sequence.event(20, 0)
    assert sequence.event(20, 1) == [20]


def test_an_event_does_not_lie_between_itself_and_another() -> None:
    """Of page views, the second is a step and must not come."""
    sequence = Sequence()
    assert sequence.event(10, 0, no=(0,)) == []
    assert sequence.event(20, 0, no=(0,)) == []
    assert sequence.event(30, 1, no=(0,)) == [30]


def test_one_that_came_earlier_with_a_later_time_lies_between_too() -> None:
    sequence = Sequence()
    sequence.event(20, no=(0,))
    sequence.event(10, 0)
    assert sequence.event(30, 1) == []
    assert sequence.event(15, 1) == [15]


def test_a_step_of_before_it_that_arrives_late_goes_on() -> None:
    sequence = Sequence()
    sequence.event(10, 0)
    sequence.event(30, no=(0,))
    assert sequence.event(20, 1) == [20]


def test_one_that_arrives_late_takes_the_match_that_has_gone_on() -> None:
    sequence = Sequence(3)
    sequence.event(10, 0)
    sequence.event(30, 1)
    sequence.event(30, no=(0,))
    sequence.event(20, no=(0,))
    assert sequence.event(40, 2) == []


def test_one_that_arrives_late_takes_the_completion_that_waits() -> None:
    sequence = Sequence(absent_ms=100)
    sequence.event(10, 0)
    assert sequence.event(30, 1) == []
    assert sequence.due == 130
    sequence.event(30, no=(0,))
    sequence.event(9, no=(0,))
    assert sequence.due == 130
    sequence.event(10, no=(0,))
    assert sequence.due == FOREVER


def test_each_place_has_its_own() -> None:
    sequence = Sequence(3)
    sequence.event(10, 0)
    sequence.event(20, no=(1,))
    sequence.event(30, 1)
    sequence.event(40, no=(0,))
    assert sequence.event(50, 2) == [50]
    sequence.event(60, 0)
    sequence.event(70, 1)
    sequence.event(80, no=(1,))
    assert sequence.event(90, 2) == []


def test_each_value_has_its_own() -> None:
    sequence = Sequence()
    sequence.event(10, 0, value="a")
    sequence.event(10, 0, value="b")
    sequence.event(20, no=(0,), value="a")
    assert sequence.event(30, 1, value="a") == []
    assert sequence.event(30, 1, value="b") == [30]


def test_one_of_every_value_lies_between_the_steps_of_each() -> None:
    sequence = Sequence()
    sequence.event(10, 0, value="a")
    sequence.for_all(20)
    sequence.event(15, 0, value="b")
    assert sequence.event(30, 1, value="a") == []
    assert sequence.event(30, 1, value="b") == []


def test_a_match_is_kept_only_as_long_as_a_late_event_can_go_on_with_it() -> None:
    sequence = Sequence()
    sequence.event(10, 0)
    sequence.event(20, no=(0,))
    assert list(sequence.state[0]) == [""]
    sequence.event(20 + LATENESS_MS, no=(0,))
    assert sequence.state == [{}, [], [[20 + LATENESS_MS, "", 0]]]


def test_of_more_than_are_remembered_the_latest_count() -> None:
    sequence = Sequence()
    sequence.event(100, no=(0,))
    for n in range(ABSENTS_MAX):
        sequence.event(n % 7, no=(0,))
    assert sequence.machine.counted[ABSENT_DROPPED] == 1
    sequence.event(50, 0)
    assert sequence.event(200, 1) == [200]


def test_those_of_either_of_two_users_lie_between_the_steps_of_the_other() -> None:
    one, other = Sequence(), Sequence()
    one.event(10, 0)
    other.event(20, no=(0,))
    one.machine.meet(one.state, other.state, 20)
    one.state, one.now = one.machine.merge(one.state, other.state, 20), 20
    assert one.event(30, 1) == []
    other = Sequence()
    other.event(25, 0)
    one.machine.meet(one.state, other.state, 25)
    one.state = one.machine.merge(one.state, other.state, 25)
    assert one.event(40, 1) == [40]


def test_one_that_came_earlier_lies_only_behind_its_own_step() -> None:
    sequence = Sequence(3)
    sequence.event(40, no=(1,))
    sequence.event(10, 0)
    sequence.event(50, 1)
    assert sequence.event(60, 2) == [60]


def test_of_one_instant_what_the_user_did_is_earlier_than_what_the_other_did() -> None:
    one, other = Sequence(), Sequence()
    one.event(20, no=(0,))
    other.event(20, 0)
    one.machine.meet(one.state, other.state, 20)
    one.state = one.machine.merge(one.state, other.state, 20)
    assert one.event(30, 1) == [30]


def test_what_must_not_come_of_the_other_is_remembered() -> None:
    one, other = Sequence(), Sequence()
    one.event(1, 0)
    other.event(20, no=(0,))
    one.machine.meet(one.state, other.state, 20)
    one.state, one.now = one.machine.merge(one.state, other.state, 20), 20
    one.event(10, 0)
    assert one.event(30, 1) == []


def test_one_beyond_the_lateness_counts_no_more_for_what_the_other_did() -> None:
    one, other = Sequence(), Sequence()
    one.event(20, no=(0,))
    other.event(10, 0)
    now = 20 + LATENESS_MS
    one.machine.meet(one.state, other.state, now)
    one.state, one.now = one.machine.merge(one.state, other.state, now), now
    assert one.event(now, 1) == [now]
