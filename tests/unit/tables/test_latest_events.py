"""`last 3 P`: the state."""

from typing import Any

from tables.counted import LIST_SHORTENED, Counted
from tables.latest_events import LatestEvents
from tables.pairs import First, Numbers
from tables.tallies import Tally
from tables.windows import FOREVER


def fed(kind: LatestEvents, *events: tuple[int, Any], now: int) -> Any:
    state = None
    for t, item in events:
        state = kind.add(state, t, item, now)
    return state


def test_an_event_without_the_property_takes_a_place() -> None:
    kind = LatestEvents(2, Numbers("avg", None, Counted()), "numbers", None, Counted())
    state = fed(kind, (1, [1_000_000]), (2, [3_000_000]), (3, []), now=3)
    assert kind.value(state, 3) == 3
    assert kind.value(fed(kind, (1, [1_000_000]), (2, []), (3, []), now=3), 3) is None


def test_an_older_event_that_comes_late_takes_no_place_of_a_later_one() -> None:
    kind = LatestEvents(2, First(None, Counted()), "value", None, Counted())
    assert kind.value(fed(kind, (5, "b"), (6, "c"), (1, "a"), now=6), 6) == "b"
    assert kind.value(fed(kind, (5, "b"), (5, "c"), (5, "d"), now=5), 5) == "c"


def test_the_value_changes_when_the_oldest_visible_event_leaves_the_window() -> None:
    kind = LatestEvents(2, Numbers("sum", None, Counted()), "numbers", 10, Counted())
    state = fed(kind, (1, [1]), (2, [2]), (4, [4]), now=4)
    assert kind.until(state, 4) == 12
    assert kind.value(state, 11) == 0.000006
    assert kind.value(state, 12) == 0.000004
    assert kind.until(state, 14) == FOREVER
    assert kind.value(state, 14) == 0


def test_to_look_at_the_value_changes_nothing() -> None:
    kind = LatestEvents(3, Tally(None, None, Counted()), "keys", None, Counted())
    state = fed(kind, (1, ["a"]), (2, ["a", "b"]), now=2)
    before = repr(state)
    assert (kind.value(state, 2), kind.key(state, 2)) == (2, "a")
    assert repr(state) == before


def test_of_a_list_twenty_values_are_kept() -> None:
    counted = Counted()
    kind = LatestEvents(1, Numbers("sum", None, Counted()), "numbers", None, counted)
    item = [1_000_000] * 25
    assert kind.value(fed(kind, (1, item), now=1), 1) == 20
    assert len(item) == 25
    assert counted == {LIST_SHORTENED: 1}
