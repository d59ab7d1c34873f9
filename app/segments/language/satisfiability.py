"""Decides for a condition if any value of its terms makes it true, or false.

How it works. Each term (an aggregate, a field, arithmetic) that is compared with fixed values gets a handful of
representative values: the fixed values themselves, one between each two of them, one below and one above, and missing
where it can be missing. Comparisons cannot tell other values from these. The representatives are tried, term by term,
with a three-valued evaluation that stops as soon as the outcome is certain.

Terms are taken as independent, except: `exists`, `never`, `since` and `count` of one pattern and window are one number;
a longer window holds at least as many events. The price and the time of a line of the cart are missing exactly where
its quantity is 0. What is not understood (values of unknown kind, which may be lists; two
terms compared with each other) may be true or false, but is the same wherever it is written in the same way. So
"nothing makes it true" is certain, and "something may" is not.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Final, TypeAlias

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.functions import AGGREGATES
from app.segments.language.types import CLOCK_RANGES, Type, type_of
from tables.by_value import VALUES_MAX

STEPS_MAX: Final = 4_000
"""Evaluations after which a condition counts as possible."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Value: TypeAlias = Fraction | str | bool | None
"""A number, the milliseconds of a duration, a text, true or false; None is missing."""

_FLIPPED: Final[dict[str, s.ComparisonOperator]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ORDERED: Final = frozenset({"<", "<=", ">", ">="})
_DAY_MS_MAX: Final = 27 * 3_600_000
"""No day has more: no clock is put back by more than three hours."""
_ANNIVERSARY_MS_MAX: Final = 366 * 86_400_000 + _DAY_MS_MAX
_OTHER_TEXT: Final = "\ufffe any other text"


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a term can have: `below` is exclusive; `texts` None for texts of any kind."""

    kind: Type
    least: int | None = None
    most: int | None = None
    below: int | None = None
    whole: bool = False
    optional: bool = False
    texts: tuple[str, ...] | None = None

    def holds(self, value: Fraction) -> bool:
        """If a number lies in the domain."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
            and (not self.whole or value.denominator == 1)
        )


@dataclass(frozen=True, slots=True)
class Atom:
    """One comparison of a term with fixed values: `test` says for each value of the term if it is true."""

    term: str
    test: Callable[[Value], bool]


@dataclass(frozen=True, slots=True)
class Joint:
    """Parts of which all (`every`) or at least one must be true; `negated`: the opposite."""

    parts: "tuple[Formula, ...]"
    every: bool
    negated: bool = False


Formula: TypeAlias = bool | Atom | Joint


@dataclass(slots=True)
class _Terms:
    """The terms of a condition: their domains, the fixed values they are compared with, and which are related."""

    domains: dict[str, Domain] = field(default_factory=dict)
    fixed: dict[str, set[Fraction | str]] = field(default_factory=dict)
    counts: dict[str, s.Aggregate] = field(default_factory=dict)
    since: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, domain: Domain, fixed: Iterable[Fraction | str] = ()) -> str:
        self.domains[key] = domain
        self.fixed.setdefault(key, set()).update(fixed)
        return key


def can_be_true(condition: s.Expression, opaque: frozenset[s.Expression] = frozenset()) -> bool:
    """If some values make a condition true. False is certain. What is in `opaque` may be true or false."""
    terms = _Terms()
    return _solve(_formula(condition, terms, opaque), terms)


def can_be_false(condition: s.Expression, opaque: frozenset[s.Expression] = frozenset()) -> bool:
    """If some values make a condition false. False is certain. What is in `opaque` may be true or false."""
    return can_be_true(s.Not(condition), opaque)


# ---- conditions as formulas


