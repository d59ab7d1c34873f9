"""`count(... per p)` of all time. The contract: `tables.windows`."""

from operator import itemgetter
from typing import Any

from tables import in_hand
from tables.counted import VALUE_DROPPED, Counted
from tables.cut_texts import LENGTH_SURE_MAX, known_as
from tables.in_hand import Counts, Least
from tables.recent import VALUES_MAX, place
from tables.state_size import A_KEY, A_NUMBER, AN_INSTANT, TYPICAL_EVENTS, Size, StateSize
from tables.tallies import VALUES_LIMIT, drop_values_beyond_limit
from tables.tally_in_hand import KeyRank
from tables.values import key_order, key_value
from tables.windows import FOREVER


class _CountsInHand(dict[str, list[int]]):
    """State of a large `RunningTally`, in the order in which values go once it is used often; see `tables.in_hand`."""

    __slots__ = ("_ranks", "counts", "uses")

    def __init__(self, state: dict[str, list[int]]) -> None:
        super().__init__(state)
        self.uses = 0
        self.counts: Counts | None = None
        self._ranks: Least[KeyRank] | None = None

    def order(self) -> Counts:
        """Puts the values in order, and counts them."""
        entries = sorted(self.items(), key=lambda item: (item[1][1], key_order(item[0])))
        self.clear()
        self.update(entries)
        counts = self.counts = Counts()
        for count, _ in self.values():
            counts.move(0, count)
        return counts

    def changed(self, key: str, entry: list[int]) -> None:
        """After one more event of a value."""
        place(self, key, entry[1], entry)
        if self._ranks is not None:
            self._ranks.add(_rank(key, entry), key)

    def key(self) -> str:
        """The value with the highest count, then the latest event, then the smallest text."""
        ranks = self._ranks
        if ranks is None or ranks.is_stale:
            ranks = self._ranks = Least([(_rank(key, entry), key) for key, entry in self.items()])
        while (least := ranks.first()) is not None:
            rank, key = least
            entry = self.get(key)
            if entry is not None and rank[:2] == (-entry[0], -entry[1]):
                return key
            ranks.drop()
        raise AssertionError("no value")


def _rank(key: str, entry: list[int]) -> KeyRank:
    return -entry[0], -entry[1], key_order(key)


class RunningTally:
    """All-time `count(... per p)`. State: key -> [count, latest t]."""

    __slots__ = ("counted",)

    def __init__(self, counted: Counted) -> None:
        self.counted = counted

    def size(self) -> StateSize:
        """Its bytes, and the limits that hold it."""
        each = A_KEY + AN_INSTANT + A_NUMBER + Size(1, 1)
        return StateSize(each.times(TYPICAL_EVENTS, VALUES_MAX), (VALUES_LIMIT,))

    def words(self, pattern: str, path: str) -> str:
        """Describes the state kept of a pattern's events and the values at a path."""
        return f"how many of {pattern} for each {path}"

    def add(self, state: dict[str, list[int]] | None, t: int, item: list[str], now: int) -> dict[str, list[int]] | None:
        if not item:
            return state
        if state is None:
            state = {}
        if len(state) >= in_hand.LARGE:
            if not isinstance(state, _CountsInHand):
                state = _CountsInHand(state)
            return self._add_in_hand(state, t, item)
        for key in item:
            if len(key) > LENGTH_SURE_MAX:
                key = known_as(key, state)
            entry = state.get(key)
            if entry is None:
                state[key] = [1, t]
            else:
                entry[0] += 1
                entry[1] = max(entry[1], t)
        return state if len(state) <= VALUES_MAX else self._without_excess(_CountsInHand(state))

    def _add_in_hand(self, state: _CountsInHand, t: int, item: list[str]) -> _CountsInHand:
        state.uses += 1
        counts = state.counts if state.uses < in_hand.OFTEN else state.counts or state.order()
        for key in item:
            if len(key) > LENGTH_SURE_MAX:
                key = known_as(key, state)
            entry = state.get(key)
            if entry is None:
                entry = state[key] = [0, t]
            entry[0] += 1
            entry[1] = max(entry[1], t)
            if counts is not None:
                counts.move(entry[0] - 1, entry[0])
                state.changed(key, entry)
            if len(state) > VALUES_MAX:
                state = self._without_excess(state)
                counts = state.counts
        return state

    def _without_excess(self, state: _CountsInHand) -> _CountsInHand:
        """Without the values beyond the limit: latest event oldest, then smallest text."""
        counts = state.counts or state.order()
        while len(state) > VALUES_MAX:
            counts.move(state.pop(next(iter(state)))[0], 0)
            self.counted[VALUE_DROPPED] += 1
        return state

    def value(self, state: dict[str, list[int]] | None, now: int) -> int:
        if isinstance(state, _CountsInHand) and state.counts is not None:
            return state.counts.most
        return max(map(itemgetter(0), state.values())) if state else 0

    def key(self, state: dict[str, list[int]] | None, now: int) -> Any:
        """The value with the highest count, then the latest event, then the smallest text."""
        if not state:
            return None
        if isinstance(state, _CountsInHand) and state.counts is not None:
            return key_value(state.key())
        return key_value(min(state, key=lambda key: (-state[key][0], -state[key][1], key_order(key))))

    def until(self, state: dict[str, list[int]] | None, now: int) -> int:
        return FOREVER

    def forget(self, state: dict[str, list[int]] | None, t: int) -> dict[str, list[int]] | None:
        raise AssertionError("a running tally has no beginning to forget")

    def merge(
        self, state: dict[str, list[int]] | None, other: dict[str, list[int]] | None, now: int
    ) -> dict[str, list[int]] | None:
        counts = {key: list(entry) for key, entry in (state or {}).items()}
        for key, (count, latest) in (other or {}).items():
            entry = counts.setdefault(key, [0, latest])
            entry[0] += count
            entry[1] = max(entry[1], latest)
        for gone in drop_values_beyond_limit({key: entry[1] for key, entry in counts.items()}):
            del counts[gone]
            self.counted[VALUE_DROPPED] += 1
        return counts or None
