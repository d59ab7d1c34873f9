"""The syntax tree of the definition language: plain, immutable values.

Every node compares and hashes by meaning alone (`span` is left out), so two spellings that differ only in
white space are one node. `canonical.text(node)` gives the one canonical text of a node.
Paths are tuples of keys: `context.device.type` is `('device', 'type')` in a context node.
All durations are whole milliseconds.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Span:
    """Position of a node in its expression's text: character offsets, end exclusive."""

    start: int
    end: int


NOWHERE = Span(0, 0)
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# ---- literals


@dataclass(frozen=True, slots=True)
class Number(Node):
    value: int | float


@dataclass(frozen=True, slots=True)
class Text(Node):
    value: str


@dataclass(frozen=True, slots=True)
class Boolean(Node):
    value: bool


@dataclass(frozen=True, slots=True)
class Duration(Node):
    ms: int


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """A list literal; only literals inside, at least one."""

    items: tuple["Number | Text | Boolean | Duration", ...]


# ---- operators

ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/"]
ComparisonOperator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains", "starts with", "matches"]


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    operator: ArithmeticOperator
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    operator: ComparisonOperator
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Known(Node):
    """`x is known`; `x is missing` is the opposite of it."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class And(Node):
    """Two or more operands; nested `and` is flattened by the parser."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    operands: tuple["Expression", ...]


# ---- values of the event under test (only inside `where`)


@dataclass(frozen=True, slots=True)
class Property(Node):
    path: Path


@dataclass(frozen=True, slots=True)
class EventContext(Node):
    path: Path


# ---- items of a list in the event under test


@dataclass(frozen=True, slots=True)
class ItemProperty(Node):
    """A property of the item under test, inside `any products (...)`."""

    path: Path


@dataclass(frozen=True, slots=True)
class AnyItem(Node):
    """`any products (category = 'coffee' and price > 10)`: one item of the list satisfies all of it."""

    of: Property | ItemProperty
    condition: "Expression"


@dataclass(frozen=True, slots=True)
class ItemCount(Node):
    """`count(products)`: the number of items of a list."""

    of: Property | ItemProperty


# ---- patterns

EventKind: TypeAlias = Literal["track", "page", "screen", "identify"]


@dataclass(frozen=True, slots=True)
class EventName(Node):
    """`'Product Viewed'` is kind `track` with its name; `page`, `screen`, `identify` have no name."""

    kind: EventKind
    name: str | None


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    """`sequence(P [then no B] then Q [then no R for D] [within W] [matching p])`; `absent` is R, `absent_ms` is D.

    `between[i]` are the patterns B between step i and the next; it is empty if there is none at all.
    """

    steps: tuple["Pattern", ...]
    absent: "Pattern | None"
    absent_ms: int | None
    within_ms: int | None
    matching: Path | None
    between: tuple[tuple["Pattern", ...], ...] = ()

    @property
    def parts(self) -> tuple["Pattern", ...]:
        """All patterns, in the order of the text."""
        between = self.between or ((),) * (len(self.steps) - 1)
        steps = [each for no, step in zip(between, self.steps[1:], strict=True) for each in (*no, step)]
        return (*self.steps[:1], *steps, *(() if self.absent is None else (self.absent,)))


@dataclass(frozen=True, slots=True)
class Pattern(Node):
    """Events that are counted: one or more event names, or a sequence; a filter; each value once; only the latest."""

    source: tuple[EventName, ...] | Sequence
    where: "Expression | None"
    once_per: Path | None
    latest: int | None = None


# ---- state


