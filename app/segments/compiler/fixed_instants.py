"""Fixed dates of a definition as instants: `user.first_seen < '2026-01-01'`, `timestamp >= '2026-11-27'`."""

from app.segments.language.syntax import Comparison, Expression, Number, Text
from app.segments.language.types import Type, type_of
from tables.dates import instant_in


def with_instants(node: Comparison, zone: str) -> Comparison:
    """A comparison whose text beside an instant is that instant, in milliseconds."""
    left, right = node.left, node.right
    if type_of(left) is Type.INSTANT and isinstance(right, Text):
        return Comparison(node.operator, left, _instant(right, zone), span=node.span)
    if type_of(right) is Type.INSTANT and isinstance(left, Text):
        return Comparison(node.operator, _instant(left, zone), right, span=node.span)
    return node


def _instant(node: Text, zone: str) -> Expression:
    instant_ms = instant_in(node.value, zone)
    assert instant_ms is not None
    return Number(instant_ms)
