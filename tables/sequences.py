"""Sequences: partial matches of one `sequence(...)` of one user. See language.md, "Sequence".

State: [values, absents].
`values`: key ("" without `matching`) -> [levels, pending, latest t]; `levels[i]` is the latest-starting partial match
that has done step i, [start, last], or None; `pending` is [c, payload] or None. A value out of time is kept for late
events, as long as one that is accepted could still go on with it; among more than 100 values it is the first to go.
`absents`: the R events of the last `lateness`, by arrival: [t, key] for each of its values, or [t, None] for every
value; the 100 latest.
An occurrence is (instant, payload); the payload is whatever the caller needs of the completing event.
"""

from collections.abc import Sequence
from typing import Any

from tables.counted import ABSENT_DROPPED, VALUE_DROPPED, Counted
from tables.recent import VALUES_MAX
from tables.values import key_order
from tables.windows import FOREVER

State = list[Any]
Keys = Sequence[str]
Occurrence = tuple[int, Any]
ABSENTS_MAX = 100
EVERY = ("",)
EVERY_VALUE = (None,)


class Machine:
    """One sequence: `steps` how many, `within_ms` and `absent_ms` None where not given."""

    __slots__ = ("absent_ms", "counted", "lateness_ms", "steps", "within_ms")

    def __init__(
        self, steps: int, within_ms: int | None, absent_ms: int | None, lateness_ms: int, counted: Counted
    ) -> None:
        self.steps = steps
        self.within_ms = within_ms
        self.absent_ms = absent_ms
        self.lateness_ms = lateness_ms
        self.counted = counted

    def absent(self, state: State | None, t: int, keys: Keys | None, now: int) -> State | None:
        """An R at `t`; `keys` None: for every value."""
        assert self.absent_ms is not None
        if state is None:
            state = [{}, []]
        values, absents = state
        for key in list(values) if keys is None else keys:
            entry = values.get(key)
            if entry is not None and entry[1] is not None and entry[1][0] <= t < entry[1][0] + self.absent_ms:
                del values[key]
        absents += [[t, key] for key in (EVERY_VALUE if keys is None else keys)]
        oldest = now - self.lateness_ms
        absents[:] = [absent for absent in absents if absent[0] > oldest]
        drop = len(absents) - ABSENTS_MAX
        if drop > 0:
            self.counted[ABSENT_DROPPED] += drop
            del absents[:drop]
        return state

    def steps_at(
        self, state: State | None, t: int, steps: list[int], keys: Keys, payload: Any, now: int
    ) -> tuple[State | None, list[Occurrence]]:
        """An event at `t` that matches these steps (ascending) for these values: the state, and what occurs at once."""
        occurrences: list[Occurrence] = []
        for key in keys:
            if state is None:
                state = [{}, []]
            entry = state[0].get(key)
            if entry is not None and not self._is_alive(entry, now - self.lateness_ms):
                entry = None
            levels: list[list[int] | None] = [None] * (self.steps - 1) if entry is None else entry[0]
            moved, completed = self._move(levels, t, steps)
            if not moved:
                continue
            if entry is None:
                entry = state[0][key] = [levels, None, t]
            else:
                entry[2] = max(entry[2], t)
            if completed:
                entry[0] = [None] * (self.steps - 1)
                occurred = self._complete(state, entry, key, t, payload, now)
                if occurred is not None:
                    occurrences.append(occurred)
            if not self._is_alive(entry, now - self.lateness_ms):
                del state[0][key]
            elif len(state[0]) > VALUES_MAX:
                self._drop_beyond_limit(state[0], now)
        return state, occurrences

    def _move(self, levels: list[list[int] | None], t: int, steps: list[int]) -> tuple[bool, bool]:
        """Tries the later steps first. Returns whether anything moved, and whether the sequence is complete."""
        moved = False
        for step in reversed(steps):
            if step == 0:
                if self.steps == 1:
                    return True, True
                begun = levels[0]
                if begun is None or t > begun[0]:
                    levels[0] = [t, t]
                    moved = True
                continue
            partial = levels[step - 1]
            if partial is None or t < partial[1]:
                continue
            if self.within_ms is not None and t - partial[0] > self.within_ms:
                continue
            levels[step - 1] = None
            moved = True
            if step == self.steps - 1:
                return True, True
            there = levels[step]
            if there is None or partial[0] > there[0]:
                levels[step] = [partial[0], t]
        return moved, False

    def _complete(self, state: State, entry: list[Any], key: str, c: int, payload: Any, now: int) -> Occurrence | None:
        if self.absent_ms is None:
            return c, payload
        pending = entry[1]
        if pending is not None and pending[0] > c:
            return None
        end = c + self.absent_ms
        if any(c < t < end and (value is None or value == key) for t, value in state[1]):
            # The R discards the completion, not an earlier pending that it did not discard when it came.
            return None
        if end <= now:
            return end, payload
        entry[1] = [c, payload]
        return None

    def _is_alive(self, entry: list[Any], t: int) -> bool:
        """True if something is pending or an event at `t` could go on with a partial match."""
        if entry[1] is not None:
            return True
        if self.within_ms is None:
            return any(entry[0])
        return any(partial is not None and t <= partial[0] + self.within_ms for partial in entry[0])

    def _drop_beyond_limit(self, values: dict[str, list[Any]], now: int) -> None:
        oldest = now - self.lateness_ms
        ends = {key: self._alive_until(entry) for key, entry in values.items()}
        for key in [key for key, end in ends.items() if end < oldest]:
            del values[key], ends[key]
        while len(values) > VALUES_MAX:
            going = [key for key, end in ends.items() if end < now] or list(values)
            latest = min(values[key][2] for key in going)
            key = min((key for key in going if values[key][2] == latest), key=key_order)
            if ends.pop(key) >= now:
                self.counted[VALUE_DROPPED] += 1
            del values[key]

    def _alive_until(self, entry: list[Any]) -> int:
        """The last instant at which it is alive: see `_is_alive`; -1 if nothing is left of it."""
        if entry[1] is not None:
            return FOREVER
        end = -1
        for partial in entry[0]:
            if partial is not None and partial[0] > end:
                end = partial[0]
        return end if end < 0 else FOREVER if self.within_ms is None else end + self.within_ms

    def due(self, state: State | None) -> int:
        """The earliest instant at which a pending occurs; FOREVER if there is none."""
        if state is None or self.absent_ms is None:
            return FOREVER
        pendings = [entry[1][0] for entry in state[0].values() if entry[1] is not None]
        return min(pendings) + self.absent_ms if pendings else FOREVER

    def occur(self, state: State, instant: int) -> list[Occurrence]:
        """Takes out every pending due at or before `instant`, in order of text."""
        assert self.absent_ms is not None
        occurrences = []
        for key in sorted(state[0], key=key_order):
            entry = state[0][key]
            if entry[1] is not None and entry[1][0] + self.absent_ms <= instant:
                c, payload = entry[1]
                occurrences.append((c + self.absent_ms, payload))
                entry[1] = None
                if not self._is_alive(entry, instant - self.lateness_ms):
                    del state[0][key]
        return occurrences
