"""Two users who are one: each kind of state merged, against one user with both histories."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.calendar_days import CalendarDays, Unit
from tables.counted import EVENT_DROPPED, VALUE_DROPPED, Counted
from tables.days import Days, Streak
from tables.latest_events import LatestEvents
from tables.pairs import FIRST_BYTES_MAX, First, Numbers
from tables.percentiles import Percentile
from tables.recent import VALUES_MAX
from tables.running_tally import RunningTally
from tables.tallies import Decay, Distinct, Tally
from tables.values import remembered_bytes
from tables.windows import (
    EVENTS_MAX,
    FirstEver,
    Kind,
    Last,
    Latest,
    LatestN,
    Running,
    RunningNumber,
    TakesOut,
)

W = 10
Event = tuple[int, Any]

nothing = st.none()
keys = st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(sorted)
numbers = st.lists(st.sampled_from([1_000_000, -2_500_000, 3]), max_size=2)
values = st.sampled_from(["x", "y", 7, None])
points = st.sampled_from([1, 2, 0.5])


def event(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.tuples(st.integers(0, 30), items)


def histories(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Event]]:
    return st.lists(event(items), max_size=8)


class SmallDays(Days):
    """`days` on a small scale: a day is four milliseconds, a week is eight."""

    def __init__(self, unit: Unit, within_ms: int | None, counted: Counted) -> None:
        super().__init__(unit, within_ms, "UTC", counted)
        self.number = (4 if unit == "day" else 8).__rfloordiv__


class SmallStreak(Streak):
    """`streak` on a small scale: a day is four milliseconds."""

    def __init__(self) -> None:
        super().__init__("UTC", Counted())
        self.number = (4).__rfloordiv__
        self.calendar = SmallCalendar("UTC")


class SmallCalendar(CalendarDays):
    """The calendar to it."""

    def next_day_ms(self, instant_ms: int) -> int:
        return instant_ms // 4 * 4 + 4


def last_two(kind: Kind, item: str, within_ms: int | None) -> LatestEvents:
    """`last 2 P`."""
    return LatestEvents(2, kind, item, within_ms, Counted())


Make = Callable[[], Any]
KINDS: list[tuple[str, Make, st.SearchStrategy[Any]]] = [
    ("exists", lambda: Latest(None), nothing),
    ("exists in a window", lambda: Latest(W), nothing),
    ("a threshold", lambda: LatestN(W, 2, Counted()), nothing),
    ("a threshold since Q", lambda: LatestN(None, 2, Counted()), nothing),
    ("a count in a window", lambda: LatestN(W, None, Counted()), nothing),
    ("a count of all time", Running, nothing),
    *((f"{f} in a window", lambda f=f: Numbers(f, W, Counted()), numbers) for f in ("sum", "avg", "min", "max")),
    *((f"{f} since Q", lambda f=f: Numbers(f, None, Counted()), numbers) for f in ("sum", "min")),
    *((f"{f} of all time", lambda f=f: RunningNumber(f), numbers) for f in ("sum", "avg", "min", "max")),
    ("a median in a window", lambda: Percentile(50, W, Counted()), numbers),
    ("a percentile of all time", lambda: Percentile(90, None, Counted()), numbers),
    ("first in a window", lambda: First(W, Counted()), values),
    ("first ever", FirstEver, values),
    ("last in a window", lambda: Last(W), values),
    ("last", lambda: Last(None), values),
    ("distinct in a window", lambda: Distinct(W, Counted()), keys),
    ("distinct", lambda: Distinct(None, Counted()), keys),
    *((f"{unit}s in a window", lambda unit=unit: SmallDays(unit, W, Counted()), nothing) for unit in ("day", "week")),
    ("days since Q", lambda: SmallDays("day", None, Counted()), nothing),
    ("a streak", SmallStreak, nothing),
    (
        "the last two in a window",
        lambda: LatestEvents(2, Numbers("sum", None, Counted()), "numbers", W, Counted()),
        numbers,
    ),
    ("the last two since Q", lambda: last_two(First(None, Counted()), "value", None), values),
    (
        "count per value of the last two",
        lambda: LatestEvents(2, Tally(None, None, Counted()), "keys", W, Counted()),
        keys,
    ),
    ("count per value in a window", lambda: Tally(W, None, Counted()), keys),
    ("a threshold per value", lambda: Tally(W, 2, Counted()), keys),
    ("count per value since Q", lambda: Tally(None, None, Counted()), keys),
    ("count per value of all time", lambda: RunningTally(Counted()), keys),
    ("a score", lambda: Decay(5), points),
]
by_kind = pytest.mark.parametrize(("make", "items"), [each[1:] for each in KINDS], ids=[each[0] for each in KINDS])


@dataclass
class Fed:
    """A state and the latest instant so far."""

    kind: Any
    state: Any = None
    now: int = 0

    def take(self, events: Iterable[Event]) -> "Fed":
        for t, item in events:
            self.now = max(self.now, t)
            self.state = self.kind.add(self.state, t, list(item) if isinstance(item, list) else item, self.now)
        return self

    def give(self, other: "Fed", now: int) -> "Fed":
        self.now = max(self.now, other.now, now)
        self.state = self.kind.merge(self.state, other.state, self.now)
        return self

    def seen(self) -> list[Any]:
        """All that can be asked, at this instant and later ones."""
        found = []
        for now in range(self.now, self.now + W + 2):
            found += [shown(self.kind.value(self.state, now)), self.kind.until(self.state, now)]
            if isinstance(self.kind, Tally | RunningTally):
                found.append(self.kind.key(self.state, now))
            if isinstance(self.kind, Tally):
                found.append(self.kind.value_until(self.state, now))
        return found


def shown(value: Any) -> Any:
    """A score is compared in six places."""
    return round(value, 6) if isinstance(value, float) else value


@by_kind
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(st.data())
def test_what_the_other_kept_counts_as_if_it_came_at_the_merge(make: Make, items: Any, data: st.DataObject) -> None:
    """In its order, after all that the user had; then more comes, some of it late."""
    own, given_, after = (data.draw(histories(items)) for _ in range(3))
    now = data.draw(st.integers(0, 45))
    merged = Fed(make()).take(own).give(Fed(make()).take(given_), now)
    one = Fed(make()).take(own)
    one.now = merged.now
    one.take(sorted(given_, key=lambda event: event[0]))
    assert merged.seen() == one.seen()
    assert merged.take(after).seen() == one.take(after).seen()


@by_kind
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(st.data())
def test_it_makes_no_difference_when_two_become_one(make: Make, items: Any, data: st.DataObject) -> None:
    """The user's instants are even, those of the other odd: at one instant the order of arrival would decide."""
    one, user, other = Fed(make()), Fed(make()), Fed(make())
    for is_other, (t, item) in data.draw(st.lists(st.tuples(st.booleans(), event(items)), max_size=12)):
        one.take([(2 * t + is_other, item)])
        (other if is_other else user).take([(2 * t + is_other, item)])
    merged = user.give(other, one.now)
    assert merged.seen() == one.seen()
    after = data.draw(st.lists(event(items), max_size=4))
    assert merged.take(after).seen() == one.take(after).seen()


