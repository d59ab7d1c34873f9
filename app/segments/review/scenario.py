"""Time travel: pipe events in, move the clock, read who is in what. For `shoal test`, the docs and the tests.

The driver runs the same partition as a worker does, with drafts live, for one catalog at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from app.events.list_record import ListRecord, write_list_record
from app.events.message import LIST, instant_ms
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.definition import Catalog, Expectation, Segment, TestCase, TestEvent
from app.segments.definitions.drafts import with_drafts
from app.segments.definitions.time_travel import POPULATION
from app.segments.evaluation.change import Atom, Change
from app.segments.evaluation.operators import same
from app.segments.evaluation.population_numbers import numbers_record
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.durations import format_duration
from app.segments.partition.partition import Batch, Partition
from tables.counted import Counted
from tables.profile import INSIDE, Profile
from tables.values import Scalar, key_of


@dataclass(frozen=True, slots=True)
class PipedRecord:
    """A record as Kafka would bring it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


UNTIMED = (LIST, POPULATION)
"""Types of messages of tests that have no time of their own."""
_PROGRAMS_MAX = 16
_programs: list[tuple[Catalog, TimeRules, Program]] = []


def _program(catalog: Catalog, rules: TimeRules) -> Program:
    """The program of a catalog with its drafts live; the last few are kept."""
    for known, under, program in _programs:
        if known is catalog and under == rules:
            return program
    program = compile_catalog(with_drafts(catalog), rules)
    _programs.append((catalog, rules, program))
    del _programs[:-_PROGRAMS_MAX]
    return program


class Scenario:
    """One partition, driven by hand. All instants in milliseconds since the epoch."""

    def __init__(self, catalog: Catalog, rules: TimeRules | None = None) -> None:
        self.rules = rules or TimeRules()
        self.program = _program(catalog, self.rules)
        self.partition = Partition(self.program, self.rules, alone=True)
        self.changes: list[Change] = []
        self._offset = 0

    def pipe(self, message: dict[str, Any], *, at_ms: int) -> Batch:
        """One message, received at `at_ms`; its key is its user."""
        if message["type"] in UNTIMED:
            self.advance(at_ms)  # it counts at that of the clock
        user = self.rules.user_ids.user_in(message)
        key = None if user is None else user.encode()
        record = PipedRecord(self._offset, at_ms, key, value_of(message, self.rules, at_ms=at_ms))
        self._offset += 1
        return self._collect(self.partition.process([record]))

    def advance(self, to_ms: int) -> Batch:
        """The clock moves on with nobody clicking."""
        return self._collect(self.partition.advance(to_ms))

    def _collect(self, batch: Batch) -> Batch:
        self.changes += batch.changes
        return batch

    def inside(self, user: str, segment: str, value: Scalar | None = None) -> bool:
        """True if the user is in the segment now. `value`: by this one; None: by any."""
        profile = self._asked(user, segment, value)
        if profile is None:
            return False
        own = next(code.id for code in self.program.segments if code.name == segment)
        member = profile.members.get(own)
        return member is not None and bool(member[INSIDE])

    def _asked(self, user: str, segment: str, value: Scalar | None) -> Profile | None:
        """The profile, or that of one value; None if it is not known."""
        profile = self.partition.profile(user)
        code = next(code for code in self.program.segments if code.name == segment)
        key = None if value is None else key_of(value, Counted())
        if profile is None or code.values is None or key is None:
            return profile
        state = profile.aggregates.get(code.values.state_id) or {}
        return code.values.part(profile, key, state[key]) if key in state else None

    def sent(self, user: str, segment: str, value: Scalar | None = None) -> dict[str, Any]:
        """The values last sent with a change of this user and segment; empty if there was none."""
        for change in reversed(self.changes):
            if change.user == user and change.segment == segment and (value is None or same(change.value, value)):
                return change.attach
        return {}

    def evidence(self, user: str, segment: str, now: int, value: Scalar | None = None) -> list[Atom]:
        """The parts of the condition that matters now (of `exit` for one who is in), with their values at `now`.

        Of a segment by value only those of one value tell anything."""
        profile = self._asked(user, segment, value)
        code = next(code for code in self.program.segments if code.name == segment)
        if profile is None or (code.values is not None and value is None):
            return []
        member = profile.members.get(code.id)
        inside = member is not None and bool(member[INSIDE])
        return (code.exit_evidence if inside else code.entry_evidence)(profile, now, user)


