"""The life of one user: events arrive, time passes, segments are entered and left."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from app.segments.definitions.definition import Catalog, PointsWhen, Segment
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import canonical
from app.segments.language.syntax import (
    And,
    Comparison,
    Consent,
    Expression,
)
from tests.model import cart_lines, experiments, models, values
from tests.model.asked import expressions_of, said_by, windows
from tests.model.history import History
from tests.model.messages import Message
from tests.model.plain import Name, instant_text, seen
from tests.model.standing import Standing
from tests.model.values import Known, OneValue
from tests.model.view import View, places_kept, walk

DUPLICATE_MS = 24 * 3_600_000
MESSAGE_IDS_MAX = 1_000
EVIDENCE_MAX = 20

Change = dict[str, Any]


@dataclass(slots=True)
class Life:
    """`segments` stand in settlement order. `members` are those that the user is in. `at_ms` is the latest instant at
    which the user was looked at; -1 before the first event. `every_ms`: at every millisecond. `known_ids`: of
    messages that others accepted, each with the instant of that. `exposures`: to experiments. `known`: of each segment
    by value the known values; `new`: those that this event has made known; `one`: the value that is looked at.
    `numbers`: of all users, as published."""

    user: str
    catalog: Catalog
    rules: TimeRules
    history: History
    fed_ms: int
    segments: list[Segment]
    standings: dict[str, Standing] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    at_ms: int = -1
    sequence: int = 0
    changes: list[Change] = field(default_factory=list)
    forgotten: bool = False
    every_ms: bool = False
    known_ids: list[tuple[int, Any]] = field(default_factory=list)
    exposures: experiments.Exposures = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    new: dict[str, set[Name]] = field(default_factory=dict)
    one: tuple[Segment, Name] | None = None
    numbers: Mapping[str, int | float] = field(default_factory=dict)

    # ---- events

    def highest_ms(self) -> int:
        return max((arrival.t for arrival in self.history.arrivals), default=-1)

    def is_duplicate(self, message: Message, now: int) -> bool:
        """Among the last 1,000 accepted with an id, not more than 24 h ago."""
        if message.id is None:
            return False
        accepted = sorted(self.message_ids(), key=lambda one: one[0])
        return is_among(accepted[-MESSAGE_IDS_MAX:], message.id, now)

    def message_ids(self) -> list[tuple[int, Any]]:
        """All that were accepted, by whomever, each with the instant of that."""
        return self.known_ids + [
            (min(arrival.accepted_ms, arrival.now), arrival.message.id)
            for arrival in self.history.arrivals
            if arrival.message.id is not None
        ]

    def take(self, message: Message, now: int) -> None:
        """An accepted event; time has passed up to `now` before."""
        if not self.history.arrivals:
            self.sequence = max(self.sequence, now)
        before = cart_lines.items_of(self.history)
        self.history.take(message, now)
        changes = values.CartChanges(before, cart_lines.items_of(self.history))
        for segment in self.by_value():
            known = self.known.setdefault(segment.name, {})
            self.new[segment.name] = values.take(segment, known, self.history, changes, self.new_history)
        self.at_ms = now
        self.settle({"kind": "event", "message_id": message.id})

    def receive(self, other: "Life", now: int, cause: Change | None = None) -> None:
        """Another turns out to be this user; time has passed up to `now` before. Memberships stay the user's own."""
        if not self.history.arrivals:
            self.sequence = max(self.sequence, now)
        self.known_ids += [(min(accepted_ms, now), known) for accepted_ms, known in other.known_ids]
        self.history.receive(other.history, now, left_ms=other.at_ms)
        for segment in self.segments:
            if segment.each is not None:
                self.receive_values(segment, other, now)
                continue
            own = self.standings.get(segment.name, Standing())
            theirs = other.standings.get(segment.name, Standing())
            self.standings[segment.name] = joined(segment, own, theirs, now)
            if segment.model is not None:
                self.standings[segment.name] = models.later(own, theirs, now)
        experiments.join(self.exposures, other.exposures)
        for name, standing in self.standings.items():
            groups = experiments.after_joining(standing.groups, self.exposures)
            self.standings[name] = replace(standing, groups=groups)
        for one in [one for known in self.known.values() for one in known.values()]:
            groups = experiments.after_joining(one.standing.groups, self.exposures)
            one.standing = replace(one.standing, groups=groups)
        self.at_ms = now
        self.settle({"kind": "merged", **(cause or {})})

    def receive_values(self, segment: Segment, other: "Life", now: int) -> None:
        """Each value of the other is one of this user, with the events of both."""
        known = self.known.setdefault(segment.name, {})
        for name, theirs in other.known.get(segment.name, {}).items():
            own = known.setdefault(name, OneValue(theirs.value, theirs.latest_ms, self.new_history()))
            own.latest_ms = max(own.latest_ms, theirs.latest_ms)
            own.history.receive(theirs.history, now, left_ms=other.at_ms)
            own.standing = joined(segment, own.standing, theirs.standing, now)
        lines = cart_lines.lines_of(cart_lines.items_of(self.history))
        values.know_lines(segment, known, lines, set(), self.new_history)

    def new_history(self) -> History:
        """A history without events, like that of this user."""
        whole = self.history
        new = History(whole.session_gap_ms, whole.lateness_ms, zone=whole.zone, cart=whole.cart)
        new.places = whole.places
        return new

    def by_value(self) -> list[Segment]:
        return [segment for segment in self.segments if segment.each is not None]

    def put_on(self, lists: Mapping[str, tuple[int, bool]], now: int, cause: Change) -> None:
        """Static lists of this user change; time has passed up to `now` before."""
        self.history.lists.update(lists)
        self.at_ms = now
        self.settle(cause)

    def compare_anew(self, numbers: Mapping[str, int | float], now: int, cause: Change) -> None:
        """Other numbers of all users; time has passed up to `now` before."""
        self.numbers = numbers
        self.at_ms = now
        self.settle(cause)

    def leave(self, now: int, cause: Change | None = None) -> None:
        """The user turns out to be another one: exits from everything."""
        self.at_ms = now
        self.exit_all({"kind": "merged", **(cause or {})})

    def regroup(self, catalog: Catalog, segments: list[Segment]) -> None:
        """The same segments have other experiments from now on."""
        self.catalog, self.segments = catalog, segments
        known = {each.name for segment in segments for each in experiments.experiments_of(segment, catalog)}
        self.exposures = {name: exposed for name, exposed in self.exposures.items() if name in known}

    # ---- time

    def pass_time(self, until: int) -> None:
        """Everything that time alone brings about, each at its own instant, up to and at `until`."""
        while not self.forgotten and self.history.arrivals:
            at = self.next_instant(until)
            if at is None:
                break
            self.at_ms = at
            if at == self.forgotten_ms():
                self.forget()
            else:
                self.settle({"kind": "time"})

    def forgotten_ms(self) -> int:
        return self.highest_ms() + self.rules.retention_ms

    def next_instant(self, until: int) -> int | None:
        """The next instant, not after `until`, at which something could change. More than needed do no harm."""
        if self.every_ms:
            return self.at_ms + 1 if self.at_ms < until else None
        plain = [segment for segment in self.segments if segment.each is None]
        asked = [(self.view(), [expression for segment in plain for expression in expressions_of(segment)])]
        for segment in self.by_value():
            for name in self.known.get(segment.name, {}):
                with self.about(segment, name):
                    asked.append((self.view(), list(expressions_of(segment))))
        instants = [self.forgotten_ms(), *self.marks(), *map(self.warm_ms, self.segments)]
        for view, expressions in asked:
            instants += view.turning_points(expressions)
        ahead = [instant for instant in instants if self.at_ms < instant <= until]
        hard = min(ahead, default=None)
        first = hard
        for view, expressions in asked:
            soft = view.first_turn(expressions, until if first is None else first - 1)
            first = first if soft is None else soft
        return first

    def marks(self) -> Iterator[int]:
        """The ends of `for`, `hold` and `cooldown`."""
        standings = [(segment, self.standings.get(segment.name, Standing())) for segment in self.segments]
        for segment in self.by_value():
            standings += [(segment, one.standing) for one in self.known.get(segment.name, {}).values()]
        for segment, standing in standings:
            if standing.true_since_ms is not None:
                yield standing.true_since_ms + segment.for_ms
            if standing.entered_ms is not None:
                yield standing.entered_ms + segment.hold_ms
            if standing.left_ms is not None:
                yield standing.left_ms + segment.cooldown_ms

    # ---- segments

    def places(self) -> dict[int, int]:
        """Of each count that is only compared with a number, by identity, how many of its latest events decide."""
        conditions = [expression for segment in self.segments for expression in said_by(segment)]
        for score in self.catalog.scores:
            conditions += [points.condition for points in score.points if isinstance(points, PointsWhen)]
        comparisons = [node for each in conditions for node in walk(each) if isinstance(node, Comparison)]
        return {id(found[0]): found[1] for node in comparisons if (found := places_kept(node)) is not None}

    def view(self) -> View:
        if self.one is None:
            counts = {each.name: self.inside_by(each.name) for each in self.by_value()}
            history, members, at_ms = self.history, self.members, self.at_ms
            return View(self.user, self.catalog, history, members, at_ms, self.standings, None, self.numbers, counts)
        segment, name = self.one
        history = self.known[segment.name][name].history
        members = self.members_by(segment, name)
        view = View(self.user, self.catalog, self.history, members, self.at_ms, self.standings, history, self.numbers)
        return replace(view, product=name)

    def inside_by(self, name: str) -> int:
        """The number of values by which the user is in a segment."""
        return sum(one.standing.inside for one in self.known.get(name, {}).values())

    def members_by(self, segment: Segment, name: Name) -> set[str]:
        """The segments that the user is in, those by the same property by the same value."""
        members = set(self.members)
        for other in self.by_value():
            assert other.each is not None
            assert segment.each is not None
            if other.each.path == segment.each.path:
                one = self.known.get(other.name, {}).get(name)
                (members.add if one is not None and one.standing.inside else members.discard)(other.name)
        return members

    @contextmanager
    def about(self, segment: Segment, name: Name) -> Iterator[None]:
        """Makes what is done meanwhile be about one value: the standing of the segment is the one by this value."""
        one = self.known[segment.name][name]
        self.one, self.standings[segment.name] = (segment, name), one.standing
        yield
        self.one, one.standing = None, self.standings.pop(segment.name)

    def settle(self, cause: Change) -> None:
        """Every segment once, in order; each sees those before it as they are settled."""
        for segment in self.segments:
            if segment.each is None:
                self.settle_segment(segment, cause)
                continue
            known = self.known.get(segment.name, {})
            new = self.new.pop(segment.name, set())
            in_cart = cart_lines.lines_of(cart_lines.items_of(self.history)) if values.asks_lines(segment) else {}
            while len(known) > values.VALUES_MAX:
                name = values.first_to_leave(known, new, in_cart)
                with self.about(segment, name):
                    self.exit(segment, {"kind": "limit"})
                del known[name]
            for name in sorted(known):
                with self.about(segment, name):
                    self.settle_segment(segment, cause)

    def warm_ms(self, segment: Segment) -> int:
        """The instant from which on a segment is evaluated; without a window there is nothing to wait for."""
        looks_back = list(windows(segment, self.catalog))
        waits = segment.warmup if segment.model is None else segment.model.warmup
        return 0 if waits == "none" or not looks_back else self.fed_ms + max(looks_back)

    def settle_segment(self, segment: Segment, cause: Change) -> None:
        view, now = self.view(), self.at_ms
        standing = self.standings.get(segment.name, Standing())
        lost = next((purpose for purpose in segment.requires if not view.is_true(Consent(purpose))), None)
        if standing.inside and lost is not None:
            self.standings[segment.name] = replace(standing, inside=False, true_since_ms=None, left_ms=now)
            withdrawn = {"kind": "consent", "purpose": lost, "message_id": cause.get("message_id")}
            self.say(segment, "exited", withdrawn, [{"expression": canonical.text(Consent(lost)), "value": False}])
            return
        if now < self.warm_ms(segment):
            return
        if segment.when is not None:
            leaves = not view.is_true(segment.when)
            enters = not leaves
        else:
            assert segment.enter is not None
            assert segment.exit is not None
            leaves = view.is_true(segment.exit)
            enters = view.is_true(segment.enter) and not leaves
        enters = enters and lost is None
        if standing.inside:
            assert standing.entered_ms is not None
            if leaves and now >= standing.entered_ms + segment.hold_ms:
                self.standings[segment.name] = replace(standing, inside=False, true_since_ms=None, left_ms=now)
                condition = segment.exit if segment.exit is not None else segment.when
                self.say(segment, "exited", cause, self.evidence(condition, view))
            elif segment.updates and self.differs(segment, standing, view):
                self.standings[segment.name] = replace(standing, sent=self.attached(segment, view))
                condition = entry_of(segment)
                self.say(segment, "updated", cause, self.evidence(condition, view))
            return
        if not enters:
            self.standings[segment.name] = replace(standing, true_since_ms=None)
            return
        standing = replace(standing, true_since_ms=now if standing.true_since_ms is None else standing.true_since_ms)
        assert standing.true_since_ms is not None
        long_enough = now >= standing.true_since_ms + segment.for_ms
        cooled = standing.left_ms is None or now >= standing.left_ms + segment.cooldown_ms
        if not (long_enough and cooled):
            self.standings[segment.name] = standing
            return
        if segment.model is None:
            experiments.enter(self.exposures, segment, self.catalog, self.user, now)
        self.standings[segment.name] = replace(
            standing,
            inside=True,
            entered_ms=now,
            times=standing.times + 1,
            sent=self.attached(segment, view),
            groups=experiments.told(self.exposures, segment, self.catalog),
        )
        condition = entry_of(segment)
        self.say(segment, "entered", cause, self.evidence(condition, view))

    def attached(self, segment: Segment, view: View) -> tuple[tuple[str, Any], ...]:
        values = tuple((name, seen(view.value(expression))) for name, expression in segment.attach)
        return values if segment.model is None else models.scored(segment.model, dict(values))

    def differs(self, segment: Segment, standing: Standing, view: View) -> bool:
        return any(
            name in segment.updates and json.dumps(value) != json.dumps(sent)
            for (name, value), (_, sent) in zip(self.attached(segment, view), standing.sent, strict=True)
        )

    def forget(self) -> None:
        """Exits from everything; afterwards nothing is remembered."""
        self.exit_all({"kind": "forgotten"})

    def exit_all(self, cause: Change) -> None:
        self.forgotten = True
        for segment in self.segments:
            self.exit(segment, cause)
            for name in sorted(self.known.get(segment.name, {})):
                with self.about(segment, name):
                    self.exit(segment, cause)

    def exit(self, segment: Segment, cause: Change) -> None:
        """Leaves a segment, whatever holds."""
        standing = self.standings.get(segment.name, Standing())
        if standing.inside:
            self.standings[segment.name] = replace(standing, inside=False)
            self.say(segment, "exited", cause, [])

    # ---- results

    def evidence(self, condition: Expression | None, view: View) -> list[Change]:
        assert condition is not None
        return list(view.evidence(condition))[:EVIDENCE_MAX]

    def say(self, segment: Segment, change: str, cause: Change, evidence: list[Change]) -> None:
        if segment.model is not None:
            return
        standing = self.standings[segment.name]
        value, is_other_in = None, False
        if self.one is not None:
            known = self.known[segment.name]
            value = known[self.one[1]].value
            is_other_in = any(one.standing.inside for name, one in known.items() if name != self.one[1])
        if standing.inside or is_other_in:
            self.members.add(segment.name)
        else:
            self.members.discard(segment.name)
        self.changes.append(
            {
                "user": self.user,
                "segment": segment.name,
                "value": value,
                "change": change,
                "times": standing.times,
                "at": instant_text(self.at_ms),
                "sequence": self.sequence,
                "cause": cause,
                "evidence": evidence,
                "attach": dict(standing.sent),
                **standing.groups,
            }
        )
        self.sequence += 1

    def ahead(self) -> "Life":
        """The same user, to look into a future without events."""
        return replace(
            self,
            standings=dict(self.standings),
            members=set(self.members),
            exposures=dict(self.exposures),
            known={name: values.copied(known) for name, known in self.known.items()},
            changes=[],
        )


