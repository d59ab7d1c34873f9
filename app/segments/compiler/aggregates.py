"""Aggregates that a catalog needs: one for each different text, shared by all definitions that spell it the same.

An aggregate's id is 32 bits of a hash of its canonical text and of how many events it keeps, so editing one definition
loses no other's history. A `count` that is only compared with a fixed number keeps as many events as that needs.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b

from app.segments.evaluation.clock import Zones
from app.segments.evaluation.matched_aggregate import MatchedAggregate
from app.segments.language import canonical
from app.segments.language.functions import AGGREGATES, Asked, Item
from app.segments.language.syntax import (
    Aggregate,
    Arithmetic,
    Clock,
    Comparison,
    ComparisonOperator,
    EventTime,
    Expression,
    FixedSpan,
    Key,
    Node,
    Number,
    Path,
    Pattern,
    Sequence,
)
from app.segments.language.walk import walk
from tables.counted import Counted
from tables.dates import DataInstants, instant_in
from tables.latest_events import LatestEvents
from tables.sequences import Machine
from tables.tallies import Decay
from tables.windows import EVENTS_MAX, FOREVER, Kind

WATCH_BITS_MAX = 60  # a MessagePack integer


def stable_id(text: str) -> int:
    """32 bits that stand for a text, the same in every process and version."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big")


def segment_id(name: str, each: str = "") -> int:
    """The stable id of a segment, by its name; by other values (`each`: their canonical text) it is another one."""
    return stable_id(f"segment {name}" + (f" each {each}" if each else ""))


@dataclass(frozen=True, slots=True)
class AggregateInput:
    """One pattern that feeds an aggregate; `points` is what an event of it adds to a score."""

    pattern: Pattern
    points: int | float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """One aggregate of the program: what feeds it, and the object that keeps it.

    `counts_ms`: the instants from one on to before another whose events count; None: all.
    """

    id: int
    text: str
    sources: tuple[AggregateInput, ...]
    since_last: Pattern | None
    within_ms: int | None
    item: Item
    path: Path | Arithmetic | None
    kind: Kind
    matched: MatchedAggregate | None
    function: str
    counts_ms: tuple[int, int] | None = None


def is_sequence(pattern: Pattern | None) -> bool:
    """True if the pattern is a derived event."""
    return pattern is not None and isinstance(pattern.source, Sequence)


def _machine(pattern: Pattern | None, lateness_ms: int, counted: Counted) -> Machine | None:
    if pattern is None or not isinstance(pattern.source, Sequence):
        return None
    sequence = pattern.source
    return Machine(
        len(sequence.steps),
        sequence.within_ms,
        sequence.absent_ms,
        lateness_ms,
        counted,
        has_between=bool(sequence.between),
    )


def instants_needed(operator: str, bound: int | float) -> int:
    """Number of events that decide `count <operator> bound`.

    >>> instants_needed('>', 3), instants_needed('>=', 4), instants_needed('=', 3), instants_needed('<', 2.5)
    (4, 4, 4, 3)
    """
    whole = math.floor(bound) + 1 if operator in (">", "<=", "=", "!=") else math.ceil(bound)
    return min(max(whole, 1), EVENTS_MAX)


FLIPPED: dict[str, ComparisonOperator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}


def threshold(comparison: Comparison) -> tuple[Aggregate, str, int | float] | None:
    """(count, operator, bound) where a comparison asks a count in a window, or since Q, against a fixed number."""
    left: Expression = comparison.left
    right: Expression = comparison.right
    operator: str = comparison.operator
    if isinstance(left, Number) and operator in FLIPPED:
        left, right, operator = right, left, FLIPPED[operator]
    if not (isinstance(left, Aggregate) and isinstance(right, Number) and operator in FLIPPED):
        return None
    if left.function != "count" or (left.within_ms is None and left.since_last is None):
        return None
    if left.pattern.latest is not None:
        return None
    return left, operator, right.value


def reads_zone(node: Node) -> bool:
    """True if an expression or pattern means something else in another zone of the catalog."""
    return any(isinstance(each, FixedSpan | Clock | EventTime) for each in walk(node))


def _instants(node: FixedSpan, zone: str) -> tuple[int, int]:
    start = instant_in(node.start, zone)
    end = FOREVER if node.end is None else instant_in(node.end, zone)
    assert start is not None
    assert end is not None
    return start, end


