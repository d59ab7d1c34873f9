"""A large `Tally` that is used often: the instants of each value, the highest count, the order in which values go.

The same meaning as the lists of `tables.tallies`, one event at a time; see `tables.in_hand`.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from typing import Any

from tables.counted import EVENT_DROPPED, VALUE_DROPPED, Counted
from tables.cut_texts import LENGTH_SURE_MAX, known_as
from tables.in_hand import Counts, InHand, Least
from tables.recent import VALUES_MAX, Recent, in_order
from tables.values import key_order
from tables.windows import EVENTS_MAX, FOREVER

KeyRank = tuple[int, int, tuple[str, bool]]


class TallyInHand(InHand):
    """Events ordered by (t, arrival): the n-th was at `instants[n]`, of `owners[n]`.

    The first `_gone` of them are at or before `_start`: the window has left them, and nothing else counts them.
    lost: whether the last event took away one of a value that had `instants_max`.
    """

    __slots__ = (
        "_counts",
        "_full",
        "_gone",
        "_instants",
        "_instants_max",
        "_latest",
        "_owners",
        "_ranks",
        "_start",
        "_times",
        "lost",
    )

    def __init__(self, state: list[list[Any]], instants_max: int | None) -> None:
        instants, numbers, keys = state
        self._instants: list[int] = list(instants)
        self._owners: list[str] = [keys[number] for number in numbers]
        self._instants_max = instants_max
        self._gone = 0
        self._start = -FOREVER
        self._times: dict[str, deque[int]] = {}
        self._counts = Counts()
        self._full: Least[int] | None = None
        self._ranks: Least[KeyRank] | None = None
        self.lost = False
        for t, key in zip(self._instants, self._owners, strict=True):
            own = self._times.get(key)
            if own is None:
                self._times[key] = deque((t,))
            else:
                own.append(t)
        for own in self._times.values():
            self._counts.move(0, len(own))
        self._latest: Recent | None = None  # until there are too many values

    def plain(self) -> list[list[Any]]:
        """The lists of `Tally`."""
        numbers: dict[str, int] = {}
        numbered = [numbers.setdefault(key, len(numbers)) for key in self._owners]
        return [list(self._instants), numbered, list(numbers)]

    def move(self, start: int) -> bool:
        """Leaves out events at or before `start`. False, and nothing happens, if it has moved farther before."""
        if start < self._start:
            return False
        self._start = start
        self._leave(start)
        return True

    def _leave(self, start: int) -> None:
        instants = self._instants
        while self._gone < len(instants) and instants[self._gone] <= start:
            key = self._owners[self._gone]
            self._gone += 1
            self._shorten(key)

    def forget(self, t: int) -> "TallyInHand | None":
        """Without what is at or before `t`; None if nothing is left."""
        self._leave(t)
        self._forget_gone()
        return self if self._instants else None

    def _forget_gone(self) -> None:
        if self._gone:
            del self._instants[: self._gone]
            del self._owners[: self._gone]
            self._gone = 0

    def _shorten(self, key: str) -> int:
        """Takes away the oldest instant of a value. Returns how many it had."""
        own = self._times[key]
        count = len(own)
        own.popleft()
        self._counts.move(count, count - 1)
        if not own:
            del self._times[key]
            if self._latest is not None:
                del self._latest[key]
        elif self._ranks is not None:
            self._ranks.add(_rank(key, own), key)
        return count

    def add(self, t: int, key: str, counted: Counted) -> None:
        """An event inside the window, to whose beginning this has been moved."""
        self._forget_gone()
        if len(key) > LENGTH_SURE_MAX:
            key = known_as(key, self._times)
        instants, owners = self._instants, self._owners
        if not instants or t >= instants[-1]:
            instants.append(t)
            owners.append(key)
        else:
            where = bisect_right(instants, t)
            instants.insert(where, t)
            owners.insert(where, key)
        own = self._times.get(key)
        if own is None:
            own = self._times[key] = deque((t,))
        elif t >= own[-1]:
            own.append(t)
        else:
            own.insert(bisect_right(own, t), t)
        count = len(own)
        self._counts.move(count - 1, count)
        if self._latest is not None:
            self._latest.touch(key, t)
        if self._instants_max is not None and count > self._instants_max:
            self._take_oldest(key)
        elif self._ranks is not None:
            self._ranks.add(_rank(key, own), key)
        if len(self._times) > VALUES_MAX:
            self._drop_value()
            counted[VALUE_DROPPED] += 1
        if len(instants) > EVENTS_MAX:
            self.lost |= self._shorten(owners[0]) == self._instants_max
            del instants[0], owners[0]
            counted[EVENT_DROPPED] += 1
        if self._full is not None and len(own) == self._instants_max:
            self._full.add(-own[0], key)

    def _take_oldest(self, key: str) -> int:
        """Takes away the oldest event of a value. Returns how many it had."""
        where = self._owners.index(key, bisect_left(self._instants, self._times[key][0]))
        del self._instants[where], self._owners[where]
        return self._shorten(key)

    def _drop_value(self) -> None:
        latest = self._latest
        if latest is None:
            latest = self._latest = in_order({key: own[-1] for key, own in self._times.items()})
        key = next(iter(latest))
        count = len(self._times[key])
        self.lost |= count == self._instants_max
        for _ in range(count):
            self._take_oldest(key)

    def decides(self, item: list[str]) -> bool:
        """See `Tally.decides`."""
        return self.lost or any(self._is_full(known_as(key, self._times)) for key in item)

    def _is_full(self, key: str) -> bool:
        own = self._times.get(key)
        return own is not None and len(own) == self._instants_max

    @property
    def most(self) -> int:
        """The highest number of events of a value."""
        return self._counts.most

    def first_ms(self) -> int:
        """The instant of the oldest event; FOREVER if there is none."""
        return self._instants[self._gone] if self._gone < len(self._instants) else FOREVER

    def full_since_ms(self) -> int:
        """Of the values with `instants_max` events, one at least: the latest instant of an oldest event."""
        full = self._full
        if full is None or full.is_stale:
            full = self._full = Least([(-own[0], key) for key, own in self._times.items() if self._is_full(key)])
        while (least := full.first()) is not None:
            since, key = -least[0], least[1]
            if self._is_full(key) and self._times[key][0] == since:
                return since
            full.drop()
        raise AssertionError("no value is full")

    def counts(self) -> dict[str, int]:
        """The number of events of each value."""
        return {key: len(own) for key, own in self._times.items()}

    def key(self) -> str | None:
        """The value with the highest count, then the latest event, then the smallest text; None if there is none."""
        ranks = self._ranks
        if ranks is None or ranks.is_stale:
            ranks = self._ranks = Least([(_rank(key, own), key) for key, own in self._times.items()])
        while (least := ranks.first()) is not None:
            (count, latest, _), key = least
            own = self._times.get(key)
            if own is not None and len(own) == -count and own[-1] == -latest:
                return key
            ranks.drop()
        return None


def _rank(key: str, own: deque[int]) -> KeyRank:
    return -len(own), -own[-1], key_order(key)
