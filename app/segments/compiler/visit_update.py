"""Generates the code that every event runs: it extends the visit and stores the context.

`visit_update(p, ev, t, now)` takes the profile, the message, the event time and the instant of the evaluation; it
returns the segments to settle, as a mask. Where a visit merely continues, segments that read only its beginning are not
in the mask: their timer then fires too early and is set again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from app.events.message import Message, Path, Tree, said
from app.segments.compiler.code_writer import CodeWriter
from app.segments.compiler.leaf_ids import first_id, is_first, leaf_id
from app.segments.compiler.visit_value import visit_value
from tables import session as sessions
from tables.counted import Counted
from tables.profile import Profile
from tables.values import remembered
from tables.windows import FOREVER

Growth = tuple[int, tuple[tuple[str, int], ...], int]
UsualLeaf = tuple[int, tuple[tuple[Any, str], ...], bool, bool]
Usual = tuple[int, int, tuple[tuple[int, str, int], ...], tuple[UsualLeaf, ...]]
SOURCE_PATH = ("campaign", "source")
LANDING_PATH = ("page", "path")
LANDING_PROPERTY = "path"
"""Of an event whose context has no path; as in `_Landing`."""
STEPS_MAX = 8  # as the fast path supports; deeper values are left to `visit_update`


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitUpdate:
    """Masks of the segments that read what every event brings, whatever its name.

    features: those that read a visit, its beginning, last seen. always: those to settle at every event; for others
        that read a visit or last seen, `Profile.watched` tells.
    growth: (bit of `Profile.watched`, values of the visit and how large one must be, segments to settle then).
    leaves, firsts: by the path of a value of the context, the latest and the first.
    context: how those are decoded. gap_ms: what ends a visit.
    """

    features: dict[str, int]
    always: int
    growth: Sequence[Growth]
    leaves: dict[Path, int]
    firsts: dict[Path, int]
    context: Tree
    gap_ms: int

    def write(self, code: CodeWriter) -> None:
        """Writes the function `visit_update`."""
        visit, beginning = self.features.get("visit", 0), self.features.get("beginning", 0)
        with code.block("def visit_update(p, ev, t, now)"):
            code.line(f"m = {self.always}")
            if self.features.get("visits"):
                begin = code.bind("f", _Visits(self.context, self.gap_ms).event)
                code.line("e = p.session")
                with code.block(f"if e is not None and e[0] <= t < (o := e[1] + {self.gap_ms})"):
                    code.line("if t > e[1]: e[1] = t")
                    code.line("if ev.type == 'page' or ev.type == 'screen': e[2] += 1")
                    code.line("e[3] += 1")
                    _write_growth(code, self.growth)
                    if visit:  # it was over, and a late event continues it
                        code.line(f"if now >= o: m |= {visit}")
                with code.block("else"):
                    code.line(f"{begin}(p, ev, t, COUNTED)")
                    if beginning:
                        code.line(f"m |= {beginning}")
                    if self.growth:
                        code.line("e = p.session")
                        _write_growth(code, self.growth)
            if self.leaves or self.firsts:
                _write_leaves(code, self.leaves, self.firsts, self.context)
            code.line("return m")

    def usual(self) -> Usual:
        """Returns what the fast path must know to see that an event brings nothing new.

        Returns the gap (-1: nobody asks for visits), the segments to settle at every event, (bit, what of the visit,
        how large it must be), and (leaf id, the steps to it, whether they lead to the value itself, whether it is a
        first value).
        """
        visits = bool(self.features.get("visits"))
        found: list[UsualLeaf] = []
        ids = (*((path, leaf_id(path)) for path in self.leaves), *((path, first_id(path)) for path in self.firsts))
        for path, own in ids:
            steps = _steps(self.context, path)[:STEPS_MAX]
            found.append((own, steps, len(steps) == len(path), is_first(own)))
        watched = tuple(
            (bit, name, max(-FOREVER, min(least, FOREVER))) for bit, tests, _ in self.growth for name, least in tests
        )
        return (
            self.gap_ms if visits else -1,
            self.always,
            watched if visits else (),
            tuple(sorted(found, key=lambda leaf: leaf[0])),
        )


def _write_growth(code: CodeWriter, growth: Sequence[Growth]) -> None:
    if growth:
        code.line(f"w = p.watched & {sum(bit for bit, _, _ in growth)}")
        with code.block("if w"):
            for bit, tests, mask in growth:
                grown = " or ".join(f"e{visit_value(name).format(session='e')} >= {least}" for name, least in tests)
                code.line(f"if w & {bit} and ({grown}): m |= {mask}")


def _write_leaves(code: CodeWriter, leaves: dict[Path, int], firsts: dict[Path, int], context: Tree) -> None:
    """The usual case, a value as before, costs a comparison."""
    code.line("L = p.leaves")
    code.line("c = ev.context")
    with code.block(f"if c.__class__ is {code.bind('t', context.struct)}"):
        for path, mask in sorted(leaves.items()):
            rest = _write_walk(code, context, path)
            own = leaf_id(path)
            learns = "if v is not UNSET"
            if not rest:
                with code.block("if v.__class__ is str"):
                    code.line(f"l = L.get({own})")
                    code.line("if l is not None and l[1] == v and t >= l[0]: l[0] = t")
                    code.line(f"elif LEARN(L, {own}, t, v, COUNTED): m |= {mask}")
                learns = "elif v is not UNSET"
            value = f"{code.bind('f', said)}(v, {code.constant(rest)})"
            code.line(f"{learns} and LEARN(L, {own}, t, {value}, COUNTED): m |= {mask}")
        for path, mask in sorted(firsts.items()):
            rest, own = _write_walk(code, context, path), first_id(path)
            code.line(f"l = L.get({own})")
            value = f"{code.bind('f', said)}(v, {code.constant(rest)})"
            new = f"(l is None or l[0] > t) and LEARN_FIRST(L, {own}, t, {value}, COUNTED)"
            code.line(f"if v is not UNSET and {new}: m |= {mask}")
    with code.block("elif c is not None"):
        for path, mask in sorted(leaves.items()):
            reader = code.bind("r", context.reader(path))
            code.line(f"if LEARN(L, {leaf_id(path)}, t, {reader}(c), COUNTED): m |= {mask}")
        for path, mask in sorted(firsts.items()):
            reader = code.bind("r", context.reader(path))
            code.line(f"if LEARN_FIRST(L, {first_id(path)}, t, {reader}(c), COUNTED): m |= {mask}")


def _write_walk(code: CodeWriter, context: Tree, path: Path) -> Path:
    """Leaves what stands at the path in `v`, as far as it is a struct; returns the rest of the path."""
    (_, first), *others = steps = _steps(context, path)
    code.line(f"v = c.{first}")
    for struct, attribute in others:
        code.line(f"if v.__class__ is {code.bind('t', struct)}: v = v.{attribute}")
    return path[len(steps) :]


def _steps(context: Tree, path: Path) -> tuple[tuple[Any, str], ...]:
    """Through which structs a path leads, each with the attribute that goes on; what they lead to may be an object."""
    steps: list[tuple[Any, str]] = []
    tree = context
    for name in path:
        steps.append((tree.struct, f"c{list(tree.below).index(name)}"))
        tree = tree.below[name]
        if tree.leaf or context.leaf:
            return tuple(steps)
    raise AssertionError(path)


class _Visits:
    """A visit that begins, or whose beginning moves back."""

    def __init__(self, context: Tree, gap_ms: int) -> None:
        self._gap_ms = gap_ms
        self._source = context.reader(SOURCE_PATH)
        self._landing = context.reader(LANDING_PATH)

    def event(self, profile: Profile, message: Message, t: int, counted: Counted) -> None:
        pages = 1 if message.type == "page" or message.type == "screen" else 0
        profile.session, first = sessions.touch(profile.session, t, pages=pages, gap_ms=self._gap_ms)
        if first:
            profile.session[sessions.SOURCE] = _text(self._source(message.context), counted)
            landing = _text(self._landing(message.context), counted)
            profile.session[sessions.LANDING] = landing if landing is not None else _property_path(message, counted)


class _Landing(msgspec.Struct):
    path: Any = None


_landing = msgspec.json.Decoder(_Landing).decode


def _text(value: Any, counted: Counted) -> str | None:
    if value.__class__ is not str:
        return None
    kept: str = remembered(value, counted)
    return kept


def _property_path(message: Message, counted: Counted) -> str | None:
    if not isinstance(message.properties, Raw):
        return None
    try:
        return _text(_landing(message.properties).path, counted)
    except msgspec.ValidationError:
        return None
