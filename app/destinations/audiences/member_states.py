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
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import msgspec


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """State of one user, identifiers in order. `there`: may be at the service. `wanted`: shall be. `sure`: exactly
    these are there."""

    there: Sequence[str] = ()
    wanted: Sequence[str] = ()
    sure: bool = False


NOTHING: Final = Kept(sure=True)
"""State of a user of whom nothing is stored."""

encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Kept).decode


@dataclass(slots=True)
class Step:
    """One user's part of a plan."""

    user: str
    kept: Kept
    wanted: frozenset[str]
    remove: tuple[str, ...] = ()
    add: tuple[str, ...] = ()


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
    _holders: Counter[str] = field(default_factory=Counter)

    @property
    def members(self) -> int:
        """Users of whom something may be at the service."""
        return sum(len(rows) for rows in self.parts.values())

    def opened(self, partition: int, rows: Mapping[str, bytes]) -> None:
        """Takes up a partition. `rows` goes on to show what is stored of it."""
        self.closed(partition, self.parts.get(partition, {}))
        self.parts[partition] = rows
        owed = self.owed[partition] = {}
        for user, value in rows.items():
            kept = decode(value)
            self._holders.update(kept.wanted)
            if not kept.wanted:
                owed[user] = 0.0

    def closed(self, partition: int, rows: Mapping[str, bytes]) -> None:
        """Lets a partition go, unless it was taken up again with other rows."""
        if self.parts.get(partition) is not rows:
            return
        self.owed.pop(partition, None)
        for value in self.parts.pop(partition, {}).values():
            self._hold(decode(value).wanted, -1)

    def kept(self, partition: int, user: str) -> Kept:
        """The state of a user."""
        value = self.parts[partition].get(user)
        return NOTHING if value is None else decode(value)

    def due(self, partition: int, *, now_s: float, most: int) -> list[str]:
        """Users of whom a removal is owed and due: it was refused, or not settled before the process ended."""
        found = (user for user, due_s in self.owed[partition].items() if due_s <= now_s)
        return list(islice(found, most))

    def settle(self, partition: int, users: Iterable[str], *, retry_s: float) -> None:
        """Notes by the stored states of these users whether a removal is owed, to be tried at `retry_s`."""
        owed = self.owed[partition]
        for user in users:
            kept = self.kept(partition, user)
            if kept.there and not kept.wanted:
                owed[user] = retry_s
            else:
                owed.pop(user, None)

    def plan(self, partition: int, wanted: Mapping[str, frozenset[str]], *, again: Collection[str] = ()) -> Plan:
        """The steps to what is wanted of each user. Rows are stored by the caller.

        again: users who are added even if they are there for sure, unless something else is wanted of them.
        """
        plan = Plan()
        for user, identifiers in wanted.items():
            kept = self.kept(partition, user)
            if kept.sure and set(kept.there) == identifiers:
                continue
            plan.steps.append(Step(user, kept, identifiers))
            self._hold(kept.wanted, -1)
            self._hold(identifiers, 1)
        for user in again:
            kept = self.kept(partition, user)
            if user not in wanted and kept.wanted:
                plan.steps.append(Step(user, kept, frozenset(kept.wanted), add=tuple(sorted(kept.wanted))))
        for step in plan.steps:
            gone = set(step.kept.there) - step.wanted
            step.remove = tuple(sorted(each for each in gone if not self._holders[each]))
            if step.remove or not step.kept.sure or not step.wanted <= set(step.kept.there):
                step.add = tuple(sorted(step.wanted))
            union = Kept(tuple(sorted(step.wanted | set(step.kept.there))), tuple(sorted(step.wanted)))
            if (union.there, union.wanted) != (tuple(step.kept.there), tuple(step.kept.wanted)):
                plan.before[step.user] = encode(union)
        return plan

    def undo(self, plan: Plan) -> None:
        """Takes back a plan whose rows could not be stored."""
        for step in plan.steps:
            self._hold(step.wanted, -1)
            self._hold(step.kept.wanted, 1)

    def after(self, step: Step, *, removed: bool, added: bool) -> bytes | None:
        """The row of a user whose requests were answered; None: a tombstone.

        removed, added: the service took it, or there was nothing to do.
        """
        there = step.wanted if removed else step.wanted | set(step.kept.there)
        if not there:
            return None
        return encode(Kept(tuple(sorted(there)), tuple(sorted(step.wanted)), sure=removed and added))

    def _hold(self, identifiers: Sequence[str] | frozenset[str], number: int) -> None:
        for each in identifiers:
            self._holders[each] += number
            if not self._holders[each]:
                del self._holders[each]
