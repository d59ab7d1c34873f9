"""Oracle of a partition: every change of every user, recomputed from all records."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.segments.definitions.definition import Catalog, Segment
from app.segments.evaluation.time_rules import TimeRules
from tests.model.history import History
from tests.model.life import Change, Life, settlement_order
from tests.model.messages import Advance, Message, Record, Unreadable, read

Step = Record | Advance
LOOK_AHEAD_MS = 3 * 86_400_000


@dataclass(slots=True)
class Answer:
    """Changes by user, in order; what became of each record, by offset: `accepted`, `duplicate`, `late`, `clock` (a
    watermark) or `dead: <reason>`; the clock at the end.

    With `look_ahead`, `turns` says for each change (user, sequence) at which instant the segment would change next
    without another event; None: not within LOOK_AHEAD_MS. At the end `known` are the users remembered, `members` counts
    those in each segment.
    """

    changes: dict[str, list[Change]] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    late_ms: dict[int, int] = field(default_factory=dict)
    clock_ms: int = -1
    turns: dict[tuple[str, int], str | None] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    members: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Oracle:
    """One partition. `fed_ms` is the instant of the first event of all. `every_ms` looks at every millisecond: slow,
    and a check of the instants that are chosen."""

    catalog: Catalog
    rules: TimeRules
    look_ahead: bool = False
    every_ms: bool = False
    answer: Answer = field(default_factory=Answer)
    lives: dict[str, Life] = field(default_factory=dict)
    fed_ms: int | None = None
    segments: list[Segment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.segments = settlement_order(self.catalog)

    def run(self, steps: Iterable[Step], *, clock_ms: int = -1) -> Answer:
        """All steps, then everything due up to `clock_ms`."""
        for step in steps:
            if isinstance(step, Advance):
                self.advance(step.clock_ms)
            else:
                self.answer.outcomes[step.offset] = self.take(step)
        self.advance(clock_ms)
        self.answer.known = set(self.lives)
        for life in self.lives.values():
            for name in life.members:
                self.answer.members[name] = self.answer.members.get(name, 0) + 1
        return self.answer

    def advance(self, clock_ms: int) -> None:
        """A journalled move of the clock, which never goes back."""
        self.answer.clock_ms = max(self.answer.clock_ms, clock_ms)
        for user in list(self.lives):
            self.pass_time(user, self.answer.clock_ms)

    def take(self, record: Record) -> str:
        try:
            message = read(record, self.rules.skew_max_ms, self.rules.user_ids.blocked)
        except Unreadable as reason:
            return f"dead: {reason}"
        outcome = "clock" if message.type == "watermark" else self.take_event(message, record.offset)
        moved = min(message.t, message.received) - self.rules.disorder_ms
        self.answer.clock_ms = max(self.answer.clock_ms, moved)
        return outcome

    def take_event(self, message: Message, offset: int) -> str:
        self.pass_time(message.user, self.answer.clock_ms)
        life = self.lives.get(message.user)
        now = max(message.t, self.answer.clock_ms, -1 if life is None else max(life.highest_ms(), life.at_ms))
        if message.t < now - self.rules.lateness_ms:
            self.answer.late_ms[offset] = now - message.t
            return "late"
        if life is not None and life.is_duplicate(message, now):
            return "duplicate"
        self.pass_time(message.user, now)
        life = self.lives.get(message.user)
        if life is None:
            if self.fed_ms is None:
                self.fed_ms = now
            life = self.lives[message.user] = Life(
                user=message.user,
                catalog=self.catalog,
                rules=self.rules,
                history=History(self.rules.session_gap_ms, self.rules.lateness_ms),
                fed_ms=self.fed_ms,
                segments=self.segments,
                every_ms=self.every_ms,
            )
        life.take(message, now)
        self.gather(life)
        return "accepted"

    def pass_time(self, user: str, until: int) -> None:
        life = self.lives.get(user)
        if life is None:
            return
        life.pass_time(until)
        self.gather(life)
        if life.forgotten:
            del self.lives[user]

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
        for index, change in enumerate(new):
            later = (one["at"] for one in changes[index + 1 :] if one["segment"] == change["segment"])
            self.answer.turns[change["user"], change["sequence"]] = next(later, None)
