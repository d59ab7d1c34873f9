"""Definitions that are right, for people: what each makes Shoal remember of a user, and what to look after."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.console.output import counted, say, say_lines, show_bytes
from app.segments.compiler.evidence import ATOMS_MAX
from app.segments.definitions.definition import Catalog, Definition, Segment
from app.segments.definitions.event_names import doubtful_names
from app.segments.definitions.remarks import remarks
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import syntax
from app.segments.language.durations import format_duration
from app.segments.review.cold_start import Doubt, doubts
from app.segments.review.footprint import (
    MEMBER,
    MEMBERSHIP,
    Footprint,
    footprints,
    profile_size,
)
from tables.state_size import TYPICAL_EVENTS

_STATUS_STYLES: Final[dict[str, str]] = {"live": "green", "draft": "yellow", "retired": "dim"}


def show_definitions(console: Console, catalog: Catalog, rules: TimeRules) -> None:
    """Shows what each definition keeps, a table of all, the whole profile, and the warnings."""
    found = footprints(catalog, rules)
    definitions: list[Definition] = [*catalog.definitions]
    definitions.sort(key=lambda definition: definition.name)
    say(console, "state per user, in bytes: typical, maximum", "bold")
    console.print(kept_table(definitions, found))
    console.print()
    console.print(definitions_table(definitions, found))
    console.print()
    segments = counted(len(catalog.segments), "segment")
    scores = f", {counted(len(catalog.scores), 'score')}" if catalog.scores else ""
    models = f", {counted(len(catalog.models), 'model')}" if catalog.models else ""
    say(console, Text.assemble(f"{segments}{scores}{models}: ", ("no problems", "bold green")))
    size = profile_size(catalog, found)
    say(console, f"a user with all of it: typically {show_bytes(size.typical)}, at most {show_bytes(size.most)}", "dim")
    say(console, f"(shared state counts once; typical: {TYPICAL_EVENTS} events of each)", "dim")
    for warning in warnings(catalog, found):
        console.print()
        say_lines(console, warning, "yellow")


def kept_table(definitions: Sequence[Definition], found: dict[str, Footprint]) -> Table:
    """Returns a table of what each definition keeps, each with its size."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
    for definition in definitions:
        kept = [each for each in found[definition.name].kept if not each.id.startswith(MEMBER)]
        if kept:
            table.add_row(Text(definition.name, "bold"))
        for each in kept:
            words = Padding(Text(each.words), (0, 0, 0, 2), expand=False)
            table.add_row(words, show_bytes(each.size.typical), show_bytes(each.size.most))
    if any(isinstance(definition, Segment) for definition in definitions):
        sizes = show_bytes(MEMBERSHIP.typical), show_bytes(MEMBERSHIP.most)
        table.add_row(Text("each segment: whether in, since when, how many times"), *sizes)
    return table


def definitions_table(definitions: Sequence[Definition], found: dict[str, Footprint]) -> Table:
    """Each definition with its size, from when on its history is complete, and its limits."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("definition", overflow="fold")
    table.add_column("kind", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("typical", justify="right", no_wrap=True)
    table.add_column("at most", justify="right", no_wrap=True)
    table.add_column("complete")
    table.add_column("limits")
    for definition in definitions:
        footprint = found[definition.name]
        status = definition.status if isinstance(definition, Segment) else ""
        table.add_row(
            Text(definition.name),
            kind_of(definition),
            Text(status, _STATUS_STYLES.get(status, "")),
            show_bytes(footprint.size.typical),
            show_bytes(footprint.size.most),
            _complete(definition, footprint),
            ", ".join(footprint.limits),
        )
    return table


def _complete(definition: Definition, footprint: Footprint) -> str:
    """From when on all that a definition asks for has been seen."""
    if footprint.window_ms:
        waits = ", waits" if isinstance(definition, Segment) and definition.warmup == "wait" else ""
        return f"after {format_duration(footprint.window_ms)}{waits}"
    return "from its start" if footprint.ever else "at once"


def kind_of(definition: Definition) -> str:
    """The kind of a definition, in a word."""
    if isinstance(definition, Segment):
        return "segment" if definition.model is None else "model"
    return "score"


def show_remarks(console: Console, catalog: Catalog) -> None:
    """Prints remarks on definitions that load but may not be meant, each as a paragraph."""
    for remark in remark_texts(catalog):
        say_lines(console, remark, "yellow")
        console.print()


def remark_texts(catalog: Catalog) -> Iterator[str]:
    """Names of events that may not be meant; conditions that are never or always true; names that are no properties."""
    for doubt in doubtful_names(catalog):
        yield f"warning: {doubt}"
    for remark in remarks(catalog):
        yield f"warning: {remark}"


def warnings(catalog: Catalog, found: dict[str, Footprint]) -> Iterator[str]:
    """Returns warnings about definitions that are valid but may not be meant."""
    yield from remark_texts(catalog)
    for segment in sorted(catalog.segments, key=lambda segment: segment.name):
        footprint = found[segment.name]
        doubted = doubts(catalog, segment, found)
        if segment.warmup == "wait":
            doubted = tuple(doubt for doubt in doubted if doubt.for_ms is None or doubt.for_ms > footprint.window_ms)
        if doubted:
            yield _cold_start(segment, doubted)
        conditions = [node for node in (segment.when, segment.enter, segment.exit) if node is not None]
        if any(_count_atoms(node) > ATOMS_MAX for node in conditions):
            yield f"warning: {segment.path}: changes tell the first {ATOMS_MAX} parts of the condition, no more"


def _count_atoms(node: syntax.Expression) -> int:
    match node:
        case syntax.And(operands=operands) | syntax.Or(operands=operands):
            return sum(map(_count_atoms, operands))
        case syntax.Not(operand=operand):
            return _count_atoms(operand)
        case _:
            return 1


def _cold_start(segment: Segment, doubted: tuple[Doubt, ...]) -> str:
    spans = [doubt.for_ms for doubt in doubted]
    finite = [span for span in spans if span is not None]
    lines = [f"warning: {segment.path}: {segment.name} may let in people wrongly at first"]
    lines += [
        f"  {doubt.text}: " + (f"for {format_duration(doubt.for_ms)}" if doubt.for_ms is not None else "for good")
        for doubt in doubted
    ]
    lines.append("  what was before its start (or before one of these was changed) counts as if it had not been")
    if finite and segment.warmup == "none" and segment.each is None:
        lines.append(f"  warmup: wait sends nothing for the first {format_duration(max(finite))}")
    if len(finite) < len(spans):
        lines.append("  where it says for good, a window (within 365d) would bound it")
    return "\n".join(lines)
