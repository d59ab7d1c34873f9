"""Segments by value: the values of a user that are known, and what each of them remembers.

Of each value the oracle keeps the events that have it, from the one on that made it known, and the standing of the user
in the segment by this value alone. So a value is a user of its own, of whom only the rest is shared.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from app.segments.definitions.definition import Segment
from app.segments.language.syntax import Aggregate, Key, Pattern, Sequence
from tests.model.history import Arrival, History, is_named, passes
from tests.model.plain import Name, Scalar, different, tidy
from tests.model.standing import Standing
from tests.model.view import walk

VALUES_MAX = 100
CALENDAR = ("days", "weeks", "months", "streak")


@dataclass(slots=True)
class OneValue:
    """A known value. `latest_ms`: the highest time of its events."""

    value: Scalar
    latest_ms: int
    history: History
    standing: Standing = field(default_factory=Standing)

    def is_over(self, segment: Segment, now: int) -> bool:
        """True if nothing of it shows any more, and nothing waits for it."""
        shows_ms = lasting_ms(segment)
        if shows_ms is None or now < self.latest_ms + shows_ms:
            return False
        standing = self.standing
        if standing.inside or standing.true_since_ms is not None:
            return False
        return not segment.cooldown_ms or standing.left_ms is None or now >= standing.left_ms + segment.cooldown_ms


Known = dict[Name, OneValue]


def take(segment: Segment, known: Known, arrival: Arrival, new_history: Callable[[], History]) -> set[Name]:
    """An accepted event: its values become known, or go on. Returns those that have become known."""
    each = segment.each
    assert each is not None
    is_of = each.of is not None and finds(each.of, arrival)
    is_one = any(finds(pattern, arrival) for pattern in patterns(segment))
    values = different(arrival.value(each.path), bytes_max=256)
    if not values or not (is_of or is_one):
        return set()
    new = set()
    for name in [name for name, one in known.items() if one.is_over(segment, arrival.now)]:
        del known[name]
    for name, value in values.items():
        one = known.get(name)
        if one is None:
            if not (is_of if each.of is not None else is_one):
                continue
            one = known[name] = OneValue(tidy(value), arrival.t, new_history())
            new.add(name)
        one.latest_ms = max(one.latest_ms, arrival.t)
        one.history.take(arrival.message, arrival.now)
    return new


def first_to_leave(known: Known, new: Collection[Name]) -> Name:
    """Out before in, then the one whose latest event is the oldest, then the smallest text; those that
    have just become known come last."""
    return min(known, key=lambda name: (name in new, known[name].standing.inside, known[name].latest_ms, name))


def copied(known: Known) -> Known:
    """For a future without events."""
    return {name: replace(one) for name, one in known.items()}


# ---- what a definition asks of events


def aggregates(segment: Segment) -> Iterator[Aggregate]:
    conditions = [each for each in (segment.when, segment.enter, segment.exit) if each is not None]
    for expression in (*conditions, *(each for _, each in segment.attach)):
        for node in walk(expression):
            if isinstance(node, Aggregate | Key):
                yield node.aggregate if isinstance(node, Key) else node


def patterns(segment: Segment) -> Iterator[Pattern]:
    """The patterns of single events, also those in sequences."""
    for aggregate in aggregates(segment):
        for pattern in (aggregate.pattern, aggregate.since_last):
            if pattern is not None and isinstance(pattern.source, Sequence):
                yield from pattern.source.parts
            elif pattern is not None:
                yield pattern


def finds(pattern: Pattern, arrival: Arrival) -> bool:
    source = pattern.source
    return not isinstance(source, Sequence) and is_named(arrival, source) and passes(arrival, pattern.where)


def lasting_ms(segment: Segment) -> int | None:
    """The longest time for which an event of a value shows; None if that may be for ever."""
    longest = 0
    for aggregate in aggregates(segment):
        if aggregate.within_ms is None or aggregate.function in CALENDAR:
            return None
        shows_ms = aggregate.within_ms
        for pattern in (aggregate.pattern, aggregate.since_last):
            if pattern is not None and isinstance(pattern.source, Sequence):
                sequence = pattern.source
                if len(sequence.steps) > 1 and sequence.within_ms is None:
                    return None
                shows_ms += (sequence.within_ms or 0) + (sequence.absent_ms or 0)
        longest = max(longest, shows_ms)
    return longest
