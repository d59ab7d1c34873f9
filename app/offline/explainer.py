"""Explains why a user is in a segment, or not: the parts of its condition with their values, and what comes next.

The same partition as a worker's plays the user's events. For each part of the condition it carries a segment of its
own, which holds exactly while that part does; so truths and instants are those of the engine, not a second opinion.

Of a segment by value (`each`) the parts are by value, too, and remember all that the definition does, so that they know
the same values. What holds of one value is asked of what is remembered of it; those segments only say since when.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.events.message import instant_ms
from app.offline.explanation import Explanation, Heard, Mark, OfValue, Part, Points, Role, Way
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.definition import Catalog, PointsOn, PointsWhen, Score, Segment
from app.segments.definitions.dependencies import Reference, references
from app.segments.definitions.drafts import with_drafts
from app.segments.evaluation.batch import Batch, Linked, RecordLike
from app.segments.evaluation.by_value import ByValue
from app.segments.evaluation.change import Change
from app.segments.evaluation.settlement import SegmentCode
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import canonical, syntax
from app.segments.language.syntax import Expression
from app.segments.language.walk import walk
from app.segments.partition.partition import Partition
from tables.by_value import LATEST, MEMBER, State, new_entry
from tables.counted import Counted
from tables.profile import INSIDE, OUT_AT, SENT, SINCE, TIMES, TRUE_SINCE, Profile
from tables.values import Scalar, key_of, key_order, key_value

CHANGES_KEPT_MAX: Final = 1_000

# Segments made for the explanation are called `<segment>/...`, as no definition can be; most end in a condition's text,
# which is never one of these.
_POINTS: Final = "/points"
_WARM: Final = "/warm"
_TRUTHS: Final = "/truths"
TURNS_KEPT_MAX: Final = 100_000


@dataclass(slots=True)
class Followed:
    """One key of the person. `turned`: part of a condition, and key of a value -> whether it holds, since when.
    `turns`: key of a value -> the latest entry or exit. The key is None where the segment has no values."""

    changes: list[Change] = field(default_factory=list)
    turned: dict[tuple[str, str | None], tuple[bool, int]] = field(default_factory=dict)
    turns: dict[str | None, Change] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _About:
    """A user, or the part of them that is about one value. `truths`: of each part of the condition, by its text."""

    profile: Profile
    key: str | None
    at_ms: int
    began_ms: int
    turned_ms: int
    truths: Mapping[str, Any] | None = None


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
        probes = self._parts()
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

    def _parts(self) -> list[Segment]:
        """A segment for each part of the condition."""
        own, each = self.segment, self.segment.each
        if each is None:
            return [Segment(name, node, None, None) for name, node in self._probes.items()]
        truths = tuple((canonical.text(node), node) for node in self._probes.values())
        everything = (*truths, *own.attach)
        parts = [Segment(name, node, None, None, each=each, attach=everything) for name, node in self._probes.items()]
        parts.append(Segment(f"{own.name}/{_TRUTHS}", syntax.Boolean(False), None, None, each=each, attach=truths))
        return parts

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
                    followed.turns.pop(_key(change), None)
                    followed.turns[_key(change)] = change
            elif change.segment.startswith(f"{self.segment.name}/"):
                followed.turned.pop((change.segment, _key(change)), None)
                followed.turned[change.segment, _key(change)] = (change.change == "entered", instant_ms(change.at))
            while len(followed.turned) > TURNS_KEPT_MAX:
                del followed.turned[next(iter(followed.turned))]
            while len(followed.turns) > TURNS_KEPT_MAX:
                del followed.turns[next(iter(followed.turns))]

    # ---- explaining

    def explain(self, at_ms: int, value: Scalar | None = None) -> Explanation:
        """The user and the segment at `at_ms`, which the clock must have reached. `value`: of a segment by value, the
        one to explain; without, all are told."""
        self.user = self._owner()
        followed = self._followed[self.user]
        profile = self._partition.profile(self.user)
        self.heard.waiting = sum(map(self._partition.waiting_of, self._followed))
        values = self._code[self.segment.name].values
        key = None if value is None else key_of(value, Counted())
        turn = followed.turns.get(key)
        if values is not None and value is None and followed.turns:
            turn = list(followed.turns.values())[-1]
        told = Explanation(
            user=self.user,
            segment=self.segment,
            at_ms=at_ms,
            known=profile is not None,
            forgotten=self._kept.get(self.user, b"") is None,
            inside=turn is not None and turn.change == "entered",
            since_ms=None if turn is None else instant_ms(turn.at),
            times=0 if turn is None else turn.times,
            conditions={},
            marks=(),
            next=None,
            forgotten_ms=None if profile is None else profile.highest_ms + self._rules.retention_ms,
            last=tuple(each for each in followed.changes if value is None or _key(each) == key),
            sent={},
            asked=self.asked,
            links=tuple(self._links),
            value=value,
        )
        if profile is None:
            return replace(told, sent=told.last[-1].attach if told.inside else {})
        coming = self._coming(profile)
        if values is None:
            told = replace(told, sent=told.last[-1].attach if told.inside else {}, next=coming.get(None))
            return self._with_conditions(told, _About(profile, None, at_ms, profile.first_seen_ms, at_ms))
        if key is None:
            return self._of_values(told, profile, values, coming)
        return self._with_conditions(*self._of_value(replace(told, next=coming.get(key)), profile, key, values))

    def _with_conditions(self, told: Explanation, about: _About) -> Explanation:
        conditions = {role: self._part(condition, about) for role, condition in self._conditions.items()}
        marks = tuple(self._marks(about.profile, conditions, inside=told.inside, at_ms=told.at_ms))
        return replace(told, conditions=conditions, marks=marks)

    def _of_value(self, told: Explanation, profile: Profile, key: str, values: ByValue) -> tuple[Explanation, _About]:
        """One value, and what its conditions are asked of."""
        state: State = profile.aggregates.get(values.state_id) or {}
        entry = state.get(key)
        part = values.part(profile, key, new_entry(0) if entry is None else entry)
        attach = self._code[f"{self.segment.name}/{_TRUTHS}"].attach
        truths = {} if attach is None else attach(part, told.at_ms, self.user)
        turned_ms = told.at_ms if entry is None else min(entry[LATEST], told.at_ms)
        member = None if entry is None else entry[MEMBER]
        told = replace(
            told,
            remembered=entry is not None,
            inside=member is not None and bool(member[INSIDE]),
            times=told.times if member is None else member[TIMES],
            sent=(member[SENT] or {}) if member is not None and member[INSIDE] else {},
        )
        return told, _About(part, key, told.at_ms, profile.first_seen_ms, turned_ms, truths)

    def _of_values(
        self, told: Explanation, profile: Profile, values: ByValue, coming: Mapping[str | None, Change]
    ) -> Explanation:
        """The user as a whole, and all known values."""
        state: State = profile.aggregates.get(values.state_id) or {}
        turns = self._followed[self.user].turns
        found = []
        for key in sorted(state, key=key_order):
            member, turn = state[key][MEMBER], turns.get(key)
            inside = member is not None and bool(member[INSIDE])
            since_ms = None if turn is None else instant_ms(turn.at)
            times = 0 if member is None else member[TIMES]
            latest_ms = state[key][LATEST]
            found.append(OfValue(key_value(key), inside, since_ms, times, latest_ms, coming.get(key)))
        member = profile.members.get(values.segment)
        inside = member is not None and bool(member[INSIDE])
        return replace(
            told,
            inside=inside,
            since_ms=member[SINCE] if member is not None and inside else told.since_ms,
            times=0 if member is None else member[TIMES],
            next=min(coming.values(), key=lambda change: change.sequence, default=None),
            values=tuple(found),
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

    def _part(self, node: Expression, about: _About) -> Part:
        text = canonical.text(node)
        name = f"{self.segment.name}/{text}"
        holds, since_ms = self._followed[self.user].turned.get((name, about.key), (False, about.began_ms))
        if about.truths is not None and bool(about.truths[text]) is not holds:  # the limit: other values were forgotten
            holds, since_ms = not holds, about.turned_ms
        since_ms = max(since_ms, about.began_ms)
        match node:
            case syntax.And(operands=operands) | syntax.Or(operands=operands):
                way: Way = "all" if isinstance(node, syntax.And) else "any"
                return Part(way, text, holds, since_ms, parts=tuple(self._part(each, about) for each in operands))
            case syntax.Not(operand=operand):
                return Part("not", text, holds, since_ms, parts=(self._part(operand, about),))
            case _:
                (atom,) = self._code[name].entry_evidence(about.profile, about.at_ms, self.user)
                points = tuple(self._points(node, about.profile, about.at_ms))
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
        if waits is not None and (waits.name, None) not in self._followed[self.user].turned:
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

    def _coming(self, profile: Profile) -> dict[str | None, Change]:
        """The next entry or exit of each value: a copy of the user lives on without events until they are forgotten."""
        copy = Partition(self._program, self._rules, keyed=False)
        copy.restore_position(self._partition.position())
        for key, encoded in self._kept.items():
            copy.restore(key, encoded, offset=0)
        found: dict[str | None, Change] = {}
        for change in copy.advance(profile.highest_ms + self._rules.retention_ms).changes:
            if change.user == self.user and change.segment == self.segment.name and change.change != "updated":
                found.setdefault(_key(change), change)
        return found


def _key(change: Change) -> str | None:
    return None if change.value is None else key_of(change.value, Counted())


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
