"""The expressions of definitions, the windows they look through, and the order that they are settled in."""

from collections.abc import Iterator
from math import ceil

from app.segments.definitions.definition import Catalog, PointsOn, PointsWhen, Segment
from app.segments.language.syntax import (
    Aggregate,
    Comparison,
    Expression,
    Key,
    Membership,
    ModelValue,
    Number,
    ScoreValue,
    SegmentMark,
    ValueCount,
)
from tests.model import models
from tests.model.view import walk


def expressions_of(segment: Segment) -> Iterator[Expression]:
    for condition in (segment.when, segment.enter, segment.exit):
        if condition is not None:
            yield condition
    for name, expression in segment.attach:
        if name in segment.updates:
            yield expression


def settlement_order(catalog: Catalog) -> list[Segment]:
    """Next is always the smallest name whose dependencies are done, also through scores. Only what is live."""
    every = (*catalog.segments, *catalog.models)
    waiting = {segment.name: segment for segment in every if segment.status == "live"}
    order: list[Segment] = []
    while waiting:
        ready = min(name for name, segment in waiting.items() if not needs(segment, catalog) & waiting.keys())
        order.append(waiting.pop(ready))
    return order


def windows(segment: Segment, catalog: Catalog) -> Iterator[int]:
    """All windows that a segment looks through, also those of segments and scores that it uses."""
    reading = list(said_by(segment))
    while reading:
        for node in walk(reading.pop()):
            match node:
                case Aggregate(within_ms=int(within_ms)) | Key(aggregate=Aggregate(within_ms=int(within_ms))):
                    yield within_ms
                case (
                    Comparison(left=Aggregate(function="streak", since_last=None), right=Number(value=days))
                    | Comparison(left=Number(value=days), right=Aggregate(function="streak", since_last=None))
                ):
                    yield (max(ceil(days), 0) + 2) * 24 * 3_600_000
                case Membership(segment=name) | ValueCount(segment=name):
                    yield from windows(catalog.segment(name), catalog)
                case ModelValue(model=name):
                    yield from windows(models.moments(name, catalog), catalog)
                case SegmentMark(segment=name):
                    yield from (each + (node.within_ms or 0) for each in windows(catalog.segment(name), catalog))
                case ScoreValue(score=name):
                    score = next(score for score in catalog.scores if score.name == name)
                    if score.within_ms is not None and any(isinstance(each, PointsOn) for each in score.points):
                        yield score.within_ms
                    reading += [points.condition for points in score.points if isinstance(points, PointsWhen)]


def said_by(segment: Segment) -> Iterator[Expression]:
    """All expressions of a segment."""
    for condition in (segment.when, segment.enter, segment.exit):
        if condition is not None:
            yield condition
    for _, expression in segment.attach:
        yield expression


def needs(segment: Segment, catalog: Catalog) -> set[str]:
    """The names of the segments that a segment reads."""
    reading = list(said_by(segment))
    found: set[str] = set()
    while reading:
        for node in walk(reading.pop()):
            if isinstance(node, Membership | ValueCount | SegmentMark):
                found.add(node.segment)
            elif isinstance(node, ModelValue):
                found.add(models.moments(node.model, catalog).name)
            elif isinstance(node, ScoreValue):
                score = next(score for score in catalog.scores if score.name == node.score)
                reading += [points.condition for points in score.points if isinstance(points, PointsWhen)]
    return found