def _formula(node: s.Expression, terms: _Terms, opaque: frozenset[s.Expression]) -> Formula:
    if node in opaque:
        return _unknown(node, terms)
    match node:
        case s.Boolean(value=value):
            return value
        case s.Not(operand=operand):
            return Joint((_formula(operand, terms, opaque),), every=True, negated=True)
        case s.And(operands=operands) | s.Or(operands=operands):
            parts = tuple(_formula(operand, terms, opaque) for operand in operands)
            return Joint(parts, every=isinstance(node, s.And))
        case s.Aggregate() if (reading := AGGREGATES[node.function].reading) in ("exists", "never"):
            key = _count_term(node, terms, (Fraction(0),))
            return Atom(key, _is_zero if reading == "never" else _is_some)
        case s.Comparison():
            return _comparison(node, terms, opaque)
        case _:
            return _unknown(node, terms)


def _is_zero(value: Value) -> bool:
    return value == 0


def _is_some(value: Value) -> bool:
    return value != 0


def _unknown(node: s.Expression, terms: _Terms) -> Formula:
    return Atom(terms.add(canonical.text(node), Domain(Type.BOOLEAN)), lambda value: value is True)


def _comparison(node: s.Comparison, terms: _Terms, opaque: frozenset[s.Expression]) -> Formula:
    sign, left, right = node.operator, node.left, node.right
    if sign != "in" and _fixed_values(left) is not None:
        sign, left, right = _FLIPPED.get(sign, sign), right, left
    if isinstance(right, s.Boolean) and sign in ("=", "!=") and type_of(left) is Type.BOOLEAN:
        inner = _formula(left, terms, opaque)
        return inner if right.value is (sign == "=") else Joint((inner,), every=True, negated=True)
    fixed, domain = _fixed_values(right), domain_of(left)
    usable = sign in _ORDERED | {"=", "!=", "in"} and not (domain and domain.kind is Type.TEXT and sign in _ORDERED)
    if fixed is None or domain is None or not usable:
        return _unknown(node, terms)
    if isinstance(left, s.Aggregate) and left.function == "count":
        key = _count_term(left, terms, fixed)
    else:
        key = terms.add(canonical.text(left), domain, fixed)
        if isinstance(left, s.Aggregate) and AGGREGATES[left.function].reading == "since":
            terms.since[key] = _count_term(left, terms, (Fraction(0),))
        elif isinstance(left, s.CartLineField) and left.name != "quantity":
            terms.since[key] = terms.add("item.quantity", _CART_LINE["quantity"], (Fraction(0),))
    return Atom(key, _test(sign, fixed))


def _fixed_values(node: s.Expression) -> tuple[Fraction | str, ...] | None:
    """The value of a literal, or the values of a list; None if there is another kind of value among them."""
    match node:
        case s.Number(value=value):
            return (Fraction(value),)
        case s.Duration(ms=ms):
            return (Fraction(ms),)
        case s.Text(value=text):
            return (text,)
        case s.ListOf(items=items) if not any(isinstance(item, s.Boolean) for item in items):
            return tuple(value for item in items for value in _fixed_values(item) or ())
        case _:
            return None


def _test(sign: str, fixed: tuple[Fraction | str, ...]) -> Callable[[Value], bool]:
    if sign == "in":
        return lambda value: value in fixed
    (bound,) = fixed
    if sign in ("=", "!="):
        return lambda value: value is not None and (value == bound) is (sign == "=")
    least = _bound(bound)
    below, equal = sign in ("<", "<="), sign in ("<=", ">=")

    def test(value: Value) -> bool:
        return isinstance(value, Fraction) and (
            (value < least if below else value > least) or (equal and value == least)
        )

    return test


def _bound(value: Fraction | str) -> Fraction:
    assert isinstance(value, Fraction)
    return value


def _count_term(node: s.Aggregate, terms: _Terms, fixed: Iterable[Fraction | str]) -> str:
    """The number of events of a pattern: `count`, `exists`, `never` and `since` with the same one share it."""
    count = replace(node, function="count", of=None)
    key = terms.add(canonical.text(count), Domain(Type.NUMBER, least=0, whole=True), fixed)
    terms.counts[key] = count
    return key


# ---- possible values of a term


