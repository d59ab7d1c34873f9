"""Oracle of a partition: every change of every user, recomputed from all records."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.segments.definitions.cleaning_rules import CleaningRule
from app.segments.definitions.definition import Catalog, Segment
from app.segments.evaluation.time_rules import TimeRules
from tests.model.asked import settlement_order
from tests.model.cleaning import cleaned, rules_said
from tests.model.experiments import experiments_said
from tests.model.history import History
from tests.model.life import Change, Life
from tests.model.messages import (
    Advance,
    Clean,
    Erased,
    Listed,
    Merge,
    Message,
    Order,
    Record,
    Regroup,
    Unreadable,
    read,
    read_erased,
    read_listed,
)
from tests.model.population import Censused, asked, percent_of, read_census, threshold

Lists = dict[str, tuple[int, bool]]
"""By the name of a static list: when a record about it came last, and whether the user is on it."""
Step = Record | Advance | Order | Merge | Regroup | Clean
WAITING_MAX = 1_000
LOOK_AHEAD_MS = 3 * 86_400_000
ERASED_KEPT_MS = 37 * 86_400_000
FOR_EVER_MS = 2**60


@dataclass(slots=True)
class Erasure:
    """All that is kept of a user who was erased. `until_ms`: what happened until then is dropped. `used_ms`: its memory
    is kept 37 days from then on, or as long as a new life. `sequence`: the next number of a change. `is_for_ever`: all
    that happens is dropped, and the memory kept."""

    until_ms: int
    used_ms: int
    sequence: int
    is_for_ever: bool = False


@dataclass(slots=True)
class Answer:
    """Changes by user, in order; what became of each record, by offset: `accepted`, `duplicate`, `late`, `clock` (a
    watermark), `waits` (for its turn, at the end) or `erased` (by an
    administrator, or dropped since), `dead: <reason>`; the clock at the end.

    With `look_ahead`, `turns` says for each change (user, how many were before it) at which instant the segment would
    change next without another event; None: not within LOOK_AHEAD_MS. At the end `known` are the users remembered,
    `members` counts those in each segment. `links` counts what became of claims: (anonymous id, user, result).
    `is_open`: waiting events of several users made claims at one record; whose is first is open. `counts`: what each
    census has found.
    """

    changes: dict[str, list[Change]] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    late_ms: dict[int, int] = field(default_factory=dict)
    clock_ms: int = -1
    turns: dict[tuple[str, int], str | None] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    members: dict[str, int] = field(default_factory=dict)
    links: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    is_open: bool = False
    counts: dict[int, dict[str, int | float | None]] = field(default_factory=dict)


@dataclass(slots=True)
class Oracle:
    """One partition. `fed_ms` is the instant of the first event of all. `every_ms` looks at every millisecond: slow,
    and a check of the instants that are chosen. `waiting`: events of all users whose turn has not come, with their
    offsets, as they arrived. `lists`: what is known of static lists of users without an event."""

    catalog: Catalog
    rules: TimeRules
    look_ahead: bool = False
    every_ms: bool = False
    answer: Answer = field(default_factory=Answer)
    lives: dict[str, Life] = field(default_factory=dict)
    fed_ms: int | None = None
    segments: list[Segment] = field(default_factory=list)
    lists: dict[str, Lists] = field(default_factory=dict)
    erasures: dict[str, Erasure] = field(default_factory=dict)
    turn_of: str | None = None
    waiting: list[tuple[int, Message]] = field(default_factory=list)
    wait_ms: int = 0
    cleaning: tuple[CleaningRule, ...] = ()
    census: int = -1
    numbers: Mapping[str, int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.segments = settlement_order(self.catalog)
        self.wait_ms = self.catalog.settings.order_wait_ms
        self.cleaning = self.catalog.settings.cleaning

    def run(self, steps: Iterable[Step], *, clock_ms: int = -1) -> Answer:
        """All steps, then everything due up to `clock_ms`."""
        for step in steps:
            if isinstance(step, Advance):
                self.advance(step.clock_ms)
            elif isinstance(step, Order):
                self.wait_ms = step.wait_ms
                self.advance(-1)
            elif isinstance(step, Regroup):
                self.regroup(step)
            elif isinstance(step, Clean):
                self.advance(-1)
                self.cleaning = rules_said(step.text)
            elif isinstance(step, Merge):
                self.merge(step.user, step.given)
            else:
                self.take(step)
        self.advance(clock_ms)
        self.answer.known = self.known()
        for life in self.lives.values():
            for name in life.members:
                self.answer.members[name] = self.answer.members.get(name, 0) + 1
        return self.answer

    def known(self) -> set[str]:
        """The users of whom anything is remembered."""
        listed = {user for user in [*self.lists, *self.erasures] if self.is_remembered(user)}
        return set(self.lives) | listed | {message.user for _, message in self.waiting}

    def advance(self, clock_ms: int) -> None:
        """A journalled move of the clock, which never goes back."""
        self.answer.clock_ms = max(self.answer.clock_ms, clock_ms)
        self.take_turns()
        for user in list(self.lives):
            self.pass_time(user, self.answer.clock_ms)

    def take(self, record: Record) -> None:
        try:
            if (listed := read_listed(record, self.rules.app)) is not None:
                self.answer.outcomes[record.offset] = "list"
                self.put_on(listed)
                self.take_turns()
                return
            if (censused := read_census(record, self.rules.app)) is not None:
                self.answer.outcomes[record.offset] = "census"
                self.count(censused.census) if censused.numbers is None else self.publish(censused)
                self.take_turns()
                return
            if (erased := read_erased(record, self.rules.app)) is not None:
                self.answer.outcomes[record.offset] = "erased"
                self.take_erasure(erased)
                self.take_turns()
                return
            message = read(record, self.rules.skew_max_ms, self.rules.user_ids.blocked)
        except Unreadable as reason:
            self.answer.outcomes[record.offset] = f"dead: {reason}" if str(reason) else "foreign"
            return
        is_mark = message.type == "watermark"
        self.answer.outcomes[record.offset] = "clock" if is_mark else self.arrive(message, record.offset)
        moved = min(message.t, message.received) - max(self.rules.disorder_ms, self.wait_ms)
        self.answer.clock_ms = max(self.answer.clock_ms, moved)
        self.take_turns()

    def regroup(self, step: Regroup) -> None:
        """The same definitions with other experiments. Expressions stay the objects that they were."""
        self.advance(-1)
        found = experiments_said(step)
        segments = {each.name: replace(each, experiment=found.get(each.name)) for each in self.catalog.segments}
        settings = replace(self.catalog.settings, holdout=found.get(""))
        self.catalog = replace(self.catalog, segments=tuple(segments.values()), settings=settings)
        self.segments = [segments.get(each.name, each) for each in self.segments]  # a model has no experiments
        for life in self.lives.values():
            life.regroup(self.catalog, self.segments)

    # ---- numbers of all users

    def count(self, census: int) -> None:
        """The numbers, were all users here."""
        self.advance(-1)
        found: dict[str, int | float | None] = {}
        for name, measured in asked(self.catalog).items():
            if measured is None:
                segment = name.removeprefix("segment_size('").removesuffix("')")
                found[name] = sum(segment in life.members for life in self.lives.values())
            else:
                values = [
                    life.view().at(max(self.answer.clock_ms, self.seen_ms(life.user))).value(measured)
                    for life in self.lives.values()
                ]
                found[name] = threshold(values, percent_of(name))
        self.answer.counts.setdefault(census, found)

    def publish(self, said: Censused) -> None:
        """From here on everybody is compared with these numbers."""
        if said.census < self.census:
            return
        self.advance(-1)
        self.census = said.census
        known = asked(self.catalog)
        numbers = {**self.numbers, **{name: number for name, number in (said.numbers or {}).items() if name in known}}
        self.numbers = {name: number for name, number in numbers.items() if number is not None}
        for life in list(self.lives.values()):
            now = max(self.answer.clock_ms, self.seen_ms(life.user))
            life.compare_anew(self.numbers, now, {"kind": "population", "census": said.census})
            self.gather(life)

    # ---- static lists

    def put_on(self, listed: Listed) -> None:
        user, said = listed.user, {listed.name: (listed.at_ms, listed.on)}
        if self.erased_ms(user) == FOR_EVER_MS:
            return
        self.pass_time(user, self.answer.clock_ms)
        now = max(self.answer.clock_ms, self.seen_ms(user))
        self.pass_time(user, now)
        if (life := self.lives.get(user)) is not None:
            life.put_on(said, now, {"kind": "list", "list": listed.name})
            self.gather(life)
        elif self.is_remembered(user) or listed.on:
            self.lists.setdefault(user, {}).update(said)

    def is_remembered(self, user: str) -> bool:
        """True if anything is known of a user without an event, unless their time is over. An event that waits keeps
        it until its turn, which may come late."""
        if user in self.lives or user == self.turn_of or any(message.user == user for _, message in self.waiting):
            return True
        if self.answer.clock_ms >= self.remembered_until_ms(user):
            self.forget_listed(user)
            return False
        return True

    def remembered_until_ms(self, user: str) -> int:
        """The instant at which a user without an event is forgotten."""
        lists = self.lists.get(user, {})
        erasure = self.erasures.get(user)
        if erasure is not None and erasure.is_for_ever:
            return FOR_EVER_MS
        kept_ms = [] if erasure is None else [erasure.used_ms + ERASED_KEPT_MS]
        return max([at_ms + self.rules.retention_ms for at_ms, _ in lists.values()] + kept_ms, default=-1)

    def forget_listed(self, user: str) -> None:
        """Nothing is known of a user any more."""
        self.lists.pop(user, None)
        self.erasures.pop(user, None)

    # ---- erasures

    def take_erasure(self, erased: Erased) -> None:
        if erased.is_end:
            self.end_suppression(erased)
        else:
            self.erase(erased.key, erased.at_ms, suppress=erased.suppress)

    def end_suppression(self, erased: Erased) -> None:
        erasure = self.erasures.get(erased.key)
        if erasure is not None and erasure.is_for_ever:
            erasure.is_for_ever = False
            erasure.until_ms = max(erasure.until_ms, erased.at_ms)
            erasure.used_ms = max(erasure.used_ms, erasure.until_ms, self.answer.clock_ms)

    def erased_ms(self, user: str) -> int:
        """Instant of the erasure, asked before something of the user is taken: what is older is dropped. -1: none."""
        self.pass_time(user, self.answer.clock_ms)
        erasure = self.erasures.get(user) if self.is_remembered(user) else None
        if erasure is not None and erasure.is_for_ever:
            return FOR_EVER_MS
        return -1 if erasure is None else erasure.until_ms

    def erase(self, user: str, at_ms: int, *, suppress: bool = False) -> None:
        """Nothing is remembered of the user, but how old an event is that is dropped."""
        before = self.erasures.get(user) if self.erased_ms(user) >= 0 else None
        until_ms = max(at_ms, -1 if before is None else before.until_ms, self.seen_event_ms(user))
        is_for_ever = before is not None and before.is_for_ever
        sequence = self.erasures[user].sequence if user in self.erasures else 0
        self.pass_time(user, max(self.answer.clock_ms, self.seen_ms(user)))
        life = self.lives.pop(user, None)
        if life is not None:
            life.at_ms = max(life.at_ms, self.answer.clock_ms, life.highest_ms())
            life.exit_all({"kind": "erased"})
            self.gather(life)
            sequence = life.sequence
        self.waiting = [waiting for waiting in self.waiting if waiting[1].user != user]
        self.lists.pop(user, None)
        self.erasures[user] = Erasure(until_ms, max(until_ms, self.answer.clock_ms), sequence, is_for_ever or suppress)

    def seen_event_ms(self, user: str) -> int:
        """The latest event of the user, taken or waiting."""
        life = self.lives.get(user)
        waiting = [message.t for _, message in self.waiting if message.user == user]
        return max([-1 if life is None else life.highest_ms(), *waiting])

    # ---- events that wait for those before them

    def waits(self, message: Message) -> bool:
        """True if an event that lies before this one may still come in time: until the highest event time is `wait`
        beyond it. The clock is behind that by `disorder`, or by `wait` if that is more."""
        highest_ms = self.answer.clock_ms + max(self.rules.disorder_ms, self.wait_ms)
        return self.wait_ms > 0 and highest_ms < message.t + self.wait_ms

    def arrive(self, message: Message, offset: int) -> str:
        clock_ms = self.answer.clock_ms
        if message.t <= self.erased_ms(message.user):
            return "erased"
        now = max(message.t, clock_ms, self.seen_ms(message.user))
        if message.t < now - self.rules.lateness_ms:
            self.answer.late_ms[offset] = now - message.t
            return "late"
        if not self.waits(message):
            return self.take_event(message, now)
        self.waiting.append((offset, message))
        own = [each for each in self.waiting if each[1].user == message.user]
        if len(own) > WAITING_MAX:
            self.take_turn(*min(own, key=in_order))
        return self.answer.outcomes.get(offset, "waits")

    def take_turns(self) -> None:
        """Everything whose turn has come, in the order of its own time."""
        for offset, message in sorted(self.waiting, key=in_order):  # at one instant as they arrived
            if not self.waits(message):
                self.take_turn(offset, message)

    def take_turn(self, offset: int, message: Message) -> None:
        self.waiting.remove((offset, message))
        self.turn_of = message.user
        self.answer.outcomes[offset] = self.take_event(message, max(message.t, self.seen_ms(message.user)))
        self.turn_of = None

    def seen_ms(self, user: str) -> int:
        """The highest instant at which something was seen of a user."""
        life = self.lives.get(user)
        return -1 if life is None else max(life.highest_ms(), life.at_ms)

    # ---- one event

    def take_event(self, message: Message, now: int) -> str:
        life = self.lives.get(message.user)
        if life is not None and life.is_duplicate(message, now):
            return "duplicate"
        self.pass_time(message.user, now)
        life = self.lives.get(message.user)
        if life is None:
            if self.fed_ms is None:
                self.fed_ms = min([now, *(waiting.t for _, waiting in self.waiting)])
            life = self.begin(message.user)
        life.take(cleaned(message, self.cleaning), now)
        self.gather(life)
        return "accepted"

    def begin(self, user: str) -> Life:
        assert self.fed_ms is not None
        settings = self.catalog.settings
        rule = "max" if settings.identity is None else settings.identity.cart
        gap_ms, lateness_ms = self.rules.session_gap_ms, self.rules.lateness_ms
        history = History(gap_ms, lateness_ms, zone=settings.zone, cart=rule, cart_policy=settings.cart)
        life = Life(user, self.catalog, self.rules, history, self.fed_ms, self.segments, every_ms=self.every_ms)
        life.numbers = self.numbers
        history.places = life.places()
        if self.is_remembered(user):
            history.lists = self.lists.pop(user, {})
            life.sequence = self.erasures[user].sequence if user in self.erasures else 0
        self.lives[user] = life
        return life

    # ---- one user who is another

    def merge(self, user: str, given: str) -> None:
        """All that is remembered of `given`, and what waits of theirs, is the user's."""
        clock_ms = self.answer.clock_ms
        for each in (user, given):
            self.pass_time(each, clock_ms)
        self.pass_time(given, max(clock_ms, self.seen_ms(given)))
        moved = [waiting for waiting in self.waiting if waiting[1].user == given]
        self.waiting = [waiting for waiting in self.waiting if waiting[1].user != given]
        self.waiting += [(offset, replace(message, user=user)) for offset, message in moved]
        if given not in self.lives:
            return
        now = max(clock_ms, self.seen_ms(user), self.seen_ms(given))
        other = self.lives.pop(given)
        other.leave(max(clock_ms, other.highest_ms(), other.at_ms))
        self.gather(other)
        self.pass_time(user, now)
        if other.forgotten_ms() <= now:
            return
        life = self.lives.get(user) or self.begin(user)
        life.receive(other, now)
        self.gather(life)

    def pass_time(self, user: str, until: int) -> None:
        life = self.lives.get(user)
        if life is None:
            return
        life.pass_time(until)
        self.gather(life)
        if life.forgotten:
            self.drop(user)

    def drop(self, user: str) -> None:
        """The user is forgotten."""
        del self.lives[user]
        self.erasures.pop(user, None)

    def gather(self, life: Life) -> None:
        """Takes over the changes that a life has made since the last time."""
        new, life.changes = life.changes, []
        if self.look_ahead and new:
            self.look(new, life)
        self.answer.changes.setdefault(life.user, []).extend(new)

    def look(self, new: list[Change], life: Life) -> None:
        """Notes when each segment that has just changed would change next, were there no further event."""
        future = life.ahead()
        future.pass_time(min(life.forgotten_ms(), life.at_ms + LOOK_AHEAD_MS))
        changes = new + future.changes
        before = len(self.answer.changes.get(life.user, ()))
        for index, change in enumerate(new):
            later = (one["at"] for one in changes[index + 1 :] if name_of(one) == name_of(change))
            self.answer.turns[life.user, before + index] = next(later, None)


def name_of(change: Change) -> str:
    """The segment, and the value if it has one."""
    return json.dumps([change["segment"], change["value"]])


def in_order(waiting: tuple[int, Message]) -> int:
    """By own time; `waiting` stands in order of arrival."""
    return waiting[1].t
