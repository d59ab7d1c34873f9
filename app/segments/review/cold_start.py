"""Warnings about definitions that may let users in wrongly at first, since history before their start counts as empty.

More history makes some parts of a condition false that are true without it: `never(...)`, `count(...) < 3`. Such a part
can be wrong until its window has been seen in full; without a window for good.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.segments.definitions.definition import Catalog, PointsOn, Segment
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.functions import AGGREGATES
from app.segments.language.streak_span import streak_span
from app.segments.language.walk import walk
from app.segments.review.footprint import Footprint

_FLIPPED: dict[str, str] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE: dict[str, str] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}
_UPWARDS = frozenset({">", ">="})
_DOWNWARDS = frozenset({"<", "<="})
_LITERALS = (s.Number, s.Text, s.Boolean, s.Duration, s.ListOf)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A part of a condition that may be true wrongly, for `for_ms` after its start; None: for good."""

    text: str
    for_ms: int | None


def doubts(catalog: Catalog, segment: Segment, found: dict[str, Footprint]) -> tuple[Doubt, ...]:
    """The parts that may let users into a segment wrongly, each once, in the order of the text."""
    if segment.status == "retired":
        return ()
    analysis = _Analysis(catalog, found)
    parts = [segment.when] if segment.when is not None else [segment.enter, s.Not(segment.exit or s.Boolean(False))]
    return tuple(dict.fromkeys(doubt for part in parts if part is not None for doubt in analysis.of(part, wanted=True)))


class _Analysis:
    def __init__(self, catalog: Catalog, found: dict[str, Footprint]) -> None:
        self._scores = {score.name: score for score in catalog.scores}
        self._found = found

    def of(self, node: s.Expression, *, wanted: bool) -> Iterator[Doubt]:
        """`wanted` is the truth that lets in: False under a `not`."""
        match node:
            case s.And(operands=operands) | s.Or(operands=operands):
                for operand in operands:
                    yield from self.of(operand, wanted=wanted)
            case s.Not(operand=operand):
                yield from self.of(operand, wanted=not wanted)
            case s.Aggregate(function=function):
                if wanted is (AGGREGATES[function].growth == "shrinks"):
                    yield self._doubt(node, node.within_ms, wanted=wanted)
            case s.SegmentMark():
                if not wanted:
                    yield self._doubt(node, node.within_ms, wanted=wanted)
            case s.Membership(segment=name):
                footprint = self._found.get(name)
                if not wanted and footprint is not None and (footprint.window_ms or footprint.ever):
                    yield self._doubt(node, None if footprint.ever else footprint.window_ms, wanted=wanted)
            case s.Comparison():
                yield from self._comparison(node, wanted=wanted)
            case s.Known(operand=operand):
                if not wanted and not isinstance(operand, s.SessionField | s.CartField | s.CartLineField):
                    yield self._doubt(node, self._window(operand, operand), wanted=wanted)
            case s.Trait() | s.ContextValue() | s.Near():
                if not wanted:
                    yield self._doubt(node, None, wanted=wanted)
            case _:
                pass

    def _doubt(self, node: s.Expression, for_ms: int | None, *, wanted: bool) -> Doubt:
        return Doubt(canonical.text(node if wanted else s.Not(node)), for_ms)

    def _comparison(self, node: s.Comparison, *, wanted: bool) -> Iterator[Doubt]:
        sign: str = node.operator
        value, bound = node.left, node.right
        if isinstance(value, _LITERALS):
            sign, value, bound = _FLIPPED.get(sign, sign), bound, value
        lets_in = sign if wanted else _OPPOSITE.get(sign, f"not {sign}")
        if not isinstance(bound, _LITERALS) or isinstance(value, s.Arithmetic):
            windows = [part.within_ms for part in walk(node) if isinstance(part, s.Aggregate)]
            if windows:
                finite = [each for each in windows if each is not None]
                yield self._doubt(node, max(finite) if len(finite) == len(windows) else None, wanted=wanted)
            return
        if self._misled(value, lets_in, wanted=wanted):
            yield self._doubt(node, self._window(value, bound), wanted=wanted)

    def _misled(self, value: s.Expression, sign: str, *, wanted: bool) -> bool:
        """True if `value <sign> bound` can be true only because history is missing."""
        match value:
            case s.Aggregate(function=function):
                match AGGREGATES[function].growth:
                    case "grows":
                        return sign not in _UPWARDS
                    case "shrinks":
                        return sign in _UPWARDS or not wanted
                    case "varies":
                        return True
                    case "latest":
                        return not wanted
            case s.FirstValue():
                return True
            case s.Key() | s.Trait() | s.ContextValue():
                return not wanted
            case s.Distance(of=of) | s.Lower(of=of) | s.Version(of=of):
                return self._misled(of, sign, wanted=wanted)
            case s.ScoreValue(score=name):
                score = self._scores[name]
                gains = [entry.add for entry in score.points if isinstance(entry, PointsOn)]
                falls, rises = any(add < 0 for add in gains), any(add > 0 for add in gains)
                if sign in _UPWARDS:
                    return falls
                return rises if sign in _DOWNWARDS else bool(gains)
            case (
                s.UserField(name="age")
                | s.SessionField(name="number")
                | s.SegmentMark(function="times")
                | s.ValueCount()
            ):
                return sign not in _UPWARDS
            case s.SegmentMark():
                return not wanted
            case s.UserField(name="first_seen"):
                return sign in _UPWARDS
            case _:
                return False

    def _window(self, value: s.Expression, bound: s.Expression) -> int | None:
        match value:
            case s.Aggregate(function="streak") if (streak := streak_span(s.Comparison("=", value, bound))) is not None:
                return streak[1]
            case s.Aggregate(within_ms=within_ms):
                return within_ms
            case s.Key(aggregate=aggregate):
                return aggregate.within_ms
            case s.Distance(of=of) | s.Lower(of=of) | s.Version(of=of):
                return self._window(of, bound)
            case s.ScoreValue(score=name):
                return self._scores[name].within_ms
            case s.ValueCount(segment=name):
                footprint = self._found.get(name)
                return None if footprint is None or footprint.ever else footprint.window_ms
            case s.UserField(name="age") if isinstance(bound, s.Duration):
                return bound.ms
            case _:
                return None
