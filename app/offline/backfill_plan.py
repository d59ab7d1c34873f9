"""The parts of a catalog that a backfill plays again, and its control records."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from msgspec.structs import replace as with_fields

from app.errors import UserError
from app.events.control_record import Control, Deed
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.definition import Catalog, Definition, Score, Segment
from app.segments.definitions.dependencies import evaluated, references
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.live_catalog import fed_by

CART: Final = "cart"
VISIT: Final = "visit"
FEATURES: Final = {CART: "cart", VISIT: "visits"}
"""What is kept of a user beside aggregates, and the name that a program has for it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A backfill of some segments.

    program: of these segments, of those that they read, and of those that read them; its version is that of the whole
        catalog.
    aggregates: what the segments read, themselves or by others, and the values of those by value. kept: these, and the
        segments that they read.
    parts: `cart` and `visit`, if nothing else reads them.
    waits: some of the segments are silent until their users are filled.
    """

    id: str
    app: str
    names: tuple[str, ...]
    program: Program
    aggregates: frozenset[int]
    segments: tuple[int, ...]
    kept: frozenset[int]
    parts: tuple[str, ...]
    waits: bool

    def missing(self, fed_ms: Mapping[int, int], live_fed_ms: Mapping[int, int]) -> set[int]:
        """The aggregates that history has fed for longer than a partition has, where a log has lost its beginning. What
        is missing in one partition can come to a user of another, with what an id of theirs remembers."""
        known = self.aggregates & live_fed_ms.keys() & fed_ms.keys()
        return {own for own in known if fed_ms[own] < live_fed_ms[own]}

    def begun(self, missing: Collection[int], fed_ms: Mapping[int, int]) -> Control:
        """The record that begins the backfill in a partition. `missing`: in any, or all
        aggregates where the log is whole; `fed_ms`: since when history feeds
        the aggregates of this one."""
        aggregates = {own: fed_ms[own] for own in sorted(missing)}
        return with_fields(self._control("filling"), aggregates=aggregates, segments=self.segments, parts=self.parts)

    def filled(self, user: str, profile: bytes) -> Control:
        """The record of one user."""
        return with_fields(self._control("fill"), source=user, to=user, profile=profile)

    def over(self) -> Control:
        """The record that ends the backfill in a partition."""
        return self._control("filled")

    def _control(self, deed: Deed) -> Control:
        version = self.program.version
        return Control(deed=deed, app=self.app, id=self.id, source="", to="", n=0, at_ms=0, version=version)


def plan_of(catalog: Catalog, names: Collection[str], rules: TimeRules, *, source: str) -> Plan:
    """The plan for these segments. UserError for one that is not live. `source`: names the history."""
    live = {segment.name: segment for segment in catalog.segments if segment.status == "live"}
    for name in names:
        if name not in live:
            raise UserError(f"there is no live segment {name}", hint="shoal catalog list shows what is published")
    scores = {score.name: score for score in catalog.scores}
    used = [segment for segment in evaluated(catalog) if segment.status != "draft"]
    reads = {segment.name: segments_read(segment, scores) for segment in used}
    needed = _closure(names, reads)
    readers = {name for name, others in reads.items() if others & set(names)}
    own = _compiled(catalog, needed, rules)
    others = _readers(names, reads) - needed
    rest = _compiled(catalog, reads.keys() - _readers(names, reads), rules).features
    rest |= _compiled(catalog, _closure(others, reads), rules).features - own.features
    program = replace(_compiled(catalog, _closure(needed | readers, reads), rules), version=catalog.version)
    text = "\x00".join((rules.app, catalog.version, source, *sorted(names)))
    return Plan(
        id=blake2b(text.encode(), digest_size=12).hexdigest(),
        app=rules.app,
        names=tuple(sorted(names)),
        program=program,
        aggregates=fed_by(own),
        segments=tuple(
            segment.id for segment in sorted(own.segments, key=lambda each: each.name) if segment.name in names
        ),
        kept=fed_by(own) | {segment.id for segment in own.segments},
        parts=tuple(part for part, name in FEATURES.items() if name in own.features and name not in rest),
        waits=any(segment.waits_for for segment in own.segments),
    )


def _compiled(catalog: Catalog, names: set[str], rules: TimeRules) -> Program:
    """The program of some segments, among which are all that they read."""
    kept = tuple(segment for segment in catalog.segments if segment.name in names)
    models = tuple(model for model in catalog.models if model.name in names)
    return compile_catalog(replace(catalog, segments=kept, models=models), rules)


def segments_read(definition: Segment, scores: Mapping[str, Score]) -> set[str]:
    """The segments that a segment reads itself, also by scores."""
    found: set[str] = set()
    waiting: list[Definition] = [definition]
    seen: set[str] = set()
    while waiting:
        for reference in references(waiting.pop()):
            if reference.kind == "segment":
                found.add(reference.name)
            elif reference.name not in seen:
                seen.add(reference.name)
                waiting.append(scores[reference.name])
    return found


def _readers(names: Collection[str], reads: Mapping[str, set[str]]) -> set[str]:
    """These segments and all that read them, directly or not."""
    return {name for name in reads if _closure([name], reads) & set(names)}


def _closure(names: Collection[str], reads: Mapping[str, set[str]]) -> set[str]:
    """These segments and all that they read, directly or not."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(reads.get(name, ()))
    return found
