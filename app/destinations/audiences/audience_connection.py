"""Sends the plans of audiences. The order of storing and sending is the one in `member_states`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from app.destinations.audiences.audience_target import AudienceTarget, Wish
from app.destinations.audiences.guard import Guard
from app.destinations.audiences.member_states import MemberStates, Plan, Step
from app.destinations.audiences.platform import Action, Member, Platform
from app.destinations.audiences.repetition import Repetition
from app.destinations.destination import Destination
from app.destinations.http.http_connection import HttpConnection
from app.destinations.kind import StateStore
from app.destinations.outcome import Fate, Outcome

REPLY_BYTES_MAX: Final = 4 << 20
"""Of an answer that may name every member of a request."""
UNCHANGED: Final = Outcome(fate=Fate.DELIVERED, status="unchanged", asked=False)
"""Of a change after which there was nothing to send: the user's next change, or the list itself, has it already."""
OWED_MAX: Final = 1_000
OWED_RETRY_S: Final = 3_600.0
LATE_RETRY_S: Final = 60.0
"""Time from one try to add those who have waited for members to the next, while the service does not answer; if it
refuses them, it is that of a removal."""
WAITING: Final = (Fate.AGAIN, Fate.HELD)
NOBODY: Final[frozenset[str]] = frozenset()
DETAIL_MAX: Final = 300
STATELESS: Final = Outcome(fate=Fate.AGAIN, status="no-state", detail="only the process that has the state may send")


@dataclass(frozen=True, slots=True)
class _Request:
    """Members that go together."""

    request_id: str
    members: Sequence[Member]


@dataclass(slots=True)
class _Answers:
    """Outcome of each user by action; the last that is not DELIVERED counts for the change."""

    removed: dict[str, Outcome] = field(default_factory=dict)
    added: dict[str, Outcome] = field(default_factory=dict)

    def of(self, step: Step) -> Outcome:
        found = [each for each in (self.removed.get(step.user), self.added.get(step.user)) if each is not None]
        bad = [each for each in found if each.fate is not Fate.DELIVERED]
        again = [each for each in bad if each.fate is Fate.AGAIN]
        return (again or bad or found or [UNCHANGED])[0]