@by_kind
@settings(max_examples=20, derandomize=True, database=None, deadline=None)
@given(st.data())
def test_with_nothing_on_one_side_the_other_stays(make: Make, items: Any, data: st.DataObject) -> None:
    events = data.draw(histories(items))
    alone = Fed(make()).take(events)
    assert Fed(make()).give(Fed(make()).take(events), 0).seen() == alone.seen()
    assert Fed(make()).take(events).give(Fed(make()), 0).seen() == alone.seen()
    assert make().merge(None, None, 9) is None


# ---- limits


def by_seed(seed: int, item: Callable[[random.Random], Any], count: int) -> list[Event]:
    chosen = random.Random(seed)
    return [(chosen.randrange(100_000), item(chosen)) for _ in range(count)]


LIMITED: list[tuple[str, Make, Callable[[random.Random], Any]]] = [
    ("events of a count", lambda: LatestN(None, None, Counted()), lambda _: None),
    ("events of a sum", lambda: Numbers("sum", None, Counted()), lambda chosen: [chosen.randrange(10**6)]),
    ("values of a percentile", lambda: Percentile(90, None, Counted()), lambda chosen: [chosen.randrange(10**6)]),
    ("events of first", lambda: First(None, Counted()), lambda chosen: chosen.randrange(10**6)),
    ("events per value", lambda: Tally(None, None, Counted()), lambda chosen: [chosen.choice("abcdef")]),
    ("values of distinct", lambda: Distinct(None, Counted()), lambda chosen: [str(chosen.randrange(1_000))]),
    ("days", lambda: SmallDays("day", None, Counted()), lambda _: None),
    (
        "values of distinct in a window",
        lambda: Distinct(50_000, Counted()),
        lambda chosen: [str(chosen.randrange(300))],
    ),
]