def domain_of(node: s.Expression) -> Domain | None:
    """The values that a term can have; None if they may be of several kinds, or lists."""
    kind = type_of(node)
    match node:
        case s.Aggregate(function=name, within_ms=within_ms) if kind in (Type.NUMBER, Type.DURATION):
            entry = AGGREGATES[name]
            below = within_ms if entry.reading == "since" else None
            return Domain(kind, entry.least, below=below, whole=entry.whole, optional=entry.nothing is None)
        case s.CartField(name=name):
            return _CART.get(name)
        case s.CartLineField(name=name):
            return _CART_LINE[name]
        case s.SessionField(name=name):
            return _SESSION.get(name)
        case s.UserField(name="age" | "idle"):
            return Domain(kind, least=0, whole=True)
        case s.ScoreValue():
            return Domain(kind)
        case s.Distance(function="until_anniversary"):
            return Domain(kind, least=-_DAY_MS_MAX, most=_ANNIVERSARY_MS_MAX, whole=True, optional=True)
        case s.Distance():
            return Domain(kind, whole=True, optional=True)
        case s.SegmentMark(function="times"):
            return Domain(kind, least=0, whole=True)
        case s.SegmentMark(function="since_left"):
            return _DURATION
        case s.Version():
            return None  # '2.0' and '2' are equal
        case s.ItemCount():
            return Domain(kind, least=0, whole=True, optional=True)
        case s.ValueCount():
            return Domain(kind, least=0, most=VALUES_MAX, whole=True)
        case s.ModelValue():
            return Domain(kind, least=0, most=1, optional=True)
        case s.SegmentSize():
            return Domain(kind, least=0, whole=True, optional=True)
        case s.Bucket():
            return Domain(kind, least=0, below=100)
        case s.UserField(name="id"):
            return Domain(kind)
        case s.Clock(reading="day_of_week"):
            return Domain(kind, texts=WEEKDAYS)
        case s.Clock(reading=reading):
            least, most = CLOCK_RANGES.get(reading, (None, None))
            return None if most is None else Domain(kind, least=least, most=most, whole=True)
        case s.Arithmetic() if kind in (Type.NUMBER, Type.DURATION) and not _has_open_values(node):
            return Domain(kind, optional=True)
        case _:
            return None


_DURATION: Final = Domain(Type.DURATION, least=0, whole=True, optional=True)
_CART: Final[dict[str, Domain]] = {
    "items": Domain(Type.NUMBER, least=0, whole=True),
    "quantity": Domain(Type.NUMBER, least=0),
    "value": Domain(Type.NUMBER),
    "idle": _DURATION,
}
_CART_LINE: Final[dict[s.CartLineFieldName, Domain]] = {
    "quantity": Domain(Type.NUMBER, least=0),
    "price": Domain(Type.NUMBER, optional=True),
    "idle": _DURATION,
}
_SESSION: Final[dict[str, Domain]] = {
    "duration": _DURATION,
    "idle": _DURATION,
    "pages": Domain(Type.NUMBER, least=0, whole=True, optional=True),
    "events": Domain(Type.NUMBER, least=1, whole=True, optional=True),
    "number": Domain(Type.NUMBER, least=0, whole=True),
    "source": Domain(Type.TEXT, optional=True),
    "landing_page": Domain(Type.TEXT, optional=True),
}


def _has_open_values(node: s.Expression) -> bool:
    """If a part of arithmetic may be of any kind, or a list."""
    if isinstance(node, s.Arithmetic):
        return _has_open_values(node.left) or _has_open_values(node.right)
    return type_of(node) is Type.DYNAMIC


def representatives(domain: Domain, fixed: Iterable[Fraction | str]) -> tuple[Value, ...]:
    """Values of a domain among which every other one has an equal, as far as comparisons with `fixed` can tell."""
    missing: tuple[Value, ...] = (None,) if domain.optional else ()
    if domain.kind is Type.BOOLEAN:
        return (True, False)
    if domain.kind is Type.TEXT:
        known = domain.texts if domain.texts is not None else (*sorted(set(map(str, fixed))), _OTHER_TEXT)
        return (*known, *missing)
    return (*_numbers(domain, sorted({value for value in fixed if isinstance(value, Fraction)})), *missing)


