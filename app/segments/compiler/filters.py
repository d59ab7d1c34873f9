"""`where` becomes a Python expression over an event's properties, context and time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.segments.compiler.code_writer import CodeWriter
from app.segments.compiler.fixed_instants import with_instants
from app.segments.evaluation import items, operators, versions
from app.segments.evaluation.clock import READINGS, Zones, zone_named
from app.segments.evaluation.places import Area
from app.segments.language import syntax
from app.segments.language.syntax import Expression, Path
from app.segments.language.version_checks import has_version
from tables.values import at_path, numbers_of

LoadValue = Callable[[str, Path], str]
"""(`properties`, `context` or `items`, path) -> the local name of the value, None where missing."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Writes filters. `zone`: that of the catalog; `time`: a Python expression for the instant of the event.

    `depth`: number of lists whose items are under test; the innermost one is the local name `i<depth>`.
    """

    code: CodeWriter
    load: LoadValue
    zone: str
    zones: Zones
    time: str = "t"
    depth: int = 0

    def text(self, node: Expression) -> str:
        """A Python expression that is true exactly if the filter is."""
        match node:
            case syntax.And(operands=operands):
                return "(" + " and ".join(map(self.text, operands)) + ")"
            case syntax.Or(operands=operands):
                return "(" + " or ".join(map(self.text, operands)) + ")"
            case syntax.Not(operand=operand):
                return f"(not {self.text(operand)})"
            case syntax.Known(operand=operand):
                return f"({self._value(operand)} is not None)"
            case syntax.AnyItem(of=of, condition=condition):
                inner = replace(self, depth=self.depth + 1)
                holds = f"lambda i{inner.depth}: {inner.text(condition)}"
                return f"{self.code.bind('f', items.any_item)}({self._items(of)}, {holds})"
            case syntax.Near():
                area = self.code.bind("k", Area(node.latitude, node.longitude, node.km))
                return f"{area}.has({', '.join(map(self._value, node.coordinates))})"
            case syntax.Comparison():
                return self._comparison(with_instants(node, self.zone))
            case syntax.Boolean(value=value):
                return repr(value)
            case _:
                return f"{self.code.bind('f', operators.equal)}({self._value(node)}, True)"

    def _comparison(self, node: syntax.Comparison) -> str:
        left = self._value(node.left)
        operator, right = node.operator, node.right
        is_name = isinstance(node.left, syntax.Property | syntax.EventContext)
        if operator == "matches":
            assert isinstance(right, syntax.Text)
            return f"{self.code.constant(operators.matcher(right.value))}({left})"
        if has_version(node):
            compare = self.code.bind("f", versions.COMPARE[operator])
            return f"{compare}({left}, {self._value(right)})"
        compare = f"{self.code.bind('f', operators.COMPARE[operator])}({left}, {self._value(right)})"
        if is_name and isinstance(right, syntax.Text) and operator == "=" and operators.is_plain_text(right.value):
            return f"({left} == {right.value!r} or ({left}.__class__ is list and {compare}))"
        if is_name and isinstance(right, syntax.Number) and operator in ("<", "<=", ">", ">="):
            simple = f"{left} {operator} {right.value!r}"
            return (
                f"({simple} if {left}.__class__ is float or {left}.__class__ is int"
                f" else ({left}.__class__ is str or {left}.__class__ is list) and {compare})"
            )
        return compare

    def _value(self, node: Expression) -> str:
        match node:
            case syntax.Property(path=path):
                return self.load("properties", path)
            case syntax.EventContext(path=path):
                return self.load("context", path)
            case syntax.ItemProperty(path=path):
                return f"{self.code.bind('f', at_path)}(i{self.depth}, {self.code.constant(path)})"
            case syntax.ItemCount(of=of):
                return f"{self.code.bind('f', items.count)}({self._items(of)})"
            case syntax.EventTime():
                return self.time
            case syntax.Clock(reading=reading, zone=zone):
                return f"{self.code.bind('f', READINGS[reading])}({self._zone(zone)}, {self.time})"
            case syntax.Lower(of=of):
                return f"{self.code.bind('f', operators.lowered)}({self._value(of)})"
            case syntax.Version(of=of):
                return f"{self.code.bind('f', versions.as_version)}({self._value(of)})"
            case syntax.Arithmetic(operator=operator, left=left, right=right):
                helper = self.code.bind("f", operators.ARITHMETIC[operator])
                return f"{helper}({self._value(left)}, {self._value(right)})"
            case syntax.Number(value=value) | syntax.Text(value=value) | syntax.Boolean(value=value):
                return self.code.constant(value)
            case syntax.Duration(ms=ms):
                return repr(ms)
            case syntax.ListOf(items=literals):
                return self.code.constant([_literal(item) for item in literals])
            case _:
                return self.text(node)

    def numbers(self, node: syntax.Arithmetic) -> str:
        """A Python expression for the numbers that arithmetic gives: one for each item of the list it is about."""
        listed, inner = items.by_item(node)
        if not listed:
            return f"{self.code.bind('f', numbers_of)}({self._value(node)}, COUNTED)"
        writer = replace(self, depth=self.depth + 1)
        calculate = f"lambda i{writer.depth}: {writer._value(inner)}"
        return f"{self.code.bind('f', items.numbers)}({self.load('items', listed)}, {calculate}, COUNTED)"

    def _items(self, of: syntax.Property | syntax.ItemProperty) -> str:
        """A Python expression for the items of a list."""
        if isinstance(of, syntax.Property):
            return self.load("items", of.path)
        return f"{self.code.bind('f', items.items_at)}(i{self.depth}, {self.code.constant(of.path)})"

    def _zone(self, node: Expression | None) -> str:
        """A Python expression for the zone of a clock."""
        if node is None or isinstance(node, syntax.Text):
            return self.code.constant(zone_named(self.zone if node is None else node.value))
        return f"{self.code.bind('k', self.zones)}.named({self._value(node)})"


def _literal(node: Any) -> Any:
    return node.ms if isinstance(node, syntax.Duration) else node.value
