"""Expressions become Python source: the value at `now`, and until when it stays if no event comes.

The generated code works on `p` (the profile), `A` (its aggregates) and `now`. An until is a local name, or None for
"always". A moving term is written as Python text in `n`, an instant at or after `now`; a comparison with one asks for
the instant at which its truth changes. See language.md, "What may move".
"""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from app.segments import operators
from app.segments.aggregates import FLIPPED, Registry, Remembered, Source, places_needed, stable_id, threshold
from app.segments.clock import ClockComparison, clock_crossing, day_of_week, hour_of_day
from app.segments.definition import PointsOn, PointsWhen, Score
from app.segments.language import syntax
from app.segments.language.syntax import Expression
from app.segments.source import Source as Code
from tables import cart
from tables.values import plain_number
from tables.windows import FOREVER

Until = str | None
MOVING_USER = {"age": "p.first_seen_ms", "idle": "p.highest_ms"}
SESSION_SLOT = {"pages": 2, "events": 3, "source": 5, "landing_page": 6}


class Expressions:
    """Writes expressions into a `Code`; collects what they read in `Reads`."""

    def __init__(self, code: Code, registry: Registry, scores: dict[str, Score], session_gap_ms: int) -> None:
        self.code = code
        self.registry = registry
        self.scores = scores
        self.session_gap_ms = session_gap_ms
        self.aggregates: set[int] = set()
        self.segments: set[str] = set()
        self.leaves: set[tuple[str, ...]] = set()
        self.features: set[str] = set()
        self.window_max_ms = 0

    # ---- what is read

    def _remember(self, remembered: Remembered) -> str:
        """Loads the state of an aggregate into a local name."""
        self.aggregates.add(remembered.id)
        self.window_max_ms = max(self.window_max_ms, remembered.within_ms or 0)
        state = self.code.name("s")
        self.code.line(f"{state} = A.get({remembered.id})")
        if remembered.staged is not None:
            self.code.line(f"if {state} is not None: {state} = {state}[0]")
        return state

    def _local(self, text: str, prefix: str = "v") -> str:
        name = self.code.name(prefix)
        self.code.line(f"{name} = {text}")
        return name

    def _least(self, *untils: Until) -> Until:
        some = [until for until in untils if until is not None]
        if len(some) <= 1:
            return some[0] if some else None
        least = self._local(some[0], "u")
        for until in some[1:]:
            self.code.line(f"if {until} < {least}: {least} = {until}")
        return least

    def _helper(self, helper: Any) -> str:
        return self.code.bind("f", helper)

    # ---- moving terms

    def moves(self, node: Expression) -> bool:
        """Whether the value of a node changes by the mere passing of time, not only in steps."""
        match node:
            case syntax.Aggregate(function="since") | syntax.CartField(name="idle") | syntax.SessionField(name="idle"):
                return True
            case syntax.UserField(name="age" | "idle") | syntax.HourOfDay() | syntax.DayOfWeek():
                return True
            case syntax.ScoreValue(score=name):
                return self.scores[name].half_life_ms is not None
            case syntax.Arithmetic(left=left, right=right):
                return self.moves(left) or self.moves(right)
            case _:
                return False

    def moving(self, node: Expression) -> tuple[str, Until]:
        """The value as Python text in `n`; what it needs of the profile is loaded before."""
        match node:
            case syntax.HourOfDay(zone=zone):
                return f"{self._helper(hour_of_day)}({self.code.constant(ZoneInfo(zone))}, n)", None
            case syntax.DayOfWeek(zone=zone):
                return f"{self._helper(day_of_week)}({self.code.constant(ZoneInfo(zone))}, n)", None
            case syntax.ScoreValue(score=name) if self.moves(node):
                return self._moving_score(self.scores[name])
            case syntax.Arithmetic(operator=operator, left=left, right=right) if self.moves(node):
                a, until_a = self.moving(left)
                b, until_b = self.moving(right)
                helper = self._helper(operators.ARITHMETIC[operator])
                return f"{helper}({a}, {b})", self._least(until_a, until_b)
            case _ if self.moves(node):
                base, until = self.base(node)
                return f"(None if {base} is None else n - {base})", until
            case _:
                return self.value(node)

    def base(self, node: Expression) -> tuple[str, Until]:
        """The instant from which a moving duration runs (None: missing), and until when that stays."""
        match node:
            case syntax.Aggregate():
                remembered = self.registry.of(node)
                state = self._remember(remembered)
                if remembered.within_ms is None:
                    return state, None
                kind = self.code.bind("k", remembered.kind)
                until = self._local(f"{kind}.until({state}, now)", "u")
                return self._local(f"{kind}.value({state}, now)"), until
            case syntax.CartField():
                self.features.add("cart")
                return self._local("None if p.cart is None or p.cart[2] < 0 else p.cart[2]"), None
            case syntax.SessionField():
                session, over = self._session()
                return self._local(f"None if now >= {over} else {session}[1]"), self._open_until(over)
            case syntax.UserField(name=name):
                self.features.add("user")
                return MOVING_USER[name], None
            case _:
                raise AssertionError(node)

    def _session(self) -> tuple[str, str]:
        """The session, and the instant at which it is over (0 where there is none)."""
        self.features.add("session")
        session = self._local("p.session", "e")
        over = self._local(f"0 if {session} is None else {session}[1] + {self.session_gap_ms}", "o")
        return session, over

    def _open_until(self, over: str) -> str:
        return self._local(f"{over} if now < {over} else {FOREVER}", "u")

    def _moving_score(self, score: Score) -> tuple[str, Until]:
        state, fixed, until = self._decaying(score)
        return self._decayed(score, state, fixed), until

    def _decaying(self, score: Score) -> tuple[str, str, Until]:
        """The state of what decays, the points that do not, and until when those stay."""
        fixed, until = self._steps_of(score)
        return self._remember(self.decay(score)), fixed, until

    def _decayed(self, score: Score, state: str, fixed: str) -> str:
        kind = self.code.bind("k", self.decay(score).kind)
        return f"{self._helper(rounded_score)}({kind}.value({state}, n) + {fixed})"

    def _score_against(self, score: Score, sign: str, bound: int | float) -> tuple[str, Until]:
        """A decaying score against a number: the instant of the crossing is solved, not searched."""
        state, fixed, until_fixed = self._decaying(score)
        truth, until = self.code.name("b"), self.code.name("u")
        crossing = self._helper(operators.score_crossing)
        arguments = f"{sign!r}, {state}, {score.half_life_ms}, {fixed}, {bound!r}, now"
        self.code.line(f"{truth}, {until} = {crossing}({arguments})")
        return truth, self._least(until, until_fixed)

    def decay(self, score: Score) -> Remembered:
        """The aggregate of a score with a half-life."""
        assert score.half_life_ms is not None
        entries = tuple(Source(entry.pattern, entry.add) for entry in score.points if isinstance(entry, PointsOn))
        return self.registry.decay(entries, score.half_life_ms)

    def _steps_of(self, score: Score) -> tuple[str, Until]:
        """The points that do not decay: conditions, and events of a score without half-life."""
        total = self._local("0", "t")
        untils: list[Until] = []
        for entry in score.points:
            if isinstance(entry, PointsWhen):
                truth, until = self.truth(entry.condition)
                self.code.line(f"if {truth}: {total} += {entry.add!r}")
                untils.append(until)
            elif score.half_life_ms is None:
                count = syntax.Aggregate("count", None, entry.pattern, None, score.within_ms, None)
                value, until = self.value(count)
                self.code.line(f"{total} += {value} * {entry.add!r}")
                untils.append(until)
        return total, self._least(*untils)

    # ---- values

    def value(self, node: Expression) -> tuple[str, Until]:
        """A name or literal of the value at `now` (None: missing), and until when it stays."""
        match node:
            case syntax.Number(value=value) | syntax.Text(value=value) | syntax.Boolean(value=value):
                return self.code.constant(value), None
            case syntax.Duration(ms=ms):
                return repr(ms), None
            case syntax.ListOf(items=items):
                return self.code.constant([literal_value(item) for item in items]), None
            case _ if self.moves(node):
                text, until = self.moving(node)
                return self._local(f"(lambda n: {text})(now)"), until
            case syntax.Arithmetic(operator=operator, left=left, right=right):
                a, until_a = self.value(left)
                b, until_b = self.value(right)
                helper = self._helper(operators.ARITHMETIC[operator])
                return self._local(f"{helper}({a}, {b})"), self._least(until_a, until_b)
            case syntax.Comparison() | syntax.Not() | syntax.And() | syntax.Or():
                return self.truth(node)
            case syntax.Aggregate(function="exists" | "never" as function):
                remembered = self.registry.of(node)
                last, until = self._latest(remembered)
                return self._local(f"{last} is {'not ' if function == 'exists' else ''}None"), until
            case syntax.Aggregate():
                return self._aggregate(self.registry.of(node), "value")
            case syntax.Key(aggregate=aggregate):
                return self._aggregate(self.registry.of(aggregate), "key")
            case syntax.CartField(name=name):
                self.features.add("cart")
                if name == "items":
                    return self._local("0 if p.cart is None else len(p.cart[0])"), None
                return self._local(f"{self._helper(getattr(cart, name))}(p.cart)"), None
            case syntax.SessionField(name=name):
                return self._session_field(name)
            case syntax.UserField(name=name):
                self.features.add("user")
                field = {"first_seen": "first_seen_ms", "last_seen": "highest_ms", "identified": "identified"}[name]
                return self._local(f"p.{field}"), None
            case syntax.Trait(path=path):
                return self._leaf(("traits", *path))
            case syntax.ContextValue(path=path):
                return self._leaf(path)
            case syntax.Membership(segment=segment):
                self.segments.add(segment)
                member = self._local(f"p.members.get({stable_id(f'segment {segment}')})", "m")
                return self._local(f"{member} is not None and {member}[0] == 1"), None
            case syntax.ScoreValue(score=score):
                total, until = self._steps_of(self.scores[score])
                return self._local(f"{self._helper(rounded_score)}({total})"), until
            case _:
                raise AssertionError(node)

    def _latest(self, remembered: Remembered) -> tuple[str, Until]:
        state = self._remember(remembered)
        if remembered.within_ms is None:
            return state, None
        end = self.code.name("u")
        self.code.line(f"{end} = {FOREVER}")
        with self.code.block(f"if {state} is not None"):
            self.code.line(f"{end} = {state} + {remembered.within_ms}")
            self.code.line(f"if {end} <= now: {state} = None; {end} = {FOREVER}")
        return state, end

    def _aggregate(self, remembered: Remembered, method: str) -> tuple[str, Until]:
        state = self._remember(remembered)
        kind = self.code.bind("k", remembered.kind)
        value = self._local(f"{kind}.{method}({state}, now)")
        if remembered.within_ms is None:
            return value, None
        return value, self._local(f"{kind}.until({state}, now)", "u")

    def _session_field(self, name: str) -> tuple[str, Until]:
        session, over = self._session()
        if name == "number":
            return self._local(f"0 if {session} is None else {session}[4]"), None
        text = f"{session}[1] - {session}[0]" if name == "duration" else f"{session}[{SESSION_SLOT[name]}]"
        return self._local(f"None if now >= {over} else {text}"), self._open_until(over)

    def _leaf(self, path: tuple[str, ...]) -> tuple[str, Until]:
        self.leaves.add(path)
        leaf = self._local(f"p.leaves.get({leaf_id(path)})", "l")
        return self._local(f"None if {leaf} is None else {leaf}[1]"), None

    # ---- truths

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
            case _:
                value, until = self.value(node)
                if self._is_boolean(node):
                    return value, until
                return self._local(f"{self._helper(operators.equal)}({value}, True)"), until

    def _is_boolean(self, node: Expression) -> bool:
        match node:
            case syntax.Aggregate(function="exists" | "never") | syntax.Membership() | syntax.Boolean():
                return True
            case syntax.UserField(name="identified"):
                return True
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
        if isinstance(node, syntax.Not):
            return self._restlessness(node.operand)
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
        asked = threshold(node)
        if asked is not None:
            return self._threshold(*asked)
        if not (self.moves(node.left) or self.moves(node.right)):
            return self._still(node)
        if isinstance(node.left, syntax.Duration) and node.operator in FLIPPED:
            node = syntax.Comparison(FLIPPED[node.operator], node.right, node.left)
        if is_duration(node.right) and self._is_plain_duration(node.left):
            assert isinstance(node.right, syntax.Duration)
            return self._against_duration(node.left, node.operator, node.right.ms)
        if isinstance(node.left, syntax.ScoreValue) and isinstance(node.right, syntax.Number):
            return self._score_against(self.scores[node.left.score], node.operator, node.right.value)
        return self._moving_comparison(node)

    def _is_plain_duration(self, node: Expression) -> bool:
        return isinstance(node, syntax.Aggregate | syntax.CartField | syntax.SessionField | syntax.UserField)

    def _threshold(self, count: syntax.Aggregate, operator: str, bound: int | float) -> tuple[str, Until]:
        places = places_needed(operator, bound)
        remembered = self.registry.of(count, places)
        if operator in ("=", "!="):
            self.registry.counted_exactly.add(remembered.id)
        state = self._remember(remembered)
        kind = self.code.bind("k", remembered.kind)
        within_ms = remembered.within_ms
        truth = self.code.name("b")
        if count.per is None and operator in (">", ">="):
            if within_ms is None:
                self.code.line(f"{truth} = {state} is not None and len({state}) >= {places}")
                return truth, None
            until = self.code.name("u")
            self.code.line(f"{truth} = False; {until} = {FOREVER}")
            with self.code.block(f"if {state} is not None and len({state}) >= {places}"):
                self.code.line(f"{until} = {state}[0] + {within_ms}")
                self.code.line(f"if {until} > now: {truth} = True")
                self.code.line(f"else: {until} = {FOREVER}")
            return truth, until
        value = self._local(f"{kind}.value({state}, now)")
        self.code.line(f"{truth} = {value} {PYTHON[operator]} {bound!r}")
        if within_ms is None:
            return truth, None
        method = "full_until" if operator in ("<", "<=", ">", ">=") else "until"
        return truth, self._local(f"{kind}.{method}({state}, now)", "u")

    def kept_count(self, count: syntax.Aggregate, places: int) -> str:
        """The count behind a threshold, as far as it is kept."""
        remembered = self.registry.of(count, places)
        state = self._remember(remembered)
        return self._local(f"{self.code.bind('k', remembered.kind)}.value({state}, now)")

    def _still(self, node: syntax.Comparison) -> tuple[str, Until]:
        a, until_a = self.value(node.left)
        until_b: Until = None
        if node.operator == "matches":
            assert isinstance(node.right, syntax.Text)
            truth = self._local(f"{self.code.constant(operators.matcher(node.right.value))}({a})", "b")
            return truth, until_a
        if isinstance(node.right, syntax.Text) and node.operator == "=":
            others = f"{a}.__class__ is list and {self._helper(operators.equal)}({a}, {node.right.value!r})"
            return self._local(f"{a} == {node.right.value!r} or ({others})", "b"), until_a
        b, until_b = self.value(node.right)
        if self._is_number(node.left) and isinstance(node.right, syntax.Number | syntax.Duration):
            truth = self._local(f"{a} is not None and {a} {PYTHON[node.operator]} {b}", "b")
        else:
            truth = self._local(f"{self._helper(operators.COMPARE[node.operator])}({a}, {b})", "b")
        return truth, self._least(until_a, until_b)

    def _is_number(self, node: Expression) -> bool:
        match node:
            case syntax.Aggregate(function=function):
                return function in ("count", "sum", "avg", "min", "max", "distinct")
            case syntax.CartField(name=name):
                return name in ("items", "quantity", "value")
            case syntax.SessionField(name=name):
                return name in ("duration", "pages", "events", "number")
            case syntax.ScoreValue():
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
        a, until_a = self.moving(node.left)
        b, until_b = self.moving(node.right) if node.operator != "matches" else ("None", None)
        truth = self.code.name("b")
        until = self.code.name("u")
        if any(isinstance(part, syntax.HourOfDay | syntax.DayOfWeek) for part in leaves_of(node)):
            if node.operator == "matches":
                assert isinstance(node.right, syntax.Text)
                holds = f"lambda n: {self.code.constant(operators.matcher(node.right.value))}({a})"
            else:
                holds = f"lambda n: {self._helper(operators.COMPARE[node.operator])}({a}, {b})"
            if all(isinstance(part, CALENDAR) for part in leaves_of(node)):
                test: Callable[[int], bool] = eval(holds, self.code.namespace.values)  # noqa: S307  # our own text
                self.code.line(f"{truth}, {until} = {self.code.constant(ClockComparison(test))}.at(now)")
            else:
                self.code.line(f"{truth}, {until} = {self._helper(clock_crossing)}({holds}, now)")
        else:
            crossing = self._helper(operators.crossing)
            self.code.line(f"{truth}, {until} = {crossing}({node.operator!r}, lambda n: {a}, lambda n: {b}, now)")
        return truth, self._least(until, until_a, until_b)


PYTHON = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
CALENDAR = (syntax.HourOfDay, syntax.DayOfWeek, syntax.Number, syntax.Text, syntax.ListOf)


def leaves_of(node: Expression) -> list[Expression]:
    """The parts of a comparison that are no arithmetic."""
    match node:
        case syntax.Comparison(left=left, right=right) | syntax.Arithmetic(left=left, right=right):
            return leaves_of(left) + leaves_of(right)
        case _:
            return [node]


def is_duration(node: Expression) -> bool:
    """A duration literal."""
    return isinstance(node, syntax.Duration)


def literal_value(node: Expression) -> Any:
    """The value of a literal."""
    match node:
        case syntax.Number(value=value) | syntax.Text(value=value) | syntax.Boolean(value=value):
            return value
        case syntax.Duration(ms=ms):
            return ms
        case _:
            raise AssertionError(node)


def rounded_score(value: float) -> int | float:
    """A score as it is compared and shown: six places."""
    return plain_number(round(value, 6))


def leaf_id(path: tuple[str, ...]) -> int:
    """The stable id of a remembered trait or context value."""
    return stable_id("leaf " + "\x00".join(path))
