"""Values as Python source: what a term is at `now`, and until when it stays if no event comes.

The generated code works on `p` (the profile), `A` (its aggregates) and `now`. An until is a local name, or None for
"always". A moving term is written as Python text in `n`, an instant at or after `now`. See language.md, "What
may move".
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from app.segments.compiler.aggregates import AggregateInput, Registry, Remembered
from app.segments.compiler.code_writer import CodeWriter
from app.segments.compiler.leaf_ids import first_id, leaf_id
from app.segments.compiler.list_ids import LIST, LISTS, list_id
from app.segments.compiler.population_values import POPULATION, PUBLISHED, PopulationValue
from app.segments.compiler.visit_value import visit_value
from app.segments.definitions.consent_policy import Purpose
from app.segments.definitions.definition import PointsOn, PointsWhen, Score
from app.segments.definitions.model_file import Model
from app.segments.evaluation import operators
from app.segments.evaluation.bucket import bucket
from app.segments.evaluation.clock import READINGS, zone_named
from app.segments.evaluation.score_margin import Margin
from app.segments.language import syntax
from app.segments.language.functions import AGGREGATES
from app.segments.language.population_checks import population_name
from app.segments.language.syntax import Expression
from tables import cart
from tables import session as sessions
from tables.profile import OUT_AT, SINCE, TIMES
from tables.windows import FOREVER

Until = str | None
MOVING_USER = {"age": "p.first_seen_ms", "idle": "p.highest_ms"}


class Values(ABC):
    """Writes expressions into a `CodeWriter`; collects what they read in `Reads`."""

    def __init__(self, code: CodeWriter, registry: Registry, scores: dict[str, Score], session_gap_ms: int) -> None:
        self.code = code
        self.registry = registry
        self.scores = scores
        self.session_gap_ms = session_gap_ms
        self.aggregates: set[int] = set()
        self.inside_aggregates: set[int] = set()
        self.margins: dict[int, set[Margin]] = {}
        self.touched_by: Literal["all", "inside", "none"] = "all"
        self.segments: set[str] = set()
        self.leaves: set[tuple[str, ...]] = set()
        self.firsts: set[tuple[str, ...]] = set()
        self.purposes: Mapping[str, Purpose] = {}
        self.models: Mapping[str, Model] = {}
        self.features: set[str] = set()
        self.windows: dict[int, int] = {}
        self.watch_bit: int | None = None
        self.watching = False
        self.readings: dict[int, str] = {}
        self.population: dict[str, PopulationValue] = {}
        self.growth: list[tuple[str, int]] | None = []

    # ---- reads

    def _watch(self, feature: Literal["session", "user"]) -> None:
        """Each event of the user may change what is read here; noted where the evaluation comes this far."""
        self.features.add("visits" if feature == "session" else feature)
        if self.touched_by != "none":
            self.features.add(feature)
        if self.watching:
            self.growth = None
            if self.watch_bit is None:  # no bit for values that every evaluation needs
                self.watch_bit = 0 if self.code.depth == 1 else self.registry.next_watch_bit()
            if self.watch_bit:
                self.code.line(f"p.watched |= {self.watch_bit}")

    def _watch_visit(self) -> None:
        """Only a visit's beginning or end changes what is read here."""
        self.features.add("visits")
        if self.touched_by != "none":
            self.features.update(("visit", "beginning"))

    def _watch_growth(self, truth: str, name: str, least: int) -> None:
        """Only a visit's end changes what is true; until it is, an event of the visit does if the value reaches it."""
        self.features.update(("visits", "visit"))
        if not self.watching or self.watch_bit == 0:
            return
        if self.watch_bit is None:
            self.watch_bit = self.registry.next_watch_bit()
        if not self.watch_bit:
            self.features.add("session")
            return
        self.code.line(f"if not {truth}: p.watched |= {self.watch_bit}")
        if self.growth is not None and (name, least) not in self.growth:
            self.growth.append((name, least))

    def _remember(self, remembered: Remembered, margin: Margin | None = None) -> str:
        """Loads the state of an aggregate into a local name; `margin` where not every event need be looked at."""
        if self.touched_by == "all" and margin is not None and remembered.matched is None:
            self.margins.setdefault(remembered.id, set()).add(margin)
        elif self.touched_by == "all":
            self.aggregates.add(remembered.id)
        elif self.touched_by == "inside":
            self.inside_aggregates.add(remembered.id)
        if remembered.within_ms is not None:
            self.windows[remembered.id] = remembered.within_ms
        state = self.code.name("s")
        self.code.line(f"{state} = A.get({remembered.id})")
        if remembered.matched is not None:
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

    # ---- terms that change with time

    def moves(self, node: Expression) -> bool:
        """True if the value of a node changes by the mere passing of time, not only in steps."""
        match node:
            case syntax.Aggregate(function=function):
                return AGGREGATES[function].reading == "since"
            case syntax.CartField(name="idle") | syntax.CartLineField(name="idle") | syntax.SessionField(name="idle"):
                return True
            case syntax.UserField(name="age" | "idle") | syntax.Clock() | syntax.Distance():
                return True
            case syntax.SegmentMark(function=name):
                return name == "since_left"
            case syntax.ScoreValue(score=name):
                return self.scores[name].half_life_ms is not None
            case syntax.Arithmetic(left=left, right=right):
                return self.moves(left) or self.moves(right)
            case _:
                return False

    def moving(self, node: Expression) -> tuple[str, Until]:
        """The value as Python text in `n`; what it needs of the profile is loaded before."""
        match node:
            case syntax.Clock(reading=reading, zone=zone):
                if id(node) in self.readings:  # its zone is loaded
                    return self.readings[id(node)], None
                name, until = self.zone(zone)
                return f"{self._helper(READINGS[reading])}({name}, n)", until
            case syntax.ScoreValue(score=name) if self.moves(node):
                return self._moving_score(self.scores[name])
            case syntax.Arithmetic(operator=operator, left=left, right=right) if self.moves(node):
                a, until_a = self.moving(left)
                b, until_b = self.moving(right)
                helper = self._helper(operators.ARITHMETIC[operator])
                return f"{helper}({a}, {b})", self._least(until_a, until_b)
            case _ if self.moves(node):
                base, until = self.base(node)
                moved = f"{base} - n" if counts_down(node) else f"n - {base}"
                return f"(None if {base} is None else {moved})", until
            case _:
                return self.value(node)

    def zone(self, node: Expression | None) -> tuple[str, Until]:
        """A name of the time zone of a clock, and until when it is that."""
        if node is None or isinstance(node, syntax.Text):
            return self.code.constant(zone_named(self.registry.zone if node is None else node.value)), None
        value, until = self.value(node)
        zones = self.code.bind("k", self.registry.zones)
        return self._local(f"{zones}.named({value})", "z"), until

    def base(self, node: Expression) -> tuple[str, Until]:
        """The instant from which or to which a moving duration runs (None: missing), and until when that stays."""
        match node:
            case syntax.Distance():
                return self._instant_of(node)
            case syntax.Aggregate():
                remembered = self.registry.of(node)
                state = self._remember(remembered)
                if remembered.within_ms is None:
                    return state, None
                kind = self.code.bind("k", remembered.kind)
                until = self._local(f"{kind}.until({state}, now)", "u")
                return self._local(f"{kind}.value({state}, now)"), until
            case syntax.SegmentMark():
                member = self._member(node.segment, exits=True)
                return self._local(f"None if {member} is None else {member}[{OUT_AT}]"), None
            case syntax.CartField():
                self.features.add("cart")
                return self._local("None if p.cart is None or p.cart[2] < 0 else p.cart[2]"), None
            case syntax.SessionField():
                self._watch("session")
                return self._session("[1]")
            case syntax.UserField(name=name):
                self._watch("user")
                return MOVING_USER[name], None
            case _:
                raise AssertionError(node)

    def _instant_of(self, node: syntax.Distance) -> tuple[str, Until]:
        """The instant that a value of the user names, or the beginning of the day that is its next anniversary."""
        value, until = self.value(node.of)
        instants = self.code.bind("k", self.registry.instants)
        if node.function != "until_anniversary":
            return self._local(f"{instants}.instant({value})"), until
        start, end = self.code.name("v"), self.code.name("u")
        self.code.line(f"{start}, {end} = {instants}.anniversary({value}, now)")
        return start, self._least(end, until)

    def _session(self, value: str) -> tuple[str, str]:
        """A value of the visit (what stands after its name), and until when the visit goes on.

        None and FOREVER where there is no visit, or it is over.
        """
        session = self._local("p.session", "e")
        value_name, until = self.code.name("v"), self.code.name("u")
        self.code.line(f"{value_name} = None; {until} = {FOREVER}")
        with self.code.block(f"if {session} is not None"):
            over = self._local(f"{session}[{sessions.LAST}] + {self.session_gap_ms}", "o")
            self.code.line(
                f"if now < {over}: {value_name} = {session}{value.format(session=session)}; {until} = {over}"
            )
        return value_name, until

    def _moving_score(self, score: Score) -> tuple[str, Until]:
        state, fixed, until = self._decaying(score)
        return self._decayed(score, state, fixed), until

    def _decaying(self, score: Score, margin: Margin | None = None) -> tuple[str, str, Until]:
        """The state of what decays, the points that do not, and until when those stay.

        `margin` where only a comparison is asked, and there is one around its number.
        """
        fixed, until = self._steps_of(score)
        return self._remember(self.decay(score), margin), fixed, until

    def _decayed(self, score: Score, state: str, fixed: str) -> str:
        kind = self.code.bind("k", self.decay(score).kind)
        return f"{self._helper(operators.rounded_score)}({kind}.value({state}, n) + {fixed})"

    def decay(self, score: Score) -> Remembered:
        """The aggregate of a score with a half-life."""
        assert score.half_life_ms is not None
        entries = tuple(
            AggregateInput(entry.pattern, entry.add) for entry in score.points if isinstance(entry, PointsOn)
        )
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
            case syntax.Number() | syntax.Text() | syntax.Boolean() | syntax.Duration():
                return self.code.constant(literal_value(node)), None
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
            case syntax.Comparison() | syntax.Known() | syntax.Not() | syntax.And() | syntax.Or():
                return self.truth(node)
            case syntax.Aggregate(function=name) if (reading := AGGREGATES[name].reading) in ("exists", "never"):
                remembered = self.registry.of(node)
                last, until = self._latest(remembered)
                return self._local(f"{last} is {'not ' if reading == 'exists' else ''}None"), until
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
            case syntax.UserField(name="id"):
                return self._user(), None
            case syntax.Bucket(salt=salt):
                return self._local(f"{self._helper(bucket)}({self.code.constant(salt)}, {self._user()})"), None
            case syntax.SegmentSize(segment=segment):
                return self.published(population_name(node), PopulationValue(segment=segment)), None
            case syntax.Lower(of=of):
                value, until = self.value(of)
                lower = self.code.bind("f", operators.lowered_and_counted)
                return self._local(f"{lower}({value}, COUNTED)"), until
            case syntax.UserField(name=name):
                self._watch("user")
                field = {"first_seen": "first_seen_ms", "last_seen": "highest_ms", "identified": "identified"}[name]
                return self._local(f"p.{field}"), None
            case syntax.Trait(path=path):
                return self._leaf(("traits", *path))
            case syntax.ContextValue(path=path):
                return self._leaf(path)
            case syntax.FirstValue(of=of):
                self.firsts.add(of.path)
                leaf = self._local(f"p.leaves.get({first_id(of.path)})", "l")
                return self._local(f"None if {leaf} is None else {leaf}[1]"), None
            case syntax.Membership(segment=segment):
                member = self._member(segment)
                return self._local(f"{member} is not None and {member}[0] == 1"), None
            case syntax.StaticList(name=name):
                self.features.update((LISTS, LIST + name))
                listed = self._local(f"p.leaves.get({list_id(name)})", "l")
                return self._local(f"{listed} is not None and {listed}[1]"), None
            case syntax.Consent(purpose=purpose):
                return self._consent(self.purposes[purpose])
            case syntax.SegmentMark():
                return self._mark(node)
            case syntax.ScoreValue(score=score):
                total, until = self._steps_of(self.scores[score])
                return self._local(f"{self._helper(operators.rounded_score)}({total})"), until
            case _:
                raise AssertionError(node)

    def published(self, name: str, what: PopulationValue) -> str:
        """A number of all users, as last published; None before the first time."""
        self.population[name] = what
        self.features.add(POPULATION + name)
        self.code.namespace.values.setdefault(PUBLISHED, {})
        return self._local(f"{PUBLISHED}.get({name!r})")

    def _member(self, segment: str, *, exits: bool = False) -> str:
        """The membership in another segment; `exits`: when the user last left it is asked for, so it is remembered."""
        self.segments.add(segment)
        if exits:
            self.registry.exits.add(segment)
        return self._local(f"p.members.get({self.registry.segment_id(segment)})", "m")

    def _mark(self, node: syntax.SegmentMark) -> tuple[str, Until]:
        """If and when a segment was entered or left, or how many times it was entered."""
        member = self._member(node.segment, exits=node.function == "left")
        if node.function == "times":
            return self._local(f"0 if {member} is None else {member}[{TIMES}]"), None
        since = (
            f"{member}[{OUT_AT}]" if node.function == "left" else f"{member}[{SINCE}] if {member}[{TIMES}] else None"
        )
        at = self._local(f"None if {member} is None else {since}")
        if node.within_ms is None:
            return self._local(f"{at} is not None", "b"), None
        truth, until = self.code.name("b"), self.code.name("u")
        self.code.line(f"{truth} = False; {until} = {FOREVER}")
        with self.code.block(f"if {at} is not None and {at} + {node.within_ms} > now"):
            self.code.line(f"{truth} = True; {until} = {at} + {node.within_ms}")
        return truth, until

    def _user(self) -> str:
        """The id of the user: of the settlement, or handed to what explains a change."""
        self.features.add("id")
        return "user" if self.touched_by == "none" else "x.user"

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
        if remembered.within_ms is None and not AGGREGATES[remembered.function].ends_at_midnight:
            return value, None
        return value, self._local(f"{kind}.until({state}, now)", "u")

    def _session_field(self, name: str) -> tuple[str, Until]:
        if name in ("number", "source", "landing_page"):
            self._watch_visit()
        else:
            self._watch("session")
        if name == "number":
            session = self._local("p.session", "e")
            return self._local(f"0 if {session} is None else {session}[{sessions.NUMBER}]"), None
        return self._session(visit_value(name))

    def growing(self, node: syntax.SessionField, least: int) -> tuple[str, Until]:
        """True if the value is at least so much; once it is, it stays so until the visit is over."""
        value, until = self._session(visit_value(node.name))
        truth = self._local(f"{value} is not None and {value} >= {least}", "b")
        self.code.line(f"if not {truth}: {until} = {FOREVER}")
        self._watch_growth(truth, node.name, least)
        return truth, until

    def _leaf(self, path: tuple[str, ...]) -> tuple[str, Until]:
        self.leaves.add(path)
        leaf = self._local(f"p.leaves.get({leaf_id(path)})", "l")
        return self._local(f"None if {leaf} is None else {leaf}[1]"), None

    def _consent(self, purpose: Purpose) -> tuple[str, Until]:
        self.leaves.add(purpose.path)
        leaf = self._local(f"p.leaves.get({leaf_id(purpose.path)})", "l")
        granted = f"{leaf} is not None and {leaf}[1] is True"
        if purpose.granted:
            granted = f"{leaf} is None or {leaf}[1] is None or {leaf}[1] is True"
        return self._local(granted, "b"), None

    @abstractmethod
    def truth(self, node: Expression) -> tuple[str, Until]:
        """A name of the truth at `now`, and until when it stays."""


def counts_down(node: Expression) -> bool:
    """True if a moving duration becomes less as time passes."""
    return isinstance(node, syntax.Distance) and node.function != "since"


def literal_value(node: Expression) -> Any:
    """The value of a literal."""
    match node:
        case syntax.Number(value=value) | syntax.Text(value=value) | syntax.Boolean(value=value):
            return value
        case syntax.Duration(ms=ms):
            return ms
        case _:
            raise AssertionError(node)
