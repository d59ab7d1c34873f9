"""Conditions as Python source: the truth at `now`, and until when it stays if no event comes.

A comparison with a moving term asks for the instant at which its truth changes. `value_code` describes the generated
code.
"""

import math
from collections.abc import Callable
from zoneinfo import ZoneInfo

from app.segments.compiler.aggregates import FLIPPED, instants_needed, threshold
from app.segments.compiler.fixed_instants import with_instants
from app.segments.compiler.model_code import CLASSES, VALUE, explaining
from app.segments.compiler.population_values import PopulationValue
from app.segments.compiler.value_code import Until, Values, counts_down, literal_value
from app.segments.definitions.definition import Score
from app.segments.evaluation import operators, versions
from app.segments.evaluation.clock import READINGS, ClockComparison, clock_crossing
from app.segments.evaluation.places import Area
from app.segments.evaluation.score_margin import margin_of
from app.segments.language import syntax
from app.segments.language.functions import AGGREGATES
from app.segments.language.names import model_segment
from app.segments.language.population_checks import population_name
from app.segments.language.streak_span import streak_span
from app.segments.language.syntax import Expression
from app.segments.language.value_type import Type
from app.segments.language.version_checks import has_version
from tables import by_value, cart_lines
from tables.dates import is_date
from tables.profile import SENT
from tables.tallies import Tally
from tables.windows import FOREVER


