"""Membership by value: a segment with `each` has, for every known value of a property, a membership of its own.

Theory of operation. For each value there is a *part*: a profile whose aggregates, membership and timers are those of
the value, and whose traits and other memberships are the user's. The functions that a segment without values has run
on parts unchanged, so a value means what the same definition means with the filter `each = v` in all its patterns.
This module decides which part is asked when:

1. *Feed*: an event that matches a pattern of the definition is given to the parts of its values. Of a definition that
   asks for lines of the cart (`item.quantity`), an event of the cart touches the parts of the products whose lines it
   has changed. A line is no state of its own: the cart of a part is the line of its product.
2. *Settle*, in the segment's place of the order: beyond the limit values leave; then the parts that were touched, or
   whose timers are due, are settled in order of text. What is not about one value, such as a trait, touches all.

The user is in the segment while they are in by any value. What may live here: values. What may not: rules of entering
and leaving (settlement), expressions (generated code).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from app.events.message import Message
from app.segments.evaluation.change import CauseKind
from app.segments.evaluation.matched_aggregate import MatchedAggregate
from tables import by_value, cart_lines
from tables.by_value import AGGREGATES, DUE, LATEST, MEMBER, Entry, State
from tables.counted import Counted
from tables.profile import INSIDE, OUT_AT, SINCE, TIMES, TRUE_SINCE, Profile
from tables.values import Scalar, key_order, key_value, keys_of
from tables.windows import FOREVER, Kind

Feed = Callable[[Profile, Message, Any, int, int, Any], int]
_NO_LINES: Final[Mapping[str, cart_lines.Line]] = {}


@dataclass(frozen=True, slots=True)
class Shown:
    """One aggregate of a value: how it is merged, and made shorter. `within_ms`: its window, if it has one."""

    kind: Kind
    matched: MatchedAggregate | None
    within_ms: int | None


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the cart, of which a definition asks for that of its value.

    make_known: each product in the cart is a known value.
    """

    make_known: bool


@dataclass(slots=True)
class Touched:
    """Keys of the values that an event has touched, and of those among them that it has made known."""

    keys: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)


class Settling(Protocol):
    """The settlement, as far as values ask for it."""

    members: dict[str, int]
    touched: dict[int, Touched]
    whole: Profile | None
    value: Scalar | None
    kind: CauseKind

    def leave_at_once(self, profile: Profile, segment: Any, now: int) -> None: ...

    def become_one(self, profile: Profile, before: Profile, segment: Any, now: int) -> None: ...


