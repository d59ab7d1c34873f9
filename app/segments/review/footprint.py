"""Footprint of a definition: what it makes Shoal remember of each user, in words and in encoded bytes.

`bytes_max` is what the limits of docs/limits.md allow; `bytes_typical` is for a user with three such events of three
different values, all inside the window. Sizes are those of MessagePack, counted by the form of each state in `tables`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from app.events.instants import iso
from app.segments.compiler.aggregates import Remembered
from app.segments.compiler.model_code import packing
from app.segments.compiler.program import Program, aggregates_of, compile_catalog
from app.segments.definitions.definition import Catalog, Definition, Score, Segment
from app.segments.definitions.dependencies import expressions, references
from app.segments.definitions.model_file import Model
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.names import model_segment
from app.segments.language.streak_span import streak_span
from app.segments.language.types import Type, type_of
from app.segments.language.walk import walk
from tables import exposures, waiting
from tables.by_value import VALUES_MAX as BY_VALUE_MAX
from tables.cart import ITEMS_MAX
from tables.cart_moves import MOVES_MAX
from tables.cut_texts import BYTES_LEFT_MIN, TEXT_BYTES_KEY_MAX, TEXT_BYTES_VALUE_MAX
from tables.message_ids import ENTRY_BYTES, IDS_MAX
from tables.recent import VALUES_MAX
from tables.sequences import ABSENTS_MAX
from tables.state_size import (
    A_KEY,
    A_MATCHED_KEY,
    A_NUMBER,
    A_VALUE,
    AN_INSTANT,
    HEADER,
    INSTANT,
    KEY_TYPICAL,
    NOTHING,
    NUMBER,
    TEXT_MAX,
    TYPICAL_EVENTS,
    Size,
)
from tables.tallies import Decay
from tables.values import LIST_ITEMS_MAX
from tables.windows import FOREVER

ID = 5
FIRST_ID = 9
MEMBER = "member "
PROFILE = 80
"""A profile of which no definition asks anything: its own instants and counts, empty maps."""

PROFILE_BYTES_MAX = 768 * 1024
"""A catalog under which a profile could become larger is not to be used: it is to fit into a record batch."""


MEMBERSHIP = Size(ID + 16, ID + 5 * INSTANT + ID + INSTANT)
"""In or out, since when, how often, the marks of `for` and `cooldown`; when it may change by itself."""
WAITING = Size(0, waiting.BYTES_MAX + waiting.EVENTS_MAX * (2 * HEADER + 3 * INSTANT))
"""Events that wait for those before them: mostly none does."""


A_SCORE = Size(42, 42)
"""Size of a score without its numbers: the probability, the model's version, and their names."""
SCORES_OF_CLASSES = Size(36, 36)
"""As of a score, without the classes."""
A_CLASS = 11
"""Bytes of the probability of a class, without its name."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that is remembered. `id`: definitions that keep the same share it. `limits`: those that can bite.
    `of_one`: what is remembered for each value, if it is the values of a segment."""

    id: str
    words: str
    size: Size
    limits: tuple[str, ...] = ()
    of_one: tuple["Kept", ...] = ()


@dataclass(frozen=True, slots=True)
class Footprint:
    """All that one definition makes Shoal remember, each a thing of its own.

    `window_ms`: how long until its windows, and those of what it uses, have been seen in full. `ever`: it asks for
    something without a window, so what was before its start is never known. `searched`: texts that it searches though
    perhaps only their beginning is remembered.
    """

    kept: tuple[Kept, ...]
    window_ms: int
    ever: bool
    searched: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        """All together, of this definition alone."""
        return sum((kept.size for kept in self.kept), NOTHING)

    @property
    def limits(self) -> tuple[str, ...]:
        """Each limit once."""
        return tuple(dict.fromkeys((*(limit for kept in self.kept for limit in kept.limits), *self.searched)))


def footprints(catalog: Catalog, rules: TimeRules) -> dict[str, Footprint]:
    """The footprint of each definition, by its name; nothing is kept for one that is retired."""
    found = {}
    named: dict[str, Definition] = {each.name: each for each in catalog.definitions}
    for definition in named.values():
        retired = isinstance(definition, Segment) and definition.status == "retired"
        kept = () if retired else tuple(_kept(catalog, definition, rules))
        window_ms, ever = (0, False) if retired else _windows(named, definition, {})
        searched = () if retired else tuple(_searched(_nodes(catalog, definition)))
        found[definition.name] = Footprint(kept, window_ms, ever, searched)
    return found