class Expressions(Values):
    """Writes conditions and values into a `CodeWriter`, and collects what they read."""

    def truth(self, node: Expression) -> tuple[str, Until]:
        """A name of the truth at `now`, and until when it stays."""
        match node:
            case syntax.And(operands=operands):
                return self._joined(operands, stop=False)
            case syntax.Or(operands=operands):
                return self._joined(operands, stop=True)
            case syntax.Not(operand=operand):
                inner, until = self.truth(operand)
                return self._local(f"not {inner}"), until
            case syntax.Comparison():
                return self._comparison(node)
            case syntax.Known(operand=operand):
                moving = self.moves(operand) and self._is_plain_duration(operand)
                known, until = self.base(operand) if moving else self.value(operand)
                return self._local(f"{known} is not None"), until
            case _:
                value, until = self.value(node)
                if self.is_boolean(node):
                    return value, until
                return self._local(f"{self._helper(operators.equal)}({value}, True)"), until

    def value(self, node: Expression) -> tuple[str, Until]:
        """A name or literal of the value at `now` (None: missing), and until when it stays."""
        match node:
            case syntax.Version(of=of):
                value, until = self.value(of)
                return self._local(f"{self._helper(versions.as_version)}({value})"), until
            case syntax.ModelValue():
                return self._model_value(node), None
            case syntax.ValueCount(segment=segment):
                self.segments.add(segment)
                state = f"p.aggregates.get({by_value.state_id(self.registry.segment_id(segment))})"
                return self._local(f"{self._helper(by_value.count_inside)}({state})"), None
            case syntax.CartLineField(name=name) if name != "idle":  # the cart of a part is its line
                self.features.add("cart")
                return self._local(f"{self._helper(getattr(cart_lines, name))}(p.cart)"), None
            case syntax.Near():
                area = self.code.bind("k", Area(node.latitude, node.longitude, node.km))
                place = ", ".join(self.value(each)[0] for each in node.coordinates)
                return self._local(f"{area}.has({place})", "b"), None
            case _:
                return super().value(node)

    def base(self, node: Expression) -> tuple[str, Until]:
        """The instant from which or to which a moving duration runs (None: missing), and until when that stays."""
        if isinstance(node, syntax.CartLineField):
            self.features.add("cart")
            return self._local(f"None if p.cart is None else p.cart[{cart_lines.TOUCHED_MS}]"), None
        return super().base(node)

    def because(self, node: Expression) -> str:
        """A further argument of an atom about the value of a model; empty for another value."""
        if not isinstance(node, syntax.ModelValue) or (model := self.models.get(node.model)) is None:
            return ""
        explained = self.code.bind("f", explaining(model, node.of_class))
        return f", because={explained}({self._member(model_segment(model.name))})"

    def _model_value(self, node: syntax.ModelValue) -> str:
        """The probability of the latest score; that of an earlier model with other classes may not have the class."""
        member = self._member(model_segment(node.model))
        score = self._local(f"None if {member} is None else {member}[{SENT}]")
        if node.of_class is None:
            return self._local(f"None if {score} is None else {score}.get({VALUE!r})")
        return self._local(f"None if {score} is None else {score}.get({CLASSES!r}, {{}}).get({node.of_class!r})")

    def is_boolean(self, node: Expression) -> bool:
        """True if the value is always true or false."""
        match node:
            case syntax.Aggregate(function=function):
                return AGGREGATES[function].result is Type.BOOLEAN
            case syntax.Membership() | syntax.StaticList() | syntax.Consent() | syntax.Boolean() | syntax.Known():
                return True
            case syntax.Near():
                return True
            case syntax.UserField(name="identified"):
                return True
            case syntax.SegmentMark(function=function):
                return function in ("entered", "left")
            case _:
                return False

    def _joined(self, operands: tuple[Expression, ...], *, stop: bool) -> tuple[str, Until]:
        """`and` (stops at false) or `or` (stops at true); what does not move is asked first, so that it wakes less."""
        truth = self.code.name("b")
        until = self.code.name("w")
        ordered = sorted(operands, key=self._restlessness)
        first, first_until = self.truth(ordered[0])
        self.code.line(f"{truth} = {first}; {until} = {first_until or FOREVER}")
        for operand in ordered[1:]:
            with self.code.block(f"if {'not ' if stop else ''}{truth}"):
                inner, inner_until = self.truth(operand)
                self.code.line(f"{truth} = {inner}")
                other = inner_until or FOREVER
                self.code.line(f"if {truth} is {stop} or {other} < {until}: {until} = {other}")
        return truth, until

    def _restlessness(self, node: Expression) -> int:
        if isinstance(node, syntax.Not | syntax.Known):
            return self._restlessness(node.operand)
        if isinstance(node, syntax.Lower | syntax.Version):
            return self._restlessness(node.of)
        if isinstance(node, syntax.And | syntax.Or):
            return max(map(self._restlessness, node.operands))
        if isinstance(node, syntax.Comparison):
            return max(self._restlessness(node.left), self._restlessness(node.right))
        if isinstance(node, syntax.Arithmetic):
            return max(self._restlessness(node.left), self._restlessness(node.right))
        if self.moves(node):
            return 3
        if isinstance(node, syntax.SessionField | syntax.ScoreValue):
            return 2
        return 1 if isinstance(node, syntax.Aggregate) and node.within_ms is not None else 0

    def _comparison(self, node: syntax.Comparison) -> tuple[str, Until]:
        node = with_instants(node, self.registry.zone)
        if isinstance(node.right, syntax.Top):
            return self._against_top(node, node.right)
        if (streak := streak_span(node)) is not None:
            own = self.registry.of(streak[0]).id
            self.windows[own] = max(self.windows.get(own, 0), streak[1])
        asked = threshold(node)
        if asked is not None:
            return self._threshold(*asked)
        if not (self.moves(node.left) or self.moves(node.right)):
            return self._still(node)
        if isinstance(node.left, syntax.Duration) and node.operator in FLIPPED:
            node = syntax.Comparison(FLIPPED[node.operator], node.right, node.left)
        if is_duration(node.right) and self._is_plain_duration(node.left):
            assert isinstance(node.right, syntax.Duration)
            if counts_down(node.left):  # b - n <= 3d is n - b >= -3d
                return self._against_duration(node.left, FLIPPED[node.operator], -node.right.ms)
            return self._against_duration(node.left, node.operator, node.right.ms)
        if isinstance(node.left, syntax.ScoreValue) and isinstance(node.right, syntax.Number):
            return self._score_against(self.scores[node.left.score], node.operator, node.right.value)
        return self._moving_comparison(node)

    def _against_top(self, node: syntax.Comparison, top: syntax.Top) -> tuple[str, Until]:
        """Against the published number of `top`; until there is one, nothing holds."""
        value, until = self.value(node.left)
        least = self.published(population_name(top, node.left), PopulationValue(of=node.left, top=top))
        holds = f"{value} is not None and {least} is not None and {value} {PYTHON[node.operator]} {least}"
        return self._local(holds, "b"), until

    def _is_plain_duration(self, node: Expression) -> bool:
        if isinstance(node, syntax.Distance | syntax.SegmentMark):
            return True
        fields = syntax.CartField | syntax.CartLineField | syntax.SessionField | syntax.UserField
        return isinstance(node, syntax.Aggregate | fields)

    def _threshold(self, count: syntax.Aggregate, operator: str, bound: int | float) -> tuple[str, Until]:
        instants_max = instants_needed(operator, bound)
        remembered = self.registry.of(count, instants_max)
        if operator in ("=", "!="):
            self.registry.counted_exactly.add(remembered.id)
        state = self._remember(remembered)
        kind = self.code.bind("k", remembered.kind)
        within_ms = remembered.within_ms
        truth = self.code.name("b")
        always = bound < 0 or (operator == ">=" and bound == 0)
        if count.per is None and operator in (">", ">=") and not always:
            if within_ms is None:
                self.code.line(f"{truth} = {state} is not None and len({state}) >= {instants_max}")
                return truth, None
            until = self.code.name("u")
            self.code.line(f"{truth} = False; {until} = {FOREVER}")
            with self.code.block(f"if {state} is not None and len({state}) >= {instants_max}"):
                self.code.line(f"{until} = {state}[0] + {within_ms}")
                self.code.line(f"if {until} > now: {truth} = True")
                self.code.line(f"else: {until} = {FOREVER}")
            return truth, until
        if isinstance(remembered.kind, Tally) and operator in ("<", "<=", ">", ">="):
            value, until = self.code.name("v"), self.code.name("u")
            self.code.line(f"{value}, {until} = {kind}.value_until({state}, now)")
            self.code.line(f"{truth} = {value} {PYTHON[operator]} {bound!r}")
            return truth, None if within_ms is None else until
        value = self._local(f"{kind}.value({state}, now)")
        self.code.line(f"{truth} = {value} {PYTHON[operator]} {bound!r}")
        if within_ms is None:
            return truth, None
        method = "full_until" if operator in ("<", "<=", ">", ">=") else "until"
        return truth, self._local(f"{kind}.{method}({state}, now)", "u")

    def kept_count(self, count: syntax.Aggregate, instants_max: int) -> str:
        """The count behind a threshold, as far as it is kept."""
        remembered = self.registry.of(count, instants_max)
        state = self._remember(remembered)
        return self._local(f"{self.code.bind('k', remembered.kind)}.value({state}, now)")

    def _still(self, node: syntax.Comparison) -> tuple[str, Until]:
        if (
            isinstance(node.left, syntax.SessionField)
            and node.left.name in ("duration", "pages", "events")
            and node.operator in (">", ">=")
            and isinstance(node.right, syntax.Number | syntax.Duration)
        ):
            bound = literal_value(node.right)
            return self.growing(node.left, math.ceil(bound) if node.operator == ">=" else math.floor(bound) + 1)
        a, until_a = self.value(node.left)
        until_b: Until = None
        if has_version(node):
            b, until_b = self.value(node.right)
            truth = self._local(f"{self._helper(versions.COMPARE[node.operator])}({a}, {b})", "b")
            return truth, self._least(until_a, until_b)
        if node.operator == "=" and isinstance(node.right, syntax.Text) and operators.is_plain_text(node.right.value):
            others = f"{a}.__class__ is list and {self._helper(operators.equal)}({a}, {node.right.value!r})"
            truth = self._local(f"{a} == {node.right.value!r} or ({others})", "b")
            return truth, self._while_true(node, truth, until_a)
        b, until_b = self.value(node.right)
        if node.operator in ("contains", "starts with", "matches"):
            truth = self._local(f"{self._search(node)}({a}, {b})", "b")
        elif self._is_number(node.left) and isinstance(node.right, syntax.Number | syntax.Duration):
            truth = self._local(f"{a} is not None and {a} {PYTHON[node.operator]} {b}", "b")
        else:
            truth = self._local(f"{self._helper(operators.COMPARE[node.operator])}({a}, {b})", "b")
        return truth, self._least(self._while_true(node, truth, until_a), until_b)

    def _search(self, node: syntax.Comparison) -> str:
        """Returns the name of a search in remembered texts."""
        if node.operator == "matches":
            assert isinstance(node.right, syntax.Text)
            search = operators.pattern_search(node.right.value)
        else:
            search = operators.COMPARE[node.operator]
        return self.code.constant(operators.counting(node.operator, search, self.registry.counted))

    def _while_true(self, node: syntax.Comparison, truth: str, until: Until) -> Until:
        """A visit that is over says nothing, and of nothing no comparison holds: what is false stays so."""
        left = node.left.of if isinstance(node.left, syntax.Lower) else node.left
        if until is not None and isinstance(left, syntax.SessionField):
            self.code.line(f"if not {truth}: {until} = {FOREVER}")
        return until

    def _is_number(self, node: Expression) -> bool:
        match node:
            case syntax.Aggregate(function=function):
                return AGGREGATES[function].result is Type.NUMBER
            case syntax.CartField(name=name):
                return name in ("items", "quantity", "value")
            case syntax.CartLineField(name=name):
                return name != "idle"
            case syntax.SessionField(name=name):
                return name in ("duration", "pages", "events", "number")
            case (
                syntax.ScoreValue()
                | syntax.ModelValue()
                | syntax.Bucket()
                | syntax.SegmentSize()
                | syntax.ValueCount()
                | syntax.SegmentMark(function="times")
            ):
                return True
            case _:
                return False

    def _against_duration(self, node: Expression, operator: str, ms: int) -> tuple[str, Until]:
        """`since(P) >= 30m` and the like: the truth turns at base + 30m, or a millisecond later."""
        base, base_until = self.base(node)
        truth = self.code.name("b")
        until = self.code.name("u")
        self.code.line(f"{truth} = False; {until} = {FOREVER}")
        with self.code.block(f"if {base} is not None"):
            turn = ms + 1 if operator in (">", "<=") else ms
            self.code.line(f"{until} = {base} + {turn}")
            if operator in (">", ">="):
                self.code.line(f"if now >= {until}: {truth} = True; {until} = {FOREVER}")
            elif operator in ("<", "<="):
                self.code.line(f"if now < {until}: {truth} = True")
                self.code.line(f"else: {until} = {FOREVER}")
            else:
                self.code.line(f"{truth} = (now == {until}) is {operator == '='}")
                self.code.line(f"if now == {until}: {until} += 1")
                self.code.line(f"elif now > {until}: {until} = {FOREVER}")
        return truth, self._least(until, base_until)

    def _moving_comparison(self, node: syntax.Comparison) -> tuple[str, Until]:
        clocks = [part for part in leaves_of(node) if isinstance(part, syntax.Clock)]
        if clocks:
            return self._clock_comparison(node, clocks[0])
        a, until_a = self.moving(node.left)
        b, until_b = self.moving(node.right) if node.operator != "matches" else ("None", None)
        truth, until = self.code.name("b"), self.code.name("u")
        crossing = self._helper(operators.crossing)
        self.code.line(f"{truth}, {until} = {crossing}({node.operator!r}, lambda n: {a}, lambda n: {b}, now)")
        return truth, self._least(until, until_a, until_b)

    def _clock_comparison(self, node: syntax.Comparison, clock: syntax.Clock) -> tuple[str, Until]:
        """Looks at the instants at which the reading of the clock changes."""
        zone, until_zone = self.zone(clock.zone)
        reading = f"{self._helper(READINGS[clock.reading])}({zone}, n)"
        self.readings[id(clock)] = reading
        a, until_a = self.moving(node.left)
        b, until_b = self.moving(node.right) if node.operator != "matches" else ("None", None)
        del self.readings[id(clock)]
        if node.operator == "matches":
            assert isinstance(node.right, syntax.Text)
            holds = f"{self.code.constant(operators.matcher(node.right.value))}({a})"
        else:
            holds = f"{self._helper(operators.COMPARE[node.operator])}({a}, {b})"
        truth, until = self.code.name("b"), self.code.name("u")
        others = [part for part in leaves_of(node) if part is not clock]
        if all(isinstance(part, FIXED) for part in others):
            own = zone if clock.zone is not None and not isinstance(clock.zone, syntax.Text) else "z"
            test: Callable[[ZoneInfo, int], bool] = eval(  # noqa: S307  # our own text
                f"lambda {own}, n: {holds}", self.code.namespace.values
            )
            comparison = ClockComparison(test, clock.reading, dates_in(node))
            self.code.line(f"{truth}, {until} = {self.code.constant(comparison)}.at(now, {zone})")
        else:
            crossing = self._helper(clock_crossing)
            self.code.line(f"{truth}, {until} = {crossing}(lambda n: {holds}, now, {zone}, {clock.reading!r})")
        return truth, self._least(until, until_a, until_b, until_zone)

    def _score_against(self, score: Score, sign: str, bound: int | float) -> tuple[str, Until]:
        """A decaying score against a number: the instant of the crossing is solved, not searched."""
        state, fixed, until_fixed = self._decaying(score, margin_of(score, sign, bound))
        truth, until = self.code.name("b"), self.code.name("u")
        crossing = self._helper(operators.score_crossing)
        arguments = f"{sign!r}, {state}, {score.half_life_ms}, {fixed}, {bound!r}, now"
        self.code.line(f"{truth}, {until} = {crossing}({arguments})")
        return truth, self._least(until, until_fixed)


PYTHON = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
FIXED = (syntax.Number, syntax.Text, syntax.Boolean, syntax.ListOf)


def leaves_of(node: Expression) -> list[Expression]:
    """The parts of a comparison that are no arithmetic."""
    match node:
        case syntax.Comparison(left=left, right=right) | syntax.Arithmetic(left=left, right=right):
            return leaves_of(left) + leaves_of(right)
        case _:
            return [node]


def dates_in(node: syntax.Comparison) -> tuple[str, ...]:
    """The fixed dates with which a date of a clock is compared; none where it is compared in another way."""
    clock, other = (node.left, node.right) if isinstance(node.left, syntax.Clock) else (node.right, node.left)
    if not isinstance(clock, syntax.Clock) or clock.reading != "date":
        return ()
    values = other.items if isinstance(other, syntax.ListOf) else (other,)
    texts = [value.value for value in values if isinstance(value, syntax.Text) and is_date(value.value)]
    return tuple(texts) if len(texts) == len(values) else ()


def is_duration(node: Expression) -> bool:
    """A duration literal."""
    return isinstance(node, syntax.Duration)
