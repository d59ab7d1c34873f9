"""The compiled catalog for people: what an event touches, and in which order segments are settled."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.console.output import counted, say
from app.segments.compiler.aggregates import Remembered
from app.segments.compiler.event_code import keys_of_pattern
from app.segments.compiler.program import Program, compile_catalog
from app.segments.compiler.value_parts import patterns_of
from app.segments.definitions.definition import Catalog, Definition, Segment
from app.segments.definitions.dependencies import evaluated, expressions, references
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.names import model_of
from app.segments.language.walk import walk
from app.segments.review.footprint import Footprint, Kept, footprints

EVERY: Final = "every event"
_KINDS: Final = ("page", "screen", "identify")


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that an event changes, and the segments that are looked at then."""

    what: str
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`events`: name of an event -> what it touches. `order`: segments in order of settlement, with what they use.
    `settings`: those of `catalog.yaml`, as a sentence a setting."""

    events: dict[str, tuple[Touch, ...]]
    order: tuple[tuple[str, tuple[str, ...]], ...]
    aggregates: int
    drafts: tuple[str, ...]
    settings: tuple[str, ...] = ()


def make_plan(catalog: Catalog, rules: TimeRules) -> Plan:
    """Returns the plan of a worker under a catalog; drafts are left out, as in a worker."""
    live = tuple(segment for segment in catalog.segments if segment.status != "draft")
    catalog, drafts = replace(catalog, segments=live), [each for each in catalog.segments if each not in live]
    found = footprints(catalog, rules)
    program = compile_catalog(catalog, rules)
    touched: dict[str, list[Touch]] = {}
    for segments, kept in _readers(catalog, found):
        for event in _events_of(catalog, _aggregate(program.remembered, kept), kept.id):
            touched.setdefault(event, []).append(Touch(kept.words, segments))
    for event, touch in _touches_of_values(program, found):
        touched.setdefault(event, []).append(touch)
    if users := tuple(segment.name for segment in live if _asks_user(catalog, segment)):
        touched.setdefault(EVERY, []).append(Touch("first and last event of the user", users))
    return Plan(
        events={event: tuple(touched[event]) for event in sorted(touched, key=_event_order)},
        order=tuple((segment.name, _uses(segment)) for segment in evaluated(catalog)),
        aggregates=len(program.remembered) + sum(len(parts.registry.by_id) for parts in program.parts),
        drafts=tuple(sorted(segment.name for segment in drafts)),
        settings=tuple(_settings(program)),
    )


def kinds_read(catalog: Catalog, rules: TimeRules) -> Mapping[str, list[str]]:
    """For each live segment, the kinds of events that it reads, itself or through segments that it uses."""
    plan = make_plan(catalog, rules)
    own: dict[str, set[str]] = {each.name: set() for each in catalog.live_segments}
    for event, touches in plan.events.items():
        for touch in touches:
            for name in touch.segments:
                own.setdefault(name, set()).add(event)
    for name, uses in plan.order:  # what is used comes first
        for used in uses:
            kind, _, other = used.partition(" ")
            if kind in ("segment", "model"):
                own.setdefault(name, set()).update(own.get(other if kind == "segment" else used, ()))
    return {each.name: sorted(own[each.name]) for each in catalog.live_segments}


def _settings(program: Program) -> Iterator[str]:
    if program.wait_ms:
        wait = format_duration(program.wait_ms)
        yield f"order: each event waits for {wait}; those of a user are taken in the order of their own times"


def _readers(catalog: Catalog, found: dict[str, Footprint]) -> Iterator[tuple[tuple[str, ...], Kept]]:
    """Each thing that is kept, with the segments that read it."""
    segments: dict[str, list[str]] = {}
    things: dict[str, Kept] = {}
    for segment in evaluated(catalog):
        for kept in found[segment.name].kept:
            segments.setdefault(kept.id, []).append(segment.name)
            things[kept.id] = kept
    for kept_id, names in segments.items():
        yield tuple(names), things[kept_id]


def _aggregate(remembered: Mapping[int, Remembered], kept: Kept) -> Remembered | None:
    """The aggregate that is kept; None for anything else."""
    return remembered.get(int(kept.id.partition(" ")[2])) if kept.id.startswith("aggregate ") else None


def _touches_of_values(program: Program, found: dict[str, Footprint]) -> Iterator[tuple[str, Touch]]:
    """Yields each event with what it touches of the values of segments by value."""
    for parts in program.parts:
        assert parts.by_value.code is not None
        name, each = parts.by_value.code.name, canonical.path_text(parts.each.path)
        for kept in chain.from_iterable(kept.of_one for kept in found[name].kept):
            what = _aggregate(parts.registry.by_id, kept)
            for event in () if what is None else _names(patterns_of(what)):
                yield event, Touch(f"for each {each}: {kept.words}", (name,))
        for event in _names([parts.each.of]):
            yield event, Touch(f"which values of {each} are known", (name,))


def _events_of(catalog: Catalog, what: Remembered | None, kept_id: str) -> Iterable[str]:
    """The names of the events that change it."""
    if what is not None:
        return _names(patterns_of(what))
    if kept_id == "cart":
        return [f"'{name}'" for name in catalog.settings.cart.updates()]
    if kept_id.startswith("traits."):
        return ["identify", EVERY]
    return [EVERY] if kept_id == "session" or kept_id.startswith(("context", "first(context")) else []


def _names(patterns: Iterable[s.Pattern | None]) -> list[str]:
    """The names of the events of patterns."""
    keys = {key for pattern in patterns for key in keys_of_pattern(pattern)}
    return sorted(f"'{name}'" if kind == "track" else kind for kind, name in keys)


def _asks_user(catalog: Catalog, segment: Segment) -> bool:
    scores = {score.name: score for score in catalog.scores}
    definitions: list[Definition] = [segment]
    definitions += [scores[each.name] for each in references(segment) if each.kind == "score"]
    nodes = (node for each in definitions for expression in expressions(each) for node in walk(expression))
    return segment.status != "retired" and any(isinstance(node, s.UserField) for node in nodes)


def _uses(segment: Segment) -> tuple[str, ...]:
    if segment.status == "retired":
        return ("retired: nobody is in it",)
    used = dict.fromkeys(references(segment))
    return tuple(each.name if model_of(each.name) else f"{each.kind} {each.name}" for each in used)


def _event_order(event: str) -> tuple[int, str]:
    if event == EVERY:
        return 0, event
    return (1, event) if event in _KINDS else (2, event)


def show_plan(console: Console, plan: Plan) -> None:
    """The whole plan."""
    for setting in plan.settings:
        say(console, setting, "bold")
    if plan.settings:
        console.print()
    for event, touches in plan.events.items():
        say(console, event, "bold")
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(overflow="fold", ratio=3)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=2)
        for touch in touches:
            table.add_row(Text(touch.what), Text("→", "dim"), Text(", ".join(touch.segments), "cyan"))
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print()
    say(console, "order in which segments are settled at one instant", "bold")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    for number, (name, uses) in enumerate(plan.order, 1):
        table.add_row(f"  {number}", Text(name), Text("after " + ", ".join(uses) if uses else "", "dim"))
    console.print(table)
    console.print()
    names = counted(sum(event != EVERY for event in plan.events), "event name")
    touched = f"{names}, {counted(plan.aggregates, 'aggregate')}, {counted(len(plan.order), 'segment')}"
    say(console, f"{touched}; events with other names touch only the aggregates under every event")
    if plan.drafts:
        say(console, f"drafts, left out: {', '.join(plan.drafts)}", "dim")
