"""A backfill beside live partitions, in memory: logs, workers, the command, and a run that knew all from the start.

Two deployments read the same messages in the same steps. The *whole* one has run all definitions since the first
message. The *live* one has not known some of them until a later moment, and is filled by a backfill while messages go
on coming. What both say about those segments once the backfill is over is compared.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from msgspec.structs import replace as replace_fields

from app.events.control_record import write_control
from app.offline.backfill_plan import Plan, plan_of, segments_read
from app.offline.backfill_shadow import Shadow
from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.journal import CatalogChange, IdleMove, JournalEntry
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.live_catalog import NOT_FED
from app.segments.partition.partition import Partition
from tables.profile import INSIDE
from tests.model.messages import Advance, Record
from tests.model.people import oracle_of
from tests.properties.comparison import bare, comparable
from tests.properties.scenario import Scenario
from tests.support.choices import Choices
from tests.support.standings import ANY, memberships, standing


class LogRecord(NamedTuple):
    """A record as the pure half reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Deployment:
    """Partitions with their logs; `unread` has what was not processed yet."""

    partitions: list[Partition]
    logs: list[list[LogRecord]] = field(default_factory=list)
    unread: list[deque[LogRecord]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs = [[] for _ in self.partitions]
        self.unread = [deque() for _ in self.partitions]

    def write(self, number: int, timestamp: int, key: bytes | None, value: bytes | None) -> None:
        record = LogRecord(len(self.logs[number]), timestamp, key, value)
        self.logs[number].append(record)
        self.unread[number].append(record)

    def note(self, batch: Batch) -> None:
        self.changes += [json.loads(change.encode()) for change in batch.changes]
        for link in batch.links:
            key = link.key.encode()
            self.write(partition_of(key, len(self.partitions)), -1, key, link.value)


WAITING_PERCENT = 35
"""Histories in which the segments wait for their windows."""
WITHDRAWN_PERCENT = 2
"""Moments at which the segments are withdrawn, and published again."""
CUT_PERCENT = 30
"""Histories whose beginning is in files alone."""
CANCELLED_PERCENT = 2
ROUNDS_MAX = 1_000
"""Of the command at the end of a history; no backfill needs as many."""
FILL_DEEDS = (b'"deed":"filling"', b'"deed":"fill"', b'"deed":"filled"')


def is_fill(record: LogRecord) -> bool:
    """True for a record of the backfill, which only the live deployment has."""
    return record.value is not None and any(deed in record.value[:60] for deed in FILL_DEEDS)


@dataclass(slots=True)
class Backfilling:
    """`names`: the segments that the live deployment does not know at first."""

    choices: Choices
    catalog: Catalog
    names: tuple[str, ...]
    rules: TimeRules
    numbers: int
    whole: Deployment = field(init=False)
    live: Deployment = field(init=False)
    shadow: Shadow = field(init=False)
    plan: Plan = field(init=False)
    before: Program = field(init=False)
    journal: list[list[JournalEntry]] = field(default_factory=list)
    played: list[int] = field(default_factory=list)
    order: list[tuple[int, int]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    batch_records_max: int = 3
    written: int = 0
    refused: int = 0
    over: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        rest = replace(
            self.catalog,
            segments=tuple(each for each in self.catalog.segments if each.name not in self.names),
            version=f"{self.catalog.version} without",
        )
        before, after = compile_catalog(rest, self.rules), compile_catalog(self.catalog, self.rules)
        self.before = before
        self.whole = Deployment([Partition(after, self.rules) for _ in range(self.numbers)])
        self.live = Deployment([Partition(before, self.rules) for _ in range(self.numbers)])
        self.journal = [[] for _ in range(self.numbers)]
        self.begin_job()

    @property
    def by_value(self) -> set[str]:
        return {each.name for each in self.catalog.segments if each.each is not None}

    # ---- messages

    def write(self, record: Record) -> None:
        number = 0 if record.key is None else partition_of(record.key, self.numbers)
        self.order.append((number, len(self.live.logs[number])))
        for each in (self.whole, self.live):
            each.write(number, record.timestamp, record.key, record.value)

    def read(self, number: int, most: int) -> None:
        """Both read the same messages of a log; the live one reads what the backfill has written in between, too."""
        taken: list[LogRecord] = []
        unread = self.live.unread[number]
        while unread and (len(taken) < most or is_fill(unread[0])):
            taken.append(unread.popleft())
        if not taken:
            return
        self.live.note(self.live.partitions[number].process(taken))
        count = sum(not is_fill(record) for record in taken)
        same = [self.whole.unread[number].popleft() for _ in range(count)]
        if same:
            self.whole.note(self.whole.partitions[number].process(same))

    def read_all(self) -> None:
        while any(self.live.unread):
            for number in range(self.numbers):
                self.read(number, self.choices.one_of(1, 2, 5, 50))

    def move(self, clock_ms: int) -> None:
        """Nothing is left to read, and time goes on."""
        self.read_all()
        for number in range(self.numbers):
            live = self.live.partitions[number]
            if clock_ms > live.clock_ms:
                self.journal[number].append(IdleMove(live.next_offset, clock_ms))
            self.live.note(live.advance(clock_ms))
            self.whole.note(self.whole.partitions[number].advance(clock_ms))

    def publish(self) -> None:
        """The live deployment learns of the segments."""
        self._adopt(self.whole.partitions[0].program)

    def withdraw(self) -> None:
        """The live deployment goes back to the definitions before."""
        self._adopt(self.before)

    def _adopt(self, program: Program) -> None:
        for number, core in enumerate(self.live.partitions):
            if core.epoch:
                change = CatalogChange(core.next_offset, core.clock_ms, program.version, core.epoch + 1)
                self.journal[number].append(change)
            core.adopt(program, clock_ms=core.clock_ms)
            self.live.note(core.sweep(len(core.unswept)))

    # ---- the command

    def cut(self) -> None:
        """The beginning of each log is lost; the command has it from files, with offsets."""
        self.cuts = [self.choices.whole(0, core.next_offset) for core in self.live.partitions]

    def begin_job(self) -> None:
        """A new process of the command, which knows nothing but the log, and files."""
        live = {each.name for each in self.catalog.segments if each.status == "live"}
        self.plan = plan_of(self.catalog, live & set(self.names), self.rules, source="topic")
        self.shadow = Shadow(self.plan, self.rules, partitions=self.numbers)
        self.played = [0] * self.numbers
        if self.cuts:
            self._play_history()

    def _play_history(self) -> None:
        for number, cut in enumerate(self.cuts):
            self.shadow.begin_at(number, cut)
            self.shadow.note_journal(number, self.journal[number])
        told = ((number, self.live.logs[number][at]) for number, at in self.order if at < self.cuts[number])
        while some := list(islice(told, self.choices.one_of(1, 3, 100))):
            self.shadow.play_history(some)
        self.played = list(self.cuts)

    def follow(self) -> None:
        for number, core in enumerate(self.live.partitions):
            self.shadow.feed(number, self.live.logs[number][self.played[number] : core.next_offset])
            self.played[number] = core.next_offset
            self.shadow.note_journal(number, self.journal[number])
        self.shadow.play()
        while self.shadow.is_stuck:
            self.shadow.give_up()
            self.shadow.play()

    def between(self, number: int) -> Sequence[LogRecord]:
        return self.live.logs[number][self.shadow.next_offset(number) :]

    def cancel(self) -> None:
        """The backfill is given up, where it has begun."""
        told = replace_fields(self.plan.over(), deed="filling")
        for number in range(self.numbers):
            if self.shadow.has_begun(number):
                self.live.write(number, -1, None, write_control(told))
        self.begin_job()

    def fill(self, number: int, *, most: int | None = None) -> None:
        """The next transaction in one partition."""
        if self.shadow.is_over(number) or not self.shadow.users(number):
            return
        if not self.shadow.has_begun(number):
            self.begin_in(number)
            return
        fills = self.shadow.fills(number, most or self.choices.one_of(1, 1, 2, 10))
        allowed = self.shadow.may_fill(number, [user for user, _ in fills], self.between(number))
        for user, value in fills:
            if user in allowed:
                self.live.write(number, -1, user.encode(), value)
                self.written += 1
            else:
                self.refused += 1

    def begin_in(self, number: int) -> None:
        if any(is_fill(record) for record in self.between(number)):
            return
        begun = self.plan.begun(self.plan.aggregates, self.shadow.fed_ms(number))
        self.live.write(number, -1, None, write_control(begun))

    def end(self) -> bool:
        """Ends the backfill if everybody is filled."""
        for number in range(self.numbers):
            if self.shadow.users(number) and not self.shadow.has_begun(number):
                return False
            self.shadow.fills(number, 1_000_000)
            if not self.shadow.may_end(number, self.between(number)):
                return False
        for number in range(self.numbers):
            if self.shadow.users(number):
                self.live.write(number, -1, None, write_control(self.plan.over()))
        return True

    # ---- comparison

    def differences(self) -> str | None:
        """Says in which user the two differ in what they know of the segments by now; None: in none."""
        own = {each.id: each.name for each in self.whole.partitions[0].program.segments if each.name in self.names}
        for one, other in zip(self.whole.partitions, self.live.partitions, strict=True):
            if one.clock_ms != other.clock_ms:
                return f"clocks {one.clock_ms} and {other.clock_ms}"
            for user in sorted({*one._encoded, *other._encoded}):
                wanted, found = (standing(each.held(user), own) for each in (one, other))
                if wanted != found:
                    return f"{user}: {wanted} in one run, {found} after the backfill"
        return None

    def told(self, deployment: Deployment, since: int) -> dict[str, list[Any]]:
        """The changes of the segments by user, from one on, without what depends on what readers were told before: an
        exit tells the values that were sent last."""
        found: dict[str, list[Any]] = {}
        for change in deployment.changes[since:]:
            if change["segment"] in self.names:
                found.setdefault(change["user"], []).append(self.kept(change))
        return found

    def kept(self, change: dict[str, Any]) -> dict[str, Any]:
        """A change without what was told before it."""
        left_out = {"id", "sequence", "times", *(("attach",) if change["change"] == "exited" else ())}
        return {name: value for name, value in change.items() if name not in left_out}

    def mistold(self) -> str | None:
        """Says whom readers of the live deployment's changes take for something else than they are; None: nobody."""
        inside: dict[tuple[str, str, str], bool] = {}
        for change in self.live.changes:
            about = change["user"], change["segment"], json.dumps(change["value"])
            if inside.get(about, False) is (change["change"] == "entered"):
                return f"{about} is told as {change['change']} out of turn, by {change['cause']}"
            inside[about] = change["change"] != "exited"
        known: set[tuple[str, str, str]] = set()
        for core in self.live.partitions:
            names = {each.id: each.name for each in core.program.segments if not each.hidden}
            for user in core._encoded:
                for name, value, marks in memberships(core.held(user), names):
                    if marks[INSIDE] and (value is not ANY or name not in self.by_value):
                        known.add((user, name, json.dumps(None if value is ANY else value)))
        told = {about for about, is_in in inside.items() if is_in}
        return None if told == known else f"told as members: {sorted(told)}; members: {sorted(known)}"


def newer(catalog: Catalog, choices: Choices) -> tuple[str, ...]:
    """Some live segments, and all that read them."""
    live = [each for each in catalog.segments if each.status == "live"]
    names = {choices.one_of(*live).name} if live else set()
    if len(live) > 1 and choices.chance(30):
        names.add(choices.one_of(*live).name)
    scores = {each.name: each for each in catalog.scores}
    while True:
        readers = {
            each.name
            for each in catalog.segments
            if each.status != "draft" and each.name not in names and segments_read(each, scores) & names
        }
        if not readers:
            return tuple(sorted(names))
        names |= readers


def unlike_one_run(choices: Choices, scenario: Scenario) -> str | None:
    """Plays a history with a backfill in the middle. Says how it differs from one run; None if it does not."""
    catalog = load_catalog(scenario.files)
    names = newer(catalog, choices)
    if not names:
        return None
    if choices.chance(WAITING_PERCENT):
        catalog = replace(
            catalog,
            segments=tuple(
                replace(each, warmup="wait") if each.name in names and each.each is None else each
                for each in catalog.segments
            ),
        )
    found = Backfilling(choices, catalog, names, scenario.rules, choices.one_of(1, 1, 2, 3))
    moments = [step for step, _ in scenario.moments if isinstance(step, Record | Advance)]
    published, begun = sorted((choices.whole(0, len(moments)), choices.whole(0, len(moments))))
    ended: tuple[int, int] | None = None
    cuts = not scenario.is_of_people and choices.chance(CUT_PERCENT)  # what keys say to each other is in no file
    for place, step in enumerate([*moments, None]):
        if place == published:
            found.publish()
        if isinstance(step, Record):
            found.write(step)
        elif isinstance(step, Advance):
            found.move(step.clock_ms)
        if choices.chance(60):
            found.read(choices.below(found.numbers), choices.one_of(1, 2, 5))
        if place == begun and cuts:
            found.cut()
            found.begin_job()
        if place >= begun and ended is None:
            if choices.chance(10):
                found.begin_job()
            if choices.chance(WITHDRAWN_PERCENT):
                found.withdraw()
                found.publish()
                found.begin_job()
            if choices.chance(CANCELLED_PERCENT):
                found.cancel()
            for _ in range(choices.one_of(0, 0, 1, 1, 3)):
                if choices.chance(60):
                    found.follow()
                found.fill(choices.below(found.numbers))
            if choices.chance(50) and found.end():
                found.read_all()
                ended = len(found.whole.changes), len(found.live.changes)
                if (wrong := found.differences()) is not None:
                    return f"at the end of the backfill: {wrong}"
    rounds = 0
    while ended is None:
        rounds += 1
        if rounds > ROUNDS_MAX:
            return "the backfill does not end"
        found.follow()
        for number in range(found.numbers):
            found.fill(number)
        if choices.chance(70):
            found.read_all()
        if found.end():
            found.read_all()
            ended = len(found.whole.changes), len(found.live.changes)
            if (wrong := found.differences()) is not None:
                return f"at the end of the backfill: {wrong}"
    if any(NOT_FED in core.fed_ms.values() for core in found.whole.partitions):
        return None  # all events of a partition still wait for their turn: nothing was to be filled there
    found.move(scenario.end_ms)
    if (wrong := found.differences()) is not None:
        return f"at last: {wrong}"
    if (wrong := found.mistold()) is not None:
        return wrong
    wanted, got = found.told(found.whole, ended[0]), found.told(found.live, ended[1])
    for user in sorted({*wanted, *got}):
        if wanted.get(user) != got.get(user):
            return f"changes of {user} since: {json.dumps(wanted.get(user))} in one run, {json.dumps(got.get(user))}"
    return None if scenario.is_of_people else unlike_the_oracle(found, moments, scenario.end_ms, got)


def unlike_the_oracle(
    found: Backfilling, moments: Sequence[Record | Advance], end_ms: int, got: dict[str, list[Any]]
) -> str | None:
    """Says how the changes since the end of a backfill differ from the last ones that the oracle tells, had the
    segments been there since the beginning; None: they do not."""
    for number in range(found.numbers):
        steps = [
            step
            for step in moments
            if isinstance(step, Advance) or (0 if step.key is None else partition_of(step.key, found.numbers)) == number
        ]
        answer = oracle_of(found.catalog, found.rules).run(steps, clock_ms=end_ms)
        if answer.is_open:
            continue
        for user, changes in got.items():
            if partition_of(user.encode(), found.numbers) != number:
                continue
            said = [found.kept(each) for each in answer.changes.get(user, []) if each["segment"] in found.names]
            if [comparable(bare(each)) for each in changes] != [comparable(each) for each in said[-len(changes) :]]:
                return f"changes of {user} since: {json.dumps(said)} says the oracle, {json.dumps(changes)} after it"
    return None
