"""Segments by value: the values of a user that are known, and what each of them remembers.

Of each value the oracle keeps the events that have it, from the one on that made it known, and the standing of the user
in the segment by this value alone. So a value is a user of its own, of whom only the rest is shared.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.segments.definitions.definition import Segment
from app.segments.language.syntax import Aggregate, CartLineField, Key, Pattern, Sequence
from tests.model import cart_lines
from tests.model.asked import said_by
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


@dataclass(frozen=True, slots=True)
class CartChanges:
    """The content of the cart before an event, and after it."""

    before: cart_lines.Items
    after: cart_lines.Items


def take(
    segment: Segment, known: Known, history: History, cart: CartChanges, new_history: Callable[[], History]
) -> set[Name]:
    """The latest event of the user: its values become known, or go on. Returns those that have become known."""
    each, arrival = segment.each, history.arrivals[-1]
    assert each is not None
    is_of_cart = asks_lines(segment) and cart_lines.is_of_cart(arrival, history)
    is_of = each.of is not None and finds(each.of, arrival)
    is_one = any(finds(pattern, arrival) for pattern in patterns(segment))
    values = different(arrival.value(each.path), bytes_max=256)
    is_match = bool(values) and (is_of or is_one)
    if not is_match and not is_of_cart:
        return set()
    shown = cart_lines.lines_of(cart.before) if asks_lines(segment) else {}
    for name in [name for name, one in known.items() if name not in shown and one.is_over(segment, arrival.now)]:
        del known[name]
    changed = cart_lines.changed(cart.before, cart.after)
    put_in = changed if is_of_cart and is_of else set()
    new = know_lines(segment, known, cart_lines.lines_of(cart.after), put_in, new_history) & changed
    for name, value in values.items() if is_match else ():
        one = known.get(name)
        if one is None:
            if not (is_of if each.of is not None else is_one):
                continue
            one = known[name] = OneValue(tidy(value), arrival.t, new_history())
            new.add(name)
        one.latest_ms = max(one.latest_ms, arrival.t)
        one.history.take(arrival.message, arrival.now)
    return new


def know_lines(
    segment: Segment,
    known: Known,
    lines: Mapping[Name, cart_lines.Line],
    put_in: Collection[Name],
    new_history: Callable[[], History],
) -> set[Name]:
    """The products in the cart become known, if the definition asks for them; with `of` only those that an event of it
    has `put_in`. Returns those that have become so."""
    assert segment.each is not None
    if not asks_lines(segment):
        return set()
    new = set()
    for name, line in lines.items():
        if name not in known and (segment.each.of is None or name in put_in):
            known[name] = OneValue(tidy(line.product), line.touched_ms, new_history())
            new.add(name)
        if name in known:
            known[name].latest_ms = max(known[name].latest_ms, line.touched_ms)
    return new


def first_to_leave(known: Known, new: Collection[Name], in_cart: Collection[Name]) -> Name:
    """Out before in, then the one whose latest event is the oldest, then the smallest text; those that have just become
    known come after the others, and products in the cart, where the definition asks for them, last of all."""
    return min(
        known,
        key=lambda name: (name in in_cart, name in new, known[name].standing.inside, known[name].latest_ms, name),
    )


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


def asks_lines(segment: Segment) -> bool:
    """True for a definition that asks for the line of its value, wherever it does."""
    return any(isinstance(node, CartLineField) for expression in said_by(segment) for node in walk(expression))


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
