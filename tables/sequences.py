"""Sequences: partial matches of one `sequence(...)` of one user. See language.md, "Sequence".

State: [values, absents], with `no B` between steps [values, absents, betweens].
`values`: key ("" without `matching`) -> [levels, pending, latest t]; `levels[i]` is the latest-starting partial match
that has done step i, [start, last], or None; `pending` is [c, payload] or None. With `no B` between steps they are
[start, last, end, times] and [c, payload, times]: `times` of the steps done; a step at `end` or later comes after a B.
A value out of time is kept for late events, as long as one that is accepted could still go on with it; among more than
100 values it is the first to go.
`absents`: the R events of the last `lateness`, by arrival: [t, key] for each of its values, or [t, None] for every
value; the 100 latest.
`betweens`: the B events of the last `lateness` in the same way: [t, key, place], `place` the step before them.
An occurrence is (instant, payload); the payload is whatever the caller needs of the completing event.
"""

from collections.abc import Sequence
from typing import Any

from tables import in_hand
from tables.counted import ABSENT_DROPPED, VALUE_DROPPED, Counted
from tables.partials_in_hand import PartialsInHand
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

    __slots__ = ("absent_ms", "counted", "has_between", "lateness_ms", "steps", "within_ms")

    def __init__(
        self,
        steps: int,
        within_ms: int | None,
        absent_ms: int | None,
        lateness_ms: int,
        counted: Counted,
        *,
        has_between: bool = False,
    ) -> None:
        self.steps = steps
        self.within_ms = within_ms
        self.absent_ms = absent_ms
        self.lateness_ms = lateness_ms
        self.counted = counted
        self.has_between = has_between

    def _new(self) -> State:
        return [{}, [], []] if self.has_between else [{}, []]

    def absent(self, state: State | None, t: int, keys: Keys | None, now: int) -> State | None:
        """An R at `t`; `keys` None: for every value."""
        assert self.absent_ms is not None
        if state is None:
            state = self._new()
        for key in EVERY_VALUE if keys is None else keys:
            self._discard(state[0], t, key)
        self._remember(state[1], [[t, key] for key in (EVERY_VALUE if keys is None else keys)], now)
        return state

    def _discard(self, values: dict[str, list[Any]], t: int, key: str | None) -> None:
        """An R at `t`, of one value or of every value: it takes what is pending, and all partial matches with it."""
        assert self.absent_ms is not None
        for own in _waiting(values) if key is None else (key,):
            entry = values.get(own)
            if entry is not None and entry[1] is not None and entry[1][0] <= t < entry[1][0] + self.absent_ms:
                del values[own]

    def _remember(self, absents: list[list[Any]], new: list[list[Any]], now: int) -> None:
        absents += new
        oldest = now - self.lateness_ms
        absents[:] = [absent for absent in absents if absent[0] > oldest]
        drop = len(absents) - ABSENTS_MAX
        if drop > 0:
            self.counted[ABSENT_DROPPED] += drop
            del absents[:drop]

    def _is_discarded(self, absents: list[list[Any]], key: str, c: int) -> bool:
        """True if an R that came before a completion at `c` discards it."""
        assert self.absent_ms is not None
        end = c + self.absent_ms
        return any(c < t < end and (value is None or value == key) for t, value in absents)

    def between(
        self, state: State | None, t: int, places: Sequence[int], keys: Keys | None, steps: Sequence[int], now: int
    ) -> State:
        """A B at `t` behind the steps `places`, after the `steps` that it is itself; `keys` None: for every value."""
        if state is None:
            state = self._new()
        values = state[0]
        for key in list(values) if keys is None else keys:
            entry = values.get(key)
            if entry is None:
                continue
            for place in places:
                self._end(entry, t, place, t, is_step=place in steps)
            if not self._is_alive(entry, now - self.lateness_ms):
                del values[key]
            elif isinstance(values, PartialsInHand):
                values.changed(key)
        new = [[t, key, place] for place in places for key in (EVERY_VALUE if keys is None else keys)]
        self._remember(state[2], new, now)
        return state

    def _end(self, entry: list[Any], t: int, place: int, follows: int, *, is_step: bool = False) -> None:
        """A B at `t`, after the steps until `follows`: takes what it lies in, and ends what waits behind `place`.

        `is_step`: the event is also that step, which it does not follow.
        """
        levels, pending = entry[0], entry[1]
        for level, partial in enumerate(levels):
            if partial is None or level < place:
                continue
            times = partial[3]
            if level > place:
                if times[place] <= follows < times[place + 1]:
                    levels[level] = None
            elif times[place] <= follows and not (is_step and times[place] == t):
                partial[2] = min(partial[2], t)
        if pending is not None and pending[2][place] <= follows < pending[2][place + 1]:
            entry[1] = None

    def _first_between(self, state: State, key: str, place: int, t: int) -> int:
        """The first B after step `place` at `t` that came before it; FOREVER if there is none."""
        return min(
            (b for b, own, own_place in state[2] if b > t and own_place == place and own in (None, key)),
            default=FOREVER,
        )

    def steps_at(
        self, state: State | None, t: int, steps: list[int], keys: Keys, payload: Any, now: int
    ) -> tuple[State | None, list[Occurrence]]:
        """An event at `t` that matches these steps (ascending) for these values: the state, and what occurs at once."""
        occurrences: list[Occurrence] = []
        if state is not None and len(state[0]) >= in_hand.LARGE:
            self._use(state)
        for key in keys:
            if state is None:
                state = self._new()
            entry = state[0].get(key)
            if entry is not None and not self._is_alive(entry, now - self.lateness_ms):
                entry = None
            levels: list[list[Any] | None] = [None] * (self.steps - 1) if entry is None else entry[0]
            moved, completed = self._move(state, key, levels, t, steps)
            if not moved:
                continue
            if entry is None:
                entry = state[0][key] = [levels, None, t]
            else:
                entry[2] = max(entry[2], t)
            if completed is not None:
                entry[0] = [None] * (self.steps - 1)
                occurred = self._complete(state, entry, key, t, payload, completed, now)
                if occurred is not None:
                    occurrences.append(occurred)
            if not self._is_alive(entry, now - self.lateness_ms):
                del state[0][key]
                continue
            if isinstance(state[0], PartialsInHand):
                state[0].changed(key)
            if len(state[0]) > VALUES_MAX:
                self._drop_beyond_limit(state[0], now)
        return state, occurrences

    def _use(self, state: State) -> None:
        """Before an event that meets many values."""
        if not isinstance(state[0], PartialsInHand):
            state[0] = PartialsInHand(state[0], self._alive_until)
        state[0].use()

    def _move(
        self, state: State, key: str, levels: list[list[Any] | None], t: int, steps: list[int]
    ) -> tuple[bool, list[Any] | None]:
        """Tries the later steps first. Returns whether anything moved, and the match that is complete without its last
        step."""
        moved = False
        for step in reversed(steps):
            if step == 0:
                if self.steps == 1:
                    return True, []
                begun = levels[0]
                if begun is None or t > begun[0] or (t == begun[0] and self._is_ended(begun, t)):
                    levels[0] = self._partial(state, key, 0, t, None)
                    moved = True
                continue
            partial = levels[step - 1]
            if partial is None or t < partial[1] or self._is_ended(partial, t):
                continue
            if self.within_ms is not None and t - partial[0] > self.within_ms:
                continue
            levels[step - 1] = None
            moved = True
            if step == self.steps - 1:
                return True, partial
            there = levels[step]
            if there is None or partial[0] > there[0] or (partial[0] == there[0] and self._is_ended(there, t)):
                levels[step] = self._partial(state, key, step, t, partial)
        return moved, None

    def _partial(self, state: State, key: str, step: int, t: int, before: list[Any] | None) -> list[Any]:
        """The partial match that has done a step at `t`; `before`: as it was without it."""
        start = t if before is None else before[0]
        if not self.has_between:
            return [start, t]
        times = [t] if before is None else [*before[3], t]
        return [start, t, self._first_between(state, key, step, t), times]

    def _is_ended(self, partial: list[Any], t: int) -> bool:
        """True if a step at `t` comes after a B that must not lie before it."""
        return self.has_between and t >= partial[2]

    def _complete(
        self, state: State, entry: list[Any], key: str, c: int, payload: Any, match: list[Any], now: int
    ) -> Occurrence | None:
        if self.absent_ms is None:
            return c, payload
        pending = entry[1]
        if pending is not None and pending[0] > c:
            return None
        end = c + self.absent_ms
        if self._is_discarded(state[1], key, c):
            # The R discards the completion, not an earlier pending that it did not discard when it came.
            return None
        if end <= now:
            return end, payload
        entry[1] = [c, payload, [*match[3], c]] if self.has_between else [c, payload]
        return None

    def _is_alive(self, entry: list[Any], t: int) -> bool:
        """True if something is pending or an event at `t` could go on with a partial match."""
        if entry[1] is not None:
            return True
        if self.has_between:
            return t <= self._alive_until(entry)
        if self.within_ms is None:
            return any(entry[0])
        return any(partial is not None and t <= partial[0] + self.within_ms for partial in entry[0])

    def _drop_beyond_limit(self, values: dict[str, list[Any]], now: int) -> None:
        oldest = now - self.lateness_ms
        if isinstance(values, PartialsInHand) and values.is_built:
            dropped = values.drop_beyond_limit(now, oldest)
            if dropped:
                self.counted[VALUE_DROPPED] += dropped
            return
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
        if self.has_between:
            within_ms = FOREVER if self.within_ms is None else self.within_ms
            for partial in entry[0]:
                if partial is not None:
                    end = max(end, min(partial[0] + within_ms, partial[2] - 1 if partial[2] < FOREVER else FOREVER))
            return end
        for partial in entry[0]:
            if partial is not None and partial[0] > end:
                end = partial[0]
        return end if end < 0 else FOREVER if self.within_ms is None else end + self.within_ms

    def meet(self, state: State, other: State, now: int) -> None:
        """Applies the R and B that either of two users keeps to what the other has; `other` comes later."""
        for each in (state, other):
            for stored in each[1:]:  # an older one may still be there, where no later one came
                self._remember(stored, [], now)
        if self.has_between:
            self._meet_between(state, other)
        if self.absent_ms is None:
            return
        state[0], other[0] = dict(state[0]), dict(other[0])
        for key, entry in other[0].items():
            if entry[1] is not None and self._is_discarded(state[1], key, entry[1][0]):
                entry[1] = None
        for t, absent_key in other[1]:
            self._discard(state[0], t, absent_key)

    def _meet_between(self, state: State, other: State) -> None:
        state[0], other[0] = dict(state[0]), dict(other[0])
        for values, betweens, ahead in ((other[0], state[2], 1), (state[0], other[2], 0)):
            for t, own, place in betweens:
                for key in list(values) if own is None else [own]:
                    if key in values:
                        self._end(values[key], t, place, t - ahead)

    def merge(self, state: State | None, other: State | None, now: int) -> State | None:
        """The state of two users who are one, after `meet`, when all that was pending in `other` until `now` occurred.

        For each value and step the partial match that starts later stays, of two pendings the later one; at one instant
        `state` has the match, `other` the pending.
        """
        if state is None or other is None:
            return state or other
        oldest = now - self.lateness_ms
        values = state[0] = dict(state[0])
        for key, entry in other[0].items():
            known = values.get(key)
            if not self._is_alive(entry, oldest):
                continue
            if known is None or not self._is_alive(known, oldest):
                values[key] = entry
                continue
            for level, partial in enumerate(entry[0]):
                there = known[0][level]
                if partial is not None and (there is None or partial[0] > there[0]):
                    known[0][level] = partial
            if entry[1] is not None and (known[1] is None or entry[1][0] >= known[1][0]):
                known[1] = entry[1]
            known[2] = max(known[2], entry[2])
        if len(values) > VALUES_MAX:
            self._drop_beyond_limit(values, now)
        self._remember(state[1], other[1], now)
        if self.has_between:
            self._remember(state[2], other[2], now)
        return state

    def due(self, state: State | None) -> int:
        """The earliest instant at which a pending occurs; FOREVER if there is none."""
        if state is None or self.absent_ms is None:
            return FOREVER
        values = state[0]
        if isinstance(values, PartialsInHand) and values.is_built:
            first = values.first_pending_ms()
            return first + self.absent_ms if first < FOREVER else FOREVER
        pendings = [entry[1][0] for entry in values.values() if entry[1] is not None]
        return min(pendings) + self.absent_ms if pendings else FOREVER

    def occur(self, state: State, instant: int) -> list[Occurrence]:
        """Takes out every pending due at or before `instant`, in order of text."""
        assert self.absent_ms is not None
        occurrences = []
        values = state[0]
        indexed = isinstance(values, PartialsInHand) and values.is_built
        for key in sorted(values.take_pending(instant - self.absent_ms) if indexed else values, key=key_order):
            entry = values[key]
            if entry[1] is not None and entry[1][0] + self.absent_ms <= instant:
                c, payload = entry[1][:2]
                occurrences.append((c + self.absent_ms, payload))
                entry[1] = None
                if not self._is_alive(entry, instant - self.lateness_ms):
                    del values[key]
                elif indexed:
                    values.changed(key)
        return occurrences


def _waiting(values: dict[str, list[Any]]) -> list[str]:
    """The values that may have a pending."""
    return values.waiting() if isinstance(values, PartialsInHand) and values.is_built else list(values)
