"""One Python function for each event name that definitions ask for: it updates the aggregates that the event touches.

`handle(p, ev, q, t, now, x)` takes the profile, the message, its decoded properties, event time, the instant of the
evaluation and the settlement; it returns the segments to settle, as a mask.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from app.events.message import Message, Tree, is_field_name, said, without_endless_numbers
from app.segments.compiler.aggregates import Registry, Remembered, is_sequence
from app.segments.compiler.code_writer import CodeWriter
from app.segments.compiler.filters import Filters
from app.segments.definitions.cart_policy import CartPolicy, CartUpdate
from app.segments.evaluation.carts import CartEvents
from app.segments.evaluation.items import items_at
from app.segments.evaluation.matched_aggregate import EventMatch
from app.segments.evaluation.operators import scalar_or_list
from app.segments.evaluation.score_margin import Margin
from app.segments.language import syntax
from app.segments.language.functions import AGGREGATES
from app.segments.language.syntax import EventName, Expression, Path, Pattern, Sequence
from tables import cart, cart_lines
from tables.counted import Counted
from tables.cut_texts import TEXT_BYTES_KEY_MAX, TEXT_BYTES_MATCHED_MAX
from tables.profile import INSIDE, Profile
from tables.sequences import EVERY
from tables.tallies import Decay, Tally
from tables.tally_in_hand import TallyInHand
from tables.values import at_path, keys_of, keys_to_match, numbers_of, remembered
from tables.windows import FOREVER, Latest, LatestN, Running

EventKey = tuple[str, str | None]
LATEST_INLINE_MAX = 64


@dataclass(frozen=True, slots=True)
class Handler:
    """`properties` decodes what `handle` reads of an event's properties (of an identify's traits); None: nothing.

    reads: the names of what it reads there."""

    handle: Callable[[Profile, Message, Any, int, int, Any], int]
    properties: Callable[[Any], Any] | None
    nothing: Any
    reads: tuple[str, ...]


def read_slowly(handler: Handler, raw: Raw) -> Any:
    """The properties asked for, after decoding failed: without the numbers that cannot be held, in case it was they.

    As if there were none if they are no object.
    """
    assert handler.properties is not None
    try:
        return handler.properties(without_endless_numbers(bytes(raw)))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return handler.nothing


def keys_of_pattern(pattern: Pattern | None) -> set[EventKey]:
    """The event names that a pattern looks at, with those of its sequence."""
    if pattern is None:
        return set()
    if isinstance(pattern.source, Sequence):
        return {key for part in pattern.source.parts for key in keys_of_pattern(part)}
    return {(name.kind, name.name) for name in pattern.source}


def looks_at(pattern: Pattern | None, key: EventKey) -> bool:
    """True if a plain pattern names this event."""
    if pattern is None or isinstance(pattern.source, Sequence):
        return False
    return any((name.kind, name.name) == key for name in pattern.source)


class HandlerWriter:
    """Writes the handler of one event name."""

    def __init__(self, code: CodeWriter, key: EventKey, context: Tree, registry: Registry) -> None:
        self.registry = registry
        self.counted_exactly = registry.counted_exactly
        self.code = code
        self.key = key
        self.context = context
        self.fields: list[str] = []
        self._loaded: dict[tuple[str, Path], str] = {}

    def property_field(self, name: str) -> str:
        """The attribute of `q` that holds a property."""
        if name not in self.fields:
            self.fields.append(name)
        return f"q.f{self.fields.index(name)}"

    def load(self, root: str, path: Path) -> str:
        """A local name for the value at a path; loaded once, at the beginning of the handler."""
        known = self._loaded.get((root, path))
        if known is None:
            known = self._loaded[root, path] = f"v{len(self._loaded)}"
        return known

    def write_loads(self) -> list[str]:
        """The lines that load what was asked for; they stand before everything else."""
        lines = []
        for (root, path), name in self._loaded.items():
            if root == "context":
                reader = self.code.bind("r", self.context.reader(path))
                lines.append(f"{name} = {reader}(ev.context)")
                lines.append(f"if {name} is UNSET: {name} = None")
                continue
            field = self.property_field(path[0])
            if root == "items":
                lines.append(f"{name} = {self.code.bind('f', items_at)}({field}, {self.code.constant(path[1:])})")
            elif len(path) > 1:
                lines.append(f"{name} = {self.code.bind('f', at_path)}({field}, {self.code.constant(path[1:])})")
            else:
                lines.append(f"{name} = {field}")
                lines.append(
                    f"if {name}.__class__ in CONTAINERS: {name} = {self.code.bind('f', scalar_or_list)}({name})"
                )
                if self.key[0] == "identify":
                    lines.append(f"if {name} is UNSET: {name} = None")
                if self.key[0] in ("page", "screen") and path == ("name",):
                    lines.append(f"if {name} is None and ev.name.__class__ is str: {name} = ev.name")
        return lines

    def matches(self, where: Expression | None, time: str = "t") -> str:
        """A Python expression for a filter; `True` without one. `time`: one for the instant of the event."""
        if where is None:
            return "True"
        return self._filters(time).text(where)

    def _filters(self, time: str = "t") -> Filters:
        return Filters(self.code, self.load, self.registry.zone, self.registry.zones, time)

    # ---- aggregates

    def aggregate(
        self,
        remembered_: Remembered,
        mask: int,
        inside: Iterable[tuple[int, int]],
        margins: tuple[int, set[Margin]] | None = None,
    ) -> None:
        """Writes the update of one aggregate by this event.

        `mask` are the segments that read it; `inside` those that read it only for who is in them: (id, mask);
        `margins`: those that only compare the score that it is, and what they need not look at.
        """
        if remembered_.matched is not None:
            self._staged(remembered_, mask)
        else:
            for source in remembered_.sources:
                if looks_at(source.pattern, self.key):
                    with self.code.when(_is_counted(remembered_)), self.code.when(self.matches(source.pattern.where)):
                        self._plain(remembered_, source.points, mask)
                        if margins is not None:
                            assert source.points is not None
                            self._compared(source.points, *margins)
        for segment, bit in inside:
            self.code.line(f"r = p.members.get({segment})")
            self.code.line(f"if r is not None and r[{INSIDE}]: m |= {bit}")

    def _plain(self, what: Remembered, points: int | float | None, mask: int) -> None:
        code = self.code
        kind = code.bind("k", what.kind)
        own = what.id
        if isinstance(what.kind, Latest):
            self._latest(what, mask)
        elif isinstance(what.kind, Decay):
            code.line(f"r = A[{own}] = {kind}.add(A.get({own}), t, {points!r}, now)")
            if mask:
                code.line(f"m |= {mask}")
        elif isinstance(what.kind, Running):
            code.line(f"A[{own}] = A.get({own}, 0) + 1; m |= {mask}")
        elif isinstance(what.kind, LatestN) and what.kind.instants_max <= LATEST_INLINE_MAX:
            self._latest_n(what, what.kind.instants_max, kind, mask)
        elif isinstance(what.kind, Tally) and what.kind.instants_max is not None and own not in self.counted_exactly:
            code.line(f"i = {self.item(what, points)}")
            code.line(f"r = {kind}.add(A.get({own}), t, i, now)")
            with code.block("if r is not None"):
                code.line(f"A[{own}] = r")
                enough = f"r.__class__ is {code.bind('f', TallyInHand)} or len(r[1]) >= {what.kind.decisive}"
                code.line(f"if ({enough}) and {kind}.decides(r, t, i): m |= {mask}")
        else:
            code.line(f"r = {kind}.add(A.get({own}), t, {self.item(what, points)}, now)")
            settles = f"; m |= {mask}" if mask else ""
            code.line(f"if r is not None: A[{own}] = r{settles}")

    def _compared(self, points: int | float, mask: int, margins: set[Margin]) -> None:
        """After a score has got points: who compares it is settled if that may say something else."""
        tests = [margin.touched("r", points) for margin in sorted(margins)]
        known = [f"({test})" for test in tests if test is not None]
        self.code.line(f"if {' or '.join(known)}: m |= {mask}" if len(known) == len(tests) else f"m |= {mask}")

    def _latest(self, what: Remembered, mask: int) -> None:
        """True if an event can change the existence of one: only if there was none; `since` always changes."""
        code = self.code
        inside = f" and t > now - {what.within_ms}" if what.within_ms is not None else ""
        code.line(f"r = A.get({what.id})")
        with code.block(f"if (r is None or t > r){inside}"):
            code.line(f"A[{what.id}] = t")
            if AGGREGATES[what.function].reading == "since":
                code.line(f"m |= {mask}")
            else:
                gone = f" or r <= now - {what.within_ms}" if what.within_ms is not None else ""
                if mask:
                    code.line(f"if r is None{gone}: m |= {mask}")

    def _latest_n(self, what: Remembered, instants_max: int, kind: str, mask: int) -> None:
        """A threshold is met or missed by whether all places are taken; only a change of that is looked at."""
        code = self.code
        exact = what.id in self.counted_exactly
        with code.block(f"if t > now - {what.within_ms}"):
            code.line(f"r = A.get({what.id})")
            with code.block("if r is None"):
                code.line(f"A[{what.id}] = [t]")
                if exact or instants_max == 1:
                    code.line(f"m |= {mask}")
            with code.block("elif t >= r[-1]"):
                code.line("n = len(r)")
                code.line("r.append(t)")
                if exact:
                    code.line(f"m |= {mask}")
                    code.line(f"if n >= {instants_max}: del r[0]")
                else:
                    with code.block(f"if n >= {instants_max}"):
                        code.line(f"if r[0] <= now - {what.within_ms}: m |= {mask}")
                        code.line("del r[0]")
                    code.line(f"elif n == {instants_max - 1}: m |= {mask}")
            with code.block("else"):
                code.line(f"{kind}.add(r, t, None, now)")
                code.line(f"m |= {mask}")

    def item(self, what: Remembered, points: int | float | None) -> str:
        """Returns the item that the event gives to the aggregate."""
        match what.item:
            case "nothing":
                return "None"
            case "points":
                return repr(points)
            case kind:
                assert what.path is not None
                if isinstance(what.path, syntax.Arithmetic):
                    return self._filters().numbers(what.path)
                loaded = self.load("properties", what.path)
                if kind == "keys":
                    return self._keys(loaded, keys_of, TEXT_BYTES_KEY_MAX)
                function = {"numbers": numbers_of, "value": remembered}[kind]
                return f"{self.code.bind('f', function)}({loaded}, COUNTED)"

    def _matched_keys(self, path: Path) -> str:
        """The keys of a property that are only compared."""
        return self._keys(self.load("properties", path), keys_to_match, TEXT_BYTES_MATCHED_MAX)

    def _keys(self, loaded: str, keys: Callable[[Any, Counted], list[str]], bytes_max: int) -> str:
        """The keys of a value; a short text is its own, which most are."""
        function = self.code.bind("f", keys)
        short = f"{loaded}.__class__ is str and len({loaded}) <= {bytes_max} and {loaded}.isascii()"
        short += f" and {loaded}[:1] != '\\x00'"
        return f"[{loaded}] if {short} else {function}({loaded}, COUNTED)"

    def _staged(self, what: Remembered, mask: int) -> None:
        code = self.code
        matched = code.bind("g", what.matched)
        is_last = "False"
        if what.since_last is not None and self.key in keys_of_pattern(what.since_last):
            is_last = "last"
            code.line("last = False")
            if is_sequence(what.since_last):
                match, is_any = self._event_match(what.since_last)
                passes = self.matches(what.since_last.where, _instant_of(what.since_last))
                with code.when(is_any):
                    last = f"{matched}.last(p, t, now, {match}, is_passed={passes})"
                    code.line(f"if {last}: last = True; m |= {mask}")
            else:
                with code.when(self.matches(what.since_last.where)):
                    code.line(f"last = {matched}.last(p, t, now, None); m |= {mask}")
        for number, source in enumerate(what.sources):
            if self.key not in keys_of_pattern(source.pattern):
                continue
            with code.when(self._can_do(what, source.pattern)):
                payload = self._payload(what, source.pattern, source.points)
                matches = self.matches(source.pattern.where, _instant_of(source.pattern))
                if is_sequence(source.pattern):
                    match, is_any = self._event_match(source.pattern)
                    if matches != "True":
                        payload = f"{payload} if {matches} else None"
                else:
                    match, is_any = "None", matches
                with code.when(is_any):
                    feed = f"{matched}.feed(p, {number}, t, now, {match}, {payload}, is_last={is_last})"
                    code.line(f"if {feed}: m |= {mask}")

    def _can_do(self, what: Remembered, pattern: Pattern) -> str:
        """True if an event can do anything to an aggregate: not if it only goes on with what has not begun.

        Asked where nothing that is counted of odd values is lost by that.
        """
        sequence = pattern.source
        if not isinstance(sequence, Sequence) or looks_at(sequence.steps[0], self.key):
            return "True"
        read = what.item != "nothing" or pattern.once_per is not None or sequence.matching is not None
        remembered = (sequence.absent, *(each for no in sequence.between for each in no))
        return "True" if read or any(looks_at(each, self.key) for each in remembered) else f"{what.id} in A"

    def _payload(self, what: Remembered, pattern: Pattern, points: int | float | None) -> str:
        once = "None"
        if pattern.once_per is not None:
            once = self._matched_keys(pattern.once_per)
        return f"(({self.item(what, points)}), ({once}))"

    def _event_match(self, pattern: Pattern) -> tuple[str, str]:
        """Returns Python expressions for the match of the event with a sequence, and for whether there is one."""
        sequence = pattern.source
        assert isinstance(sequence, Sequence)
        code = self.code
        steps = [(n, self.matches(step.where)) for n, step in enumerate(sequence.steps) if looks_at(step, self.key)]
        absent = "False"
        if sequence.absent is not None and looks_at(sequence.absent, self.key):
            absent = self.matches(sequence.absent.where)
        between = [
            (n, " or ".join(f"({self.matches(each.where)})" for each in no if looks_at(each, self.key)))
            for n, no in enumerate(sequence.between)
        ]
        between = [(n, matches) for n, matches in between if matches]
        is_always = {absent, *(matches for _, matches in steps)} <= {"True", "False"}
        is_always = is_always and all(matches == "(True)" for _, matches in between)
        if sequence.matching is None and is_always:
            places = tuple(n for n, _ in between)
            always = EventMatch([n for n, _ in steps], EVERY, absent == "True", EVERY, places)
            return code.bind("c", always), "True"
        code.line("steps = []")
        for number, matches in steps:
            code.line(f"if {matches}: steps.append({number})")
        code.line(f"absent = {absent}")
        code.line("between = []" if between else "between = ()")
        for number, matches in between:
            code.line(f"if {matches}: between.append({number})")
        keys, absent_keys = code.bind("c", EVERY), code.bind("c", EVERY)
        if sequence.matching is not None:
            code.line(f"keys = {self._matched_keys(sequence.matching)}")
            keys, absent_keys = "keys", "keys or None"
        match = code.bind("f", EventMatch)
        made = f"{match}(steps, {keys}, absent, {absent_keys}, between)"
        code.line(f"match = {made} if steps or absent or between else None")
        return "match", "match is not None"

    # ---- the cart

    def cart(self, mask: int, update: CartUpdate, policy: CartPolicy, *, lateness_ms: int, is_seen: bool) -> None:
        """Writes the update of the cart by this event. `is_seen`: `c` remembers it from before."""
        code = self.code
        if is_seen:
            code.line(f"c = {code.bind('f', cart_lines.seen)}(p.cart)")
        if update == "empty":
            code.line(f"p.cart = {code.bind('f', cart.empty)}(p.cart, t)")
        else:
            products = self.property_field(policy.products)
            own = ", ".join(map(self.property_field, policy.line_names))
            changed = code.bind("f", CartEvents(policy).update(update))
            code.line(f"p.cart = {changed}(p.cart, t, {products}, ({own}), COUNTED, now - {lateness_ms})")
        if mask:
            code.line(f"m |= {mask}")

    # ---- traits from an identify

    def traits(self, leaves: dict[Path, tuple[int, int]]) -> None:
        """`leaves`: path below `traits` -> (leaf id, segments that read it)."""
        for path, (leaf, mask) in leaves.items():
            value = f"{self.code.bind('f', said)}({self.property_field(path[0])}, {self.code.constant(path[1:])})"
            self.code.line(f"if LEARN(p.leaves, {leaf}, t, {value}, COUNTED): m |= {mask}")

    def properties_decoder(self) -> tuple[Callable[[Any], Any] | None, Any]:
        """Returns a decoder of the properties asked for, and its result for none; None twice if none are asked for."""
        if not self.fields:
            return None, None
        default = UNSET if self.key[0] == "identify" else None
        fields = [(f"f{number}", Any, default) for number in range(len(self.fields))]
        if all(map(is_field_name, self.fields)):
            rename = {f"f{number}": name for number, name in enumerate(self.fields)}
            shape: Any = msgspec.defstruct("Properties", fields, rename=rename, gc=False)
            return msgspec.json.Decoder(shape).decode, shape()
        shape = msgspec.defstruct("Properties", fields, gc=False)
        names = tuple(self.fields)
        decode = msgspec.json.Decoder(dict[str, Any]).decode

        def decode_plain(raw: Any) -> Any:
            plain = decode(raw)
            return shape(*[plain.get(name, default) for name in names])

        return decode_plain, shape()


def _is_counted(what: Remembered) -> str:
    """A Python expression for whether the instant of an event lies in the span that counts."""
    if what.counts_ms is None:
        return "True"
    start, end = what.counts_ms
    return f"{start} <= t" if end == FOREVER else f"{start} <= t < {end}"


def _instant_of(pattern: Pattern) -> str:
    """A Python expression for the instant of what a pattern finds: a sequence occurs when its `no R` is over."""
    source = pattern.source
    return f"t + {source.absent_ms}" if isinstance(source, Sequence) and source.absent_ms is not None else "t"


def events_of(names: Iterable[EventName]) -> set[EventKey]:
    """Keys of event names."""
    return {(name.kind, name.name) for name in names}


def learn(leaves: dict[int, list[Any]], leaf: int, t: int, value: Any, counted: Counted) -> bool:
    """Remembers the latest value of a leaf, by (t, arrival). Whether the value is another one now."""
    if value is UNSET:
        return False
    entry = leaves.get(leaf)
    if entry is not None and entry[0] > t:
        return False
    if value is not None:
        value = remembered(value, counted)
    if entry is None:
        leaves[leaf] = [t, value]
        return value is not None
    entry[0] = t
    if entry[1] == value and entry[1].__class__ is value.__class__:
        return False
    entry[1] = value
    return True


def learn_first(leaves: dict[int, list[Any]], leaf: int, t: int, value: Any, counted: Counted) -> bool:
    """Remembers the first value of a leaf, by (t, arrival); null is none. Whether the value is another one now."""
    entry = leaves.get(leaf)
    if value is UNSET or value is None or (entry is not None and entry[0] <= t):
        return False
    value = remembered(value, counted)
    leaves[leaf] = [t, value]
    return entry is None or entry[1] != value or entry[1].__class__ is not value.__class__


__all__ = ["Handler", "HandlerWriter", "keys_of_pattern", "learn", "learn_first", "syntax"]