def profile_size(catalog: Catalog, found: dict[str, Footprint]) -> Size:
    """A whole profile under a catalog; what several definitions share counts once. Drafts are not remembered."""
    drafts = {segment.name for segment in catalog.segments if segment.status == "draft"}
    shared = {kept.id: kept for name, each in found.items() if name not in drafts for kept in each.kept}
    base = Size(PROFILE + TYPICAL_EVENTS * ENTRY_BYTES, PROFILE + HEADER + IDS_MAX * ENTRY_BYTES)
    if catalog.settings.order_wait_ms:
        base += WAITING
    return sum((kept.size for kept in shared.values()), base)


# ---- names in definitions


def _kept(catalog: Catalog, definition: Definition, rules: TimeRules) -> Iterator[Kept]:
    nodes = list(_nodes(catalog, definition))
    if any(isinstance(node, s.CartField | s.CartLineField) for node in nodes):
        key = A_KEY.times(len(catalog.settings.cart.key), len(catalog.settings.cart.key))
        item, move = key + Size(13, 1 + 4 * NUMBER), key + Size(13, 1 + INSTANT + 2 * NUMBER)
        cart = item.times(2, ITEMS_MAX) + move.times(2, MOVES_MAX) + Size(13, 4 + 3 * INSTANT)
        words = "the cart: products, quantities, prices, and its latest additions and removals"
        yield Kept("cart", words, cart, (f"{ITEMS_MAX} products", f"{MOVES_MAX} additions and removals"))
    if any(isinstance(node, s.SessionField) for node in nodes):
        words = "the visit: beginning, last event, counts, source, landing page"
        yield Kept("session", words, Size(60, 46 + 2 * TEXT_MAX))
    firsts = [node.of for node in nodes if isinstance(node, s.FirstValue)]
    for name in dict.fromkeys(map(canonical.text, firsts)):
        size = A_VALUE + Size(FIRST_ID + 1 + INSTANT, FIRST_ID + 1 + INSTANT)
        yield Kept(f"first({name})", f"the first {name}", size, (f"{LIST_ITEMS_MAX} items of a list",))
    latest = (node for node in nodes if isinstance(node, s.Trait | s.ContextValue) and not _is_one_of(node, firsts))
    for root, path in dict.fromkeys(map(_leaf, latest)):
        name = canonical.path_text(path, root)
        size = A_VALUE + Size(ID + 1 + INSTANT, ID + 1 + INSTANT)
        yield Kept(name, f"the latest {name}", size, (f"{LIST_ITEMS_MAX} items of a list",))
    own = [*map(_aggregate, _aggregates(catalog, definition, rules))]
    if isinstance(definition, Segment) and definition.model is not None:
        own += _score(definition, definition.model)
    elif isinstance(definition, Segment):
        experiments = [each for each in (catalog.settings.holdout, definition.experiment) if each is not None]
        for experiment in experiments:
            words = f"the group in the experiment {experiment.name}, and since when"
            yield Kept(f"experiment {experiment.name}", words, exposures.SIZE + Size(ID, ID))
        own += _membership(definition, [each.name for each in experiments])
        if definition.each is not None:
            own = [_of_values(definition, own), own[-1]]
    yield from own


def _membership(segment: Segment, experiments: list[str]) -> Iterator[Kept]:
    """Yields what is remembered of a membership; the marks come last."""
    if segment.attach:
        sent = NOTHING
        for name, node in segment.attach:
            sent += _sent(node) + Size(len(name.encode()) + 2, len(name.encode()) + 2)
        yield Kept(f"sent {segment.name}", "the values sent last", sent + Size(1, HEADER))
    if experiments:
        told = exposures.told_size(experiments)
        yield Kept(f"told {segment.name}", "the groups that its changes tell", told)
    yield Kept(f"{MEMBER}{segment.name}", "whether in, since when, how many times", MEMBERSHIP)


def _score(moments: Segment, model: Model) -> Iterator[Kept]:
    """Yields what is remembered of the score of a model."""
    own, words = A_SCORE, "the probability, and the numbers behind it"
    numbers = packing(model).size
    if model.classes:
        names = sum(A_CLASS + len(each.name) for each in model.classes)
        own, words = (
            SCORES_OF_CLASSES + Size(names, names),
            "the probability of each class, and the numbers behind them",
        )
    yield Kept(f"sent {moments.name}", words, own + Size(numbers, numbers))
    yield Kept(f"{MEMBER}{moments.name}", "when they were scored last, how many times", MEMBERSHIP)


def _of_values(segment: Segment, of_one: list[Kept]) -> Kept:
    """All of it once for each value of a property."""
    assert segment.each is not None
    size = sum((kept.size for kept in of_one), A_KEY + AN_INSTANT + Size(ID, HEADER + ID))
    words = f"by {segment.each.text}, for each value: {', '.join(kept.words for kept in of_one)}"
    limits = dict.fromkeys((f"{BY_VALUE_MAX} values", *(limit for kept in of_one for limit in kept.limits)))
    values = size.times(TYPICAL_EVENTS, BY_VALUE_MAX)
    return Kept(f"values {segment.name}", words, values, tuple(limits), of_one=tuple(of_one))


