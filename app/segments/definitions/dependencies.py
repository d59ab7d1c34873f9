"""References between definitions, and the order in which segments are settled."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.segments.definitions.definition import Catalog, Definition, PointsOn, PointsWhen, Score, Segment
from app.segments.language import syntax as s
from app.segments.language.names import model_segment
from app.segments.language.walk import walk


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """That a definition uses another one."""

    kind: str
    name: str


def subject(point: PointsOn | PointsWhen) -> "s.Expression | s.Pattern":
    """The pattern or condition of an entry of a score's points."""
    return point.pattern if isinstance(point, PointsOn) else point.condition


def expressions(definition: Definition) -> Iterator[s.Node]:
    """All conditions, attached expressions and patterns of a definition, in their order."""
    if isinstance(definition, Score):
        yield from (subject(point) for point in definition.points)
        return
    yield from (node for node in (definition.when, definition.enter, definition.exit) if node is not None)
    yield from (node for _, node in definition.attach)


def references(definition: Definition) -> Iterator[Reference]:
    """Returns the definitions that a definition uses itself, in the order of its text, with repetitions."""
    for expression in expressions(definition):
        for node in walk(expression):
            if isinstance(node, s.Membership | s.ValueCount | s.SegmentMark):
                yield Reference("segment", node.segment)
            elif isinstance(node, s.ScoreValue):
                yield Reference("score", node.score)
            elif isinstance(node, s.ModelValue):
                yield Reference("segment", model_segment(node.model))


def settlement_order(segments: Iterable[Segment], scores: Iterable[Score]) -> list[str]:
    """Names of segments: next is always the smallest one whose dependencies, also through scores, are done.

    A retired segment depends on nothing: it is not evaluated. Names on a cycle, and those that need them, come last.
    """
    by_name = {segment.name: segment for segment in segments}
    through = _through_scores({score.name: score for score in scores})
    waits_for = {name: _segments_used(segment, through) & by_name.keys() for name, segment in by_name.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in by_name}
    for name, needs in waits_for.items():
        for need in needs:
            needed_by[need].append(name)
    missing = {name: len(needs) for name, needs in waits_for.items()}
    ready = [name for name, count in missing.items() if not count]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        name = heapq.heappop(ready)
        order.append(name)
        for other in needed_by[name]:
            missing[other] -= 1
            if not missing[other]:
                heapq.heappush(ready, other)
    return order + sorted(by_name.keys() - set(order))


def evaluated(catalog: Catalog) -> tuple[Segment, ...]:
    """The segments and the moments of models, in settlement order. A model has the name `model <name>` there."""
    if not catalog.models:
        return catalog.segments
    every = {segment.name: segment for segment in (*catalog.segments, *catalog.models)}
    return tuple(every[name] for name in settlement_order(every.values(), catalog.scores))


def _segments_used(segment: Segment, through: Mapping[str, set[str]]) -> set[str]:
    if segment.status == "retired":
        return set()
    used: set[str] = set()
    for reference in references(segment):
        used |= {reference.name} if reference.kind == "segment" else through.get(reference.name, set())
    return used


def _through_scores(scores: Mapping[str, Score]) -> dict[str, set[str]]:
    """For each score the segments that it uses, itself or by other scores."""
    direct = {name: set(references(score)) for name, score in scores.items()}
    found: dict[str, set[str]] = {}
    for name in scores:
        seen, stack, segments = {name}, [name], set()
        while stack:
            for reference in direct.get(stack.pop(), ()):
                if reference.kind == "segment":
                    segments.add(reference.name)
                elif reference.name not in seen:
                    seen.add(reference.name)
                    stack.append(reference.name)
        found[name] = segments
    return found


def find_cycles(definitions: Iterable[Definition]) -> Iterator[list[Reference]]:
    """The cycles among definitions, each once, as `[a, b, a]`, beginning with its smallest name."""
    graph: dict[Reference, list[Reference]] = {}
    for definition in definitions:
        kind = "score" if isinstance(definition, Score) else "segment"
        retired = isinstance(definition, Segment) and definition.status == "retired"
        graph[Reference(kind, definition.name)] = [] if retired else list(dict.fromkeys(references(definition)))
    for start in sorted(graph):
        cycle = _shortest_way_back(start, graph)
        if cycle is not None and start == min(cycle):
            yield cycle


def _shortest_way_back(start: Reference, graph: Mapping[Reference, list[Reference]]) -> list[Reference] | None:
    before: dict[Reference, Reference] = {}
    level = [start]
    while level:
        following = []
        for node in level:
            for target in graph.get(node, ()):
                if target == start:
                    way = [start, node]
                    while way[-1] != start:
                        way.append(before[way[-1]])
                    return way[::-1]
                if target not in before:
                    before[target] = node
                    following.append(target)
        level = following
    return None
