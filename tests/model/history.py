"""Everything that a user ever sent, and which of it a pattern finds."""

import math
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from app.segments.definitions.cart_policy import DEFAULT_CART, CartPolicy
from app.segments.language.syntax import (
    And,
    AnyItem,
    Arithmetic,
    Boolean,
    Clock,
    Comparison,
    Duration,
    EventContext,
    EventName,
    EventTime,
    Expression,
    ItemCount,
    ItemProperty,
    Known,
    ListOf,
    Lower,
    Near,
    Not,
    Number,
    Or,
    Property,
    Text,
    Top,
    Version,
)
from app.segments.language.walk import walk
from tests.model import dates
from tests.model.geography import compare_versions, is_near, version
from tests.model.items import items_of, objects_of, shared
from tests.model.messages import Message, scalars
from tests.model.plain import (
    Length,
    Moment,
    Single,
    Value,
    beginning,
    counted_as,
    difference,
    each,
    equal,
    is_number,
    kind,
    same_text,
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Arrival:
    """An accepted event: the `index`-th of its user, evaluated at `now`.

    `given`: it came with the number of this gift, at whose instant it is evaluated; 0: it is the user's own.
    `accepted_ms`: the instant at which it was evaluated first. `zone`: that of the catalog.
    """

    index: int
    now: int
    message: Message
    accepted_ms: int
    given: int = 0
    zone: str = "UTC"

    @property
    def t(self) -> int:
        return self.message.t

    @property
    def said(self) -> Mapping[str, Any]:
        """Properties or traits, as they were sent."""
        return self.message.traits if self.message.type == "identify" else self.message.properties

    def calculated(self, node: Arithmetic) -> list[Value]:
        """Arithmetic, for each object of the list in which all its properties lie; for the event where that is none."""
        paths = [each.path for each in walk(node) if isinstance(each, Property)]
        place = shared(paths)

        def of(part: Expression, *, one: Any) -> Value:
            assert isinstance(part, Property)
            return self.value(part.path) if one is None else scalars(one, part.path[len(place) :])

        places = objects_of(self.said, place) if place else [None]
        return [value_of(node, partial(of, one=one)) for one in places]

    def value(self, path: tuple[str, ...]) -> Value:
        """A property of the event; the properties of an `identify` are its traits. A page or screen may have its name
        beside its properties."""
        message = self.message
        value = scalars(self.said, path)
        if value is None and path == ("name",) and message.type in ("page", "screen"):
            return message.name
        return value


@dataclass(frozen=True, slots=True)
class Gift:
    """The history of another, who turned out to be this user at `now`; its events are those from `first` on.

    `left_ms`: up to this instant time had passed for the other. `cart`: the rule for a product in both carts.
    """

    first: int
    now: int
    left_ms: int
    history: "History"
    cart: str = "max"


@dataclass(slots=True)
class History:
    """All accepted events of a user, in order of arrival; those of gifts as if they came at that instant.

    `places`: of a count that is only compared with a number, by identity, how many of its latest events decide.
    `gifts` are in order, and received nothing themselves. `is_users`: the key is known to be a `userId` without
    events. `by_weight`: the events again, where at one instant what is the user's own prevails over what was given
    before it. `zone`: that of the catalog.
    before it. `lists`: by the name of a static list, when a record about it came last, and whether the user is on it.
    What is computed from the events alone is remembered by `once`, for the number of events there were.
    """

    session_gap_ms: int
    lateness_ms: int
    arrivals: list[Arrival] = field(default_factory=list)
    gifts: list[Gift] = field(default_factory=list)
    by_weight: list[Arrival] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    memo: dict[Hashable, Any] = field(default_factory=dict)
    is_users: bool = False
    zone: str = "UTC"
    cart: str = "max"
    cart_policy: CartPolicy = DEFAULT_CART
    lists: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def take(self, message: Message, now: int) -> None:
        arrival = Arrival(index=len(self.arrivals), now=now, message=message, accepted_ms=now, zone=self.zone)
        self.arrivals.append(arrival)
        self.by_weight.append(arrival)

    def receive(self, history: "History", now: int, *, left_ms: int) -> None:
        assert not history.gifts, "gifts of gifts have no oracle"
        self.put_on(history.lists)
        self.gifts.append(Gift(len(self.arrivals), now, left_ms, history, self.cart))
        given = [
            replace(arrival, index=len(self.arrivals) + number, now=now, given=len(self.gifts))
            for number, arrival in enumerate(history.arrivals)
        ]
        self.arrivals += given
        self.by_weight[:0] = given

    def put_on(self, lists: Mapping[str, tuple[int, bool]]) -> None:
        """Takes over the static lists of another: the later record counts, of two at one instant the user's own."""
        for name, (at_ms, on) in lists.items():
            if name not in self.lists or self.lists[name][0] < at_ms:
                self.lists[name] = (at_ms, on)

    def identified(self) -> bool:
        """True if the key is known to be a `userId`."""
        return self.is_users or any(arrival.message.identified for arrival in self.arrivals if not arrival.given)

    def parts(self) -> Iterator[Arrival | Gift]:
        """The user's own events, and the gifts, in order."""
        gifts = list(self.gifts)
        for arrival in self.arrivals:
            if arrival.given == 0:
                yield arrival
            elif gifts and arrival.index == gifts[0].first:
                yield gifts.pop(0)

    def once(self, what: str, about: object, compute: Callable[[], Result], *more: Hashable) -> Result:
        """`compute()`, done once for `about` (by identity) and the events so far."""
        key = (what, id(about), len(self.arrivals), *more)
        if key not in self.memo:
            self.memo[key] = (about, compute())
        result: Result = self.memo[key][1]
        return result


# ---- operators, the same inside `where` and outside


def compare(operator: str, left: Value, right: Value) -> bool:
    """A comparison; with a missing value it is false, with a list it is true if it is for any of its values."""
    if left is None or right is None:
        return False
    if operator == "in" or (operator == "contains" and isinstance(left, tuple)):
        return any(equal(a, b) for a in each(left) for b in each(right))
    return any(compare_two(operator, a, b) for a in each(left) for b in each(right))


def compare_two(operator: str, left: Single, right: Single) -> bool:
    if operator == "=":
        return equal(left, right)
    if operator == "!=":
        return not equal(left, right)
    if operator in ("<", "<=", ">", ">="):
        order = difference(left, right)
        if order is None:
            return False
        return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]
    if not (isinstance(left, str) and isinstance(right, str)):
        return False
    known = beginning(left)
    if operator == "contains":
        return right in known or same_text(left, right)
    if operator == "starts with":
        return known.startswith(right) or same_text(left, right)
    assert operator == "matches", operator
    return re.search(right, known) is not None


