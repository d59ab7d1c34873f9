"""The latest few events of a pattern, with what another kind needs of each. The contract: `tables.windows`."""

from bisect import bisect_right
from collections.abc import Set
from operator import itemgetter
from typing import Any, Final

from tables.counted import LIST_SHORTENED, Counted
from tables.state_size import A_KEY, A_VALUE, AN_INSTANT, NUMBER, TYPICAL_EVENTS, Size, StateSize, items_limit
from tables.values import LIST_ITEMS_MAX
from tables.windows import FOREVER, Kind, Windowed

LATEST_MAX: Final = 100
"""The most events of `last 3 P`."""

_ITEMS: Final = {
    "nothing": Size(1, 1),
    "numbers": Size(5, NUMBER).times(1, LIST_ITEMS_MAX),
    "keys": A_KEY.times(1, LIST_ITEMS_MAX),
    "value": A_VALUE,
}


class LatestEvents(Windowed):
    """`last 3 P`: the value is that of the latest events alone, which `kind` tells.

    `item` is the part of an event that `kind` gets. Events without the property take a place as well. State: [instants,
    items], ordered by (t, arrival).
    """

    __slots__ = ("counted", "item", "kind", "latest")

    def __init__(self, latest: int, kind: Kind, item: str, within_ms: int | None, counted: Counted) -> None:
        super().__init__(within_ms)
        self.latest = latest
        self.kind = kind
        self.item = item
        self.counted = counted

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        limits = () if self.item == "nothing" else (items_limit(),)
        return StateSize((AN_INSTANT + _ITEMS[self.item]).times(min(TYPICAL_EVENTS, self.latest), self.latest), limits)

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return self.kind.words(pattern, path)

    def add(self, state: list[list[Any]] | None, t: int, item: Any, now: int) -> list[list[Any]] | None:
        start = self.start(now)
        if t <= start:
            return state
        if item.__class__ is list and len(item) > LIST_ITEMS_MAX:
            self.counted[LIST_SHORTENED] += 1
            item = item[:LIST_ITEMS_MAX]
        if state is None:
            return [[t], [item]]
        instants, items = state
        where = bisect_right(instants, t)
        instants.insert(where, t)
        items.insert(where, item)
        drop = max(bisect_right(instants, start), len(instants) - self.latest)
        if drop > 0:
            del instants[:drop]
            del items[:drop]
        return state

    def _told(self, state: list[list[Any]] | None, now: int) -> Any:
        """The state of `kind` after the events that are visible."""
        told = None
        if state is not None:
            first = bisect_right(state[0], self.start(now))
            for t, item in zip(state[0][first:], state[1][first:], strict=True):
                told = self.kind.add(told, t, list(item) if item.__class__ is list else item, now)
        return told

    def value(self, state: list[list[Any]] | None, now: int) -> Any:
        return self.kind.value(self._told(state, now), now)

    def key(self, state: list[list[Any]] | None, now: int) -> Any:
        """The value with the highest count, then the latest event, then the smallest text."""
        kind: Any = self.kind
        return kind.key(self._told(state, now), now)

    def until(self, state: list[list[Any]] | None, now: int) -> int:
        if self.within_ms is None or state is None:
            return FOREVER
        first = bisect_right(state[0], now - self.within_ms)
        return int(state[0][first]) + self.within_ms if first < len(state[0]) else FOREVER

    def forget(self, state: list[list[Any]] | None, t: int) -> list[list[Any]] | None:
        if state is None:
            return None
        first = bisect_right(state[0], t)
        return [state[0][first:], state[1][first:]] if first < len(state[0]) else None

    def merge(self, state: list[list[Any]] | None, other: list[list[Any]] | None, now: int) -> list[list[Any]] | None:
        events = [event for each in (state, other) if each is not None for event in zip(each[0], each[1], strict=True)]
        events.sort(key=itemgetter(0))
        start = self.start(now)
        return _state([event for event in events if event[0] > start][-self.latest :])

    def without(self, state: list[list[Any]] | None, instants: Set[int]) -> list[list[Any]] | None:
        if state is None:
            return None
        return _state([event for event in zip(state[0], state[1], strict=True) if event[0] not in instants])


def _state(events: list[tuple[int, Any]]) -> list[list[Any]] | None:
    return [[t for t, _ in events], [item for _, item in events]] if events else None
