"""Lark's tree -> the syntax tree of `syntax`, with the checks that need no types.

A name means a property inside `where`, and a field outside; the reader knows where it is. Errors are collected, and
a value that cannot be read is replaced by a placeholder, so that one look tells all.
"""

from collections.abc import Callable
from typing import ClassVar, cast

from lark import Token, Tree

from app.events.list_record import is_list_name
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.calls import CALLS
from app.segments.language.functions import AGGREGATES
from app.segments.language.literal_reader import LiteralReader
from app.segments.language.name_reader import PLACEHOLDER, NameReader
from app.segments.language.names import PATTERN_WORDS
from app.segments.language.population_checks import unit_hint
from app.segments.language.suggestions import listed
from app.segments.language.tree_parts import (
    WINDOWS,
    Branch,
    event_of,
    exclusive_windows,
    fixed_span,
    keys_of,
    number_value,
    span,
    token_span,
    whole_number,
)

LATITUDE_MAX, LONGITUDE_MAX = 90, 180
KM_MAX = 20_000
"""Just below the distance between two points that are opposite on earth."""


class TreeReader(NameReader):
    """Reads one tree; `errors` holds what was found wrong, in order of appearance."""

    def __init__(self, text: str, depth_max: int) -> None:
        super().__init__(text)
        self._depth_max = depth_max
        self._depth = 0

    # ---- expressions

    def expression(self, tree: Branch) -> s.Expression:
        """The expression of any branch of the grammar's `expression`."""
        assert isinstance(tree, Tree)
        if self._is_too_deep(tree):
            return PLACEHOLDER
        self._depth += 1
        try:
            return self._readers[tree.data](self, tree)
        finally:
            self._depth -= 1

    def _is_too_deep(self, tree: Tree[Token]) -> bool:
        if self._depth < self._depth_max:
            return False
        self._wrong(tree, "this is nested too deeply", "split it into several segments and use segment('...')")
        return True

    def _parenthesised(self, tree: Tree[Token]) -> s.Expression:
        return self.expression(tree.children[0])

    def _disjunction(self, tree: Tree[Token]) -> s.Expression:
        operands: list[s.Expression] = []
        for child in tree.children:
            operand = self.expression(child)
            operands += operand.operands if isinstance(operand, s.Or) else (operand,)
        return s.Or(tuple(operands), span=span(tree))

    def _conjunction(self, tree: Tree[Token]) -> s.Expression:
        operands: list[s.Expression] = []
        for child in tree.children:
            operand = self.expression(child)
            operands += operand.operands if isinstance(operand, s.And) else (operand,)
        return s.And(tuple(operands), span=span(tree))

    def _inverse(self, tree: Tree[Token]) -> s.Expression:
        return s.Not(self.expression(tree.children[0]), span=span(tree))

    def _comparison(self, tree: Tree[Token]) -> s.Expression:
        left, operator, right = tree.children
        word = " ".join(str(operator).split())
        return s.Comparison(
            cast(s.ComparisonOperator, word), self.expression(left), self.expression(right), span=span(tree)
        )

    def _presence(self, tree: Tree[Token]) -> s.Expression:
        operand, word = tree.children
        known = s.Known(self.expression(operand), span=span(tree))
        return known if cast(Token, word).type == "IS_KNOWN" else s.Not(known, span=span(tree))

    def _arithmetic(self, tree: Tree[Token]) -> s.Expression:
        left, operator, right = tree.children
        first, second = self.expression(left), self.expression(right)
        joined = self._text[first.span.end : second.span.start]
        if joined == "-" and isinstance(first, s.Property) and isinstance(second, s.Property):
            name = self._text[first.span.start : second.span.end]
            self._wrong(
                tree,
                f"{name} has two possible meanings",
                f"write properties['{name}'] for the property, or a - b to subtract",
            )
        return s.Arithmetic(cast(s.ArithmeticOperator, str(operator)), first, second, span=span(tree))

    def _list(self, tree: Tree[Token]) -> s.Expression:
        items = [self.expression(child) for child in cast(list[Branch | None], tree.children) if child is not None]
        if not items:
            self._wrong(tree, "a list needs at least one value", "write ['a', 'b']")
        return s.ListOf(tuple(cast(list[s.Number | s.Text | s.Boolean | s.Duration], items)), span=span(tree))

    # ---- items of a list

    def _any_item(self, tree: Tree[Token]) -> s.Expression:
        _, path, condition = cast(tuple[Token, Tree[Token], Branch], tuple(tree.children))
        if not self._in_where:
            written = f"exists('Order Completed' where {self._text[span(tree).start : span(tree).end]})"
            self._wrong(tree, "any looks at the items of one event, so it belongs inside where", f"write {written}")
            return PLACEHOLDER
        of = self._event_value(path)
        outer, self._in_item = self._in_item, True
        try:
            return s.AnyItem(of, self.expression(condition), span=span(tree))
        finally:
            self._in_item = outer

    def _item_count(self, tree: Tree[Token]) -> s.Expression:
        path = cast(Tree[Token], tree.children[1])
        if self._in_where:
            return s.ItemCount(self._event_value(path), span=span(tree))
        name = self._text[span(path).start : span(path).end]
        plain = name.lower().rstrip("s")
        of_items = f"; the items of a list are counted inside where: exists('Order Completed' where count({name}) > 1)"
        hint = f"write {plain}" if plain in PATTERN_WORDS else f"write '{name}'{of_items}"
        self._wrong(path, "the name of an event needs single quotes", hint)
        return PLACEHOLDER

    def _near(self, tree: Tree[Token]) -> s.Expression:
        _, path, *point, distance = cast(tuple[Token, Tree[Token], Tree[Token], Tree[Token], Token], tree.children)
        of = self.expression(path)
        latitude, longitude = (self._number(number).value for number in point)
        errors = len(self.errors)
        if not isinstance(of, s.Property | s.EventContext | s.ItemProperty | s.Trait | s.ContextValue):
            self._wrong(path, f"{canonical.text(of)} is no place", "write near(context.location, 52.52, 13.40, 25km)")
        if abs(latitude) > LATITUDE_MAX or abs(longitude) > LONGITUDE_MAX:
            hint = "write the latitude (-90 to 90) first, then the longitude (-180 to 180)"
            self._wrong(tree, "there is no such point on earth", hint)
        if distance.type != "KILOMETRES":
            written = f"{distance}km" if distance.type == "NUMBER" else "25km"
            self._error(token_span(distance), f"{distance} is no distance", f"write it in kilometres: {written}")
        if len(self.errors) > errors or not isinstance(
            of, s.Property | s.EventContext | s.ItemProperty | s.Trait | s.ContextValue
        ):
            return PLACEHOLDER
        km = number_value(Token("NUMBER", distance.removesuffix("km")))
        if not 0 < km <= KM_MAX:
            hint = f"write more than 0km, and at most {KM_MAX}km, which is all of the earth"
            self._error(token_span(distance), f"{distance} tells no places apart", hint)
        return s.Near(of, latitude, longitude, km, span=span(tree))

    def _of(self, tree: Tree[Token], function: str) -> s.Path | s.Arithmetic:
        """A property of an event that an aggregate takes, or arithmetic with several."""
        if tree.data == "path":
            if function == "first" and keys_of(tree)[0] == "context":
                written = self._text[span(tree).start : span(tree).end]
                self._wrong(tree, "the context has no event", f"write first({written}), the first that was ever seen")
                return ("?",)
            return self._property(tree)
        outer, self._in_where = self._in_where, True
        node = self.expression(tree)
        self._in_where = outer
        if isinstance(node, s.Property):
            return node.path
        if AGGREGATES[function].item != "numbers":
            those = listed(each for each, entry in AGGREGATES.items() if entry.item == "numbers")
            hint = f"only {those} calculate: sum(products.price * products.quantity of 'Order Completed')"
            self._wrong(tree, f"{function} takes one property, not arithmetic", hint)
        return cast(s.Arithmetic, node)

    # ---- functions

    def _mark(self, tree: Tree[Token]) -> s.Expression:
        name, segment, within = cast(tuple[Token, Tree[Token] | None, Tree[Token] | None], tuple(tree.children))
        if self._in_where:
            self._not_in_where(tree, name)
        if segment is None:
            self._wrong(tree, f"{name} needs a name", f"write {name}('name')")
            return PLACEHOLDER
        within_ms = None if within is None else self._window_ms(within)
        if within is not None and name not in ("entered", "left"):
            self._wrong(within, f"{name} has no window", "within belongs to entered('name' within 7d) or left(...)")
        mark = cast(s.MarkFunction, str(name))
        return s.SegmentMark(mark, self._text_literal(segment).value, within_ms, span=span(tree))

    def _call(self, tree: Tree[Token]) -> s.Expression:
        name, argument = cast(Token, tree.children[0]), cast(Tree[Token] | None, tree.children[1])
        if self._in_where and name not in ("lower", "version"):
            self._not_in_where(tree, name)
        if name == "key" and argument is not None:
            return self._key(tree, argument)
        if name == "lower" and argument is not None:
            return s.Lower(self.expression(argument), span=span(tree))
        if name == "version" and argument is not None:
            return s.Version(self.expression(argument), span=span(tree))
        call = CALLS[name]
        if argument is None:
            self._wrong(tree, f"{name} needs {call.needs}", call.hint)
            return call.nothing
        text = self._text_literal(argument).value
        return self._static_list(tree, text) if name == "list" else call.node(text, span(tree))

    def _static_list(self, tree: Tree[Token], name: str) -> s.Expression:
        if not is_list_name(name):
            hint = "small letters, digits and hyphens, at most 64, no hyphen at the ends: list('vip')"
            self._wrong(tree, f"{name!r:.80} is no name of a list", hint)
        return s.StaticList(name, span=span(tree))

    def _clock(self, tree: Tree[Token]) -> s.Clock:
        reading, zone = cast(tuple[Token, Tree[Token] | None], tree.children)
        read = None if zone is None else self.expression(zone)
        return s.Clock(cast(s.ClockReading, str(reading)), read, span=span(tree))

    def _key(self, tree: Tree[Token], argument: Branch) -> s.Expression:
        inner = self.expression(argument)
        if isinstance(inner, s.Aggregate) and inner.function == "count" and inner.per is not None:
            return s.Key(inner, span=span(tree))
        self._wrong(tree, "key needs a count with per", "write key(count('Product Viewed' per category within 7d))")
        return PLACEHOLDER

    def _distance(self, tree: Tree[Token]) -> s.Expression:
        name = cast(Token, tree.children[0])
        self._not_in_where(tree, name)
        return s.Distance(cast(s.DistanceFunction, str(name)), self.expression(tree.children[1]), span=span(tree))

    def _aggregate(self, tree: Tree[Token]) -> s.Expression:
        name = cast(Token, tree.children[0])
        self._not_in_where(tree, name)
        options = [child for child in tree.children[1:] if isinstance(child, Tree)]
        of = None if tree.data == "aggregate" else self._of(options.pop(0), name)
        pattern = self.pattern(options.pop(0))
        per: s.Path | None = None
        within_ms: int | None = None
        since_last: s.Pattern | None = None
        span_of_time: s.FixedSpan | None = None
        seen: set[str] = set()
        for option in options:
            word = WINDOWS.get(option.data, str(option.data))
            if option.data in seen:
                self._wrong(option, f"{word} appears twice", "leave one of them out")
            seen.add(option.data)
            if option.data == "per":
                per = self._property(cast(Tree[Token], option.children[0]))
            elif option.data == "within":
                within_ms = self._window_ms(option)
            elif option.data == "fixed_span":
                span_of_time = fixed_span(option)
            else:
                since_last = self._plain(self.pattern(option.children[0]), option, "after since last")
        if per is not None and not AGGREGATES[name].per:
            those = listed(each for each, entry in AGGREGATES.items() if entry.per)
            hint = f"write count(... per {'.'.join(per)} ...)"
            self._wrong(tree, f"per works only with {those}, not with {name}", hint)
        if excluded := exclusive_windows(options):
            self._wrong(tree, f"{excluded} exclude each other", "leave one of them out")
            since_last = span_of_time = None
        rank = number_value(cast(Token, tree.children[1])) if tree.data == "ranked_aggregate" else None
        return s.Aggregate(str(name), of, pattern, per, within_ms, since_last, span_of_time, rank, span=span(tree))

    def _top(self, tree: Tree[Token]) -> s.Top:
        name, number, unit = cast(tuple[Token, Token, Token | None], tree.children)
        self._not_in_where(tree, name)
        if unit is None:
            self._wrong(tree, "top needs a share or a number of users", unit_hint(number))
        return s.Top(number_value(number), unit is not None and unit.type == "USERS", span=span(tree))

    # ---- patterns

    def pattern(self, tree: Branch) -> s.Pattern:
        """The pattern of a branch `pattern`."""
        assert isinstance(tree, Tree)
        if self._is_too_deep(tree):
            return s.Pattern((), None, None)
        self._depth += 1
        try:
            return self._pattern(tree)
        finally:
            self._depth -= 1

    def _pattern(self, tree: Tree[Token]) -> s.Pattern:
        source: tuple[s.EventName, ...] | s.Sequence = ()
        where: s.Expression | None = None
        once_per: s.Path | None = None
        latest: int | None = None
        for child in cast(list[Tree[Token]], tree.children):
            if child.data == "event":
                source = (event_of(child),)
            elif child.data == "any":
                names = {event_of(name) for name in cast(list[Tree[Token]], child.children[1:])}
                source = tuple(sorted(names, key=lambda event: (event.kind, event.name or "")))
            elif child.data == "sequence":
                self._not_in_where(child, "sequence")
                source = self._sequence(child)
            elif child.data == "latest":
                latest = whole_number(cast(Token, child.children[0]))
            elif child.data == "where":
                where = self._where(child, of_identify=source == (s.EventName("identify", None),))
            else:
                once_per = self._property(cast(Tree[Token], child.children[0]))
        return s.Pattern(source, where, once_per, latest, span=span(tree))

    def _where(self, tree: Tree[Token], *, of_identify: bool) -> s.Expression:
        outer, self._in_where, self._of_identify = self._in_where, True, of_identify
        try:
            return self.expression(tree.children[0])
        finally:
            self._in_where = outer
            self._of_identify = False

    def _sequence(self, tree: Tree[Token]) -> s.Sequence:
        children = cast(list[Tree[Token]], tree.children[1:])
        parts = [child for child in children if child.data in ("pattern", "absent")]
        steps: list[s.Pattern] = []
        between: list[tuple[s.Pattern, ...]] = []
        absent: s.Pattern | None = None
        absent_ms: int | None = None
        within_ms: int | None = None
        matching: s.Path | None = None
        for child in children:
            if child.data == "pattern":
                steps.append(self._plain(self.pattern(child), child, "in a step of a sequence"))
                between.append(())
            elif child.data == "absent":
                no = self._plain(self.pattern(child.children[0]), child, "after then no")
                if child is parts[-1]:
                    absent, absent_ms = no, self._absent_ms(child, tree)
                elif steps:
                    between[-1] += (no,)
                    self._check_between(child, parts)
            elif child.data == "within":
                if within_ms is not None:
                    self._wrong(child, "within appears twice", "leave one of them out")
                within_ms = self._window_ms(child)
            else:
                if matching is not None:
                    self._wrong(child, "matching appears twice", "leave one of them out")
                matching = self._property(cast(Tree[Token], child.children[0]))
        if not steps or parts[0].data == "absent":
            self._wrong(tree, "a sequence begins with an event", "write sequence('A' then no 'B' for 30m)")
        else:
            self._check_steps(tree, steps, absent, absent_ms, within_ms)
        nos = tuple(between[:-1]) if any(between[:-1]) else ()
        return s.Sequence(tuple(steps), absent, absent_ms, within_ms, matching, nos, span=span(tree))

    def _check_between(self, tree: Tree[Token], parts: list[Tree[Token]]) -> None:
        """A `no B` that is not the last step: it has no duration, and an event comes behind it."""
        written = self._text[span(tree).start : span(tree).end]
        duration = cast(Token | None, tree.children[1])
        if duration is not None:
            without = written.removesuffix(str(duration)).rstrip().removesuffix("for").rstrip()
            hint = f"move it to the end; between two events write {without}, without for"
            self._wrong(tree, "no ... for ... can only be the last step of a sequence", hint)
        elif all(part.data == "absent" for part in parts[parts.index(tree) :]):
            hint = "name the event that comes after it, or join the two: then no any('B', 'C') for 30m"
            self._wrong(tree, f"no event comes after {written}", hint)

    def _check_steps(
        self,
        tree: Tree[Token],
        steps: list[s.Pattern],
        absent: s.Pattern | None,
        absent_ms: int | None,
        within_ms: int | None,
    ) -> None:
        if len(steps) == 1 and absent is None:
            self._wrong(
                tree, "a sequence needs at least two steps", "write sequence('A' then 'B') or ('A' then no 'B' for 30m)"
            )
        elif len(steps) == 1 and within_ms is not None and absent_ms is not None:
            self._wrong(
                tree,
                "within has nothing to limit here",
                "leave it out",
                "within limits the time from the first event of a sequence to its last, and there is only one",
            )

    def _absent_ms(self, tree: Tree[Token], sequence: Tree[Token]) -> int | None:
        duration = cast(Token | None, tree.children[1])
        if duration is None:
            written = self._text[span(tree).start : span(tree).end]
            within = next((str(each.children[0]) for each in sequence.find_data("within")), "30m")
            self._wrong(tree, "no needs a duration: the time without the event", f"write {written} for {within}")
            return None
        ms = self._ms(duration)
        if ms == 0:
            self._wrong(tree, "for 0s waits for nothing", "write a longer duration, or leave the step out")
        return ms

    def _plain(self, pattern: s.Pattern, tree: Tree[Token], place: str) -> s.Pattern:
        if pattern.once_per is not None:
            self._wrong(tree, f"once per is not allowed {place}", "leave it out")
        if isinstance(pattern.source, s.Sequence) and place != "after since last":
            self._wrong(tree, "a sequence cannot be a step of another sequence", "join the steps with then")
        return pattern

    _readers: ClassVar[dict[str, Callable[["TreeReader", Tree[Token]], s.Expression]]] = {
        "parenthesised": _parenthesised,
        "disjunction": _disjunction,
        "conjunction": _conjunction,
        "inverse": _inverse,
        "comparison": _comparison,
        "presence": _presence,
        "sum": _arithmetic,
        "product": _arithmetic,
        "number": LiteralReader._number,
        "text": LiteralReader._text_literal,
        "boolean": LiteralReader._boolean,
        "duration": LiteralReader._duration,
        "list": _list,
        "path": NameReader._path,
        "call": _call,
        "model": NameReader._model,
        "clock": _clock,
        "distance": _distance,
        "mark": _mark,
        "any_item": _any_item,
        "item_count": _item_count,
        "value_count": NameReader._value_count,
        "near": _near,
        "top": _top,
        "aggregate": _aggregate,
        "property_aggregate": _aggregate,
        "ranked_aggregate": _aggregate,
        "first_value": NameReader._first_value,
    }