@pytest.mark.parametrize(("make", "item"), [each[1:] for each in LIMITED], ids=[each[0] for each in LIMITED])
@pytest.mark.parametrize("seed", range(3))
def test_a_limit_leaves_of_both_what_it_leaves_of_one_user(make: Make, item: Any, seed: int) -> None:
    own, given_ = by_seed(seed, item, 900), by_seed(seed + 100, item, 900)
    merged = Fed(make()).take(own).give(Fed(make()).take(given_), 0)
    one = Fed(make()).take(own)
    one.now = merged.now
    one.take(sorted(given_, key=lambda event: event[0]))
    assert merged.seen()[:3] == one.seen()[:3]
    assert sum(merged.kind.counted.values()) > 0


def test_of_more_than_a_hundred_values_those_with_the_oldest_latest_event_go_with_all_their_events() -> None:
    kind = Tally(None, None, Counted())
    user = Fed(kind).take((t, [f"u{t}"]) for t in range(VALUES_MAX))
    other = Fed(Tally(None, None, Counted())).take([(1, ["u1"]), (1_000, ["u0"]), (1_001, ["a"]), (1_002, ["b"])])
    counts = kind.counts(user.give(other, 0).state, 2_000)
    assert len(counts) == VALUES_MAX
    assert counts["u0"] == 2
    assert {"u1", "u2"} & counts.keys() == set()
    assert kind.counted == {VALUE_DROPPED: 2}


def test_of_more_than_a_hundred_values_of_all_time_the_same_go() -> None:
    kind = RunningTally(Counted())
    user = Fed(kind).take((t, [f"u{t}"]) for t in range(VALUES_MAX))
    state = user.give(Fed(RunningTally(Counted())).take([(1_000, ["u0"]), (1_001, ["a"])]), 0).state
    assert len(state) == VALUES_MAX
    assert state["u0"] == [2, 1_000]
    assert "u1" not in state
    assert kind.counted == {VALUE_DROPPED: 1}


def test_of_first_the_latest_values_that_fit_together_stay() -> None:
    text = "x" * (FIRST_BYTES_MAX // 100)
    kind = First(None, Counted())
    user = Fed(kind).take((2 * t, text) for t in range(60))
    other = Fed(First(None, Counted())).take((2 * t + 1, text) for t in range(60))
    instants, _, size = user.give(other, 0).state
    assert size == len(instants) * remembered_bytes(text) <= FIRST_BYTES_MAX < size + remembered_bytes(text)
    assert instants == list(range(120))[-len(instants) :]
    assert kind.counted == {EVENT_DROPPED: 120 - len(instants)}


def test_an_event_that_has_left_its_window_is_not_dropped_by_a_limit() -> None:
    kind = LatestN(1_000, None, Counted())
    user = Fed(kind).take((t, None) for t in range(EVENTS_MAX))
    other = Fed(LatestN(1_000, None, Counted())).take([(1_500, None)])
    assert len(user.give(other, 0).state) == 500
    assert not kind.counted


# ---- what is taken out again


@pytest.mark.parametrize(
    ("kind", "item", "left"),
    [
        (LatestN(None, None, Counted()), None, 2),
        (Numbers("sum", None, Counted()), [1_000_000], 2),
        (First(None, Counted()), "a", "a"),
        (Tally(None, None, Counted()), ["a"], 2),
        (LatestEvents(3, Tally(None, None, Counted()), "keys", None, Counted()), ["a"], 2),
        (Running(), None, 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_can_be_taken_out_by_its_instant(kind: Any, item: Any, left: Any) -> None:
    state = Fed(kind).take([(1, item), (2, item), (3, item)]).state
    assert kind.value(kind.without(state, {2}), 5) == left
    assert isinstance(kind, TakesOut)
    assert kind.without(Fed(kind).take([(1, item)]).state, {1}) is None
    assert kind.without(None, {1}) is None
