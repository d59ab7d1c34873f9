"""A catalog becomes a program: which aggregates an event touches, which segments those touch, and code for all of it.

Everything is compiled to Python source once; an event runs one handler and the segments of its mask, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import UNSET

from app.events.message import Message, MessageDecoder, Path
from app.segments.compiler.aggregates import Registry, Remembered, stable_id
from app.segments.compiler.cleaning_code import cleaning_lines
from app.segments.compiler.code_writer import CodeWriter, Namespace
from app.segments.compiler.condition_code import Expressions
from app.segments.compiler.event_code import EventKey, Handler, HandlerWriter, keys_of_pattern, learn, learn_first
from app.segments.compiler.first_event import beginning
from app.segments.compiler.leaf_ids import leaf_id
from app.segments.compiler.list_ids import LISTS, list_id, listed
from app.segments.compiler.model_code import attach_of
from app.segments.compiler.population import PopulationCode, population_code, write_measures
from app.segments.compiler.population_values import PopulationValue
from app.segments.compiler.reads import Masks, Reads, all_reads, context_paths_of
from app.segments.compiler.seen_windows import SeenWindows
from app.segments.compiler.segment_code import is_simple, write_segment
from app.segments.compiler.value_parts import PartsWriter, lasting_ms, lines_asked, write_cart
from app.segments.compiler.visit_update import LANDING_PATH, LANDING_PROPERTY, SOURCE_PATH, Usual, VisitUpdate
from app.segments.definitions.catalog import definition_version
from app.segments.definitions.consent_policy import Purpose
from app.segments.definitions.definition import Catalog, Score, Segment
from app.segments.definitions.dependencies import evaluated
from app.segments.definitions.each import Each
from app.segments.definitions.experiment import Experiment
from app.segments.definitions.identity_policy import IdentityPolicy
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.by_value import ByValue, Shown
from app.segments.evaluation.exposure import ExperimentCode
from app.segments.evaluation.masks import numbers_of
from app.segments.evaluation.matched_aggregate import MatchedAggregate
from app.segments.evaluation.operators import CONTAINERS
from app.segments.evaluation.settlement import SegmentCode
from app.segments.evaluation.time_rules import TimeRules
from tables.counted import Counted
from tables.profile import Profile
from tables.windows import FOREVER

WATCH_MASKS_MAX = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A compiled catalog. Masks have one bit a segment, in settlement order.

    context_paths: what any function reads of the context; visit_properties: properties that a visit reads of any event
    track_handlers, other_handlers: the handlers again, by event name and by kind
    watchers: the segments behind the bits of `Profile.watched`, as masks; `layout` stands for what those bits mean;
        `watching`: those bits that call for a settlement at each event (the others ask the visit first)
    lists_mask, list_masks: segments that read any static list; by the id of a list, those that read it
    begin_mask, begin_watched: what a user's first event always settles (also what depends on who the user is), and what
        their profile watches from then on
    windows: id of an aggregate -> its window in ms, and what makes of its state one without what is older
    wait_ms: how long an event waits for those before it, 0: not at all. lag_ms: how far the partition's clock stays
        behind the highest event time. early_ms: an event's turn has come when the clock is this far before its instant;
        FOREVER where none waits.
    counted: limits reached and odd values since it was last emptied; cleaned: the values that each rule has changed.
    identity: which keys are one person; None: each key is a user of its own.
    consents: the purposes, by the id of the value that says whether a user agrees.
    features: what segments read of a user beside aggregates: `Reads.features` of all of them.
    experiments: the names of the experiments, by the ids under which their states are.
    parts: the segments by value, with what each of their values remembers.
    population: the numbers of all users that segments compare with.
    """

    version: str
    rules: TimeRules
    segments: tuple[SegmentCode, ...]
    remembered: dict[int, Remembered]
    handlers: dict[EventKey, Handler]
    track_handlers: dict[str | None, Handler]
    other_handlers: dict[str, Handler]
    decoder: MessageDecoder
    context_paths: frozenset[Path]
    visit_properties: frozenset[str]
    visit_update: Callable[[Profile, Message, int, int], int]
    usual: Usual
    matched: dict[int, tuple[MatchedAggregate, int]]
    windows: dict[int, tuple[int, Callable[[Any, int], Any]]]
    bits: dict[int, int]
    begin_mask: int
    begin_watched: int
    user_mask: int
    lists_mask: int
    list_masks: dict[int, int]
    watchers: tuple[int, ...]
    watching: int
    layout: int
    source: str
    wait_ms: int
    lag_ms: int
    early_ms: int
    counted: Counted
    cleaned: Counted
    identity: IdentityPolicy | None
    consents: Mapping[int, Purpose]
    features: frozenset[str]
    experiments: Mapping[int, str]
    population: PopulationCode
    parts: tuple[PartsWriter, ...] = ()
    watch_masks: dict[int, int] = field(default_factory=dict)

    def count_anew(self) -> None:
        """Begins to count from 0."""
        self.counted.clear()
        self.cleaned.clear()

    def give_counts(self, batch: Batch) -> None:
        """Adds what was counted to a batch."""
        batch.counted.update(self.counted)
        batch.cleaned.update(self.cleaned)

    @property
    def by_value(self) -> tuple[ByValue, ...]:
        """The segments by value."""
        return tuple(parts.by_value for parts in self.parts)

    def ids(self, mask: int) -> list[int]:
        """The ids of the segments in a mask."""
        return [self.segments[number].id for number in numbers_of(mask)]

    def watch_mask(self, watched: int) -> int:
        """The segments behind the bits of `Profile.watched`; `watch_masks` remembers it."""
        if len(self.watch_masks) >= WATCH_MASKS_MAX:
            self.watch_masks.clear()
        mask = sum(mask for bit, mask in enumerate(self.watchers) if watched >> bit & 1)
        self.watch_masks[watched] = mask
        return mask


