"""Checks expressions: types, values that can never be, regular expressions, time zones.

`app.segments.definitions.catalog_checks` checks what needs the catalog (names of segments and scores), `time_dependent`
terms that move by themselves, `thresholds` those that a limit makes unreachable.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.canonical import quoted
from app.segments.language.capitals import capital_errors
from app.segments.language.date_checks import (
    clock_errors,
    date_as_event,
    instant_errors,
    is_beside_instant,
    span_errors,
)
from app.segments.language.errors import LanguageError
from app.segments.language.functions import AGGREGATES
from app.segments.language.mistakes.side_hints import (
    LITERALS,
    always_there_hint,
    comparison_hint,
    joint,
    mismatch_hint,
    no_duration_hint,
    quote_hint,
    shown,
    values_hint,
)
from app.segments.language.population_checks import standing_errors, top_errors
from app.segments.language.regular_expressions import RegularExpressionError, compile_search
from app.segments.language.types import Type, arithmetic_type, can_be_missing, type_of
from app.segments.language.version_checks import has_version, version_errors, version_of_errors
from app.segments.language.zones import is_named_like_a_date, is_zone, zone_hint
from tables.latest_events import LATEST_MAX
from tables.percentiles import RANK_MAX

_LATEST_HINT = "leave it out, or ask for a value of these events: avg(revenue of last 3 'Order Completed')"

_ORDERING = frozenset({"<", "<=", ">", ">="})
_ORDERED = frozenset({Type.NUMBER, Type.TEXT, Type.DURATION, Type.INSTANT, Type.DYNAMIC})
_PLAIN = frozenset({Type.NUMBER, Type.TEXT, Type.BOOLEAN, Type.DYNAMIC})


def check_condition(node: s.Expression) -> list[LanguageError]:
    """Returns the problems of an expression that must be true or false."""
    checker = _Checker()
    checker.condition(node)
    return checker.errors


def check_value(node: s.Expression) -> list[LanguageError]:
    """Returns the problems of an expression that may have any value."""
    checker = _Checker()
    checker.value(node)
    return checker.errors


def check_pattern(node: s.Pattern) -> list[LanguageError]:
    """Returns the problems of the pattern of a score."""
    checker = _Checker()
    checker.single(node, "in the points of a score")
    return checker.errors


class _Checker:
    def __init__(self) -> None:
        self.errors: list[LanguageError] = []
        self._in_where = False

    def _wrong(self, node: s.Node, message: str, hint: str = "", detail: str = "") -> None:
        self.errors.append(LanguageError(message, node.span, hint, detail))

    # ---- true or false

    def condition(self, node: s.Expression) -> None:
        """Checks what must be true or false."""
        match node:
            case s.And() | s.Or():
                before: s.Expression | None = None
                for number, operand in enumerate(node.operands):
                    if isinstance(operand, s.Text | s.Number) and isinstance(before, s.Comparison):
                        if not isinstance(node.operands[number - 1], s.Comparison):
                            continue  # one of several values: reported with the first
                        values = takewhile(lambda each: isinstance(each, s.Text | s.Number), node.operands[number:])
                        self._wrong_operand(operand, node, values_hint(before, tuple(values), node))
                        continue
                    before = operand
                    self._operand(operand, node)
            case s.Not():
                self._operand(node.operand, node)
            case _:
                self._operand(node, None)

    def _operand(self, node: s.Expression, around: s.Expression | None) -> None:
        if isinstance(node, s.And | s.Or | s.Not):
            self.condition(node)
            return
        self.value(node)
        found = type_of(node)
        if found is not Type.BOOLEAN:
            self._wrong_operand(node, around, comparison_hint(node, found))

    def _wrong_operand(self, node: s.Expression, around: s.Expression | None, hint: str) -> None:
        found = type_of(node)
        kind = "can have any value" if found is Type.DYNAMIC else f"is {found.value}"
        self._wrong(node, f"{shown(node)} {kind}, but {self._place(around)}", hint)

    def _place(self, around: s.Expression | None) -> str:
        if around is None:
            return f"{'a filter' if self._in_where else 'a condition'} is true or false"
        return "not needs a condition" if isinstance(around, s.Not) else f"{joint(around)} joins conditions"

    # ---- values

    def value(self, node: s.Expression) -> None:
        """Checks an expression of any type."""
        match node:
            case s.And() | s.Or() | s.Not():
                self.condition(node)
            case s.Comparison():
                self._comparison(node)
            case s.Known():
                self._known(node)
            case s.Arithmetic():
                self._arithmetic(node)
            case s.Aggregate():
                self.errors += date_as_event(node)
                self.pattern(node.pattern)
                if AGGREGATES[node.function].ends_at_midnight and (node.within_ms or node.span_of_time):
                    window = "within" if node.within_ms else "from"
                    back = f"{node.function}(...) goes back from today to the first day without an event"
                    self._wrong(node, f"{window} has nothing to limit here", "leave it out", back)
                if node.rank is not None:
                    self._rank(node, node.rank)
                if node.pattern.latest is not None:
                    self._latest(node, node.pattern.latest)
                if node.since_last is not None:
                    self.single(node.since_last, "after since last")
                if node.span_of_time is not None:
                    self.errors += span_errors(node.span_of_time)
            case s.Key():
                self.value(node.aggregate)
            case s.Clock():
                self._zone(node)
            case s.Distance():
                self._distance(node)
            case s.Lower():
                self._lower(node)
            case s.Version():
                self.value(node.of)
                self.errors += version_of_errors(node)
            case s.AnyItem():
                self.condition(node.condition)
            case s.Top():
                self.errors += standing_errors(node)
            case s.Bucket() if not node.salt.strip():
                self._wrong(node, "bucket needs a text", "write bucket('spring test') < 10")
            case _:
                pass

    def single(self, node: s.Pattern, place: str) -> None:
        """Checks a pattern where each event is looked at by itself."""
        if node.latest is not None:
            self._wrong(node, f"last {node.latest} is not allowed {place}", "leave it out")
        self.pattern(node)

    def _rank(self, node: s.Aggregate, rank: int | float) -> None:
        if not 1 <= rank <= RANK_MAX:
            likely = round(rank * RANK_MAX, 4) if 0 < rank < 1 else 90
            hint = f"write {canonical.text(replace(node, rank=likely))}"
            self._wrong(node, f"percentiles go from 1 to {RANK_MAX}", hint)

    def _latest(self, node: s.Aggregate, latest: int) -> None:
        if not 1 <= latest <= LATEST_MAX:
            hint = f"write last 3 {canonical.text(replace(node.pattern, latest=None))}"
            self._wrong(node.pattern, f"last needs a whole number from 1 to {LATEST_MAX}", hint)
        elif node.per is None and not AGGREGATES[node.function].tells_events_apart:
            told = f"{node.function}(...) asks for nothing of the single events"
            if node.function == "count":
                told = f"the last {latest} are {latest} events, or fewer"
            hint = _LATEST_HINT
            if latest == 1 and node.function in ("exists", "never"):
                hint = "for the latest one write last(products.category of 'Order Completed') = 'shoes'"
            self._wrong(node, f"last {latest} makes no sense in {node.function}(...)", hint, told)

    def pattern(self, node: s.Pattern) -> None:
        """Checks the filters of a pattern."""
        if isinstance(node.source, s.Sequence):
            for step in node.source.steps:
                self.single(step, "in a step of a sequence")
            for between in (each for no in node.source.between for each in no):
                self.single(between, "after no")
            if node.source.absent is not None:
                self.single(node.source.absent, "after no")
        else:
            for event in node.source:
                if event.kind == "track" and not (event.name or "").strip():
                    self._wrong(event, "an event needs a name", "write 'Product Viewed'")
        if node.where is not None:
            outer, self._in_where = self._in_where, True
            self.condition(node.where)
            self._in_where = outer

    def _zone(self, node: s.Clock) -> None:
        zone = node.zone
        if zone is None:
            return
        if isinstance(zone, s.Text):
            if not is_zone(zone.value):
                self._wrong(node, f"unknown time zone '{zone.value}'", zone_hint(zone.value))
            return
        errors = len(self.errors)
        self.value(zone)
        if isinstance(zone, s.Trait) and is_named_like_a_date(zone.path[-1]):
            hint = (
                f"for the day, write until_anniversary({shown(zone)}) <= 7d; for a month, {shown(zone)} matches '-12-'"
            )
            self._wrong(zone, f"{node.reading}(...) takes a time zone, not a date", hint)
        found = type_of(zone)
        if len(self.errors) == errors and found not in (Type.DYNAMIC, Type.TEXT):
            hint = f"write {node.reading}('Europe/Berlin') or {node.reading}(context.timezone)"
            self._wrong(zone, f"a time zone is a text, but {shown(zone)} is {found.value}", hint)

    def _distance(self, node: s.Distance) -> None:
        errors = len(self.errors)
        self.value(node.of)
        found = type_of(node.of)
        if len(self.errors) > errors or found is Type.DYNAMIC:
            return
        hint = f"write {node.function}(traits.signed_up) or {node.function}(last(starts_at of 'Trial Started'))"
        if isinstance(node.of, s.UserField) and found is Type.INSTANT and node.function == "since":
            hint = f"write {'user.age' if node.of.name == 'first_seen' else 'user.idle'}"
        self._wrong(
            node.of, f"{node.function} needs a value that can be a date, but {shown(node.of)} is {found.value}", hint
        )

    def _arithmetic(self, node: s.Arithmetic) -> None:
        errors = len(self.errors)
        self.value(node.left)
        self.value(node.right)
        if len(self.errors) > errors:
            return
        left, right = type_of(node.left), type_of(node.right)
        if arithmetic_type(node.operator, left, right) is None:
            detail = f"{shown(node.left)} is {left.value}, {shown(node.right)} is {right.value}"
            hint = ""
            if isinstance(node.left, s.Property) and node.left.path in (("now",), ("today",)):
                hint = (
                    "a filter knows no now; for a date in the latest event write until(last(starts_at of '...')) < 3d"
                )
            self._wrong(node, f"{_VERBS[node.operator].format(left.value, right.value)} makes no sense", hint, detail)

    def _lower(self, node: s.Lower) -> None:
        errors = len(self.errors)
        self.value(node.of)
        if len(self.errors) > errors:
            return
        found = type_of(node.of)
        if isinstance(node.of, s.Text):
            self._wrong(node, "lower of a fixed text is always the same", f"write {quoted(node.of.value.lower())}")
        elif isinstance(node.of, s.Lower | s.Clock | s.Version):
            self._wrong(node, f"{shown(node.of)} is in small letters already", f"write {shown(node.of)}")
        elif isinstance(node.of, s.ListOf) or found not in (Type.TEXT, Type.DYNAMIC, Type.LIST):
            self._wrong(node.of, f"lower needs a text, but {shown(node.of)} is {found.value}", "leave lower out")

    def _known(self, node: s.Known) -> None:
        errors = len(self.errors)
        self.value(node.operand)
        if len(self.errors) > errors:
            return
        if isinstance(node.operand, s.Arithmetic):
            parts = [each for each in _parts(node.operand) if can_be_missing(each)]
            hint = " and ".join(f"{shown(part)} is known" for part in parts)
            self._wrong(node, "is known asks about one value, not about arithmetic", hint and f"write {hint}")
        elif not can_be_missing(node.operand):
            self._wrong(node, f"{shown(node.operand)} is never missing", always_there_hint(node.operand))

    # ---- comparisons

    def _comparison(self, node: s.Comparison) -> None:
        errors = len(self.errors)
        self.value(node.left)
        if isinstance(node.right, s.Top):
            self.errors += top_errors(node, node.right) if len(self.errors) == errors else []
            return
        self.value(node.right)
        if len(self.errors) > errors:
            return
        if _is_fixed(node.left) and _is_fixed(node.right):
            self._fixed_sides(node)
            return
        if has_version(node):
            self.errors += version_errors(node)
            return
        if node.operator == "in":
            self._membership(node)
        elif node.operator == "contains":
            self._contains(node)
        elif node.operator in ("starts with", "matches"):
            self._text_operator(node)
        elif node.operator in _ORDERING:
            self._ordering(node)
        else:
            self._equality(node)
        self.errors += clock_errors(node)
        self.errors += capital_errors(node)

    def _fixed_sides(self, node: s.Comparison) -> None:
        hint = ""
        if isinstance(node.left, s.Text) and self._in_where:
            hint = (
                f"the name of a property has no quotes: {canonical.path_text((node.left.value,))} {node.operator} ..."
            )
        elif isinstance(node.left, s.Text) and isinstance(node.right, s.Number):
            counted = f"count({canonical.text(node.left)}) {node.operator} {canonical.text(node.right)}"
            hint = f"for how often an event happened write {counted}"
        self._wrong(node, "both sides are fixed values, so this is always the same", hint)

    def _membership(self, node: s.Comparison) -> None:
        left, right = type_of(node.left), type_of(node.right)
        if right not in (Type.LIST, Type.DYNAMIC):
            hint = f"write in [{canonical.text(node.right)}]" if _is_fixed(node.right) else "use = for one value"
            self._wrong(node.right, f"in needs a list, not {right.value}", hint)
        elif isinstance(node.left, s.ListOf):
            self._wrong(node.left, "a list cannot be in a list", "write one value in front of in")
        elif isinstance(node.right, s.ListOf):
            for item in node.right.items:
                if not _equal_types(left, type_of(item)):
                    self._mismatch(item, node.left, item)

    def _contains(self, node: s.Comparison) -> None:
        left, right = type_of(node.left), type_of(node.right)
        if left not in (Type.TEXT, Type.LIST, Type.DYNAMIC):
            self._wrong(node.left, f"{shown(node.left)} is {left.value}, but only texts and lists contain something")
        elif isinstance(node.left, s.ListOf):
            self._wrong(
                node, "a fixed list is only allowed after in", f"write {shown(node.right)} in {shown(node.left)}"
            )
        elif isinstance(node.right, s.ListOf):
            parts = " or ".join(f"{shown(node.left)} contains {canonical.text(item)}" for item in node.right.items[:2])
            self._wrong(node.right, "contains needs one value, not a list", f"write {parts}")
        elif right not in _PLAIN or (left is Type.TEXT and right not in (Type.TEXT, Type.DYNAMIC)):
            holder = "a text" if left is Type.TEXT else "a list"
            self._wrong(node.right, f"{holder} cannot contain {right.value}", quote_hint(node.right))

    def _text_operator(self, node: s.Comparison) -> None:
        for side in (node.left, node.right):
            found = type_of(side)
            if isinstance(side, s.ListOf) or found not in (Type.TEXT, Type.DYNAMIC, Type.LIST):
                self._wrong(
                    side, f"{node.operator} compares texts, but {shown(side)} is {found.value}", quote_hint(side)
                )
                return
        if node.operator == "matches":
            self._regular_expression(node.right)

    def _regular_expression(self, node: s.Expression) -> None:
        if not isinstance(node, s.Text):
            self._wrong(node, "matches needs a fixed text", "write matches '^/p/[0-9]+$'")
            return
        try:
            compile_search(node.value)
        except RegularExpressionError as error:
            self._wrong(node, error.message, error.hint)

    def _ordering(self, node: s.Comparison) -> None:
        if is_beside_instant(node):
            self.errors += instant_errors(node)
            return
        left, right = type_of(node.left), type_of(node.right)
        for side, found in ((node.left, left), (node.right, right)):
            if found not in _ORDERED:
                hint = "write contains" if found is Type.LIST else "write = true or = false, or nothing at all"
                self._wrong(side, f"{shown(side)} is {found.value}, which cannot be compared with < or >", hint)
                return
        if not _ordered_types(left, right):
            self._mismatch(node, node.left, node.right)

    def _equality(self, node: s.Comparison) -> None:
        if is_beside_instant(node):
            self.errors += instant_errors(node)
            return
        left, right = type_of(node.left), type_of(node.right)
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(side, s.ListOf):
                negation = "not " if node.operator == "!=" else ""
                self._wrong(
                    node, f"{node.operator} compares with one value", f"write {negation}{shown(other)} in {shown(side)}"
                )
                return
        if not _equal_types(left, right):
            self._mismatch(node, node.left, node.right)

    def _mismatch(self, place: s.Node, left: s.Expression, right: s.Expression) -> None:
        """Two sides that can never be equal."""
        a, b = type_of(left), type_of(right)
        if Type.DYNAMIC in (a, b):
            other, found = (right, b) if a is Type.DYNAMIC else (left, a)
            detail = f"{shown(other)} is {found.value}, and a property is a number, a text, true or false, or a list"
            hint = ""
            if isinstance(other, s.Duration):
                hint = no_duration_hint(left if other is right else right, other)
            self._wrong(place, f"a property is never {found.value}", hint, detail)
            return
        message = f"{shown(left)} is {a.value}, but {shown(right)} is {b.value}"
        operator = place.operator if isinstance(place, s.Comparison) else "="
        self._wrong(place, message, mismatch_hint(operator, left, a, right, b))


def _is_fixed(node: s.Expression) -> bool:
    if isinstance(node, s.Arithmetic):
        return _is_fixed(node.left) and _is_fixed(node.right)
    return isinstance(node, LITERALS)


def _parts(node: s.Expression) -> Iterator[s.Expression]:
    """The values of arithmetic."""
    if isinstance(node, s.Arithmetic):
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node


def _equal_types(left: Type, right: Type) -> bool:
    loose = (Type.DYNAMIC, Type.LIST)
    if left in loose or right in loose:
        return left in (*_PLAIN, Type.LIST) and right in (*_PLAIN, Type.LIST)
    return left is right


def _ordered_types(left: Type, right: Type) -> bool:
    if Type.DYNAMIC in (left, right):
        return {left, right} <= {Type.DYNAMIC, Type.NUMBER, Type.TEXT}
    return left is right


_VERBS = {
    "+": "adding {} and {}",
    "-": "subtracting {1} from {0}",
    "*": "multiplying {} by {}",
    "/": "dividing {} by {}",
}
