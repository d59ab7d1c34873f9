"""State of an audience: for each user, the identifiers that may be at the service. Pure.

Theory of operation. A list at a service cannot be read back, so what may be there is remembered here, and stored. For
each user of a batch there is one step from what may be there to what is wanted:

1. The union of both is stored (`Plan.before`). From now on, whatever a request does, and whether its answer arrives or
   not, everything of the user that is at the service is among what is stored.
2. What is not wanted any more is removed, then what is wanted is added. A service may treat the identifiers of a
   person as one, so whatever is wanted is added again after a removal. Both are operations on sets: to repeat them is
   harmless.
3. What is wanted is stored (`MemberStates.after`), or nothing if nothing is: the state of a user who left is a
   tombstone. Where the service refused something, the union stays.

A crash at any point leaves a state whose next step is right, as the position moves after 3.

Two users may have one address: of a visitor who logged in, for example. An identifier is removed only if no other user
of this process wants it.

While a segment has too few members, nothing is added: what is wanted is stored with `waits`, and removals go on as
ever. Later everybody who waits is added, beside other changes or without any. `waits` stays until the service has
answered, since no change comes again for it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import msgspec


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """State of one user, identifiers in order. `there`: may be at the service. `wanted`: shall be. `sure`: exactly
    these are there. `waits`: what is wanted is to be added once the segment has enough members."""

    there: Sequence[str] = ()
    wanted: Sequence[str] = ()
    sure: bool = False
    waits: bool = False

    @property
    def holding(self) -> frozenset[str]:
        """The identifiers that are not removed on behalf of another user."""
        return frozenset(self.wanted) & frozenset(self.there) if self.waits else frozenset(self.wanted)


NOTHING: Final = Kept(sure=True)
"""State of a user of whom nothing is stored."""

encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Kept).decode


@dataclass(slots=True)
class Step:
    """One user's part of a plan. `waits`: nothing is added now."""

    user: str
    kept: Kept
    wanted: frozenset[str]
    remove: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    waits: bool = False

    @property
    def holding(self) -> frozenset[str]:
        """See `Kept`, after this step."""
        return self.wanted & frozenset(self.kept.there) if self.waits else self.wanted


@dataclass(slots=True)
class Plan:
    """Steps of a batch, in order, and the rows to store before anything is sent."""

    steps: list[Step] = field(default_factory=list)
    before: dict[str, bytes | None] = field(default_factory=dict)