def compile_catalog(catalog: Catalog, rules: TimeRules) -> Program:
    """The program of a checked catalog; drafts are left out."""
    return _Compiler(catalog, rules).program()


def aggregates_of(catalog: Catalog, rules: TimeRules) -> list[Remembered]:
    """The aggregates of the program of a checked catalog; where it has segments by value, those of their values alone.

    No code is compiled, which takes most of the time of `compile_catalog`.
    """
    return _Compiler(catalog, rules).aggregates()


class _Compiler:
    def __init__(self, catalog: Catalog, rules: TimeRules) -> None:
        self.catalog = catalog
        self.rules = rules
        self.live = tuple(segment for segment in evaluated(catalog) if segment.status != "draft")
        self.scores: dict[str, Score] = {score.name: score for score in catalog.scores}
        consent = catalog.settings.consent
        self.purposes: dict[str, Purpose] = {} if consent is None else consent.purposes
        self.models = {each.model.name: each.model for each in catalog.models if each.model is not None}
        self.registry = Registry(rules.lateness_ms, catalog.settings.zone)
        self.registry.each = {segment.name: segment.each.text for segment in self.live if segment.each is not None}
        self.parts: list[PartsWriter] = []
        self.cleaned = Counted()
        self.namespace = Namespace()
        self.namespace.values.update(
            UNSET=UNSET, CONTAINERS=CONTAINERS, LEARN=learn, LEARN_FIRST=learn_first, COUNTED=self.registry.counted
        )
        self.population: dict[str, PopulationValue] = {}
        self.code = CodeWriter(self.namespace)

    def aggregates(self) -> list[Remembered]:
        self._write_segments()
        by_value = [what for parts in self.parts for what in parts.registry.by_id.values()]
        return by_value or list(self.registry.by_id.values())

    def _write_segments(self) -> tuple[list[Reads], dict[str, str]]:
        """Reads of each segment, and the functions of `write_measures`."""
        reads = [self._write_segment(segment, number) for number, segment in enumerate(self.live)]
        return reads, write_measures(self._expressions(), self.population)

    def program(self) -> Program:
        reads, measured = self._write_segments()
        masks = Masks(reads)
        for purpose in self.purposes.values():  # also those that no definition reads yet
            masks.leaves.setdefault(purpose.path, 0)
        context_paths = self._context_paths(masks)
        decoder = MessageDecoder(context_paths)
        writers = self._write_handlers(masks, decoder)
        visit_update = VisitUpdate(
            features=masks.features,
            always=masks.always,
            growth=masks.growth,
            leaves=masks.leaves,
            firsts=masks.firsts,
            context=decoder.context_tree,
            gap_ms=self.rules.session_gap_ms,
        )
        visit_update.write(self.code)
        functions = self.code.load("<compiled catalog>")
        segments = self._segments(reads, functions)
        begin_mask, begin_watched = beginning(segments, masks.of_somebody_new(self.population))
        wait_ms = self.catalog.settings.order_wait_ms
        handlers = _handlers(writers, functions)
        return Program(
            version=self.catalog.version,
            rules=self.rules,
            segments=segments,
            remembered=self.registry.by_id,
            handlers=handlers,
            track_handlers={name: handler for (kind, name), handler in handlers.items() if kind == "track"},
            other_handlers={kind: handler for (kind, _), handler in handlers.items() if kind != "track"},
            decoder=decoder,
            context_paths=frozenset(context_paths),
            visit_properties=frozenset({LANDING_PROPERTY} if masks.features.get("visits") else ()),
            visit_update=functions["visit_update"],
            usual=visit_update.usual(),
            matched={
                number: (what.matched, masks.aggregates.get(number, 0) | masks.inside_mask(number))
                for number, what in self.registry.by_id.items()
                if what.matched is not None
            },
            windows={
                number: (what.within_ms, what.kind.forget)
                for number, what in self.registry.by_id.items()
                if what.within_ms is not None and what.matched is None
            },
            bits={segment.id: 1 << segment.number for segment in segments},
            begin_mask=begin_mask,
            begin_watched=begin_watched,
            user_mask=masks.features.get("user", 0),
            lists_mask=masks.features.get(LISTS, 0),
            list_masks={list_id(name): masks.features[each] for each in masks.features if (name := listed(each))},
            watchers=masks.watchers,
            watching=masks.watching,
            layout=stable_id(",".join(str(segments[mask.bit_length() - 1].id) for mask in masks.watchers)),
            source=self.code.text(),
            wait_ms=wait_ms,
            identity=self.catalog.settings.identity,
            consents={leaf_id(purpose.path): purpose for purpose in self.purposes.values()},
            lag_ms=max(self.rules.disorder_ms, wait_ms),
            early_ms=max(self.rules.disorder_ms - wait_ms, 0) if wait_ms else FOREVER,
            counted=self.registry.counted,
            cleaned=self.cleaned,
            features=frozenset(masks.features),
            experiments={code.id: code.experiment.name for segment in segments for code in segment.experiments},
            population=population_code(self.population, measured, masks.features, functions),
            parts=tuple(self.parts),
        )

    def _write_segment(self, segment: Segment, number: int) -> Reads:
        registry = self.registry if segment.each is None else self.registry.of_values()
        writer = self._expressions(registry)
        write_segment(writer, segment, number)
        self.population |= writer.population
        if segment.each is not None:
            return self._reads_by_value(writer, segment, segment.each, number)
        return Reads(
            segment,
            writer.aggregates,
            writer.inside_aggregates - writer.aggregates,
            writer.segments,
            writer.leaves,
            writer.firsts,
            writer.features,
            {own: each for own, each in writer.margins.items() if own not in writer.aggregates},
            writer.windows,
            writer.watch_bit or 0,
            tuple(writer.growth or ()),
        )

    def _reads_by_value(self, writer: Expressions, segment: Segment, each: Each, number: int) -> Reads:
        """Returns what a segment by value reads of the user; what it reads of values is its own."""
        registry = writer.registry
        paths = {other.name: other.each.path for other in self.live if other.each is not None}
        alike = {name for name in writer.segments if paths.get(name) == each.path}
        by_value = ByValue(
            segment=registry.segment_id(segment.name),
            number=number,
            cooldown_ms=segment.cooldown_ms,
            lasting_ms=lasting_ms(registry),
            mixed=bool(writer.leaves or writer.firsts or writer.segments or writer.features - {"id", "cart"}),
            others=tuple(sorted(registry.segment_id(name) for name in writer.segments if name not in alike)),
            alike=tuple(sorted(map(registry.segment_id, alike))),
            aggregates={own: Shown(what.kind, what.matched, what.within_ms) for own, what in registry.by_id.items()},
            counted=self.registry.counted,
            lines=lines_asked(writer.features, each),
        )
        inside = frozenset(writer.inside_aggregates - writer.aggregates)
        parts = PartsWriter(each, registry, by_value, frozenset(writer.aggregates), inside)
        self.parts.append(parts)
        fed = {by_value.state_id: max(writer.windows.values())} if writer.windows else {}
        return Reads(
            segment, set(), set(), writer.segments, writer.leaves, writer.firsts, writer.features, {}, fed, 0, (), parts
        )

    def _expressions(self, registry: Registry | None = None) -> Expressions:
        registry = self.registry if registry is None else registry
        writer = Expressions(self.code, registry, self.scores, self.rules.session_gap_ms)
        writer.purposes, writer.models = self.purposes, self.models
        return writer

    def _context_paths(self, masks: Masks) -> set[Path]:
        paths = {*masks.leaves, *masks.firsts}
        if masks.features.get("visits"):
            paths |= {SOURCE_PATH, LANDING_PATH}
        for registry in (self.registry, *(parts.registry for parts in self.parts)):
            for what in registry.by_id.values():
                for pattern in (*(source.pattern for source in what.sources), what.since_last):
                    paths |= context_paths_of(pattern)
        return paths | {path for parts in self.parts for path in context_paths_of(parts.each.of)}

    def _write_handlers(self, masks: Masks, decoder: MessageDecoder) -> dict[EventKey, tuple[str, HandlerWriter]]:
        keys: dict[EventKey, list[Remembered]] = {}
        for what in self.registry.by_id.values():
            for pattern in (*(source.pattern for source in what.sources), what.since_last):
                for key in keys_of_pattern(pattern):
                    asked = keys.setdefault(key, [])
                    if what not in asked:
                        asked.append(what)
        for parts in self.parts:
            for key in parts.events():
                keys.setdefault(key, [])
        cart_mask, cart_updates = masks.features.get("cart", 0), self.catalog.settings.cart.updates()
        if cart_mask:
            for name in cart_updates:
                keys.setdefault(("track", name), [])
        traits = {path[1:]: (leaf_id(path), mask) for path, mask in masks.leaves.items() if path[0] == "traits"}
        if traits:
            keys.setdefault(("identify", None), [])
        written: dict[EventKey, tuple[str, HandlerWriter]] = {}
        for key, aggregates in sorted(keys.items(), key=lambda item: (item[0][0], item[0][1] or "")):
            body = CodeWriter(self.namespace)
            writer = HandlerWriter(body, key, decoder.context_tree, self.registry)
            if key == ("identify", None):
                writer.traits(traits)
            update = cart_updates.get(key[1] or "") if cart_mask and key[0] == "track" else None
            if update is not None:
                policy, lateness_ms = self.catalog.settings.cart, self.rules.lateness_ms
                write_cart(self.parts, writer, cart_mask, update, policy, lateness_ms=lateness_ms)
            for what in aggregates:
                writer.aggregate(
                    what, masks.aggregates.get(what.id, 0), masks.inside.get(what.id, ()), masks.margins.get(what.id)
                )
            for number, parts in enumerate(self.parts):
                if key in parts.events():
                    parts.write(self.code, body, writer, f"feed_{len(written)}_{number}", is_of_cart=update is not None)
            name = f"handle_{len(written)}"
            with self.code.block(f"def {name}(p, ev, q, t, now, x)"):
                self.code.line("A = p.aggregates")
                self.code.line("m = 0")
                loads = writer.write_loads()
                for line in (*cleaning_lines(writer, self.catalog.settings.cleaning, self.cleaned), *loads):
                    self.code.line(line)
                self.code.include(body)
                self.code.line("return m")
            written[key] = (name, writer)
        return written

    def _segments(self, reads: list[Reads], functions: dict[str, Any]) -> tuple[SegmentCode, ...]:
        by_name = {read.segment.name: read for read in reads}
        numbers = {read.segment.name: number for number, read in enumerate(reads)}
        dependents = dict.fromkeys(by_name, 0)
        for number, read in enumerate(reads):
            for other in read.segments:
                dependents[other] |= 1 << number
        segments = {read.segment.name: read.segment for read in reads}
        own = {read.segment.name: read.windows for read in reads}
        seen = SeenWindows(own, {read.segment.name: read.segments for read in reads}, self.scores)
        functions["SEGMENTS"] = codes = tuple(
            SegmentCode(
                number=number,
                id=self.registry.segment_id(read.segment.name),
                name=read.segment.name,
                version=definition_version(read.segment),
                topic=read.segment.topic,
                for_ms=read.segment.for_ms,
                hold_ms=read.segment.hold_ms,
                cooldown_ms=read.segment.cooldown_ms,
                keeps_exit=bool(read.segment.cooldown_ms) or read.segment.name in self.registry.exits,
                updates=read.segment.updates,
                simple=is_simple(read.segment),
                experiments=_experiments(read.segment, self.catalog.settings.holdout),
                hidden=read.segment.model is not None,
                waits_for=tuple(sorted(seen.of(read.segment, segments).items()))
                if read.segment.warmup == "wait"
                else (),
                dependents=dependents[read.segment.name],
                reads=tuple(sorted(self._reads(read, by_name))),
                lags=tuple(sorted(numbers[name] for name in all_reads(read, by_name) if by_name[name].has_early_timer)),
                settle=functions[f"settle_{number}"],
                entry_evidence=functions[f"entry_evidence_{number}"],
                exit_evidence=functions[f"exit_evidence_{number}"],
                attach=attach_of(read.segment, functions[f"attach_{number}"]),
            )
            for number, read in enumerate(reads)
        )
        return tuple(map(_by_value, codes, reads))

    def _reads(self, read: Reads, by_name: dict[str, Reads]) -> set[int]:
        """Returns what a segment depends on that may have a timer of its own: other segments, pending sequences."""
        names = all_reads(read, by_name)
        found = set(map(self.registry.segment_id, names))
        if read.parts is not None:
            by_id = read.parts.registry.by_id
            found |= {own for own, what in by_id.items() if what.matched is not None}
        for each in (read, *(by_name[name] for name in names)):
            asked = each.aggregates | each.inside_aggregates
            found |= {own for own in asked if self.registry.by_id[own].matched is not None}
        return found


def _experiments(segment: Segment, holdout: Experiment | None) -> tuple[ExperimentCode, ...]:
    """The experiments whose groups the users of a segment are in: that of the catalog, and its own."""
    if segment.model is not None:
        return ()
    found = (each for each in (holdout, segment.experiment) if each is not None)
    return tuple(ExperimentCode(experiment_id(each.name), each) for each in found)


def experiment_id(name: str) -> int:
    """The stable id under which a profile has its group in an experiment."""
    return stable_id(f"experiment {name}")


def _by_value(code: SegmentCode, read: Reads) -> SegmentCode:
    """A segment as the partition settles it: by value, its functions are those of one part."""
    if read.parts is None:
        return code
    by_value = read.parts.by_value
    by_value.evaluate, by_value.code = code.settle, code
    return replace(code, settle=by_value.settle, values=by_value)


def _handlers(
    writers: Mapping[EventKey, tuple[str, HandlerWriter]], functions: Mapping[str, Any]
) -> dict[EventKey, Handler]:
    """The handlers of events, compiled."""
    return {
        key: Handler(functions[name], *writer.properties_decoder(), tuple(writer.fields))
        for key, (name, writer) in writers.items()
    }
