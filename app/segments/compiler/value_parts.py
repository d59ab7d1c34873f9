"""Code for a segment by value: its aggregates belong to the parts of its values, not to the user.

An event name that its patterns ask for gets a function of its own, which updates the aggregates of one part. The
handler of the event name gets a line that calls `ByValue.feed` with it, where the event matches a pattern and has a
value.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from app.segments.compiler.aggregates import Registry, Remembered
from app.segments.compiler.code_writer import CodeWriter
from app.segments.compiler.event_code import EventKey, HandlerWriter, keys_of_pattern, looks_at
from app.segments.definitions.cart_policy import CartPolicy, CartUpdate
from app.segments.definitions.each import Each
from app.segments.evaluation.by_value import ByValue, Lines
from app.segments.language.functions import AGGREGATES
from app.segments.language.syntax import Pattern, Sequence


@dataclass(frozen=True, slots=True, eq=False)
class PartsWriter:
    """Writes what events do to the parts of one segment. `settling`: ids of the aggregates whose change settles a part;
    `inside`: of those that only matter to who is in."""

    each: Each
    registry: Registry
    by_value: ByValue
    settling: frozenset[int]
    inside: frozenset[int]

    def events(self) -> set[EventKey]:
        """The event names that it asks for."""
        found = keys_of_pattern(self.each.of)
        for what in self.registry.by_id.values():
            for pattern in patterns_of(what):
                found |= keys_of_pattern(pattern)
        return found

    def write_cart(self, handler: HandlerWriter) -> None:
        """Writes into a handler what follows an event of the cart, which `c` remembers from before."""
        known = "True" if self.each.of is None else self._matches(handler, [self.each.of])
        take = handler.code.bind("f", self.by_value.take_cart)
        handler.code.line(f"m |= {take}(p, c, now, x, makes_known={known})")

    def write(self, code: CodeWriter, body: CodeWriter, handler: HandlerWriter, name: str, *, is_of_cart: bool) -> None:
        """Writes the function `name` into `code`, and the call of it into `body`, which is part of `handler`.
        `is_of_cart`: the event is one of the cart, and has changed it before."""
        key = handler.key
        updates = CodeWriter(code.namespace)
        writer = HandlerWriter(updates, key, handler.context, self.registry)
        writer.fields = handler.fields
        for what in self.registry.by_id.values():
            if any(key in keys_of_pattern(pattern) for pattern in patterns_of(what)):
                inside = [(self.by_value.segment, 1)] if what.id in self.inside else []
                writer.aggregate(what, 1 if what.id in self.settling else 0, inside)
        with code.block(f"def {name}(p, ev, q, t, now, x)"):
            code.line("A = p.aggregates")
            code.line("m = 0")
            for line in writer.write_loads():
                code.line(line)
            code.include(updates)
            code.line("return m")
        plain = [
            each for what in self.registry.by_id.values() for pattern in patterns_of(what) for each in plain_of(pattern)
        ]
        matches = self._matches(handler, plain)
        makes_known = matches if self.each.of is None else self._matches(handler, [self.each.of])
        asked = matches if self.each.of is None else f"({matches}) or ({makes_known})"
        value = handler.load("properties", self.each.path)
        feed = code.bind("f", self.by_value.feed)
        known = "True" if self.each.of is None else makes_known
        more = ", has_changed_cart=True" if is_of_cart and self.by_value.lines is not None else ""
        call = f"{feed}(p, ev, q, {value}, t, now, x, {name}, makes_known={known}{more})"
        body.line(f"if {value} is not None and ({asked}): m |= {call}")

    @staticmethod
    def _matches(handler: HandlerWriter, patterns: list[Pattern]) -> str:
        """A Python expression that is true if the event matches one of these plain patterns."""
        tests = [handler.matches(each.where) for each in patterns if looks_at(each, handler.key)]
        if "True" in tests:
            return "True"
        return " or ".join(f"({test})" for test in dict.fromkeys(tests)) or "False"


def lines_asked(features: Collection[str], each: Each) -> Lines | None:
    """The lines of the cart that a definition asks for; None if it asks for none."""
    return Lines(make_known=each.of is None) if "cart" in features else None


def write_cart(
    parts: Iterable[PartsWriter],
    handler: HandlerWriter,
    mask: int,
    update: CartUpdate,
    policy: CartPolicy,
    *,
    lateness_ms: int,
) -> None:
    """Writes the update of the cart into a handler. `mask`: the segments that ask for the cart or for its lines; of
    those by value only the parts of the products that the event has changed are settled."""
    by_line = [each for each in parts if each.by_value.lines is not None]
    whole = mask & ~sum(1 << each.by_value.number for each in by_line)
    handler.cart(whole, update, policy, lateness_ms=lateness_ms, is_seen=bool(by_line))
    for each in by_line:
        each.write_cart(handler)


def patterns_of(what: Remembered) -> Iterator[Pattern]:
    """The patterns that an aggregate looks at."""
    yield from (source.pattern for source in what.sources)
    if what.since_last is not None:
        yield what.since_last


def plain_of(pattern: Pattern) -> Iterator[Pattern]:
    """A pattern of single events itself, or those of its sequence."""
    if isinstance(pattern.source, Sequence):
        yield from pattern.source.parts
    else:
        yield pattern


def lasting_ms(registry: Registry) -> int | None:
    """The time after the latest event of a value in which something of it can still show; None: without an end."""
    found = [_lasting_ms(what) for what in registry.by_id.values()]
    return None if None in found else max((each for each in found if each is not None), default=0)


def _lasting_ms(what: Remembered) -> int | None:
    if what.within_ms is None or AGGREGATES[what.function].unit is not None:
        return None
    lasting = what.within_ms
    for pattern in patterns_of(what):
        sequence = pattern.source
        if isinstance(sequence, Sequence):
            if sequence.within_ms is None and len(sequence.steps) > 1:
                return None
            lasting += (sequence.within_ms or 0) + (sequence.absent_ms or 0)
    return lasting