def _kind(
    node: Aggregate, instants_max: int | None, zone: str, counted: Counted
) -> tuple[Kind, Item, Path | Arithmetic | None]:
    entry = AGGREGATES[node.function]
    bounded = node.within_ms is not None or node.since_last is not None
    per = node.per is not None
    item: Item = "keys" if per else entry.item
    if node.pattern.latest is not None:
        told = Asked(None, bounded=True, per=per, places=None, zone=zone, counted=Counted(), rank=node.rank)
        kind: Kind = LatestEvents(node.pattern.latest, entry.state(told), item, node.within_ms, counted)
    else:
        kind = entry.state(Asked(node.within_ms, bounded, per, instants_max, zone, counted, node.rank))
    return kind, item, node.per if per else node.of


class Registry:
    """Collects the aggregates that expressions ask for. `zone`: that of the catalog."""

    def __init__(self, lateness_ms: int, zone: str) -> None:
        self._lateness_ms = lateness_ms
        self.zone = zone
        self.counted = Counted()
        self.instants = DataInstants(zone, self.counted)
        self.zones = Zones(zone)
        self._watchers = 0
        self.by_id: dict[int, Remembered] = {}
        self.exits: set[str] = set()  # segments of which somebody asks when they were left
        self.each: dict[str, str] = {}  # segments by value, with the canonical text of `each`
        self.counted_exactly: set[int] = set()  # thresholds with = or !=: each count matters, not only the full number

    def next_watch_bit(self) -> int:
        """A bit of `Profile.watched` for a segment that reads what every event changes; 0 when all are taken."""
        if self._watchers == WATCH_BITS_MAX:
            return 0
        self._watchers += 1
        return 1 << (self._watchers - 1)

    def segment_id(self, name: str) -> int:
        """The stable id of a segment."""
        return segment_id(name, self.each.get(name, ""))

    def of_values(self) -> "Registry":
        """One for the aggregates of a segment by value, which are no other's."""
        own = Registry(self._lateness_ms, self.zone)
        own.counted, own.instants, own.zones = self.counted, self.instants, self.zones
        own.exits, own.each = self.exits, self.each
        return own

    def _machine(self, pattern: Pattern | None) -> Machine | None:
        return _machine(pattern, self._lateness_ms, self.counted)

    def _keep(self, new: Remembered) -> Remembered:
        known = self.by_id.get(new.id)
        if known is None:
            self.by_id[new.id] = new
            return new
        if known.text != new.text:
            raise ValueError(f"{known.text!r} and {new.text!r} share a hash; write one of them a little differently")
        return known

    def of(self, node: Aggregate, instants_max: int | None = None) -> Remembered:
        """The aggregate behind a node; `instants_max`: how many instants a threshold needs."""
        text = canonical.text(node)
        if shares := AGGREGATES[node.function].shares:
            text = shares + text.removeprefix(node.function)
        if AGGREGATES[node.function].unit is not None or reads_zone(node):
            text += f" in {self.zone}"
        full = f"{text} places {instants_max}" if instants_max is not None else text
        aggregate = stable_id(f"aggregate {full}")
        if aggregate in self.by_id and self.by_id[aggregate].text == full:
            return self.by_id[aggregate]
        kind, item, path = _kind(node, instants_max, self.zone, self.counted)
        counts_ms = None if node.span_of_time is None else _instants(node.span_of_time, self.zone)
        machine = self._machine(node.pattern)
        matched = None
        if machine is not None or node.pattern.once_per is not None or node.since_last is not None:
            last_machine = self._machine(node.since_last)
            matched = MatchedAggregate(
                aggregate, kind, [machine], last_machine, node.within_ms, self.counted, counts_ms
            )
        return self._keep(
            Remembered(
                aggregate,
                full,
                (AggregateInput(node.pattern),),
                node.since_last,
                node.within_ms,
                item,
                path,
                kind,
                matched,
                node.function,
                counts_ms,
            )
        )

    def key(self, node: Key) -> Remembered:
        """The full tally behind `key(...)`."""
        return self.of(node.aggregate)

    def decay(self, sources: tuple[AggregateInput, ...], half_life_ms: int) -> Remembered:
        """The value of a score with a half-life."""
        entries = ", ".join(f"on {canonical.text(source.pattern)} add {source.points!r}" for source in sources)
        text = f"decay half_life {half_life_ms}: {entries}"
        if any(reads_zone(source.pattern) for source in sources):
            text += f" in {self.zone}"
        aggregate = stable_id(f"aggregate {text}")
        kind = Decay(half_life_ms)
        machines = [self._machine(source.pattern) for source in sources]
        matched = None
        if any(machines) or any(source.pattern.once_per is not None for source in sources):
            matched = MatchedAggregate(aggregate, kind, machines, None, None, self.counted)
        return self._keep(Remembered(aggregate, text, sources, None, None, "points", None, kind, matched, "decay"))