def _nodes(catalog: Catalog, definition: Definition) -> Iterator[s.Node]:
    """Everything in the expressions of a definition and of the scores that it asks for; nothing inside patterns."""
    scores = {score.name: score for score in catalog.scores}
    waiting: list[Definition] = [definition]
    seen: set[str] = set()
    while waiting:
        each = waiting.pop()
        for node in chain.from_iterable(map(walk, expressions(each))):
            yield node
            if isinstance(node, s.ScoreValue) and node.score not in seen and node.score in scores:
                seen.add(node.score)
                waiting.append(scores[node.score])


def _is_one_of(node: s.Node, nodes: list[s.ContextValue]) -> bool:
    return any(node is each for each in nodes)


def _leaf(node: s.Trait | s.ContextValue) -> tuple[str, s.Path]:
    return ("traits" if isinstance(node, s.Trait) else "context"), node.path


def _aggregates(catalog: Catalog, definition: Definition, rules: TimeRules) -> list[Remembered]:
    """Returns the aggregates of the definition itself."""
    return aggregates_of(_alone(catalog, definition), rules)


def compiled_alone(catalog: Catalog, definition: Definition, rules: TimeRules) -> Program:
    """The program of one definition of a catalog; nobody is in the segments that it asks for."""
    return compile_catalog(_alone(catalog, definition), rules)


def _alone(catalog: Catalog, definition: Definition) -> Catalog:
    """A catalog of one definition, with segments in which nobody is for those that it asks for."""
    alone: Segment
    if isinstance(definition, Score):
        asked = s.Comparison(">", s.ScoreValue(definition.name), s.Number(0))
        alone = Segment("/asks", asked, None, None)
    else:
        alone = replace(definition, status="live", tests=())
    definitions: tuple[Definition, ...] = (definition, *catalog.scores)
    used = {
        reference.name
        for each in definitions
        for reference in references(each)
        if reference.kind == "segment" and reference.name != alone.name
    }
    nobodies = tuple(Segment(name, s.Boolean(False), None, None) for name in sorted(used))
    return replace(catalog, segments=(*nobodies, alone), models=())


def _windows(
    definitions: Mapping[str, Definition], definition: Definition, known: dict[str, tuple[int, bool]]
) -> tuple[int, bool]:
    """The longest window of a definition and of all that it uses, and whether something has none.

    What it asks `entered(... within W)` or `left(... within W)` of has one that is longer by W, as in `SeenWindows`.
    """
    known[definition.name] = 0, False
    window_ms, ever = 0, False
    if isinstance(definition, Score) and any(isinstance(node, s.Pattern) for node in expressions(definition)):
        window_ms, ever = definition.within_ms or 0, definition.within_ms is None
    for node in chain.from_iterable(map(walk, expressions(definition))):
        match node:
            case s.Aggregate(within_ms=within_ms):
                window_ms, ever = max(window_ms, within_ms or 0), ever or within_ms is None
            case s.Comparison() if (streak := streak_span(node)) is not None:
                window_ms = max(window_ms, streak[1])
            case s.Membership() | s.ValueCount() | s.SegmentMark() | s.ScoreValue() | s.ModelValue() if (
                name := _name_in(node)
            ) in definitions:
                other_ms, other = known.get(name) or _windows(definitions, definitions[name], known)
                if isinstance(node, s.SegmentMark) and other_ms:
                    other_ms += node.within_ms or 0
                window_ms, ever = max(window_ms, other_ms), ever or other
            case _:
                pass
    known[definition.name] = window_ms, ever
    return window_ms, ever


def _name_in(node: s.Membership | s.ValueCount | s.SegmentMark | s.ScoreValue | s.ModelValue) -> str:
    """The definition that a term asks for."""
    match node:
        case s.ScoreValue(score=name):
            return name
        case s.ModelValue(model=name):
            return model_segment(name)
        case _:
            return node.segment


def _searched(nodes: Iterable[s.Node]) -> Iterator[str]:
    """The searches that what is left of a long text may not decide, in words."""
    for node in nodes:
        if not isinstance(node, s.Comparison) or node.operator not in ("contains", "starts with", "matches"):
            continue
        short = isinstance(node.right, s.Text) and len(node.right.value.encode()) <= BYTES_LEFT_MIN
        known = _bytes_known(node.left)
        if known is not None and not (short and node.operator == "starts with"):
            yield f"{known:,} bytes of {canonical.text(node.left)} that are searched"