@dataclass(frozen=True, slots=True)
class FixedSpan(Node):
    """`from '2026-11-27' to '2026-12-01'`: instants as they are written; `end` None: without an end."""

    start: str
    end: str | None


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`sum(revenue of P within 30d)`: `of` is the property's path, None where the function takes none.

    Where `of` is arithmetic, it is done for each item of the list in which its properties lie.
    `function` is the name of an entry of `functions.AGGREGATES`. `rank` is the first argument of `percentile`.
    """

    function: str
    of: Path | Arithmetic | None
    pattern: Pattern
    per: Path | None
    within_ms: int | None
    since_last: Pattern | None
    span_of_time: FixedSpan | None = None
    rank: int | float | None = None


@dataclass(frozen=True, slots=True)
class Key(Node):
    """`key(count(P per p ...))`: the value of p with the highest count."""

    aggregate: Aggregate


DistanceFunction: TypeAlias = Literal["since", "until", "until_anniversary"]


@dataclass(frozen=True, slots=True)
class Distance(Node):
    """`until(traits.trial_ends)`: the time between now and an instant in data."""

    function: DistanceFunction
    of: "Expression"


CartFieldName: TypeAlias = Literal["items", "quantity", "value", "products", "idle"]
CartLineFieldName: TypeAlias = Literal["quantity", "price", "idle"]
SessionFieldName: TypeAlias = Literal["duration", "idle", "pages", "events", "number", "source", "landing_page"]
UserFieldName: TypeAlias = Literal["first_seen", "last_seen", "age", "idle", "identified", "id"]


@dataclass(frozen=True, slots=True)
class CartField(Node):
    name: CartFieldName


@dataclass(frozen=True, slots=True)
class CartLineField(Node):
    """`item.quantity`, in a segment by product: of the line of the cart that is this product."""

    name: CartLineFieldName


@dataclass(frozen=True, slots=True)
class SessionField(Node):
    name: SessionFieldName


@dataclass(frozen=True, slots=True)
class UserField(Node):
    name: UserFieldName


@dataclass(frozen=True, slots=True)
class Trait(Node):
    """Latest known value of `traits.<path>`."""

    path: Path


@dataclass(frozen=True, slots=True)
class ContextValue(Node):
    """Latest known value of `context.<path>` (outside `where`)."""

    path: Path


@dataclass(frozen=True, slots=True)
class FirstValue(Node):
    """`first(context.campaign.source)`: the first value of the context that was ever seen."""

    of: ContextValue


@dataclass(frozen=True, slots=True)
class Membership(Node):
    segment: str


@dataclass(frozen=True, slots=True)
class ValueCount(Node):
    """`count(segment('a'))`: the number of values by which the user is in a segment by value."""

    segment: str


@dataclass(frozen=True, slots=True)
class StaticList(Node):
    """`list('vip')`: the user is on the list."""

    name: str


MarkFunction: TypeAlias = Literal["entered", "left", "since_left", "times"]


@dataclass(frozen=True, slots=True)
class SegmentMark(Node):
    """`entered('a' within 7d)`: what is remembered of entries into a segment and exits from it."""

    function: MarkFunction
    segment: str
    within_ms: int | None


@dataclass(frozen=True, slots=True)
class ScoreValue(Node):
    score: str


@dataclass(frozen=True, slots=True)
class ModelValue(Node):
    """`model('likely')`: the probability that a model gave at the latest of its moments; missing before the first.

    of_class: of a model with several classes the one that is meant, `model('next').buyers`; None: it has none.
    """

    model: str
    of_class: str | None = None


@dataclass(frozen=True, slots=True)
class Bucket(Node):
    """A number from 0 to 99.99 that is fixed for each user and salt."""

    salt: str


@dataclass(frozen=True, slots=True)
class Top(Node):
    """`top(10%)`, `top(100 users)`: the value that the highest 10 %, or 100, of all users reach, as last published."""

    number: int | float
    of_users: bool = False


@dataclass(frozen=True, slots=True)
class SegmentSize(Node):
    """`segment_size('a')`: the users in a segment, as last published."""

    segment: str


@dataclass(frozen=True, slots=True)
class Lower(Node):
    """A text in small letters."""

    of: "Expression"


@dataclass(frozen=True, slots=True)
class Version(Node):
    """A text that is a version: it is compared by the numbers between its dots."""

    of: "Expression"


@dataclass(frozen=True, slots=True)
class Near(Node):
    """`near(context.location, 52.52, 13.4, 25km)`: a place is at most so far from a point."""

    of: "Property | EventContext | ItemProperty | Trait | ContextValue"
    latitude: int | float
    longitude: int | float
    km: int | float

    @property
    def coordinates(self) -> "tuple[Expression, ...]":
        """The values that tell the place: of each coordinate its long name, then its short one."""
        return tuple(replace(self.of, path=(*self.of.path, name)) for name in ("latitude", "lat", "longitude", "lng"))


@dataclass(frozen=True, slots=True)
class Consent(Node):
    """The user agrees to a purpose."""

    purpose: str


ClockReading: TypeAlias = Literal["hour_of_day", "day_of_week", "day_of_month", "month", "week_of_year", "date"]


@dataclass(frozen=True, slots=True)
class Clock(Node):
    """`hour_of_day('Europe/Berlin')`: the reading of a clock; inside `where` at the time of the event.

    `zone` None: that of the catalog.
    """

    reading: ClockReading
    zone: "Expression | None"


@dataclass(frozen=True, slots=True)
class EventTime(Node):
    """`timestamp` inside `where`: the instant of the event."""


Literal_: TypeAlias = Number | Text | Boolean | Duration | ListOf
Expression: TypeAlias = (
    Number
    | Text
    | Boolean
    | Duration
    | ListOf
    | Arithmetic
    | Comparison
    | Known
    | Not
    | And
    | Or
    | Property
    | EventContext
    | ItemProperty
    | AnyItem
    | ItemCount
    | Aggregate
    | Key
    | Distance
    | CartField
    | CartLineField
    | SessionField
    | UserField
    | Trait
    | ContextValue
    | FirstValue
    | Membership
    | ValueCount
    | SegmentMark
    | StaticList
    | ScoreValue
    | ModelValue
    | Bucket
    | Top
    | SegmentSize
    | Lower
    | Version
    | Near
    | Consent
    | Clock
    | EventTime
)
