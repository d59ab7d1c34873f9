"""Members and near-members of a segment, drawn for a person to judge.

Theory of operation. All events are played through one partition, as in a backtest. For each atom of the condition it
carries a segment of its own, which holds exactly while that atom does: so what is true of a user is what the engine
says. A near-member is somebody who is not in, and would be if one atom were otherwise, or whom only a waiting time
keeps out. Their distance is that of the number of this atom from its threshold, as a share of the threshold. Members
are drawn at random; near-members are the nearest, of equally near ones a random choice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import Any, Final, Literal

from app.errors import UserError
from app.offline.backtest import Backtest
from app.offline.explainer import needed_of
from app.segments.definitions.definition import Catalog, Segment
from app.segments.evaluation.settlement import SegmentCode
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import canonical, syntax
from app.segments.language.syntax import Expression
from app.segments.language.walk import simple_conditions
from tables.profile import INSIDE, Profile

Drawn = Literal["member", "near"]
MISSING_MAX: Final = 1
"""So many atoms at most stand between a near-member and the segment."""

# Segments made for the audit are called `<segment>/...`, as no definition can be.
_VALUES: Final = "/values"


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of the condition that is no `and`, `or` or `not`, for one user. value: as in a change."""

    text: str
    holds: bool
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A user to judge. missing: what would have to be otherwise; empty: a member, or a waiting time keeps them out.
    distance: of a near-member, as a share of the threshold; None: it is not about a number."""

    user: str
    drawn: Drawn
    atoms: tuple[Atom, ...]
    missing: tuple[str, ...] = ()
    distance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The cases, and out of how many members and near-members they were drawn. at_ms: the instant of all of it."""

    segment: str
    version: str
    at_ms: int
    members: int
    near: int
    cases: tuple[Case, ...]


class Auditor:
    """One segment over one history: play `run`, finish it, then draw."""

    def __init__(self, catalog: Catalog, segment: str, rules: TimeRules) -> None:
        """KeyError if there is no such segment. UserError for one that nobody can be in."""
        self.segment = catalog.segment(segment)
        if self.segment.status == "retired":
            raise UserError(f"{segment} is retired: nobody is in it", hint="choose another segment")
        self._version = catalog.version
        self._condition = _condition_of(self.segment)
        atoms = {canonical.text(each): each for each in simple_conditions(self._condition)}
        self._names = {text: f"{segment}/{text}" for text in atoms}
        self._numbers = {text: found for text, atom in atoms.items() if (found := _number(atom)) is not None}
        probes = [Segment(self._names[text], atom, None, None) for text, atom in atoms.items()]
        values = tuple((text, number.value) for text, number in self._numbers.items())
        probes.append(Segment(f"{segment}/{_VALUES}", syntax.Boolean(False), None, None, attach=values))
        live = needed_of(catalog, self.segment)
        self.run = Backtest(replace(live, segments=(*live.segments, *probes)), rules)
        self._code: dict[str, SegmentCode] = {code.name: code for code in self.run.program.segments}

    def draw(self, at_ms: int, *, members: int, near: int, seed: int) -> Sample:
        """So many members and near-members at the end of the run, in a random order. The same for the same seed."""
        chance = Random(seed)  # a sample, no secret
        inside: list[str] = []
        candidates: list[tuple[float, str, tuple[str, ...]]] = []
        for user, profile in self._profiles():
            if self._is_in(profile, self.segment.name):
                inside.append(user)
                continue
            missing = self._missing(self._condition, profile, wanted=True)
            if len(missing) <= MISSING_MAX:
                candidates.append((self._distance(missing, profile, at_ms, user), user, missing))
        chosen = chance.sample(inside, min(members, len(inside)))
        chance.shuffle(candidates)
        nearest = sorted(candidates, key=lambda each: each[0])[:near]
        cases = [self._case(user, "member", (), at_ms) for user in chosen]
        cases += [self._case(user, "near", missing, at_ms, distance) for distance, user, missing in nearest]
        chance.shuffle(cases)
        return Sample(
            segment=self.segment.name,
            version=self._version,
            at_ms=at_ms,
            members=len(inside),
            near=len(candidates),
            cases=tuple(cases),
        )

    def _profiles(self) -> Iterator[tuple[str, Profile]]:
        """All users in the order of their keys; not keys that have moved to another."""
        partition = self.run.partition
        for user in sorted(partition.encoded):
            profile = partition.profile(user)
            if profile is not None and profile.moved_to is None:
                yield user, profile

    def _is_in(self, profile: Profile, name: str) -> bool:
        member = profile.members.get(self._code[name].id)
        return member is not None and bool(member[INSIDE])

    def _missing(self, node: Expression, profile: Profile, *, wanted: bool) -> tuple[str, ...]:
        """The fewest atoms that would have to be otherwise for a condition to be as wanted."""
        match node:
            case syntax.And(operands=operands) | syntax.Or(operands=operands):
                parts = [self._missing(operand, profile, wanted=wanted) for operand in operands]
                if isinstance(node, syntax.And) == wanted:  # all of them count
                    return tuple(dict.fromkeys(text for part in parts for text in part))
                return min(parts, key=len)
            case syntax.Not(operand=operand):
                return self._missing(operand, profile, wanted=not wanted)
            case _:
                text = canonical.text(node)
                return () if self._is_in(profile, self._names[text]) == wanted else (text,)

    def _distance(self, missing: tuple[str, ...], profile: Profile, at_ms: int, user: str) -> float:
        """0 where nothing is missing; infinite where what is missing is not about a number."""
        if not missing:
            return 0.0
        number = self._numbers.get(missing[0])
        if number is None:
            return inf
        attach = self._code[f"{self.segment.name}/{_VALUES}"].attach
        value = None if attach is None else attach(profile, at_ms, user).get(missing[0])
        if value.__class__ not in (int, float):
            return inf
        return abs(float(value) - number.threshold) / max(abs(number.threshold), 1.0)

    def _case(
        self, user: str, drawn: Drawn, missing: tuple[str, ...], at_ms: int, distance: float | None = None
    ) -> Case:
        profile = self.run.partition.profile(user)
        assert profile is not None
        atoms = []
        for text in self._names:
            (shown,) = self._code[self._names[text]].entry_evidence(profile, at_ms, user)
            atoms.append(Atom(text, self._is_in(profile, self._names[text]), shown.value))
        return Case(
            user=user,
            drawn=drawn,
            atoms=tuple(atoms),
            missing=missing,
            distance=None if distance is None or distance == inf else distance,
        )


@dataclass(frozen=True, slots=True)
class Number:
    """The number of a comparison with a fixed one: the expression for its value, and the threshold."""

    value: Expression
    threshold: float


def _condition_of(segment: Segment) -> Expression:
    """The condition under which somebody enters."""
    if segment.when is not None:
        return segment.when
    assert segment.enter is not None
    assert segment.exit is not None
    return syntax.And((segment.enter, syntax.Not(segment.exit)))


def _number(atom: Expression) -> Number | None:
    """The number of an atom; None for one that compares none, or with what is not fixed."""
    if not isinstance(atom, syntax.Comparison):
        return None
    for value, fixed in ((atom.left, atom.right), (atom.right, atom.left)):
        if isinstance(fixed, syntax.Number):
            return Number(value, float(fixed.value))
        if isinstance(fixed, syntax.Duration):  # as a number of milliseconds
            return Number(syntax.Arithmetic("/", value, syntax.Duration(1)), float(fixed.ms))
    return None
