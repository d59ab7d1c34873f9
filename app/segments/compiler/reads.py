"""Inputs that the functions of segments read, and the masks of segments by what they read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.events.message import Path
from app.segments.compiler.aggregates import segment_id
from app.segments.compiler.population_values import POPULATION
from app.segments.compiler.value_parts import PartsWriter
from app.segments.definitions.definition import Segment
from app.segments.evaluation.score_margin import Margin
from app.segments.language import syntax
from app.segments.language.walk import walk


@dataclass(slots=True)
class Reads:
    """Inputs that the functions of one segment read.

    margins: the scores that are only compared with numbers, and which of their events can do nothing to that
    parts: of a segment by value, whose aggregates are not among the others
    features: `id` (of the user), `visits` (a visit has to be kept), `visit` (its end may change what is true),
    `beginning` (a new one may), `session` and `user` (each event of the visit, of the user may), `cart`.
    """

    segment: Segment
    aggregates: set[int]
    inside_aggregates: set[int]
    segments: set[str]
    leaves: set[Path]
    firsts: set[Path]
    features: set[str]
    margins: dict[int, set[Margin]]
    windows: dict[int, int]
    watch_bit: int
    growth: tuple[tuple[str, int], ...]
    parts: PartsWriter | None = None

    @property
    def has_early_timer(self) -> bool:
        """True if not every event that makes the timer later sets it anew."""
        return "visit" in self.features or bool(self.margins)


class Masks:
    """Bit masks of the segments by what they read."""

    def __init__(self, reads: list[Reads]) -> None:
        self.aggregates: dict[int, int] = {}
        self.inside: dict[int, list[tuple[int, int]]] = {}
        self.margins: dict[int, tuple[int, set[Margin]]] = {}
        self.leaves: dict[Path, int] = {}
        self.firsts: dict[Path, int] = {}
        self.features: dict[str, int] = {}
        for number, read in enumerate(reads):
            bit = 1 << number
            for aggregate in read.aggregates:
                self.aggregates[aggregate] = self.aggregates.get(aggregate, 0) | bit
            for aggregate in read.inside_aggregates:
                self.inside.setdefault(aggregate, []).append((segment_id(read.segment.name), bit))
            for aggregate, margins in read.margins.items():
                mask, others = self.margins.get(aggregate, (0, set()))
                self.margins[aggregate] = mask | bit, others | margins
            for path in read.leaves:
                self.leaves[path] = self.leaves.get(path, 0) | bit
            for path in read.firsts:
                self.firsts[path] = self.firsts.get(path, 0) | bit
            for feature in read.features:
                self.features[feature] = self.features.get(feature, 0) | bit
        watching = sorted((read.watch_bit, 1 << number) for number, read in enumerate(reads) if read.watch_bit)
        self.watchers = tuple(mask for _, mask in watching)
        self.growth = [(read.watch_bit, read.growth, 1 << n) for n, read in enumerate(reads) if read.growth]
        self.watching = (1 << len(watching)) - 1 - sum(bit for bit, _, _ in self.growth)
        active = self.features.get("session", 0) | self.features.get("user", 0)
        self.always = active & ~sum(self.watchers)

    def of_somebody_new(self, numbers: Iterable[str]) -> int:
        """The segments for which it depends on the id, or on numbers of all users, if somebody new is in them."""
        mask = self.features.get("id", 0)
        for number in numbers:
            mask |= self.features.get(POPULATION + number, 0)
        return mask

    def inside_mask(self, aggregate: int) -> int:
        """The segments that read an aggregate only for who is in."""
        return sum(bit for _, bit in self.inside.get(aggregate, ()))


def all_reads(read: Reads, by_name: Mapping[str, Reads]) -> set[str]:
    """The segments that one depends on, directly or not."""
    found: set[str] = set()
    waiting = list(read.segments)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(by_name[name].segments)
    return found


def context_paths_of(node: syntax.Node | None) -> set[Path]:
    """The context paths that filters of a pattern read."""
    found = () if node is None else tuple(walk(node))
    places = (each for near in found if isinstance(near, syntax.Near) for each in near.coordinates)
    return {each.path for each in (*found, *places) if isinstance(each, syntax.EventContext)}