def joined(segment: Segment, own: Standing, theirs: Standing, now: int) -> Standing:
    """The standing of a user who turns out to be another as well."""
    waited_ms = theirs.true_since_ms
    if theirs.entered_ms is not None and theirs.inside:
        waited_ms = min(theirs.entered_ms, now) - segment.for_ms
    waits = [own.true_since_ms, None if waited_ms is None else min(waited_ms, now)]
    left = [own.left_ms, None if theirs.left_ms is None else min(theirs.left_ms, now)]
    return replace(
        own,
        true_since_ms=None if own.inside else min((at for at in waits if at is not None), default=None),
        left_ms=max((at for at in left if at is not None), default=None),
    )


def is_among(accepted: list[tuple[int, Any]], message_id: object, now: int) -> bool:
    """True if a message with this id was accepted not more than 24 h before `now`."""
    return any(known == message_id and now - accepted_ms <= DUPLICATE_MS for accepted_ms, known in accepted)


def entry_of(segment: Segment) -> Expression:
    """The condition whose parts tell why a user has entered."""
    condition = segment.enter if segment.enter is not None else segment.when
    assert condition is not None
    if not segment.requires:
        return condition
    operands = condition.operands if isinstance(condition, And) else (condition,)
    return And((*operands, *map(Consent, segment.requires)))