class AudienceConnection:
    """The contracts: `app.destinations.kind.Connection` and `StatefulConnection`."""

    def __init__(self, *, private: bool) -> None:
        self._http = HttpConnection(private=private)
        self._states: dict[str, MemberStates] = {}
        self._guards: dict[str, Guard] = {}
        self._repetitions: dict[str, Repetition] = {}
        self._members: dict[str, int] = {}
        self._late_s: dict[tuple[str, int], float] = {}

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    def opened(self, destination: Destination, store: StateStore) -> None:
        """See `StatefulConnection`."""
        self._states.setdefault(destination.name, MemberStates()).opened(store.partition, store.rows)
        target = _target(destination)
        self._guards.setdefault(destination.name, Guard(on=target.guarded))
        self._repetitions.setdefault(destination.name, Repetition(target.reconcile_ms / 1000 or None))

    def closed(self, destination: Destination, store: StateStore) -> None:
        """See `StatefulConnection`."""
        self._states[destination.name].closed(store.partition, store.rows)
        self._repetitions[destination.name].forget(store.partition)

    def confirmed(self, destination: Destination, at_s: float) -> None:
        """See `StatefulConnection`."""
        self._guards[destination.name].confirm(at_s)

    def counted(self, destination: Destination, members: int | None) -> None:
        """See `StatefulConnection`."""
        self._members.pop(destination.name, None)
        if members is not None:
            self._members[destination.name] = members

    def waiting(self, destination: Destination) -> int:
        """See `StatefulConnection`."""
        states = self._states.get(destination.name)
        return 0 if states is None else sum(len(users) for users in states.waiting.values())

    def more_in_s(self, destination: Destination, store: StateStore) -> float | None:
        """See `StatefulConnection`."""
        waiting = self._states[destination.name].waiting.get(store.partition)
        if not waiting or not self._adds(destination):
            return None
        return max(0.0, self._late_s.get((destination.name, store.partition), 0.0) - time.monotonic())

    def _adds(self, destination: Destination) -> bool:
        """True if the segment has enough members."""
        minimum = destination.minimum_members
        return not minimum or self._members.get(destination.name, 0) >= minimum

    async def deliver(self, destination: Destination, items: Sequence[object]) -> Sequence[Outcome]:
        """Nothing is sent without a state."""
        return [STATELESS for _ in items]

    async def deliver_with(
        self, destination: Destination, items: Sequence[Any], store: StateStore
    ) -> Sequence[Outcome]:
        """See `StatefulConnection`. Of several changes of a user, the last says what is wanted.

        While the segment has too few members nobody is added; later those who waited are, and without items, too.
        """
        states = self._states[destination.name]
        wishes: dict[str, Wish] = {item.user: item for item in items}
        wanted = {
            user: frozenset(wish.identifiers if destination.wants_group(wish.group) else ())
            for user, wish in wishes.items()
        }
        held = self._hold_removals(destination, store.partition, wishes, wanted)
        own = {user: each for user, each in wanted.items() if user not in held}
        # A removal that was refused before, or not settled, is tried again beside the changes of others.
        now_s, rows = time.monotonic(), states.parts[store.partition]
        due = states.due(store.partition, now_s=now_s, most=OWED_MAX)
        repetition = self._repetitions[destination.name]
        one_request, adds = _target(destination).platform.rows_max, self._adds(destination)
        again = repetition.due(store.partition, rows, now_s=now_s, most=one_request) if adds else []
        again = [user for user in again if user not in wanted]
        is_late_due = self.more_in_s(destination, store) == 0
        late = states.late(store.partition, most=one_request) if is_late_due else {}
        others = {user: each for user, each in (dict.fromkeys(due, NOBODY) | late).items() if user not in wanted}
        plan = states.plan(store.partition, others | own, again=again, adds=adds)
        try:
            await store.put(plan.before)
        except BaseException:
            states.undo(plan)
            repetition.put_back(store.partition, again)
            raise
        batch_id = items[-1].id if items else f"{destination.name}-{store.partition}"
        answers = await self._send(destination, plan, batch_id=batch_id)
        after: dict[str, bytes | None] = {}
        said = {step.user: answers.of(step) for step in plan.steps}
        outcomes = said | held | self._hold_refusals(destination, {user: said[user] for user in own if user in said})
        added_late = {user: answers.added.get(user, said[user]) for user in late if user in others}
        on = self._go_on_waiting(destination, store, added_late)
        for step in plan.steps:
            if outcomes[step.user].fate not in WAITING and step.user not in on:
                removed = answers.removed.get(step.user, UNCHANGED).fate is Fate.DELIVERED
                added = answers.added.get(step.user, UNCHANGED).fate is Fate.DELIVERED
                after[step.user] = states.after(step, removed=removed, added=added)
        waiting = [user for user in again if user in said and said[user].fate in WAITING]
        repetition.put_back(store.partition, waiting)
        await store.put(after)
        users = [step.user for step in plan.steps]
        states.settle(store.partition, users, retry_s=time.monotonic() + OWED_RETRY_S)
        left = [step.user for step in plan.steps if step.kept.there and not step.wanted]
        gone = sum(user in own and user in after for user in left)
        self._guards[destination.name].removed(gone, time.time())
        return [
            outcome if item is wishes[item.user] or outcome.fate in WAITING else UNCHANGED
            for item in items
            for outcome in [outcomes.get(item.user, UNCHANGED)]
        ]

    def _hold_removals(
        self,
        destination: Destination,
        partition: int,
        wishes: Mapping[str, Wish],
        wanted: Mapping[str, frozenset[str]],
    ) -> dict[str, Outcome]:
        """Those who would leave and are held back, if too many would."""
        states, guard = self._states[destination.name], self._guards[destination.name]
        leaving = [
            user
            for user, identifiers in wanted.items()
            if not identifiers and not wishes[user].is_demanded and states.kept(partition, user).there
        ]
        part = states.members_of(partition)
        reason = guard.holds_removals(len(leaving), part=part, members=states.members, now_s=time.time())
        if not reason:
            return {}
        return dict.fromkeys(leaving, Outcome(fate=Fate.HELD, status="held", detail=reason, asked=False))

    def _hold_refusals(self, destination: Destination, outcomes: dict[str, Outcome]) -> dict[str, Outcome]:
        """The outcomes of a batch; whoever was refused is held back if too many were."""
        asked = [each for each in outcomes.values() if each.asked and each.fate is not Fate.AGAIN]
        refused = [each for each in asked if each.fate is Fate.REFUSED]
        reason = self._guards[destination.name].holds_refusals(len(refused), len(asked), time.time())
        if not reason:
            return outcomes
        detail = f"{reason}, the last: {refused[-1].detail}"
        held = Outcome(fate=Fate.HELD, status="held", detail=detail[:DETAIL_MAX], asked=False)
        return {user: held if each.fate is Fate.REFUSED else each for user, each in outcomes.items()}

    def _go_on_waiting(self, destination: Destination, store: StateStore, late: Mapping[str, Outcome]) -> set[str]:
        """Those who waited for members and still do, by the outcomes of their additions: there was no answer, or so
        many were refused that it is hardly for reasons of their own. No change would come again for them."""
        asked = [user for user, each in late.items() if each.asked and each.fate not in WAITING]
        refused = [user for user in asked if late[user].fate is Fate.REFUSED]
        guard = self._guards[destination.name]
        if len(refused) < len(asked) and not guard.holds_refusals(len(refused), len(asked), time.time()):
            refused = []
        again = [user for user, each in late.items() if each.fate in WAITING]
        if again or refused:
            pause_s = LATE_RETRY_S if again else OWED_RETRY_S
            self._late_s[destination.name, store.partition] = time.monotonic() + pause_s
        return {*again, *refused}

    async def _send(self, destination: Destination, plan: Plan, *, batch_id: str) -> _Answers:
        """Removals, then additions. After a request that did not get through, nothing more is sent."""
        target = _target(destination)
        answers = _Answers()
        until_s = time.monotonic() + destination.timeout_ms / 1000
        removals = [Member(step.user, step.remove) for step in plan.steps if step.remove]
        additions = [Member(step.user, step.add) for step in plan.steps if step.add]
        failure: Outcome | None = None
        parts: list[tuple[Action, list[Member], dict[str, Outcome]]] = [
            ("remove", removals, answers.removed),
            ("add", additions, answers.added),
        ]
        for action, members, found in parts:
            for number, part in enumerate(_parts(target.platform, action, members)):
                if failure is None:
                    request = _Request(f"{batch_id}-{action}-{number}", part)
                    by_user = await self._request(destination, target.platform, action, request, until_s=until_s)
                    failure = next((each for each in by_user if each.fate is Fate.AGAIN), None)
                else:
                    by_user = [failure for _ in part]
                found.update(zip((member.user for member in part), by_user, strict=True))
        return answers

    async def _request(
        self, destination: Destination, platform: Platform, action: Action, request: _Request, *, until_s: float
    ) -> list[Outcome]:
        """The outcome of each member. A request that is refused because of some members is sent again without them."""
        members = request.members
        outcomes: dict[int, Outcome] = {}
        rest = list(range(len(members)))
        while rest:
            part = [members[place] for place in rest]
            wait_s = until_s - time.monotonic()
            if wait_s <= 0:
                late = Outcome(fate=Fate.AGAIN, status="timeout", detail="the requests before took all the time")
                outcomes |= dict.fromkeys(rest, late)
                break
            reply = await self._http.ask(
                destination.name,
                platform.request(action, part, request_id=request.request_id),
                timeout_s=wait_s,
                oauth=platform.oauth,
                bytes_max=REPLY_BYTES_MAX,
            )
            if isinstance(reply, Outcome):
                outcomes |= dict.fromkeys(rest, reply)
                break
            verdict = platform.judge(action, part, reply, now_s=time.time())
            if verdict.outcome.wants_token:
                self._http.forget_token(destination.name)
            for place, detail in verdict.refused.items():
                outcomes[rest[place]] = Outcome(fate=Fate.REFUSED, status="refused-one", detail=detail)
            rest = [place for place in rest if place not in outcomes]
            if not (verdict.rest_again and verdict.refused):
                outcomes |= dict.fromkeys(rest, verdict.outcome)
                break
        return [outcomes[place] for place in range(len(members))]


def _target(destination: Destination) -> AudienceTarget:
    target: Any = destination.target
    assert isinstance(target, AudienceTarget), destination.kind
    return target


def _parts(platform: Platform, action: Action, members: Sequence[Member]) -> Iterator[list[Member]]:
    """Yields the members of each request: at most `rows_max` rows."""
    part: list[Member] = []
    size = 0
    for member in members:
        rows = len(member.rows(action))
        if part and size + rows > platform.rows_max:
            yield part
            part, size = [], 0
        part.append(member)
        size += rows
    if part:
        yield part
