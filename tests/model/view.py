"""View of a user at one instant: the value of every expression, and when it could change by time alone."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor

from app.segments.definitions.definition import Catalog, PointsWhen
from app.segments.language import canonical
from app.segments.language.syntax import (
    Aggregate,
    And,
    Arithmetic,
    Bucket,
    CartField,
    CartLineField,
    Clock,
    Comparison,
    Consent,
    ContextValue,
    Distance,
    Expression,
    FirstValue,
    Key,
    Known,
    ListOf,
    Lower,
    Membership,
    ModelValue,
    Not,
    Number,
    Or,
    ScoreValue,
    SegmentMark,
    SegmentSize,
    Sequence,
    SessionField,
    StaticList,
    Text,
    Top,
    Trait,
    UserField,
    ValueCount,
    Version,
)
from tests.model import aggregates, cart, cart_lines, consent, dates, latest, models, scores, sequences, session
from tests.model.history import History, is_true, value_of
from tests.model.plain import Length, Moment, Name, Value, difference, each, number, seen
from tests.model.standing import Standing

QUARTER_HOUR_MS = 15 * 60_000
MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


@dataclass(frozen=True, slots=True)
class View:
    """A user at `now`: all events so far, and who is in which segment. `one_value`: the events of one value alone;
    `product`: its name, as one in the cart.
    `by_values`: of each segment by value, the number of values by which the user is in."""

    key: str
    catalog: Catalog
    history: History
    members: Set[str]
    now: int
    standings: Mapping[str, Standing] = field(default_factory=dict)
    one_value: History | None = None
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    by_values: Mapping[str, int] = field(default_factory=dict)
    product: Name | None = None

    @property
    def counted(self) -> History:
        """The events that aggregates look at: all, or those of one value."""
        return self.history if self.one_value is None else self.one_value

    def at(self, now: int) -> "View":
        return replace(self, now=now)

    def is_true(self, condition: Expression) -> bool:
        return is_true(self.value(condition))

    def value(self, expression: Expression) -> Value:
        return value_of(expression, self.leaf)

    def leaf(self, node: Expression) -> Value:
        match node:
            case Aggregate():
                return aggregates.value(node, self.counted, self.now)
            case Key(aggregate=aggregate):
                return aggregates.key(aggregate, self.counted, self.now)
            case CartField(name=name):
                return cart.value(name, self.history, self.now)
            case CartLineField(name=name):
                assert self.product is not None, "a line of the cart, but no product"
                line = cart_lines.lines_of(cart_lines.items_of(self.history)).get(self.product)
                return cart_lines.value(name, line, self.now)
            case SessionField(name=name):
                return session.value(name, self.history, self.now)
            case UserField(name="id"):
                return self.key
            case UserField(name=name):
                return self.user(name)
            case Bucket(salt=salt):
                return bucket(salt, self.key)
            case Trait(path=path):
                return self.history.once("trait", node, lambda: latest.trait(path, self.history))
            case ContextValue(path=path):
                return self.history.once("context", node, lambda: latest.context(path, self.history))
            case FirstValue():
                return self.history.once("first", node, lambda: latest.first(node.of.path, self.history))
            case Membership(segment=segment):
                return segment in self.members
            case ValueCount(segment=segment):
                return self.by_values[segment]
            case SegmentSize():
                return self.numbers.get(canonical.text(node))
            case Comparison(left=left, right=Top() as top):
                return self.numbers.get(f"{canonical.text(top)} of {canonical.text(left)}")
            case StaticList(name=name):
                return self.history.lists.get(name, (0, False))[1]
            case Consent(purpose=purpose):
                return consent.granted(purpose, self.catalog, self.history)
            case SegmentMark():
                return self.mark(node)
            case ModelValue():
                return models.value(node, self.standings)
            case ScoreValue(score=name):
                score = next(score for score in self.catalog.scores if score.name == name)
                return scores.value(score, self.history, self.now, self.is_true)
            case Distance(function=function, of=of):
                return self.distance(function, self.value(of))
            case Clock(reading=reading, zone=zone):
                named = None if zone is None else self.value(zone)
                return dates.reading(reading, dates.zone_or(named, self.zone), self.now)
            case Text(value=text):
                return dates.moment(text, self.zone)
        raise AssertionError(node)

    @property
    def zone(self) -> str:
        return self.catalog.settings.zone

    def distance(self, function: str, value: Value) -> Value:
        if function == "until_anniversary":
            span = dates.anniversary(value, self.zone, self.now)
            return None if span is None else Length(span[0] - self.now)
        at = dates.instant(value, self.zone)
        if at is None:
            return None
        return Length(self.now - at if function == "since" else at - self.now)

    def mark(self, node: SegmentMark) -> Value:
        """Looks at when a segment was last entered or left: an instant is in a window `now - W < t <= now`."""
        found = self.standings.get(node.segment, Standing()).value(node.function)
        if node.function == "times":
            return found
        if node.function == "since_left":
            return None if found is None else Length(self.now - found)
        return found is not None and (node.within_ms is None or found > self.now - node.within_ms)

    def user(self, name: str) -> Value:
        times = [arrival.t for arrival in self.history.arrivals]
        match name:
            case "first_seen":
                return Moment(min(times))
            case "last_seen":
                return Moment(max(times))
            case "age":
                return Length(self.now - min(times))
            case "idle":
                return Length(self.now - max(times))
            case "identified":
                return self.history.identified()
        raise AssertionError(name)

    # ---- evidence

    def evidence(self, condition: Expression, *, opposite: bool = False) -> Iterator[dict[str, object]]:
        """The atoms that tell why a condition (or its opposite) is as it is, each with its value, and with more.

        Of parts of which one is enough: those that hold, or all where none does.
        """
        match condition:
            case Not(operand=operand):
                yield from self.evidence(operand, opposite=not opposite)
            case And(operands=operands) | Or(operands=operands):
                one_is_enough = isinstance(condition, And) is opposite
                held = [operand for operand in operands if self.is_true(operand) is not opposite]
                for operand in held if one_is_enough and held else operands:
                    yield from self.evidence(operand, opposite=opposite)
            case _:
                value = self.evidence_value(condition)
                if opposite and isinstance(value, bool) and not isinstance(condition, Comparison):
                    value = not value
                told = {"expression": canonical.text(Not(condition) if opposite else condition), "value": value}
                if isinstance(condition, Comparison) and isinstance(condition.right, Top):
                    told["threshold"] = self.leaf(condition)
                yield told | models.more(shown_side(condition), self.standings)

    def evidence_value(self, atom: Expression) -> object:
        """The value of an atom: of its left side, or of its right side if the left one is a literal."""
        if not isinstance(atom, Comparison):
            return seen(self.value(atom))
        places = places_kept(atom)
        if places is not None:
            count = min(places[1], self.whole_count(places[0]))
            return f"{count}+" if count == places[1] else count
        return seen(self.value(shown_side(atom)))

    def whole_count(self, count: Aggregate) -> int:
        value = self.leaf(count)
        assert isinstance(value, int)
        return value

    # ---- time alone

    def turning_points(self, expressions: Iterable[Expression]) -> Iterator[int]:
        """Instants, some of them past, at which windows, visits and pendings end: between two of them only what
        moves by itself moves."""
        for node in self.opened(expressions):
            match node:
                case Aggregate() | Key():
                    aggregate = node.aggregate if isinstance(node, Key) else node
                    yield from self.ends(aggregate)
                case Distance(function="until_anniversary", of=of):
                    span = dates.anniversary(self.value(of), self.zone, self.now)
                    if span is not None:
                        yield span[1]
                case SegmentMark(within_ms=int(within_ms)):
                    at = self.standings.get(node.segment, Standing()).value(node.function)
                    if at is not None:
                        yield at + within_ms
                case SessionField():
                    end = session.end(self.history)
                    if end is not None:
                        yield end
                case ScoreValue(score=name):
                    score = next(score for score in self.catalog.scores if score.name == name)
                    for aggregate, _ in scores.counting(score, self.history):
                        yield from self.ends(aggregate)

    def ends(self, aggregate: Aggregate) -> Iterator[int]:
        yield from aggregates.ends(aggregate, self.counted, self.now)
        for pattern in (aggregate.pattern, aggregate.since_last):
            if pattern is not None and isinstance(pattern.source, Sequence):
                yield from sequences.pending_ends(pattern.source, self.counted)

    def first_turn(self, expressions: Iterable[Expression], until: int) -> int | None:
        """The first instant after `now` and not after `until` at which a clock function or a comparison turns,
        provided that nothing else does before."""
        first: int | None = None
        for node in self.opened(expressions):
            end = until if first is None else first - 1
            turn: int | None = None
            if isinstance(node, Clock):
                turn = self.next_reading(node, end)
            elif isinstance(node, Comparison) and end > self.now and any(moves(part) for part in walk(node)):
                turn = self.next_order(node, end)
            first = turn if turn is not None else first
        return first

    def next_order(self, comparison: Comparison, until: int) -> int | None:
        """The next instant at which the two sides stand differently to each other."""
        here = self.order(comparison)
        return first_that(lambda at: self.at(at).order(comparison) != here, self.now, until)

    def next_reading(self, node: Expression, until: int) -> int | None:
        """The next quarter of an hour at which a clock reads differently."""
        at = (self.now // QUARTER_HOUR_MS + 1) * QUARTER_HOUR_MS
        while at <= until:
            if self.at(at).leaf(node) != self.leaf(node):
                return at
            at += QUARTER_HOUR_MS
        return None

    def order(self, comparison: Comparison) -> list[int | None]:
        """Compares two sides; if one of them moves in one direction, the result changes once each way."""
        left, right = self.value(comparison.left), self.value(comparison.right)
        return [difference(a, b) for a in each(left) for b in each(right)]

    def opened(self, expressions: Iterable[Expression]) -> Iterator[Expression]:
        """All nodes, those of scores before the scores."""
        for expression in expressions:
            for node in walk(expression):
                if isinstance(node, ScoreValue):
                    score = next(score for score in self.catalog.scores if score.name == node.score)
                    yield from self.opened(
                        points.condition for points in score.points if isinstance(points, PointsWhen)
                    )
            yield from walk(expression)


def bucket(salt: str, user: str) -> int | float:
    """A number from 0 to 99.99, from the first 16 hexadecimal digits of a hash."""
    digits = hashlib.sha256(b"\0".join(text.encode() for text in (salt, user))).hexdigest()[:16]
    return number(Fraction(int(digits, 16) % 10_000, 100))


def first_that(holds: Callable[[int], bool], after: int, until: int) -> int | None:
    """The first whole number after `after`, not after `until`, for which `holds`, which then stays so."""
    if until <= after or not holds(until):
        return None
    no, yes = after, until
    while yes - no > 1:
        middle = (no + yes) // 2
        no, yes = (no, middle) if holds(middle) else (middle, yes)
    return yes


def walk(expression: Expression) -> Iterator[Expression]:
    """An expression and all in it, in the order of the text; not what is inside an aggregate."""
    yield expression
    match expression:
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            yield from walk(left)
            yield from walk(right)
        case Not(operand=operand) | Known(operand=operand) | Distance(of=operand):
            yield from walk(operand)
        case Lower(of=operand) | Version(of=operand):
            yield from walk(operand)
        case Clock(zone=zone) if zone is not None:
            yield from walk(zone)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from walk(operand)


def moves(node: Expression) -> bool:
    """True if a value changes from one millisecond to the next."""
    match node:
        case Aggregate(function="since") | CartField(name="idle") | SessionField(name="idle") | ScoreValue():
            return True
        case CartLineField(name="idle"):
            return True
        case UserField(name="idle" | "age") | Distance() | SegmentMark(function="since_left"):
            return True
    return False


def shown_side(atom: Expression) -> Expression:
    """The left side of a comparison, or the right one if the left one is a literal."""
    if not isinstance(atom, Comparison):
        return atom
    return atom.right if is_literal(atom.left) else atom.left


def is_literal(node: Expression) -> bool:
    return isinstance(node, Number | ListOf) or type(node).__name__ in ("Text", "Boolean", "Duration")


def places_kept(atom: Comparison) -> tuple[Aggregate, int] | None:
    """A count against a fixed number, with a window or `since last`: the count, and how many events are kept."""
    left, right = atom.left, atom.right
    operator: str = atom.operator
    if isinstance(left, Number) and operator in MIRRORED:
        left, right, operator = right, left, MIRRORED[operator]
    if not (isinstance(left, Aggregate) and left.function == "count" and isinstance(right, Number)):
        return None
    if (left.within_ms is None and left.since_last is None) or left.pattern.latest is not None:
        return None
    if operator in ("<", ">="):
        return left, max(1, ceil(right.value))
    if operator in ("<=", ">", "=", "!="):
        return left, max(1, floor(right.value) + 1)
    return None
