"""Explains why a user is in a segment, or not: the parts of its condition with their values, and what comes next.

The same partition as a worker's plays the user's events. For each part of the condition it carries a segment of its
own, which holds exactly while that part does; so truths and instants are those of the engine, not a second opinion.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from app.events.message import instant_ms
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.definition import Catalog, PointsOn, PointsWhen, Score, Segment
from app.segments.definitions.dependencies import Reference, references
from app.segments.definitions.drafts import with_drafts
from app.segments.evaluation.batch import Batch, Linked, RecordLike
from app.segments.evaluation.change import Change
from app.segments.evaluation.settlement import SegmentCode
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import canonical, syntax
from app.segments.language.syntax import Expression
from app.segments.language.walk import walk
from app.segments.partition.partition import Partition
from tables.profile import OUT_AT, SINCE, TRUE_SINCE, Profile

CHANGES_KEPT_MAX: Final = 1_000

# Segments made for the explanation are called `<segment>/...`, as no definition can be; most end in a condition's text,
# which is never one of these.
_POINTS: Final = "/points"
_WARM: Final = "/warm"

Role: TypeAlias = Literal["when", "enter", "exit"]
Way: TypeAlias = Literal["atom", "all", "any", "not"]


@dataclass(frozen=True, slots=True)
class Part:
    """A condition, or a part of one, at the instant of the explanation.

    `since_ms`: since when it is as it is, as far as the user is known. `value`: of an atom, as in a change. `points`:
    what each entry of the scores that an atom asks for brings now.
    """

    way: Way
    text: str
    holds: bool
    since_ms: int
    value: Any = None
    parts: tuple["Part", ...] = ()
    points: tuple["Points", ...] = ()


@dataclass(frozen=True, slots=True)
class Points:
    """One entry of a score: its text, and its part of the score."""

    entry: str
    value: Any


@dataclass(frozen=True, slots=True)
class Mark:
    """Waiting time by `for`, `hold`, `cooldown` or `warmup`, from `since_ms` to `until_ms`."""

    key: Literal["for", "hold", "cooldown", "warmup"]
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """All instants in milliseconds. `at_ms` is the instant explained.

    `known`: the user has a profile. `forgotten`: had one, and no event came for the retention. `since_ms`: since when
    in, or out (None: never was in). `times`: memberships so far. `next`: the next change of this segment if no event
    comes, None if there is none. `forgotten_ms`: when the user is forgotten if no event comes. `last`: the latest
    changes, oldest first. `sent`: the values sent last, of one who is in. `asked`: the key of the question; where that
    has moved, `user` is whom it has moved to. `links`: what became of the logins of the person, in order.
    """

    user: str
    segment: Segment
    at_ms: int
    known: bool
    forgotten: bool
    inside: bool
    since_ms: int | None
    times: int
    conditions: dict[Role, Part]
    marks: tuple[Mark, ...]
    next: Change | None
    forgotten_ms: int | None
    last: tuple[Change, ...]
    sent: dict[str, Any]
    asked: str = ""
    links: tuple[Linked, ...] = ()


@dataclass(slots=True)
class Followed:
    """One key of the person. `turned`: part of a condition -> whether it holds, since when."""

    changes: list[Change] = field(default_factory=list)
    turned: dict[str, tuple[bool, int]] = field(default_factory=dict)
    turn: Change | None = None


@dataclass(slots=True)
class Heard:
    """Counts of the user's events by outcome. `late`: by how many milliseconds, one an event. `waiting`: those whose
    turn has not come at the instant that was explained last."""

    accepted: int = 0
    duplicates: int = 0
    waiting: int = 0
    late_ms: list[int] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


class Explainer:
    """Plays records of one user and explains one segment. Records of others may be among them."""

    def __init__(
        self,
        catalog: Catalog,
        segment: str,
        user: str,
        rules: TimeRules | None = None,
        *,
        keys: Collection[str] = (),
    ) -> None:
        """KeyError if there is no such segment. `keys`: those of the person, where there are more than one."""
        self.segment = catalog.segment(segment)
        self.asked = self.user = user
        self._followed = {key: Followed() for key in (user, *keys)}
        self._links: list[Linked] = []
        self.heard = Heard()
        self._rules = rules or TimeRules()
        self._conditions = _conditions_of(self.segment)
        self._probes: dict[str, Expression] = {}
        for condition in self._conditions.values():
            for node in _nodes_of(condition):
                self._probes.setdefault(f"{segment}/{canonical.text(node)}", node)
        self._entries = _score_entries(catalog, self._probes.values())
        attach = tuple((entry.name, syntax.ScoreValue(entry.name)) for entry in self._entries)
        probes = [Segment(name, node, None, None) for name, node in self._probes.items()]
        probes.append(Segment(f"{segment}/{_POINTS}", syntax.Boolean(False), None, None, attach=attach))
        if self.segment.warmup == "wait":
            windows = tuple(self._conditions.items())
            probes.append(
                Segment(f"{segment}/{_WARM}", syntax.Boolean(True), None, None, attach=windows, warmup="wait")
            )
        live = with_drafts(needed_of(catalog, self.segment))
        self._program = compile_catalog(
            replace(live, segments=(*live.segments, *probes), scores=(*live.scores, *self._entries)), self._rules
        )
        self._code: dict[str, SegmentCode] = {code.name: code for code in self._program.segments}
        self._partition = Partition(self._program, self._rules, keyed=False, alone=True)
        self._kept: dict[str, bytes | None] = {}

    # ---- playing

    def play(self, records: Iterable[RecordLike]) -> None:
        """Records in order of their offsets."""
        self._take(self._partition.process(records))

    def advance(self, clock_ms: int) -> None:
        """The clock moves on; it never goes back."""
        self._take(self._partition.advance(clock_ms))

    def _take(self, batch: Batch) -> None:
        self.heard.accepted += batch.accepted
        self.heard.duplicates += batch.duplicates
        self.heard.late_ms += [late.late_ms for late in batch.late]
        self.heard.dead += [f"{letter.reason}: {letter.detail}" for letter in batch.dead]
        self._kept.update(batch.profiles)
        self._links += [each for each in batch.linked if each.source in self._followed or each.to in self._followed]
        del self._links[:-CHANGES_KEPT_MAX]
        for change in batch.changes:
            followed = self._followed.get(change.user)
            if followed is None:
                continue
            if change.segment == self.segment.name:
                followed.changes.append(change)
                del followed.changes[:-CHANGES_KEPT_MAX]
                if change.change != "updated":
                    followed.turn = change
            elif change.segment.startswith(f"{self.segment.name}/"):
                followed.turned[change.segment] = (change.change == "entered", instant_ms(change.at))

    # ---- explaining

    def explain(self, at_ms: int) -> Explanation:
        """The user and the segment at `at_ms`, which the clock must have reached."""
        self.user = self._owner()
        followed = self._followed[self.user]
        profile = self._partition.profile(self.user)
        self.heard.waiting = sum(map(self._partition.waiting_of, self._followed))
        turn = followed.turn
        inside = turn is not None and turn.change == "entered"
        conditions: dict[Role, Part] = {}
        marks: list[Mark] = []
        if profile is not None:
            began_ms = profile.first_seen_ms
            conditions = {role: self._part(condition, at_ms, began_ms) for role, condition in self._conditions.items()}
            marks = list(self._marks(profile, conditions, inside=inside, at_ms=at_ms))
        return Explanation(
            user=self.user,
            segment=self.segment,
            at_ms=at_ms,
            known=profile is not None,
            forgotten=self._kept.get(self.user, b"") is None,
            inside=inside,
            since_ms=None if turn is None else instant_ms(turn.at),
            times=0 if turn is None else turn.times,
            conditions=conditions,
            marks=tuple(marks),
            next=self._next() if profile is not None else None,
            forgotten_ms=None if profile is None else profile.highest_ms + self._rules.retention_ms,
            last=tuple(followed.changes),
            sent=followed.changes[-1].attach if inside else {},
            asked=self.asked,
            links=tuple(self._links),
        )

    def _owner(self) -> str:
        """The user that the key of the question belongs to."""
        user, passed = self.asked, {self.asked}
        while (held := self._partition.held(user)) is not None and held.moved_to is not None:
            if held.moved_to in passed or held.moved_to not in self._followed:
                break
            user = held.moved_to
            passed.add(user)
        return user

    def _part(self, node: Expression, at_ms: int, began_ms: int) -> Part:
        name = f"{self.segment.name}/{canonical.text(node)}"
        holds, since_ms = self._followed[self.user].turned.get(name, (False, began_ms))
        since_ms = max(since_ms, began_ms)
        text = canonical.text(node)
        match node:
            case syntax.And(operands=operands) | syntax.Or(operands=operands):
                way: Way = "all" if isinstance(node, syntax.And) else "any"
                parts = tuple(self._part(operand, at_ms, began_ms) for operand in operands)
                return Part(way, text, holds, since_ms, parts=parts)
            case syntax.Not(operand=operand):
                return Part("not", text, holds, since_ms, parts=(self._part(operand, at_ms, began_ms),))
            case _:
                profile = self._partition.profile(self.user)
                assert profile is not None
                (atom,) = self._code[name].entry_evidence(profile, at_ms, self.user)
                points = tuple(self._points(node, profile, at_ms))
                return Part("atom", text, holds, since_ms, atom.value, points=points)

    def _points(self, atom: Expression, profile: Profile, at_ms: int) -> Iterator[Points]:
        asked = _scores_in(atom)
        if not asked:
            return
        attach = self._code[f"{self.segment.name}/{_POINTS}"].attach
        values = {} if attach is None else attach(profile, at_ms, self.user)
        for entry in self._entries:
            if entry.name.partition("/")[0] in asked:
                yield Points(_entry_text(entry.points[0]), values[entry.name])

    def _marks(self, profile: Profile, conditions: dict[Role, Part], *, inside: bool, at_ms: int) -> Iterator[Mark]:
        segment = self.segment
        member = profile.members.get(self._code[segment.name].id)
        if segment.status == "retired":
            return
        waits = self._code.get(f"{segment.name}/{_WARM}")
        if waits is not None and waits.name not in self._followed[self.user].turned:
            warm_ms = profile.due[waits.id]
            yield Mark("warmup", profile.first_seen_ms, warm_ms)
        if member is None:
            return
        if inside:
            leaves = not conditions["when"].holds if "when" in conditions else conditions["exit"].holds
            if leaves and member[SINCE] + segment.hold_ms > at_ms:
                yield Mark("hold", member[SINCE], member[SINCE] + segment.hold_ms)
            return
        if member[TRUE_SINCE] is not None and member[TRUE_SINCE] + segment.for_ms > at_ms:
            yield Mark("for", member[TRUE_SINCE], member[TRUE_SINCE] + segment.for_ms)
        if member[OUT_AT] is not None and member[OUT_AT] + segment.cooldown_ms > at_ms:
            yield Mark("cooldown", member[OUT_AT], member[OUT_AT] + segment.cooldown_ms)

    def _next(self) -> Change | None:
        """Lets a copy of the user live on without events until they are forgotten."""
        profile = self._partition.profile(self.user)
        assert profile is not None
        copy = Partition(self._program, self._rules, keyed=False)
        copy.restore_position(self._partition.position())
        for key, encoded in self._kept.items():
            copy.restore(key, encoded, offset=0)
        future = copy.advance(profile.highest_ms + self._rules.retention_ms).changes
        for change in future:
            if change.user == self.user and change.segment == self.segment.name and change.change != "updated":
                return change
        return None


def needed_of(catalog: Catalog, segment: Segment) -> Catalog:
    """A catalog of the definition and all that it uses."""
    definitions: dict[Reference, Segment | Score] = {
        **{Reference("segment", each.name): each for each in catalog.segments},
        **{Reference("segment", each.name): each for each in catalog.models},
        **{Reference("score", each.name): each for each in catalog.scores},
    }
    needed: set[Reference] = set()
    waiting = [Reference("segment", segment.name)]
    while waiting:
        reference = waiting.pop()
        definition = definitions.get(reference)
        if definition is not None and reference not in needed:
            needed.add(reference)
            waiting.extend(references(definition))
    return replace(
        catalog,
        segments=tuple(each for each in catalog.segments if Reference("segment", each.name) in needed),
        scores=tuple(each for each in catalog.scores if Reference("score", each.name) in needed),
        models=tuple(each for each in catalog.models if Reference("segment", each.name) in needed),
    )


def _scores_in(node: Expression) -> list[str]:
    return list(dict.fromkeys(each.score for each in walk(node) if isinstance(each, syntax.ScoreValue)))


def _score_entries(catalog: Catalog, nodes: Iterable[Expression]) -> tuple[Score, ...]:
    """Each entry of the scores that are asked for, as a score of its own."""
    asked = {name for node in nodes for name in _scores_in(node)}
    return tuple(
        replace(score, name=f"{score.name}/{number}", points=(entry,))
        for score in catalog.scores
        if score.name in asked
        for number, entry in enumerate(score.points)
    )


def _entry_text(entry: PointsOn | PointsWhen) -> str:
    if isinstance(entry, PointsOn):
        return f"on {canonical.text(entry.pattern)}: {canonical.number_text(entry.add)} each"
    return f"when {canonical.text(entry.condition)}: {canonical.number_text(entry.add)}"


def _conditions_of(segment: Segment) -> dict[Role, Expression]:
    found: dict[Role, Expression] = {}
    if segment.status == "retired":
        return found
    if segment.when is not None:
        found["when"] = segment.when
    if segment.enter is not None and segment.exit is not None:
        found["enter"] = segment.enter
        found["exit"] = segment.exit
    return found


def _nodes_of(node: Expression) -> Iterator[Expression]:
    """A condition, its parts and their atoms."""
    yield node
    match node:
        case syntax.And(operands=operands) | syntax.Or(operands=operands):
            for operand in operands:
                yield from _nodes_of(operand)
        case syntax.Not(operand=operand):
            yield from _nodes_of(operand)
        case _:
            pass