def value_of(message: Mapping[str, Any], rules: TimeRules, *, at_ms: int) -> bytes:
    """The value of the record for a message of a test: also for what stands for a static list, or for numbers."""
    if message["type"] == LIST:
        return write_list_record(ListRecord(app=rules.app, name=message["list"], on=message["is_on"], at_ms=at_ms))
    if message["type"] == POPULATION:
        return numbers_record(rules.app, at_ms, message["numbers"])
    return msgspec.json.encode(message)


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that does not hold. `why` are the parts of the condition with their values then; `value`: the one
    that it is about, of a segment by value."""

    test: str
    line: int
    at_ms: int
    expected: str
    got: str
    why: tuple[Atom, ...]
    value: Scalar | None = None

    @property
    def is_about_being_in(self) -> bool:
        """True if it says who is in, and not what was attached."""
        return self.expected.partition(" for ")[0] in ("in", "not in")

    def __str__(self) -> str:
        lines = [f"{self.test}: at {format_duration(self.at_ms)} expected {self.expected}, got {self.got}"]
        if not self.why:
            lines.append("    no event has come by then")
        lines += [f"    {atom.expression}: {_shown(atom.value)}" for atom in self.why]
        return "\n".join(lines)


def _shown(value: Any) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()


def run_test(catalog: Catalog, segment: Segment, test: TestCase, rules: TimeRules | None = None) -> list[Failure]:
    """Runs one time-travel test; what does not hold, in order of time."""
    scenario = Scenario(catalog, rules)
    failures: list[Failure] = []
    user = _user_of(test, scenario.rules)
    coming = list(test.events)
    for expectation in test.expect:
        for event in arrived(coming, expectation, test, catalog.settings.order_wait_ms):
            scenario.pipe(dict(event.message), at_ms=test.start_ms + event.at_ms)
        now = test.start_ms + expectation.at_ms
        scenario.advance(now)
        failures += _check(scenario, segment, test, expectation, expectation.user or user, now)
    return failures


def arrived(coming: list[TestEvent], expectation: Expectation, test: TestCase, wait_ms: int) -> list[TestEvent]:
    """Takes out the events that count for an expectation, in order of arrival: those that are there by then.

    Where events wait for those before them, also what happened before it and comes in time: it holds once the wait is
    over.
    """
    until_ms = expectation.at_ms
    found = [
        event
        for event in coming
        if event.at_ms <= until_ms or (event.at_ms <= until_ms + wait_ms and _happened_ms(event, test) <= until_ms)
    ]
    coming[:] = [event for event in coming if event not in found]
    return found


def _happened_ms(event: TestEvent, test: TestCase) -> int:
    """An event's own time, after the start of the test."""
    timestamp = event.message.get("timestamp")
    return event.at_ms if timestamp is None else instant_ms(timestamp) - test.start_ms


def _user_of(test: TestCase, rules: TimeRules) -> str:
    """The user of a test: the `userId`, where its events name just one, else whoever its first event is of."""
    known = {rules.user_ids.id_of(event.message["userId"]) for event in test.events if "userId" in event.message}
    known -= {None}
    if len(known) == 1:
        return known.pop() or ""
    return (rules.user_ids.user_in(test.events[0].message) or "") if test.events else ""


def _check(
    scenario: Scenario, segment: Segment, test: TestCase, expectation: Expectation, user: str, now: int
) -> list[Failure]:
    value = expectation.value
    inside = scenario.inside(user, segment.name, value)
    why = tuple(scenario.evidence(user, segment.name, now, value))
    of_value = "" if value is None else f" for {_shown(value)}"
    failures = []
    if expectation.inside is not None and inside != expectation.inside:
        said = {True: "in", False: "not in"}
        failures.append(
            Failure(
                test.name,
                expectation.line,
                expectation.at_ms,
                said[expectation.inside] + of_value,
                said[inside],
                why,
                value,
            )
        )
    sent = scenario.sent(user, segment.name, value)
    for name, expected in (expectation.attach or {}).items():
        if not same(expected, sent.get(name)):
            failures.append(
                Failure(
                    test.name,
                    expectation.line,
                    expectation.at_ms,
                    f"{name} = {_shown(expected)}",
                    f"{name} = {_shown(sent.get(name))}",
                    why,
                    value,
                )
            )
    return failures
