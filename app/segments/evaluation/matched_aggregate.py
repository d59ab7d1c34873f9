"""Matched aggregates: sequences, `once per`, `since last`, and scores of several patterns.

Theory of operation. Most aggregates take an event by itself. These first match it: a sequence turns events into
*derived* events (one for each completed match), `once per` drops repeated values, `since last Q` forgets what came
before a Q. What is left is added to an ordinary aggregate, the core. `feed` takes an event for one source, `last` an
event of Q, and `occur` what time completes: a `then no R within 30m` occurs when its half hour is over, so such a
state asks for a timer by itself.

State: [core, last Q or None, state of Q's sequence, [[once, state of the sequence], ... one a source]].
A payload is [item, once keys or None] (a tuple before it was stored), or None where the derived event does not pass the
pattern's own filter (of Q's sequence: `NOT_PASSED`).

Not nice: an event that is both Q and counted belongs to the time after that Q only if Q is plain (`is_last`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tables.counted import LIST_SHORTENED, MERGE_INEXACT, Counted
from tables.profile import Profile
from tables.recent import learn, united
from tables.sequences import Keys, Machine, Occurrence
from tables.values import LIST_ITEMS_MAX
from tables.windows import FOREVER, Kind, TakesOut

Payload = Any
NOT_PASSED = False  # the payload of a Q that does not pass its filter; of another Q it is None
CORE, LAST, LAST_SEQUENCE, SOURCES = range(4)


@dataclass(frozen=True, slots=True)
class EventMatch:
    """Match of one event with one sequence: the steps it matches (ascending), whether it is an R, and where it is a B.

    `absent_keys`: the values for which it is an R or a B; None: every value.
    """

    steps: list[int]
    keys: Keys
    absent: bool
    absent_keys: Keys | None
    between: Sequence[int] = ()


class MatchedAggregate:
    """One aggregate; `machines` one a source, None for a plain pattern. `counts_ms`: as of `Remembered`."""

    __slots__ = ("counted", "counts_ms", "id", "kind", "last_machine", "machines", "within_ms")

    def __init__(
        self,
        aggregate: int,
        kind: Kind,
        machines: list[Machine | None],
        last_machine: Machine | None,
        within_ms: int | None,
        counted: Counted,
        counts_ms: tuple[int, int] | None = None,
    ) -> None:
        self.counts_ms = counts_ms
        self.id = aggregate
        self.kind = kind
        self.machines = machines
        self.last_machine = last_machine
        self.within_ms = within_ms
        self.counted = counted

    def _state(self, profile: Profile) -> list[Any]:
        state = profile.aggregates.get(self.id)
        if state is None:
            state = profile.aggregates[self.id] = [None, None, None, [[None, None] for _ in self.machines]]
        return state

    def last(self, profile: Profile, t: int, now: int, match: EventMatch | None, *, is_passed: bool = True) -> bool:
        """An event that is Q (match None), or one that Q's sequence looks at. Whether a Q occurred.

        `is_passed`: the event passes the filter behind the sequence, if it completes that.
        """
        state = self._state(profile)
        if match is None:
            self._forget(state, t)
            return True
        assert self.last_machine is not None
        payload = None if is_passed else NOT_PASSED
        state[LAST_SEQUENCE], occurrences = _advance(self.last_machine, state[LAST_SEQUENCE], t, now, match, payload)
        passed = [instant for instant, payload in occurrences if payload is not NOT_PASSED]
        for instant in passed:
            self._forget(state, instant)
        self._arm(profile, state)
        return bool(passed)

    def _forget(self, state: list[Any], t: int) -> None:
        if state[LAST] is not None and state[LAST] > t:
            return
        state[LAST] = t
        self._leave_out(state, t)

    def _leave_out(self, state: list[Any], t: int) -> None:
        """Drops what happened at `t` or before."""
        state[CORE] = self.kind.forget(state[CORE], t)
        for source in state[SOURCES]:
            if source[0]:
                source[0] = {key: at for key, at in source[0].items() if at > t} or None

    def feed(
        self,
        profile: Profile,
        source: int,
        t: int,
        now: int,
        match: EventMatch | None,
        payload: Payload,
        *,
        is_last: bool,
    ) -> bool:
        """An event for one source: a plain match (match None), or one that its sequence looks at.

        `is_last`: the event was also Q. Returns whether the aggregate's value may have changed.
        """
        state = self._state(profile)
        machine = self.machines[source]
        if machine is None or match is None:
            return self._take(state, source, t, payload, now, is_last=is_last)
        if (
            machine.absent_ms is not None
            and payload is not None
            and match.steps
            and match.steps[-1] == machine.steps - 1
        ):
            payload = self._kept(payload)
        own = state[SOURCES][source]
        own[1], occurrences = _advance(machine, own[1], t, now, match, payload)
        taken = False
        for instant, occurred in occurrences:
            taken |= self._take(state, source, instant, occurred, now, is_last=is_last)
        self._arm(profile, state)
        return taken

    def _kept(self, payload: Payload) -> Payload:
        """Returns what is remembered of an event that waits for its `no R`: at most 20 values of a list."""
        item, once_keys = payload
        for values in (item, once_keys):
            if values.__class__ is list and len(values) > LIST_ITEMS_MAX:
                self.counted[LIST_SHORTENED] += 1
                del values[LIST_ITEMS_MAX:]
        return payload

    def _take(self, state: list[Any], source: int, t: int, payload: Payload, now: int, *, is_last: bool) -> bool:
        last = state[LAST]
        if payload is None or (last is not None and (t < last or (t == last and is_last))):
            return False
        if self.within_ms is not None and t <= now - self.within_ms:
            return False
        if self.counts_ms is not None and not self.counts_ms[0] <= t < self.counts_ms[1]:
            return False
        item, once_keys = payload
        if once_keys and not self._learn(state[SOURCES][source], once_keys, t, now):
            return False
        state[CORE] = self.kind.add(state[CORE], t, item, now)
        return True

    def _learn(self, source: list[Any], keys: list[str], t: int, now: int) -> bool:
        """True if any of the values was not known; then all of them are."""
        start = -FOREVER if self.within_ms is None else now - self.within_ms
        known: dict[str, int] = source[0] or {}
        if all(known.get(key, -FOREVER) > start for key in keys):
            return False
        for key in keys:
            known = learn(known, key, t, start, self.counted)
        source[0] = known
        return True

    def occur(self, profile: Profile, instant: int) -> bool:
        """Makes what was pending until `instant` occur. True if the aggregate's value may have changed."""
        state = self._state(profile)
        last_occurred = False
        last = self.last_machine
        if last is not None and state[LAST_SEQUENCE] is not None and last.absent_ms is not None:
            for at, payload in last.occur(state[LAST_SEQUENCE], instant):
                if payload is not NOT_PASSED:
                    self._forget(state, at)
                    last_occurred = True
        changed = last_occurred
        for number, machine in enumerate(self.machines):
            own = state[SOURCES][number]
            if machine is not None and machine.absent_ms is not None and own[1] is not None:
                for at, payload in machine.occur(own[1], instant):
                    changed |= self._take(state, number, at, payload, instant, is_last=last_occurred)
        self._arm(profile, state)
        return changed

    def merge(self, profile: Profile, given: Profile, now: int) -> None:
        """Adds what a profile that is given to this one keeps: it comes now, in its order, after all that is here."""
        other = given.aggregates.get(self.id)
        if other is None:
            return
        state = self._state(profile)
        for machine, own, theirs in self._sequences(state, other):
            if own is not None and theirs is not None:
                machine.meet(own, theirs, now)
        while (instant := self._due(other)) <= now:
            self.occur(given, instant)
        last = state[LAST]
        if other[LAST] is not None:
            self._forget(state, other[LAST])
        if last is not None:
            self._leave_out(other, last - 1)
        for own, theirs in zip(state[SOURCES], other[SOURCES], strict=True):
            own[0] = self._merge_once(own[0], theirs[0], other, now)
        state[CORE] = self.kind.merge(state[CORE], other[CORE], now)
        merged = [machine.merge(own, theirs, now) for machine, own, theirs in self._sequences(state, other)]
        if self.last_machine is not None:
            state[LAST_SEQUENCE] = merged.pop(0)
        for waits, own in zip(self.machines, state[SOURCES], strict=True):
            if waits is not None:
                own[1] = merged.pop(0)
        self._arm(profile, state)

    def _sequences(self, state: list[Any], other: list[Any]) -> Iterator[tuple[Machine, Any, Any]]:
        """Each sequence, with its state in both: that of Q, then those of the sources."""
        if self.last_machine is not None:
            yield self.last_machine, state[LAST_SEQUENCE], other[LAST_SEQUENCE]
        for machine, own, theirs in zip(self.machines, state[SOURCES], other[SOURCES], strict=True):
            if machine is not None:
                yield machine, own[1], theirs[1]

    def _merge_once(
        self, known: dict[str, int] | None, theirs: dict[str, int] | None, other: list[Any], now: int
    ) -> dict[str, int] | None:
        """Returns the values known to either; takes the events of `other` that brought only known ones out of its
        core, where that keeps instants."""
        start = -FOREVER if self.within_ms is None else now - self.within_ms
        known, theirs = known or {}, theirs or {}
        new = {t for key, t in theirs.items() if known.get(key, -FOREVER) <= start}
        repeated = {t for t in theirs.values() if t > start} - new
        if repeated and isinstance(self.kind, TakesOut):
            other[CORE] = self.kind.without(other[CORE], repeated)
            theirs = {key: t for key, t in theirs.items() if t not in repeated}
        elif repeated:
            self.counted[MERGE_INEXACT] += len(repeated)
        return united(known, theirs, start, self.counted)

    def _due(self, state: list[Any]) -> int:
        """The earliest instant at which a pending occurs; FOREVER if there is none."""
        due = FOREVER if self.last_machine is None else self.last_machine.due(state[LAST_SEQUENCE])
        for machine, own in zip(self.machines, state[SOURCES], strict=True):
            if machine is not None:
                due = min(due, machine.due(own[1]))
        return due

    def _arm(self, profile: Profile, state: list[Any]) -> None:
        due = self._due(state)
        if due < FOREVER:
            profile.due[self.id] = due
        else:
            profile.due.pop(self.id, None)


def _advance(
    machine: Machine, state: Any, t: int, now: int, match: EventMatch, payload: Payload
) -> tuple[Any, list[Occurrence]]:
    if match.absent:
        state = machine.absent(state, t, match.absent_keys, now)
    occurrences: list[Occurrence] = []
    if match.steps:
        state, occurrences = machine.steps_at(state, t, match.steps, match.keys, payload, now)
    if match.between:
        state = machine.between(state, t, match.between, match.absent_keys, match.steps, now)
    return state, occurrences
