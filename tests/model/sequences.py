"""Events in order: what a `sequence(...)` finds, replayed from a user's first event each time."""

from dataclasses import dataclass, field, replace

from app.segments.language.syntax import EventName, Pattern, Sequence
from tests.model.history import Arrival, Gift, History, is_named, passes
from tests.model.plain import SHORT_TEXT_BYTES_MAX, Name, different

VALUES_MAX = 100
REMEMBERED_ABSENT_MAX = 100


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that a pattern finds, real or derived, with its instant `t`.

    `known_ms` is the instant at which it became known. `place` orders happenings: (i, 1) came with the i-th arrival,
    (i, 0) was brought about by time alone before it. `given`: it came with the gift of this number, 0 with none;
    `known_first_ms` is the instant at which it became known to whom it was given by.
    """

    t: int
    known_ms: int
    place: tuple[int, int]
    arrival: Arrival
    known_first_ms: int
    given: int = 0


@dataclass(slots=True)
class Match:
    """A partial match: the times of the steps that it has done, and the first B after the last of them."""

    times: tuple[int, ...]
    first_between_ms: int | None = None

    @property
    def start(self) -> int:
        return self.times[0]

    def goes_on_at(self, t: int, within_ms: int | None) -> bool:
        """True if its next step may be at `t`, as far as W and B are concerned."""
        return (within_ms is None or t - self.start <= within_ms) and not self.is_ended(t)

    def is_ended(self, t: int) -> bool:
        """True if a B lies between it and `t`."""
        return self.first_between_ms is not None and self.first_between_ms <= t


@dataclass(slots=True)
class Progress:
    """Progress of one value of `matching`: by step done, its partial match. `pending_times`: of the steps of it."""

    partial: dict[int, Match] = field(default_factory=dict)
    pending: Arrival | None = None
    pending_times: tuple[int, ...] = ()
    latest_ms: int = 0

    def is_alive(self, t: int, within_ms: int | None) -> bool:
        """True if an event at `t` could go on with any of it, or something is pending."""
        return self.pending is not None or any(match.goes_on_at(t, within_ms) for match in self.partial.values())

    def meet_between(self, t: int, step: int, *, arrived_first: bool) -> None:
        """A B at `t` behind a step. Of two events of one instant, the one that arrived first is the earlier."""

        def lies_between(before: int, after: int) -> bool:
            return before < t <= after if arrived_first else before <= t < after

        for done, match in list(self.partial.items()):
            if done == step and (match.times[-1] < t or (match.times[-1] == t and not arrived_first)):
                first = match.first_between_ms
                match.first_between_ms = t if first is None else min(first, t)
            elif done > step and lies_between(match.times[step - 1], match.times[step]):
                del self.partial[done]
        if self.pending is not None and lies_between(self.pending_times[step - 1], self.pending_times[step]):
            self.pending = None


def happenings(pattern: Pattern, history: History, now: int) -> list[Happening]:
    """All that a pattern finds up to `now`, in order of becoming known; `once per` is not applied."""
    source = pattern.source
    found = occurrences(source, history, now) if isinstance(source, Sequence) else events(source, history)
    return history.once(
        "happenings",
        pattern,
        lambda: [happening for happening in found if passes(happening.arrival, pattern.where, happening.t)],
        len(found),
    )


def events(names: tuple[EventName, ...], history: History) -> list[Happening]:
    return [
        Happening(arrival.t, arrival.now, (arrival.index, 1), arrival, arrival.accepted_ms, arrival.given)
        for arrival in history.arrivals
        if is_named(arrival, names)
    ]


def occurrences(sequence: Sequence, history: History, now: int) -> list[Happening]:
    """The derived events up to `now`."""
    found, pending = history.once("sequence", sequence, lambda: replay(sequence, history))
    return [*found, *(happening for happening in pending if happening.t <= now)]


def pending_ends(sequence: Sequence, history: History) -> list[int]:
    """The instants at which time alone will bring about a derived event."""
    _, pending = history.once("sequence", sequence, lambda: replay(sequence, history))
    return [happening.t for happening in pending]


def replay(sequence: Sequence, history: History) -> tuple[list[Happening], list[Happening]]:
    """Returns what has occurred by the last event, and what is pending after it, in the order of occurrence."""
    run = run_of(sequence, history)
    found = list(run.found)
    run.found.clear()
    run.pass_time(None, len(history.arrivals))
    return found, run.found


def run_of(sequence: Sequence, history: History) -> "Run":
    """The reading of all events so far."""
    run = Run(sequence, history.lateness_ms)
    for part in history.parts():
        if isinstance(part, Gift):
            run.pass_time(part.now, part.first)
            run.receive(run_of(sequence, part.history), part)
        else:
            run.pass_time(part.now, part.index)
            run.take(part)
    return run


@dataclass(slots=True)
class Run:
    """One reading of a user's events by one sequence."""

    sequence: Sequence
    lateness_ms: int
    progress: dict[Name | None, Progress] = field(default_factory=dict)
    absent_seen: list[tuple[int, Name | None]] = field(default_factory=list)
    between_seen: list[tuple[int, Name | None, int]] = field(default_factory=list)
    found: list[Happening] = field(default_factory=list)
    gifts: int = 0

    def pass_time(self, now: int | None, index: int) -> None:
        """Pendings whose time has come occur: by instant, then by text. `now` None: all of them."""
        due = []
        for value, progress in self.progress.items():
            if progress.pending is not None:
                end = progress.pending.t + (self.sequence.absent_ms or 0)
                if now is None or end <= now:
                    due.append((end, value or ("", 0), value))
        for end, _, value in sorted(due, key=lambda one: one[:2]):
            arrival = self.progress[value].pending
            assert arrival is not None
            self.found.append(Happening(end, end, (index, 0), arrival, known_first_ms=end))
            self.progress[value].pending = None

    def receive(self, other: "Run", gift: Gift) -> None:
        """The reading of another's events comes as a whole, after all that was read here.

        An R of either discards what is pending with the other. What is pending with the other occurs until now.
        """
        self.gifts += 1
        other.pass_time(gift.left_ms, len(gift.history.arrivals))
        for run in (self, other):
            run.remember_absent([], gift.now)
            run.remember_between([], gift.now)
        self.meet_between(other)
        for value, theirs in other.progress.items():
            if theirs.pending is not None and self.was_discarded(value, theirs.pending.t):
                theirs.pending = None
        for t, absent_value in other.absent_seen:
            for value in list(self.progress) if absent_value is None else [absent_value]:
                self.discard(value, t)
        other.pass_time(gift.now, len(gift.history.arrivals))
        for found in other.found:
            place = (gift.first + found.place[0], found.place[1])
            self.found.append(replace(found, known_ms=gift.now, place=place, given=self.gifts))
        self.forget_the_dead(gift.now)
        other.forget_the_dead(gift.now)
        for value, theirs in other.progress.items():
            own = self.progress.setdefault(value, Progress())
            for step, match in theirs.partial.items():
                there = own.partial.get(step)
                if there is None or match.start > there.start:
                    own.partial[step] = match
            if theirs.pending is not None and (own.pending is None or theirs.pending.t >= own.pending.t):
                own.pending, own.pending_times = theirs.pending, theirs.pending_times
            own.latest_ms = max(own.latest_ms, theirs.latest_ms)
        while len(self.progress) > VALUES_MAX:
            self.keep_to_the_limit(gift.now)
        self.remember_absent(other.absent_seen, gift.now)
        self.remember_between(other.between_seen, gift.now)

    def meet_between(self, other: "Run") -> None:
        """A B of either may lie in what the other has: those here came before all that is there."""
        for run, seen, arrived_first in ((other, self.between_seen, True), (self, other.between_seen, False)):
            for t, value, step in seen:
                for own, progress in run.progress.items():
                    if value in (None, own):
                        progress.meet_between(t, step, arrived_first=arrived_first)

    def remember_between(self, seen: list[tuple[int, Name | None, int]], now: int) -> None:
        self.between_seen = [each for each in [*self.between_seen, *seen] if each[0] > now - self.lateness_ms]
        del self.between_seen[:-REMEMBERED_ABSENT_MAX]

    def remember_absent(self, seen: list[tuple[int, Name | None]], now: int) -> None:
        self.absent_seen = [absent for absent in [*self.absent_seen, *seen] if absent[0] > now - self.lateness_ms]
        del self.absent_seen[:-REMEMBERED_ABSENT_MAX]

    def was_discarded(self, value: Name | None, c: int) -> bool:
        """True if an R that came before a completion at `c` discards it."""
        end = c + (self.sequence.absent_ms or 0)
        return any(c < t < end and absent_value in (None, value) for t, absent_value in self.absent_seen)

    def forget_the_dead(self, now: int) -> None:
        """Drops partial matches that no event that is still accepted could continue."""
        oldest = now - self.lateness_ms
        for value, progress in list(self.progress.items()):
            if not progress.is_alive(oldest, self.sequence.within_ms):
                del self.progress[value]

    def take(self, arrival: Arrival) -> None:
        """One event: as R, then on the later steps, then on the first, then as B; value by value, in order of text."""
        self.forget_the_dead(arrival.now)
        is_absent = self.sequence.absent is not None and finds(self.sequence.absent, arrival)
        steps = [number for number, step in enumerate(self.sequence.steps, start=1) if finds(step, arrival)]
        own = self.values(arrival)
        if is_absent:
            self.remember_absent([(arrival.t, value) for value in own or [None]], arrival.now)
            for value in own or list(self.progress):
                self.discard(value, arrival.t)
        for value in own:
            if steps:
                self.advance(value, arrival, steps)
                self.forget_the_dead(arrival.now)
                self.keep_to_the_limit(arrival.now)
        self.take_between(arrival, own, steps)

    def take_between(self, arrival: Arrival, own: list[Name | None], steps: list[int]) -> None:
        """The event as each B that it is, where it is not the step itself that the B comes after."""
        places = [n for n, no in enumerate(self.sequence.between, start=1) if any(finds(each, arrival) for each in no)]
        for step in places:
            for value in own or list(self.progress):
                progress = self.progress.get(value)
                if progress is None:
                    continue
                begun = progress.partial.get(step)
                is_itself = step in steps and begun is not None and begun.times[-1] == arrival.t
                kept = begun.first_between_ms if begun is not None else None
                progress.meet_between(arrival.t, step, arrived_first=False)
                if is_itself and begun is not None:
                    begun.first_between_ms = kept
        seen = [(arrival.t, value, step) for step in places for value in own or [None]]
        if seen:
            self.remember_between(seen, arrival.now)
        self.forget_the_dead(arrival.now)

    def values(self, arrival: Arrival) -> list[Name | None]:
        """The values of `matching` that an event has; without `matching` the one value None."""
        if self.sequence.matching is None:
            return [None]
        return list(different(arrival.value(self.sequence.matching), SHORT_TEXT_BYTES_MAX))

    def discard(self, value: Name | None, t: int) -> None:
        """An R at `t`: a pending that it falls into goes, and all partial matches with it."""
        progress = self.progress.get(value)
        if progress is None or progress.pending is None:
            return
        assert self.sequence.absent_ms is not None
        if progress.pending.t <= t < progress.pending.t + self.sequence.absent_ms:
            progress.pending = None
            progress.partial.clear()

    def advance(self, value: Name | None, arrival: Arrival, steps: list[int]) -> None:
        progress = self.progress.setdefault(value, Progress())
        within_ms = self.sequence.within_ms
        last_step = len(self.sequence.steps)
        for step in sorted(steps, reverse=True):
            before: tuple[int, ...] = ()
            if step > 1:
                match = progress.partial.get(step - 1)
                if match is None or arrival.t < match.times[-1] or not match.goes_on_at(arrival.t, within_ms):
                    continue
                del progress.partial[step - 1]
                before = match.times
            new = Match((*before, arrival.t), self.first_between(value, step, arrival.t))
            progress.latest_ms = max(progress.latest_ms, arrival.t)
            if step == last_step:
                progress.partial.clear()
                self.complete(value, progress, arrival, new.times)
                return
            there = progress.partial.get(step)
            is_over = there is not None and there.start == new.start and there.is_ended(arrival.t)
            if there is None or new.start > there.start or is_over:
                progress.partial[step] = new

    def first_between(self, value: Name | None, step: int, t: int) -> int | None:
        """The first B behind a step at `t` that has come before it."""
        behind = [b for b, own, place in self.between_seen if place == step and own in (None, value) and b > t]
        return min(behind, default=None)

    def complete(self, value: Name | None, progress: Progress, arrival: Arrival, times: tuple[int, ...]) -> None:
        """The last step is reached at `c`, the event's own time."""
        c = arrival.t
        if self.sequence.absent_ms is None:
            self.found.append(Happening(c, arrival.now, (arrival.index, 1), arrival, arrival.now))
            return
        end = c + self.sequence.absent_ms
        if self.was_discarded(value, c):
            return
        if progress.pending is not None and progress.pending.t > c:
            return
        if end <= arrival.now:
            self.found.append(Happening(end, arrival.now, (arrival.index, 1), arrival, arrival.now))
        else:
            progress.pending, progress.pending_times = arrival, times

    def keep_to_the_limit(self, now: int) -> None:
        """Of more than 100 values those out of time go first, then the one that moved longest ago; of several the one
        with the smallest text."""
        holding = [
            (progress.is_alive(now, self.sequence.within_ms), progress.latest_ms, value)
            for value, progress in self.progress.items()
            if value is not None
        ]
        if len(holding) > VALUES_MAX:
            del self.progress[min(holding)[2]]


def finds(pattern: Pattern, arrival: Arrival) -> bool:
    """True if a step or an R finds an event; there it is never a sequence and has no `once per`."""
    assert isinstance(pattern.source, tuple)
    return is_named(arrival, pattern.source) and passes(arrival, pattern.where)