@dataclass(slots=True, eq=False)
class ByValue:
    """The values of one segment.

    lasting_ms: after the latest event of a value nothing of it shows any more; None: something may show for ever
    mixed: something that is not about one value can change it
    others: ids of the segments whose memberships it reads: those of the user
    alike: ids of the segments by the same property whose memberships it reads: those by the same value
    lines: the lines of the cart, if it asks for them
    evaluate: settles one part; `code`: the segment of one part (`SegmentCode`)
    """

    segment: int
    number: int
    cooldown_ms: int
    lasting_ms: int | None
    mixed: bool
    others: tuple[int, ...]
    alike: tuple[int, ...]
    aggregates: Mapping[int, Shown]
    counted: Counted
    lines: Lines | None = None
    evaluate: Callable[[Profile, int, Any], bool] | None = None
    code: Any = None

    @property
    def state_id(self) -> int:
        """The id under which a profile has the values."""
        return by_value.state_id(self.segment)

    def part(
        self, whole: Profile, key: str, entry: Entry, lines: Mapping[str, cart_lines.Line] | None = None
    ) -> Profile:
        """One value as a profile of its own, which shares what is not about the value. `lines`: `lines_in` the cart."""
        own = self.segment
        members = {other: whole.members[other] for other in self.others if other in whole.members}
        for other in self.alike:
            same = (whole.aggregates.get(by_value.state_id(other)) or {}).get(key)
            if same is not None and same[MEMBER] is not None:
                members[other] = same[MEMBER]
        if entry[MEMBER] is not None:
            members[own] = entry[MEMBER]
        return Profile(
            format=whole.format,
            highest_ms=whole.highest_ms,
            fired_ms=whole.fired_ms,
            sequence=whole.sequence,
            first_seen_ms=whole.first_seen_ms,
            identified=whole.identified,
            aggregates=entry[AGGREGATES],
            members=members,
            due=entry[DUE],
            session=whole.session,
            cart=(self.lines_in(whole) if lines is None else lines).get(key),
            leaves=whole.leaves,
            message_ids=whole.message_ids,
            watched=0,
        )

    def lines_in(self, whole: Profile) -> Mapping[str, cart_lines.Line]:
        """The lines of the products in the cart, if the definition asks for them."""
        return _NO_LINES if self.lines is None else cart_lines.lines_of(whole.cart)

    @contextmanager
    def _asked(
        self,
        whole: Profile,
        key: str,
        entry: Entry,
        settlement: Settling,
        lines: Mapping[str, cart_lines.Line] | None = None,
    ) -> Iterator[Profile]:
        """The part of a value while changes are about it; afterwards its membership and the sequence are taken over."""
        part = self.part(whole, key, entry, lines)
        users = settlement.members[self.code.name]
        settlement.whole, settlement.value = whole, key_value(key)
        try:
            yield part
        finally:
            settlement.whole = settlement.value = None
            settlement.members[self.code.name] = users
            whole.sequence = part.sequence
            entry[MEMBER] = part.members.get(self.segment)

    # ---- events

    def feed(
        self,
        whole: Profile,
        event: Message,
        properties: Any,
        value: Any,
        t: int,
        now: int,
        settlement: Any,
        feed: Feed,
        *,
        makes_known: bool,
        has_changed_cart: bool = False,
    ) -> int:
        """An event that matches a pattern: it goes to the parts of its values. Returns the segment's bit if any of them
        has to be settled. `makes_known`: a value that is not known becomes so. `has_changed_cart`: the same event was
        given to `take_cart` before."""
        keys = keys_of(value, self.counted)
        if not keys:
            return 0
        state: State = whole.aggregates.get(self.state_id) or {}
        touched = settlement.touched.pop(self.number, None) or Touched()
        is_less = False
        lines = self.lines_in(whole)
        if not has_changed_cart:
            is_less = self._forget(state, now, lines)
            touched.keys |= self._know_lines(lines, state)
        for key in keys:
            entry = state.get(key)
            if entry is None:
                if not makes_known:
                    continue
                entry = state[key] = by_value.new_entry(t)
                touched.keys.add(key)
                touched.new.add(key)
            elif t > entry[LATEST]:
                entry[LATEST] = t
            if feed(self.part(whole, key, entry, lines), event, properties, t, now, settlement):
                touched.keys.add(key)
        return self._touch(whole, state, touched, settlement, is_less=is_less)

    def _touch(self, whole: Profile, state: State, touched: Touched, settlement: Any, *, is_less: bool) -> int:
        """After an event. Returns the segment's bit if parts are to be settled."""
        if state:
            whole.aggregates[self.state_id] = state
        else:
            whole.aggregates.pop(self.state_id, None)
        if is_less or not touched.keys:  # else the settlement does it
            self._arm(whole, state)
        if not touched.keys:
            return 0
        settlement.touched[self.number] = touched
        return 1 << self.number

    def take_cart(
        self, whole: Profile, before: cart_lines.Seen, now: int, settlement: Any, *, makes_known: bool
    ) -> int:
        """After an event of the cart, which was as `before`: the parts of the products whose lines it has changed are
        touched. Returns the segment's bit if there are any. `makes_known`: a product that it has put in becomes known,
        also if not each product in the cart does."""
        assert self.lines is not None
        state: State = whole.aggregates.get(self.state_id) or {}
        is_less = self._forget(state, now, cart_lines.products_of(before.keys))
        touched = settlement.touched.pop(self.number, None) or Touched()
        changed = cart_lines.changed(before, whole.cart)
        touched.keys |= changed & state.keys()
        known = self._know_lines(self.lines_in(whole), state, () if not makes_known else changed)
        touched.keys |= known
        touched.new |= known & changed
        return self._touch(whole, state, touched, settlement, is_less=is_less)

    def know_lines(self, whole: Profile) -> None:
        """Makes each product in the cart a known value, in a profile that is to be settled as a whole."""
        state: State = whole.aggregates.get(self.state_id) or {}
        if self._know_lines(self.lines_in(whole), state):
            whole.aggregates[self.state_id] = state

    def _know_lines(self, lines: Mapping[str, cart_lines.Line], state: State, these: Collection[str] = ()) -> set[str]:
        """The keys of the products in the cart that become known; `these` do in any case."""
        known: set[str] = set()
        if self.lines is None:
            return known
        for key, line in lines.items():
            entry = state.get(key)
            if entry is not None:
                entry[LATEST] = max(entry[LATEST], line[cart_lines.TOUCHED_MS])
            elif self.lines.make_known or key in these:
                state[key] = by_value.new_entry(line[cart_lines.TOUCHED_MS])
                known.add(key)
        return known

    def _forget(self, state: State, now: int, products: Collection[str]) -> bool:
        """Drops values of which nothing shows any more, by which the user is not in, and for which nothing waits.

        True if there were such values. `products`: in the cart, which shows them.
        """
        if self.lasting_ms is None:
            return False
        start = now - self.lasting_ms
        over = [
            key
            for key, entry in state.items()
            if entry[LATEST] <= start and key not in products and self._is_over(entry, now)
        ]
        for key in over:
            del state[key]
        return bool(over)

    def _is_over(self, entry: Entry, now: int) -> bool:
        member = entry[MEMBER]
        if member is None:
            return True
        if member[INSIDE] or member[TRUE_SINCE] is not None:
            return False
        return member[OUT_AT] is None or now >= member[OUT_AT] + self.cooldown_ms

    # ---- settlement

    def settle(self, whole: Profile, now: int, settlement: Settling) -> bool:
        """Settles the values that may have changed. True if a membership by any of them has changed."""
        state: State | None = whole.aggregates.get(self.state_id)
        if whole.cart is not None and settlement.kind == "catalog" and len(state or ()) < by_value.VALUES_MAX:
            self.know_lines(whole)  # the definition may be new; beyond the limit there are those that made room
            state = whole.aggregates.get(self.state_id)
        if state is None:
            return False
        touched = settlement.touched.pop(self.number, None) or Touched()
        lines = self.lines_in(whole)
        changed = self._make_room(whole, state, lines, touched.new, now, settlement)
        if self.mixed or settlement.kind not in ("event", "time"):
            asked = list(state)
        elif whole.due.get(self.segment, FOREVER) <= now:
            asked = [key for key, entry in state.items() if key in touched.keys or _due(entry) <= now]
        else:
            asked = [key for key in touched.keys if key in state]
        for key in sorted(asked, key=key_order):
            entry = state[key]
            if settlement.kind == "catalog":
                self._fit(entry)
            with self._asked(whole, key, entry, settlement, lines) as part:
                changed |= self._settle_part(part, now, settlement)
        self._sum_up(whole, state, now, settlement)
        return changed

    def _settle_part(self, part: Profile, now: int, settlement: Settling) -> bool:
        for own in [own for own, at in part.due.items() if at <= now and own != self.segment]:
            shown = self.aggregates.get(own)
            if shown is None or shown.matched is None:
                del part.due[own]
            else:
                shown.matched.occur(part, now)
        assert self.evaluate is not None
        return self.evaluate(part, now, settlement)

    def _fit(self, entry: Entry) -> None:
        """Another catalog: aggregates that the definition no longer has are deleted."""
        for own in [own for own in entry[AGGREGATES] if own not in self.aggregates]:
            del entry[AGGREGATES][own]
        for own in [own for own in entry[DUE] if own not in entry[AGGREGATES]]:
            del entry[DUE][own]

    def _make_room(
        self,
        whole: Profile,
        state: State,
        lines: Collection[str],
        new: set[str],
        now: int,
        settlement: Settling,
    ) -> bool:
        """Drops what is beyond the limit. True if a membership was among it. `lines`: of the products in the cart,
        which make room last: their reminders may be all that is still to come."""
        changed = False
        while len(state) > by_value.VALUES_MAX:
            key = by_value.first_to_leave(state, new, lines)
            if by_value.is_inside(state[key]):
                kind, settlement.kind = settlement.kind, "limit"
                self._leave(whole, key, state[key], now, settlement)
                settlement.kind = kind
                changed = True
            del state[key]
        return changed

    def _leave(self, whole: Profile, key: str, entry: Entry, now: int, settlement: Settling) -> None:
        """Leaves by a value, whatever holds; the caller has set why, and nothing is to come of it."""
        with self._asked(whole, key, entry, settlement) as part:
            settlement.leave_at_once(part, self.code, now)

    def leave_everything(self, whole: Profile, now: int, settlement: Settling) -> None:
        """Leaves by all values, in order of text."""
        state: State = whole.aggregates.get(self.state_id) or {}
        for key in by_value.keys_inside(whole, self.segment):
            self._leave(whole, key, state[key], now, settlement)
        self._sum_up(whole, state, now, settlement)

    def become(self, whole: Profile, before: Profile, now: int, settlement: Settling) -> None:
        """The values of a profile that takes the place of `before`."""
        state: State = whole.aggregates.get(self.state_id) or {}
        was: State = before.aggregates.get(self.state_id) or {}
        lines, former_lines = self.lines_in(whole), self.lines_in(before)
        for key in sorted({*state, *was}, key=key_order):
            entry = state.get(key) or by_value.new_entry(0)
            former = self.part(before, key, was.get(key) or by_value.new_entry(0), former_lines)
            with self._asked(whole, key, entry, settlement, lines) as part:
                settlement.become_one(part, former, self.code, now)
        member, given = before.members.get(self.segment), whole.members.pop(self.segment, None)
        if member is not None:
            whole.members[self.segment] = list(member)
        self._sum_up(whole, state, now, settlement)
        if given is not None and given[INSIDE] and state is not was:
            whole.members[self.segment][SINCE] = given[SINCE]

    def _sum_up(self, whole: Profile, state: State, now: int, settlement: Settling) -> None:
        """The user as a whole: in by any value, and when the earliest value is due."""
        if not state:
            whole.aggregates.pop(self.state_id, None)
        self._arm(whole, state)
        member = whole.members.get(self.segment)
        inside = any(map(by_value.is_inside, state.values()))
        if inside == (member is not None and bool(member[INSIDE])):
            return
        if member is None:
            member = whole.members[self.segment] = [0, 0, 0, None, None, None]
        member[INSIDE] = int(inside)
        if inside:
            member[SINCE] = now
            member[TIMES] += 1
        settlement.members[self.code.name] += 1 if inside else -1

    def _arm(self, whole: Profile, state: State) -> None:
        due = min([min(entry[DUE].values()) for entry in state.values() if entry[DUE]], default=FOREVER)
        if due < FOREVER:
            whole.due[self.segment] = due
        else:
            whole.due.pop(self.segment, None)

    def tidy(self, whole: Profile, now: int) -> None:
        """Drops state that no window shows any more."""
        for entry in (whole.aggregates.get(self.state_id) or {}).values():
            aggregates = entry[AGGREGATES]
            for own, state in list(aggregates.items()):
                shown = self.aggregates.get(own)
                if shown is None or shown.within_ms is None or shown.matched is not None:
                    continue
                rest = shown.kind.forget(state, now - shown.within_ms)
                if rest is None:
                    del aggregates[own]
                else:
                    aggregates[own] = rest


def _due(entry: Entry) -> int:
    return min(entry[DUE].values(), default=FOREVER)