def _numbers(domain: Domain, bounds: list[Fraction]) -> Iterator[Fraction]:
    edges = {Fraction(edge) for edge in (domain.least, domain.most, domain.below) if edge is not None}
    points = sorted({*bounds, *edges}) or [Fraction(0)]
    candidates = {points[0] - 1, *points, points[-1] + 1}
    for low, high in pairwise(points):
        candidates.add((low + high) / 2)
    if domain.whole:
        candidates |= {Fraction(value) for point in points for value in (point.__floor__(), point.__ceil__())}
        candidates |= {Fraction(value) for point in points for value in (point.__floor__() + 1, point.__ceil__() - 1)}
    yield from sorted(value for value in candidates if domain.holds(value))


# ---- trying


def _solve(formula: Formula, terms: _Terms) -> bool:
    for family in _families(terms):  # one scale for all, so that their representatives compare as their values do
        together = set().union(*(terms.fixed[key] for key in family))
        terms.fixed.update(dict.fromkeys(family, together))
    values = {key: representatives(domain, terms.fixed[key]) for key, domain in terms.domains.items()}
    related = _relations(terms)
    steps = 0

    def possible(chosen: dict[str, Value]) -> bool:
        nonlocal steps
        steps += 1
        if steps > STEPS_MAX:
            return True
        outcome, undecided = _evaluate(formula, chosen)
        if outcome is False:
            return False
        rest = [undecided] if undecided else [key for key in values if key not in chosen]
        if not rest:
            return True
        key = rest[0]
        for value in values[key]:
            chosen[key] = value
            if all(holds(chosen) for holds in related) and possible(chosen):
                del chosen[key]
                return True
            del chosen[key]
        return False

    return possible({})


def _evaluate(formula: Formula, chosen: Mapping[str, Value]) -> tuple[bool | None, str]:
    """The outcome as far as it is certain, and a term on which it still depends."""
    if isinstance(formula, bool):
        return formula, ""
    if isinstance(formula, Atom):
        return (formula.test(chosen[formula.term]), "") if formula.term in chosen else (None, formula.term)
    undecided = ""
    outcome: bool | None = formula.every
    for part in formula.parts:
        found, term = _evaluate(part, chosen)
        if found is None:
            outcome, undecided = None, undecided or term
        elif found is not formula.every:
            outcome, undecided = found, ""
            break
    if outcome is not None and formula.negated:
        outcome = not outcome
    return outcome, undecided


def _relations(terms: _Terms) -> list[Callable[[Mapping[str, Value]], bool]]:
    """Relations between terms, asked of those that have a value already."""
    relations = [_missing_without_events(since, count) for since, count in terms.since.items()]
    for family in _families(terms):
        relations += [_at_most(shorter, longer) for shorter, longer in pairwise(family)]
    return relations


def _families(terms: _Terms) -> list[list[str]]:
    """Counts of one pattern in several windows, each list from the shortest window to the longest."""
    families: dict[s.Aggregate, list[tuple[float, str]]] = {}
    for key, node in terms.counts.items():
        if node.per is None and node.pattern.once_per is None and node.since_last is None:
            window = math.inf if node.within_ms is None else node.within_ms
            families.setdefault(replace(node, within_ms=None), []).append((window, key))
    return [[key for _, key in sorted(family)] for family in families.values() if len(family) > 1]


def _missing_without_events(since: str, count: str) -> Callable[[Mapping[str, Value]], bool]:
    def holds(chosen: Mapping[str, Value]) -> bool:
        if since not in chosen or count not in chosen:
            return True
        return (chosen[since] is None) is (chosen[count] == 0)

    return holds


def _at_most(less: str, more: str) -> Callable[[Mapping[str, Value]], bool]:
    def holds(chosen: Mapping[str, Value]) -> bool:
        low, high = chosen.get(less), chosen.get(more)
        return not (isinstance(low, Fraction) and isinstance(high, Fraction)) or low <= high

    return holds
