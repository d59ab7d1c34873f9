"""The windows that have to be seen in full before a segment with `warmup: wait` begins."""

from collections.abc import Collection, Mapping

from app.segments.definitions.definition import PointsWhen, Score, Segment
from app.segments.definitions.dependencies import expressions
from app.segments.language import syntax
from app.segments.language.walk import walk

Windows = Mapping[int, int]
"""Aggregate -> how long it has to have been fed, in ms."""


class SeenWindows:
    """Those of segments by name. `windows`: what each reads itself; `reads`: the segments that each depends on itself.

    What a segment asks `entered('a' within W)` or `left('a' within W)` of has to have been seen for W longer.
    """

    def __init__(
        self, windows: Mapping[str, Windows], reads: Mapping[str, Collection[str]], scores: Mapping[str, Score]
    ) -> None:
        self._windows = windows
        self._reads = reads
        self._scores = scores
        self._known: dict[str, Windows] = {}

    def of(self, segment: Segment, segments: Mapping[str, Segment]) -> Windows:
        """The windows of a segment and of all that it depends on; `segments`: all, by name."""
        known = self._known.get(segment.name)
        if known is not None:
            return known
        found = dict(self._windows[segment.name])
        looks_back = self._looks_back(segment)
        for name in self._reads[segment.name]:
            for own, window_ms in self.of(segments[name], segments).items():
                found[own] = max(found.get(own, 0), window_ms + looks_back.get(name, 0))
        self._known[segment.name] = found
        return found

    def _looks_back(self, segment: Segment) -> dict[str, int]:
        """The longest windows of `entered` and `left` in a segment and its scores, by the segment that they ask for."""
        found: dict[str, int] = {}
        waiting, seen = list(expressions(segment)), set[str]()
        while waiting:
            for node in walk(waiting.pop()):
                match node:
                    case syntax.SegmentMark(segment=name, within_ms=int(within_ms)):
                        found[name] = max(found.get(name, 0), within_ms)
                    case syntax.ScoreValue(score=name) if name not in seen:
                        seen.add(name)
                        points = self._scores[name].points
                        waiting += [each.condition for each in points if isinstance(each, PointsWhen)]
                    case _:
                        pass
        return found