@dataclass(slots=True)
class MemberStates:
    """State of one audience in a process: of each partition, and how many users want each identifier."""

    parts: dict[int, Mapping[str, bytes]] = field(default_factory=dict)
    owed: dict[int, dict[str, float]] = field(default_factory=dict)
    """By partition: users who left, but may still be there, and the instant of the next try in seconds."""
    waiting: dict[int, dict[str, bool]] = field(default_factory=dict)
    """By partition: users who are to be added once the segment has enough members; True: something of them may be there
    from before."""
    _holders: Counter[str] = field(default_factory=Counter)

    @property
    def members(self) -> int:
        """Users of whom something may be at the service."""
        return sum(self.members_of(partition) for partition in self.parts)

    def members_of(self, partition: int) -> int:
        """Those of one partition."""
        absent = sum(not is_there for is_there in self.waiting[partition].values())
        return len(self.parts[partition]) - absent

    def opened(self, partition: int, rows: Mapping[str, bytes]) -> None:
        """Takes up a partition. `rows` goes on to show what is stored of it."""
        self.closed(partition, self.parts.get(partition, {}))
        self.parts[partition] = rows
        owed = self.owed[partition] = {}
        waiting = self.waiting[partition] = {}
        for user, value in rows.items():
            kept = decode(value)
            self._holders.update(kept.holding)
            if not kept.wanted:
                owed[user] = 0.0
            elif kept.waits:
                waiting[user] = bool(kept.there)

    def closed(self, partition: int, rows: Mapping[str, bytes]) -> None:
        """Lets a partition go, unless it was taken up again with other rows."""
        if self.parts.get(partition) is not rows:
            return
        self.owed.pop(partition, None)
        self.waiting.pop(partition, None)
        for value in self.parts.pop(partition, {}).values():
            self._hold(decode(value).holding, -1)

    def kept(self, partition: int, user: str) -> Kept:
        """The state of a user."""
        value = self.parts[partition].get(user)
        return NOTHING if value is None else decode(value)

    def due(self, partition: int, *, now_s: float, most: int) -> list[str]:
        """Users of whom a removal is owed and due: it was refused, or not settled before the process ended."""
        found = (user for user, due_s in self.owed[partition].items() if due_s <= now_s)
        return list(islice(found, most))

    def late(self, partition: int, *, most: int) -> dict[str, frozenset[str]]:
        """Users who wait to be added, at most so many, and what is wanted of each."""
        return {user: frozenset(self.kept(partition, user).wanted) for user in islice(self.waiting[partition], most)}

    def settle(self, partition: int, users: Iterable[str], *, retry_s: float) -> None:
        """Notes by the stored states of these users who waits, and whether a removal is owed, to be tried at
        `retry_s`."""
        owed, waiting = self.owed[partition], self.waiting[partition]
        for user in users:
            kept = self.kept(partition, user)
            if kept.there and not kept.wanted:
                owed[user] = retry_s
            else:
                owed.pop(user, None)
            if kept.waits:
                waiting[user] = bool(kept.there)
            else:
                waiting.pop(user, None)

    def plan(
        self,
        partition: int,
        wanted: Mapping[str, frozenset[str]],
        *,
        again: Collection[str] = (),
        adds: bool = True,
    ) -> Plan:
        """The steps to what is wanted of each user. Rows are stored by the caller.

        again: users who are added even if they are there for sure, unless something else is wanted of them.
        adds: False: nothing is added, who would be waits.
        """
        plan = Plan()
        for user, identifiers in wanted.items():
            kept = self.kept(partition, user)
            if kept.sure and set(kept.there) == identifiers:
                continue
            step = Step(user, kept, identifiers, waits=bool(identifiers) and not adds)
            plan.steps.append(step)
            self._hold(kept.holding, -1)
            self._hold(step.holding, 1)
        for user in again:
            kept = self.kept(partition, user)
            if adds and user not in wanted and kept.wanted and not kept.waits:
                plan.steps.append(Step(user, kept, frozenset(kept.wanted), add=tuple(sorted(kept.wanted))))
        for step in plan.steps:
            gone = set(step.kept.there) - step.wanted
            step.remove = tuple(sorted(each for each in gone if not self._holders[each]))
            coming = frozenset[str]() if step.waits else step.wanted
            if step.remove or not step.kept.sure or not coming <= set(step.kept.there):
                step.add = tuple(sorted(coming))
            # Who waited does so until the answer: after a crash there is no change that would come again.
            waits = step.waits or (step.kept.waits and bool(step.wanted))
            there = tuple(sorted(coming | set(step.kept.there)))
            union = Kept(there, tuple(sorted(step.wanted)), waits=waits)
            before = (tuple(step.kept.there), tuple(step.kept.wanted), step.kept.waits)
            if (union.there, union.wanted, union.waits) != before:
                plan.before[step.user] = encode(union)
        return plan

    def undo(self, plan: Plan) -> None:
        """Takes back a plan whose rows could not be stored."""
        for step in plan.steps:
            self._hold(step.holding, -1)
            self._hold(step.kept.holding, 1)

    def after(self, step: Step, *, removed: bool, added: bool) -> bytes | None:
        """The row of a user whose requests were answered; None: a tombstone.

        removed, added: the service took it, or there was nothing to do.
        """
        if step.waits:
            left = step.holding if removed else frozenset(step.kept.there)
            return encode(Kept(tuple(sorted(left)), tuple(sorted(step.wanted)), waits=True))
        there = step.wanted if removed else step.wanted | set(step.kept.there)
        if not there:
            return None
        return encode(Kept(tuple(sorted(there)), tuple(sorted(step.wanted)), sure=removed and added))

    def _hold(self, identifiers: Sequence[str] | frozenset[str], number: int) -> None:
        for each in identifiers:
            self._holders[each] += number
            if not self._holders[each]:
                del self._holders[each]