def _bytes_known(node: s.Expression) -> int | None:
    """The most bytes of a remembered text; None for what is no text, or one of a list."""
    match node:
        case s.Lower(of=of):
            return _bytes_known(of)
        case s.Trait() | s.ContextValue() | s.FirstValue() | s.SessionField() | s.Aggregate(function="first" | "last"):
            return TEXT_BYTES_VALUE_MAX
        case s.Key():
            return TEXT_BYTES_KEY_MAX
        case _:
            return None


# ---- size


def _sent(node: s.Expression) -> Size:
    """A value as it was sent."""
    match node:
        case s.CartField(name="products"):
            return A_KEY.times(2, ITEMS_MAX)
        case (
            s.CartField()
            | s.CartLineField()
            | s.Arithmetic()
            | s.ScoreValue()
            | s.ModelValue()
            | s.SegmentMark()
            | s.ValueCount()
            | s.Bucket()
            | s.Clock()
            | s.SegmentSize()
        ):
            return A_NUMBER
        case s.Aggregate() if type_of(node) is not Type.DYNAMIC:
            return A_NUMBER
        case s.Key() | s.SessionField():
            return Size(KEY_TYPICAL, TEXT_MAX)
        case _:
            return A_VALUE


def _payload(what: Remembered, pattern: s.Pattern) -> Size:
    """Returns the size of an event that waits for its `no R`: its item, and its keys for `once per`."""
    listed, matched = A_KEY.times(1, LIST_ITEMS_MAX), A_MATCHED_KEY.times(1, LIST_ITEMS_MAX)
    items = {"nothing": NOTHING, "points": A_NUMBER, "value": A_VALUE, "numbers": A_NUMBER.times(1, LIST_ITEMS_MAX)}
    return items.get(what.item, listed) + (matched if pattern.once_per is not None else NOTHING) + Size(3, 3)


def _aggregate(what: Remembered) -> Kept:
    state = what.kind.size()
    size, limits = state.size + Size(ID, ID), state.limits
    if what.matched is not None:
        size += Size(4 + INSTANT, 4 + INSTANT + HEADER)
        for pattern in (*(source.pattern for source in what.sources), what.since_last):
            if pattern is None:
                continue
            size += Size(3, 3)
            if pattern.once_per is not None:
                size += (A_MATCHED_KEY + AN_INSTANT).times(TYPICAL_EVENTS, VALUES_MAX)
                limits += (f"{VALUES_MAX} values",)
            if isinstance(pattern.source, s.Sequence):
                payload = Size(1, 1) if pattern is what.since_last else _payload(what, pattern)
                more, bounds = _sequence(pattern.source, payload)
                size += more
                limits += bounds
    return Kept(f"aggregate {what.id}", _words(what), size, tuple(dict.fromkeys(limits)))


def _sequence(sequence: s.Sequence, payload: Size) -> tuple[Size, tuple[str, ...]]:
    limits: tuple[str, ...] = ()
    level = Size(1 + 2 * INSTANT, 1 + 2 * INSTANT)
    times = Size(INSTANT + 1, INSTANT + 1) + AN_INSTANT.times(1, len(sequence.steps))
    if sequence.between:
        level += times
    entry = A_MATCHED_KEY + level.times(1, max(1, len(sequence.steps) - 1)) + AN_INSTANT
    if sequence.absent is not None:
        entry += AN_INSTANT + payload + Size(1, 1) + (times if sequence.between else NOTHING)
    size = entry.times(1, 1)
    if sequence.matching is not None:
        size = entry.times(2, VALUES_MAX)
        limits += (f"{VALUES_MAX} values",)
    for _ in filter(None, (sequence.absent, sequence.between)):
        key = Size(1, 1) if sequence.matching is None else A_MATCHED_KEY
        size += (AN_INSTANT + key + Size(1, 1)).times(1, ABSENTS_MAX)
        limits += (f"{ABSENTS_MAX} events of no ...",)
    return size + Size(ID + INSTANT, ID + INSTANT), limits


# ---- words


def _words(what: Remembered) -> str:
    pattern = " and ".join(canonical.text(source.pattern) for source in what.sources)
    path = "" if what.path is None else canonical.of_text(what.path)
    over = f" within {format_duration(what.within_ms)}" if what.within_ms is not None else ""
    if what.since_last is not None:
        over = f" since last {canonical.text(what.since_last)}"
    if what.counts_ms is not None:
        start, end = what.counts_ms
        over = f" from {iso(start)}" + (f" to {iso(end)}" if end < FOREVER else "")
    if isinstance(what.kind, Decay):
        over = f", halved every {format_duration(what.kind.half_life_ms)}"
    return what.kind.words(pattern, path) + over
