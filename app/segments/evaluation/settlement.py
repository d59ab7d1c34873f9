"""Settlement: how a user enters and leaves segments by `for`, `hold`, `cooldown`, updates and dependencies.

Theory of operation. An event or a timer marks segments in a bit mask. `settle` goes through the mask in the order of
dependencies and calls each segment's generated function. That function knows the truth of the condition and until when
it stays; it calls back `enter`, `leave` or `update` here, which apply the marks of `Membership`:

    out --condition true--> waiting (`for`, `cooldown`) --ready--> in --condition false, `hold` over--> out

Each call ends with the instant at which time alone could change the result; it is stored in `profile.due` under the
segment's id, and the least of all is the user's timer. If a segment changes, its dependents join the rest of the mask,
so one pass is enough: an order of dependencies has no circles.

What may live here: rules that are the same for all segments. What may not: expressions (generated code), the order of
events (partition). Plans, lists of functions by mask, are a cache with a limit and change no result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from app.events.instants import iso
from app.segments.evaluation.by_value import ByValue, Touched
from app.segments.evaluation.change import Atom, Cause, CauseKind, Change, ChangeKind, change_id
from app.segments.evaluation.exposure import ExperimentCode, expose, exposed_of, told_of
from app.segments.evaluation.masks import numbers_of
from app.segments.evaluation.operators import same
from app.segments.language.names import model_of
from tables import by_value
from tables.by_value import MEMBER
from tables.profile import INSIDE, OUT_AT, SENT, SINCE, TIMES, TOLD, TRUE_SINCE, Membership, Profile
from tables.values import Scalar, key_value
from tables.windows import FOREVER


@dataclass(frozen=True, slots=True, eq=False)
class SegmentCode:
    """One live segment, compiled.

    keeps_exit: when a user last left is remembered, for `cooldown` or for who asks
    simple: until when the condition stays is all that matters, for who is in and for who is out
    experiments: whose groups its users are in, that of the catalog first
    hidden: the moments of a model: entering remembers a score, and no change tells of it
    waits_for: (aggregate, window in ms), for `warmup: wait`
    reads: what else may have a timer on which this one depends: ids of segments and of aggregates that wait
    lags: numbers of those segments whose timer may come too early, as it is not set anew by each event that defers it
    settle(profile, now, settlement) -> whether the membership changed
    entry_evidence, exit_evidence(profile, now, user) -> atoms; attach(profile, now, user) -> values (None: nothing to
        attach)
    values: a membership for each value of a property; the functions above are about one of them, but for `settle`
    """

    number: int
    id: int
    name: str
    version: str
    topic: bool
    for_ms: int
    hold_ms: int
    cooldown_ms: int
    keeps_exit: bool
    updates: tuple[str, ...]
    simple: bool
    experiments: tuple[ExperimentCode, ...]
    hidden: bool
    waits_for: tuple[tuple[int, int], ...]
    dependents: int
    reads: tuple[int, ...]
    lags: tuple[int, ...]
    settle: Callable[[Profile, int, "Settlement"], bool]
    entry_evidence: Callable[[Profile, int, str], list[Atom]]
    exit_evidence: Callable[[Profile, int, str], list[Atom]]
    attach: Callable[[Profile, int, str], dict[str, Any]] | None
    values: ByValue | None = None


@dataclass(frozen=True, slots=True)
class Departed:
    """Data of a segment that the catalog no longer has."""

    id: int
    name: str
    version: str
    topic: bool


Step = tuple[Callable[[Profile, int, "Settlement"], bool], int, int]
PLANS_MAX = 10_000
PLANNED_STEPS_MAX = 1_000_000


class Settlement:
    """The changes of one user at one instant; the caller sets who and why, and where changes go."""

    __slots__ = (
        "_cause",
        "_planned_steps",
        "_plans",
        "_retention_ms",
        "_segments",
        "_steps",
        "_told_at",
        "_told_ms",
        "changes",
        "consent",
        "filled",
        "filled_ms",
        "kind",
        "members",
        "message_id",
        "named",
        "touched",
        "user",
        "value",
        "warm_ms",
        "whole",
    )

    def __init__(self, segments: tuple[SegmentCode, ...], retention_ms: int) -> None:
        self._segments = segments
        self._retention_ms = retention_ms
        self._steps: list[Step] = [(segment.settle, segment.dependents, segment.number) for segment in segments]
        self._plans: dict[int, list[Step]] = {}
        self._planned_steps = 0
        self._cause = Cause("time")
        self._told_ms = -1
        self._told_at = ""
        self.user = ""
        self.kind: CauseKind = "time"
        self.named = Cause("merged")
        self.consent = Cause("consent")
        self.message_id: str | None = None
        self.changes: list[Change] = []
        self.members: dict[str, int] = {segment.name: 0 for segment in segments}
        self.warm_ms: dict[int, int] = {}
        self.filled = 0
        self.filled_ms: dict[int, int] = {}
        self.touched: dict[int, Touched] = {}
        self.value: Scalar | None = None
        self.whole: Profile | None = None

    def settle(self, profile: Profile, mask: int, now: int) -> int:
        """Evaluates the segments of the mask (bit `number`), and those that depend on what changes, in order.

        Returns all those segments, as a mask.
        """
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plan(mask)
        for settle, dependents, number in plan:
            if settle(profile, now, self) and dependents:
                rest = mask >> number + 1 << number + 1
                return mask | self.settle(profile, rest | dependents, now)
        return mask

    def name(self, cause: Cause) -> None:
        """The changes that follow have a cause that names more than its kind: a merge or a static list."""
        self.kind, self.named = cause.kind, cause

    def settle_one(self, profile: Profile, number: int, now: int) -> int:
        """Evaluates one segment, and those that depend on it if it changes. Returns those, as a mask."""
        settle, dependents, _ = self._steps[number]
        return self.settle(profile, dependents, now) if settle(profile, now, self) and dependents else 0

    def _plan(self, mask: int) -> list[Step]:
        """The segments of a mask in order, each with its dependents and its number."""
        if len(self._plans) >= PLANS_MAX or self._planned_steps >= PLANNED_STEPS_MAX:
            self._plans.clear()
            self._planned_steps = 0
        steps = self._steps
        plan = self._plans[mask] = [steps[number] for number in numbers_of(mask)]
        self._planned_steps += len(plan)
        return plan

    def enter(self, profile: Profile, segment: SegmentCode, member: Membership | None, now: int, until: int) -> bool:
        """The enter condition holds for one who is out: enters now, or waits for `for` and `cooldown`."""
        if member is None:
            member = profile.members[segment.id] = [0, 0, 0, None, None, None]
        if member[TRUE_SINCE] is None:
            member[TRUE_SINCE] = now
        ready = member[TRUE_SINCE] + segment.for_ms
        if member[OUT_AT] is not None:
            ready = max(ready, member[OUT_AT] + segment.cooldown_ms)
        if now < ready:
            profile.due[segment.id] = min(until, ready)
            return False
        member[INSIDE] = 1
        member[SINCE] = now
        member[TIMES] += 1
        member[TRUE_SINCE] = None
        if segment.attach is not None:
            member[SENT] = segment.attach(profile, now, self.user)
        if segment.experiments:
            if self.kind != "backfill":
                expose(self.whole or profile, segment.experiments, self.user, now)
            member[TOLD:] = told_of(self.whole or profile, segment.experiments)
        self.members[segment.name] += 1
        self._settle_again(profile, segment, now, until)
        if segment.hidden:
            return True
        self._say(profile, segment, member, "entered", segment.entry_evidence(profile, now, self.user), now)
        return True

    def leave(self, profile: Profile, segment: SegmentCode, member: Membership, now: int, until: int) -> bool:
        """The exit condition holds for one who is in, and `hold` is over."""
        return self._leave(profile, segment, member, now, until, segment.exit_evidence(profile, now, self.user))

    def withdraw(
        self, profile: Profile, segment: SegmentCode, member: Membership, now: int, purpose: str, evidence: list[Atom]
    ) -> bool:
        """One who is in no longer agrees to a purpose that the segment requires: `hold` does not count."""
        kind, self.kind = self.kind, "consent"
        self.consent = Cause("consent", self.message_id if kind == "event" else None, purpose=purpose)
        left = self._leave(profile, segment, member, now, FOREVER, evidence)
        self.kind = kind
        return left

    def _leave(
        self, profile: Profile, segment: SegmentCode, member: Membership, now: int, until: int, evidence: list[Atom]
    ) -> bool:
        member[INSIDE] = 0
        member[TRUE_SINCE] = None
        member[OUT_AT] = now if segment.keeps_exit else None
        self.members[segment.name] -= 1
        self._settle_again(profile, segment, now, until)
        if segment.hidden:
            return True
        self._say(profile, segment, member, "exited", evidence, now)
        member[SENT:] = [None]
        return True

    def _settle_again(self, profile: Profile, segment: SegmentCode, now: int, until: int) -> None:
        """As one who is now in, or out: until when does that stay?"""
        if not segment.simple:
            segment.settle(profile, now, self)
        elif until < FOREVER:
            profile.due[segment.id] = until
        else:
            profile.due.pop(segment.id, None)

    def update(self, profile: Profile, segment: SegmentCode, member: Membership, now: int) -> None:
        """Sends the attached values again if one of `updates` differs from what was sent."""
        assert segment.attach is not None
        values = segment.attach(profile, now, self.user)
        sent = member[SENT] or {}
        if all(same(values[name], sent.get(name)) for name in segment.updates):
            return
        member[SENT] = values
        self._say(profile, segment, member, "updated", segment.entry_evidence(profile, now, self.user), now)

    def forget(self, profile: Profile, now: int) -> None:
        """Everyone forgotten leaves everything, in order."""
        self.kind = "forgotten"
        self.leave_everything(profile, now)

    def move(self, profile: Profile, cause: Cause, now: int) -> None:
        """A key that moves to another leaves everything, in order."""
        self.name(cause)
        self.leave_everything(profile, now)

    def become(self, profile: Profile, before: Profile, now: int) -> None:
        """A profile takes the place of `before`: who is in another state by it enters or leaves, in order; the caller
        has set why. Marks are the new profile's own; `times`, what was sent and the groups that were told stay."""
        for segment in self._segments:
            if segment.hidden:
                self.members[segment.name] += _inside(profile, segment) - _inside(before, segment)
            elif segment.values is None:
                self.become_one(profile, before, segment, now)
            else:
                segment.values.become(profile, before, now, self)

    def become_one(self, profile: Profile, before: Profile, segment: SegmentCode, now: int) -> None:
        """The same for one segment."""
        own, was = profile.members.get(segment.id), before.members.get(segment.id)
        if own is None and was is None:
            return
        if own is None:
            own = profile.members[segment.id] = [0, 0, 0, None, None, None]
        was_in = was is not None and was[INSIDE]
        own[TIMES], own[SENT:] = (0, [None]) if was is None else (was[TIMES], was[SENT:])
        if own[INSIDE] and not was_in:
            own[TIMES] += 1
            own[TOLD:] = told_of(self.whole or profile, segment.experiments)
            own[SENT] = None if segment.attach is None else segment.attach(profile, now, self.user)
            self.members[segment.name] += 1
            self._say(profile, segment, own, "entered", segment.entry_evidence(profile, now, self.user), now)
        elif was_in and not own[INSIDE]:
            self.members[segment.name] -= 1
            evidence = segment.exit_evidence(profile, now, self.user)
            self._say(profile, segment, own, "exited", evidence, now)
            own[SENT:] = [None]

    def leave_everything(self, profile: Profile, now: int) -> None:
        """One of whom nothing is left here leaves all segments, in order; the caller has set why."""
        for segment in self._segments:
            if segment.values is None:
                self.leave_at_once(profile, segment, now)
            else:
                segment.values.leave_everything(profile, now, self)

    def leave_at_once(self, profile: Profile, segment: SegmentCode, now: int) -> None:
        """Leaves a segment, whatever its condition says; the caller has set why, and nothing is to come of it."""
        member = profile.members.get(segment.id)
        if member is not None and member[INSIDE]:
            member[INSIDE] = 0
            self.members[segment.name] -= 1
            if segment.hidden:
                return
            self._say(profile, segment, member, "exited", [], now, bounded=False)
            del member[TOLD:]

    def depart(self, profile: Profile, gone: Departed, now: int) -> None:
        """A segment is not in the catalog any more: who was in leaves."""
        member = profile.members.pop(gone.id)
        values = by_value.keys_inside(profile, gone.id)
        state = profile.aggregates.pop(by_value.state_id(gone.id), {})
        if member[INSIDE]:
            member[INSIDE] = 0
            if self.members.get(gone.name, 0) > 0 and not any(segment.name == gone.name for segment in self._segments):
                self.members[gone.name] -= 1
            for key in values:
                self.value = key_value(key)
                state[key][MEMBER][INSIDE] = 0
                self._say(profile, gone, state[key][MEMBER], "exited", [], now, bounded=False)
                self.value = None
            if not values and model_of(gone.name) is None:
                self._say(profile, gone, member, "exited", [], now, bounded=False)

    def _say(
        self,
        profile: Profile,
        segment: SegmentCode | Departed,
        member: Membership,
        change: ChangeKind,
        evidence: list[Atom],
        now: int,
        *,
        bounded: bool = True,
    ) -> None:
        """`bounded` False: no later change is to come of it."""
        if now != self._told_ms:
            self._told_ms, self._told_at = now, iso(now)
        cause = self._cause
        message_id = self.message_id if self.kind == "event" else None
        if self.kind == self.named.kind:
            cause = self.named
        elif self.kind == "consent":
            cause = self.consent
        elif cause.kind != self.kind or cause.message_id is not message_id:
            cause = self._cause = Cause(self.kind, message_id)
        sequence = profile.sequence
        profile.sequence = sequence + 1
        told = member[TOLD] if len(member) > TOLD else None
        said = Change(
            id=change_id(self.user, sequence),
            user=self.user,
            segment=segment.name,
            version=segment.version,
            value=self.value,
            change=change,
            times=member[TIMES],
            at=self._told_at,
            sequence=sequence,
            cause=cause,
            evidence=evidence,
            attach=member[SENT] or {},
            valid_until=self._valid_until(profile, segment, member) if bounded else None,
            group=None if told is None else told[0],
            experiments=UNSET if told is None else exposed_of(told),
        )
        self.changes.append(said)

    def _valid_until(self, profile: Profile, segment: SegmentCode | Departed, member: Membership) -> str | None:
        if isinstance(segment, Departed):
            return None
        due = profile.due
        least = due.get(segment.id, FOREVER)
        for number in segment.lags:
            self._segments[number].settle(self.whole or profile, self._told_ms, self)
        for other in segment.reads:
            until = due.get(other)
            if until is None and self.whole is not None:
                until = self.whole.due.get(other)
            if until is not None and until < least:
                least = until
        if member[INSIDE]:
            if segment.hold_ms and not segment.updates:  # whatever changes in its inputs, no user leaves before
                least = max(least, member[SINCE] + segment.hold_ms)
            forgotten = profile.highest_ms + self._retention_ms
            if forgotten < least:
                least = forgotten
        return None if least >= FOREVER else iso(least)


def _inside(profile: Profile, segment: SegmentCode) -> int:
    member = profile.members.get(segment.id)
    return 0 if member is None else int(member[INSIDE])
