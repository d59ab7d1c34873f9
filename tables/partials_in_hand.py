"""Many partial matches of a `tables.sequences.Machine` that are used often: who goes first, and what occurs first.

The same meaning, one value at a time; see `tables.in_hand`.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from tables import in_hand
from tables.in_hand import STALE_MAX
from tables.recent import VALUES_MAX, place
from tables.values import key_order
from tables.windows import FOREVER

Entry = list[Any]
LEVELS, PENDING, LATEST = range(3)


class PartialsInHand(dict[str, Entry]):
    """Value -> [levels, pending, latest t], in the order of (latest t, text) once there is an index.

    alive_until: tells the last instant at which an entry is alive, FOREVER for always.
    The heaps hold what was so once: an entry is looked at before it is believed. `_ends` and `_dead` have when values
    end, `_ended` those that have ended by `_now`, `_pendings` the instants of completions that wait.
    """

    __slots__ = ("_alive_until", "_dead", "_ended", "_ends", "_now", "_pendings", "_uses", "is_built")

    def __init__(self, values: dict[str, Entry], alive_until: Callable[[Entry], int]) -> None:
        super().__init__(values)
        self._alive_until = alive_until
        self._uses = 0
        self.is_built = False
        self._now = -1
        self._ended: list[tuple[int, tuple[str, bool], str]] = []
        self._ends: list[tuple[int, str]] = []
        self._dead: list[tuple[int, str]] = []
        self._pendings: list[tuple[int, str]] = []

    def use(self) -> None:
        """Before an event."""
        self._uses += 1
        if not self.is_built and self._uses >= in_hand.OFTEN:
            self._build()

    def _build(self) -> None:
        entries = sorted(self.items(), key=lambda item: (item[1][LATEST], key_order(item[0])))
        self.clear()
        self.update(entries)
        self._now = -1
        self._ended = []
        self._ends = [(end, key) for key, entry in entries if (end := self._alive_until(entry)) < FOREVER]
        self._pendings = [(entry[PENDING][0], key) for key, entry in entries if entry[PENDING] is not None]
        heapify(self._ends)
        heapify(self._pendings)
        self._dead = list(self._ends)
        self.is_built = True

    def changed(self, key: str) -> None:
        """After an entry came or changed."""
        if self.is_built:
            entry = self[key]
            place(self, key, entry[LATEST], entry)
            self._note(key, entry)

    def _note(self, key: str, entry: Entry) -> None:
        if max(len(self._ends), len(self._dead), len(self._pendings)) > STALE_MAX:
            self._build()
            return
        end = self._alive_until(entry)
        if end < FOREVER:
            heappush(self._ends, (end, key))
            heappush(self._dead, (end, key))
        if entry[PENDING] is not None:
            heappush(self._pendings, (entry[PENDING][0], key))

    def drop_beyond_limit(self, now: int, oldest: int) -> int:
        """As `Machine` has it; there must be an index. Returns how many were dropped that were not out of time."""
        if now < self._now:
            self._build()
        self._now = now
        dead, ends, ended = self._dead, self._ends, self._ended
        while dead and dead[0][0] < oldest:
            end, key = heappop(dead)
            if key in self and self._alive_until(self[key]) == end:
                del self[key]
        while ends and ends[0][0] < now:
            end, key = heappop(ends)
            if key in self and self._alive_until(self[key]) == end:
                heappush(ended, (self[key][LATEST], key_order(key), key))
        counted = 0
        while len(self) > VALUES_MAX:
            going = self._first_ended(now)
            if going is None:
                going = next(iter(self))
                counted += 1
            del self[going]
        return counted

    def _first_ended(self, now: int) -> str | None:
        while self._ended:
            latest, _, key = heappop(self._ended)
            entry = self.get(key)
            if entry is not None and entry[LATEST] == latest and self._alive_until(entry) < now:
                return key
        return None

    def first_pending_ms(self) -> int:
        """The earliest instant of a completion that waits; FOREVER if there is none. There must be an index."""
        pendings = self._pendings
        while pendings and not self._waits(pendings[0][1], pendings[0][0]):
            heappop(pendings)
        return pendings[0][0] if pendings else FOREVER

    def _waits(self, key: str, c: int) -> bool:
        entry = self.get(key)
        return entry is not None and entry[PENDING] is not None and entry[PENDING][0] == c

    def waiting(self) -> list[str]:
        """The values with a completion that waits. There must be an index."""
        return list({key for c, key in self._pendings if self._waits(key, c)})

    def take_pending(self, until_ms: int) -> list[str]:
        """The values whose completion was at or before `until_ms`, each of which the caller takes away; any order."""
        found = set()
        while self._pendings and self._pendings[0][0] <= until_ms:
            c, key = heappop(self._pendings)
            if self._waits(key, c):
                found.add(key)
        return list(found)