def calculate(operator: str, left: Value, right: Value) -> Value:
    """Arithmetic; missing where there is no result, or one of a whole number that no double holds."""
    try:
        result = calculate_freely(operator, left, right)
    except OverflowError:
        return None
    plain: Any = result.ms if isinstance(result, Length | Moment) else result
    return None if isinstance(plain, float) and math.isnan(plain) else result


def calculate_freely(operator: str, left: Value, right: Value) -> Value:
    """Arithmetic; missing where a side is missing, a list, a text or a boolean, and on a division by zero."""
    if left is None or right is None or isinstance(left, tuple) or isinstance(right, tuple):
        return None
    left, right = counted_as(left), counted_as(right)
    kinds = (kind(left), operator, kind(right))
    a: Any = left.ms if isinstance(left, Length | Moment) else left
    b: Any = right.ms if isinstance(right, Length | Moment) else right
    if operator == "/" and is_number(b) and b == 0:
        return None
    match kinds:
        case ("number", _, "number"):
            result: Value = {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[operator]()
            return result
        case ("Length", "+" | "-", "Length"):
            return Length(a + b if operator == "+" else a - b)
        case ("Length", "*", "number") | ("number", "*", "Length"):
            return Length(a * b)
        case ("Length", "/", "number"):
            return Length(a / b)
        case ("Length", "/", "Length"):
            ratio: float = a / b
            return ratio
        case ("Moment", "-", "Moment"):
            return Length(a - b)
        case ("Moment", "+" | "-", "Length"):
            return Moment(a + b if operator == "+" else a - b)
        case ("Length", "+", "Moment"):
            return Moment(a + b)
    return None


def value_of(node: Expression, value_of_leaf: Callable[[Expression], Value]) -> Value:
    """The value of an expression, given that of its leaves other than literals."""
    match node:
        case Number(value=value) | Text(value=value) | Boolean(value=value):
            return value
        case Duration(ms=ms):
            return Length(ms)
        case ListOf(items=items):
            return tuple(single for item in items for single in each(value_of(item, value_of_leaf)))
        case Arithmetic(operator=operator, left=left, right=right):
            return calculate(operator, value_of(left, value_of_leaf), value_of(right, value_of_leaf))
        case Comparison(operator=operator, left=left, right=Top()):
            return compare(operator, value_of(left, value_of_leaf), value_of_leaf(node))
        case Comparison(operator=operator, left=left, right=right):
            a, b = value_of(left, value_of_leaf), value_of(right, value_of_leaf)
            if isinstance(a, Moment) and isinstance(right, Text):
                b = value_of_leaf(right)
            elif isinstance(b, Moment) and isinstance(left, Text):
                a = value_of_leaf(left)
            if isinstance(left, Version) or isinstance(right, Version):
                return compare_versions(operator, a, b)
            return compare(operator, a, b)
        case Version(of=of):
            return version(value_of(of, value_of_leaf))
        case Near():
            return is_near(node, [value_of_leaf(each) for each in node.coordinates])
        case Lower(of=of):
            return in_small_letters(value_of(of, value_of_leaf))
        case Known(operand=operand):
            return value_of(operand, value_of_leaf) is not None
        case Not(operand=operand):
            return not is_true(value_of(operand, value_of_leaf))
        case And(operands=operands):
            return all(is_true(value_of(operand, value_of_leaf)) for operand in operands)
        case Or(operands=operands):
            return any(is_true(value_of(operand, value_of_leaf)) for operand in operands)
        case _:
            return value_of_leaf(node)


def in_small_letters(value: Value) -> Value:
    """The same value, or list, with the texts in it in small letters."""
    if isinstance(value, tuple):
        return tuple(item.lower() if isinstance(item, str) else item for item in value)
    return value.lower() if isinstance(value, str) else value


def is_true(value: Value) -> bool:
    """A value in the place of a condition."""
    return any(item is True for item in each(value))


# ---- patterns of single events


def is_named(arrival: Arrival, names: tuple[EventName, ...]) -> bool:
    message = arrival.message
    return any(message.type == name.kind and (name.kind != "track" or message.name == name.name) for name in names)


def passes(arrival: Arrival, where: Expression | None, at_ms: int | None = None) -> bool:
    """True if the filter of a pattern is true for an event; `at_ms`: its instant, where that is not its own time."""
    t = arrival.t if at_ms is None else at_ms

    def leaf(node: Expression, item: Any = None) -> Value:
        match node:
            case Property(path=path):
                return arrival.value(path)
            case ItemProperty(path=path):
                return scalars(item, path)
            case ItemCount(of=of):
                found = items_of(arrival.said if isinstance(of, Property) else item, of.path)
                return None if found is None else len(found)
            case AnyItem(of=of, condition=condition):
                objects = objects_of(arrival.said if isinstance(of, Property) else item, of.path)
                return any(is_true(value_of(condition, partial(leaf, item=one))) for one in objects)
            case EventContext(path=path):
                return scalars(arrival.message.context, path)
            case EventTime():
                return Moment(t)
            case Text(value=text):
                return dates.moment(text, arrival.zone)
            case Clock(reading=reading, zone=zone):
                named = None if zone is None else value_of(zone, leaf)
                return dates.reading(reading, dates.zone_or(named, arrival.zone), t)
        raise AssertionError(f"{node} in a filter")

    return where is None or is_true(value_of(where, leaf))
