"""Why a change happened, in words: which parts of the condition carried it, with their values then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.segments.compiler.evidence import LITERALS, shown_side
from app.segments.definitions.definition import Catalog, Segment
from app.segments.language import syntax
from app.segments.language.durations import DurationError, parse_duration
from app.segments.language.syntax import Expression

PARTS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Part:
    """One atom of a condition as a change tells it. `truth` None: cannot be told from the value alone."""

    expression: str
    value: Any
    truth: bool | None
    just_reached: bool


class Reasons:
    """Reasons for the changes of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._segments = {segment.name: segment for segment in catalog.segments}

    def of(self, change: Mapping[str, Any]) -> str:
        """A few words for a decoded change.

        Without its definition at hand: the parts of the evidence as they stand.
        """
        kind: str = change["cause"]["kind"]
        if kind == "forgotten":
            return "not seen for too long, forgotten"
        if kind == "catalog":
            return "its definition is new"
        segment = self._segments.get(change["segment"])
        evidence: Sequence[Mapping[str, Any]] = change["evidence"]
        found = _carrying(segment, change["change"], evidence) if segment is not None else None
        leaving = change["change"] == "exited"
        if found is None:
            return _join(f"{atom['expression']}{_value(atom['value'])}" for atom in evidence)
        if kind == "time":
            found = [part for part in found if part.just_reached] or found
        became = segment is not None and segment.when is not None and leaving
        return _join(_words(part, became=became) for part in found)


def _carrying(segment: Segment, change: str, evidence: Sequence[Mapping[str, Any]]) -> list[Part] | None:
    """The atoms that made the condition what it was; None if the values do not explain it."""
    leaving = change == "exited"
    condition = segment.when or (segment.exit if leaving else segment.enter)
    wanted = segment.when is None or not leaving
    assert condition is not None
    waiting = list(reversed(evidence))
    try:
        truth, parts = _explain(condition, waiting)
    except IndexError:  # more atoms than a change tells
        return None
    return parts if truth is wanted else None


def _explain(node: Expression, evidence: list[Mapping[str, Any]]) -> tuple[bool | None, list[Part]]:
    """The truth of a condition and the atoms that carry it; takes its atoms off the end of `evidence`."""
    match node:
        case syntax.Not(operand=operand):
            truth, parts = _explain(operand, evidence)
            return (None if truth is None else not truth), parts
        case syntax.And(operands=operands):
            return _combine([_explain(operand, evidence) for operand in operands], decides=False)
        case syntax.Or(operands=operands):
            return _combine([_explain(operand, evidence) for operand in operands], decides=True)
        case _:
            atom = evidence.pop()
            truth = _truth(node, atom["value"])
            return truth, [Part(atom["expression"], atom["value"], truth, _just_reached(node, atom["value"]))]


def _combine(operands: Sequence[tuple[bool | None, list[Part]]], *, decides: bool) -> tuple[bool | None, list[Part]]:
    """`decides` is the truth of which one operand is enough: False for `and`, True for `or`."""
    deciding = [part for truth, parts in operands if truth is decides for part in parts]
    if deciding:
        return decides, deciding
    parts = [part for _, parts in operands for part in parts]
    return (None if any(truth is None for truth, _ in operands) else not decides), parts


def _truth(node: Expression, value: Any) -> bool | None:
    """Whether an atom holds, as far as its shown value says."""
    if not isinstance(node, syntax.Comparison):
        return value if isinstance(value, bool) else None
    if value is None:
        return False
    turned = isinstance(node.left, LITERALS)
    literal = _literal(node.left if turned else node.right)
    if literal is None or shown_side(node) in (literal, None):
        return None
    plain = _comparable(value, literal)
    if plain is None:
        return None
    left, right = (literal, plain) if turned else (plain, literal)
    try:
        match node.operator:
            case "=":
                return bool(left == right)
            case "!=":
                return bool(left != right)
            case "<":
                return bool(left < right)
            case "<=":
                return bool(left <= right)
            case ">":
                return bool(left > right)
            case ">=":
                return bool(left >= right)
            case "in":
                return left in right
            case "contains":
                return right in left
            case "starts with":
                return bool(left.startswith(right))
            case _:
                return None
    except (TypeError, AttributeError):
        return None


def _just_reached(node: Expression, value: Any) -> bool:
    """Whether the value stands exactly at the bound of its comparison, as when time brings it there."""
    if not isinstance(node, syntax.Comparison) or node.operator not in {"<", "<=", ">", ">="} or value is None:
        return False
    literal = _literal(node.left if isinstance(node.left, LITERALS) else node.right)
    return literal is not None and _comparable(value, literal) == literal


def _literal(node: Expression) -> Any:
    match node:
        case syntax.Number(value=number):
            return number
        case syntax.Text(value=text):
            return text
        case syntax.Boolean(value=truth):
            return truth
        case syntax.Duration(ms=ms):
            return ms
        case syntax.ListOf(items=items):
            return [_literal(item) for item in items]
        case _:
            return None


def _comparable(value: Any, literal: Any) -> Any:
    """A shown value as what it was: `4+` is at least 4, `30m` against a duration is milliseconds."""
    if isinstance(value, str) and isinstance(literal, int) and not isinstance(literal, bool):
        if value.endswith("+") and value[:-1].isdigit():
            return int(value[:-1])
        try:
            return -parse_duration(value[1:]) if value.startswith("-") else parse_duration(value)
        except DurationError:
            return None
    return value


def _words(part: Part, *, became: bool) -> str:
    told = f"{part.expression}{_value(part.value)}"
    if part.truth is False:
        return f"no longer {told}" if became else f"not {told}"
    return told


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        return f" ({', '.join(map(str, value[:3]))})"
    return f" ({value})"


def _join(words: Iterable[str]) -> str:
    parts = list(words)
    more = f" and {len(parts) - PARTS_MAX} more" if len(parts) > PARTS_MAX else ""
    return " and ".join(parts[:PARTS_MAX]) + more
