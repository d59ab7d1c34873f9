"""The tests of a draft, played: at each instant whether the user is in, why, and what comes next."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from app.events.message import instant_ms
from app.offline.backtest import FileRecord
from app.offline.explainer import Explainer
from app.offline.explanation import Explanation, Part, Role
from app.offline.trials import Trial, run_trials
from app.segments.definitions.definition import Catalog, Segment, TestCase
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.durations import format_duration
from app.segments.review.scenario import UNTIMED, value_of
from app.web.condition_words import words_of
from app.web.texts import say
from tables.by_value import written

TESTS_MAX: Final = 30
MOMENTS_MAX: Final = 60
AFTER_MAX: Final = 3
"""Moments after the last of a test: changes that come by time alone."""
EVENTS_SHOWN_MAX: Final = 5
VALUES_IN_MAX: Final = 20
VALUES_SHOWN_MAX: Final = 5
"""Of a segment by value: so many values are told at each moment, in order of text."""


class Atom(msgspec.Struct, frozen=True):
    """A part of the condition, with its value then. `said`: in words. `depth`: inside how many others. `since`: as it
    is since."""

    text: str
    said: str
    holds: bool
    value: Any
    depth: int
    since: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """An instant of a test, after all that was due. `events`: those that came. `next`: what comes by time alone.

    `by`: of a segment by value, the values by which the user is in, the first ones in order of text.
    """

    at: str
    events: list[str]
    known: bool
    inside: bool
    by: list[str]
    atoms: list[Atom]
    waits: list[str]
    next: str | None
    next_at: str | None


class Expected(msgspec.Struct, frozen=True):
    """An expectation that does not hold. `line`: of the file."""

    at: str
    line: int
    expected: str
    got: str


class PlayedTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test. `moments`: of the user of its first event."""

    name: str
    passed: bool
    failures: list[Expected]
    moments: list[Moment]
    notes: list[str]


class TestResults(msgspec.Struct, frozen=True):
    """All tests of a definition; `left_out`: so many more were not played."""

    tests: list[PlayedTest]
    left_out: int


def play_tests(
    catalog: Catalog, segment: Segment, rules: TimeRules, progress: Callable[[int, int], None], *, brief: bool = False
) -> TestResults:
    """Runs the tests of a segment. `brief`: all of them, and without what happens at each instant."""
    count = len(segment.tests) if brief else min(len(segment.tests), TESTS_MAX)
    found: list[PlayedTest] = []
    for trial in run_trials(catalog, frozenset({segment.name}), rules):
        if len(found) == count:
            break
        progress(len(found), count)
        found.append(_played(catalog, trial, rules, brief=brief))
    return TestResults(found, len(segment.tests) - len(found))


def _played(catalog: Catalog, trial: Trial, rules: TimeRules, *, brief: bool) -> PlayedTest:
    return PlayedTest(
        name=trial.test.name,
        passed=not trial.failures,
        failures=[
            Expected(format_duration(each.failure.at_ms), each.failure.line, each.failure.expected, each.failure.got)
            for each in trial.failures
        ],
        moments=[] if brief else list(moments_of(catalog, trial.segment, trial.test, rules)),
        notes=[each.text for each in trial.unusable],
    )


def moments_of(catalog: Catalog, segment: Segment, test: TestCase, rules: TimeRules) -> Iterator[Moment]:
    """The instants at which something happens or is expected, and those at which something changes by time alone."""
    user = "" if not test.events else rules.user_ids.user_in(test.events[0].message) or ""
    known = {each.at_ms for each in test.events} | {each.at_ms for each in test.expect}
    known |= _turns(catalog, segment, test, rules, user=user, until_ms=max(known, default=0))
    player = _Player(catalog, segment, test, rules, user)
    explained = None
    last_ms = 0
    for at_ms in sorted(known)[:MOMENTS_MAX]:
        came = player.play_until(at_ms)
        explained, last_ms = player.explainer.explain(test.start_ms + at_ms), at_ms
        yield _moment(player.explainer, explained, at_ms, came, test)
    for _ in range(AFTER_MAX):
        if explained is None or explained.next is None:
            return
        after_ms = instant_ms(explained.next.at) - test.start_ms
        if after_ms <= last_ms:
            return
        player.play_until(after_ms)
        explained, last_ms = player.explainer.explain(test.start_ms + after_ms), after_ms
        yield _moment(player.explainer, explained, after_ms, [], test)


class _Player:
    """Plays the events of a test up to instants, one after the other."""

    def __init__(self, catalog: Catalog, segment: Segment, test: TestCase, rules: TimeRules, user: str) -> None:
        self.explainer = Explainer(catalog, segment.name, user, rules)
        self._test, self._rules = test, rules
        self._coming = sorted(test.events, key=lambda event: event.at_ms)
        self._offset = 0

    def play_until(self, at_ms: int) -> list[str]:
        """The events that came since the last time, in words."""
        told: list[str] = []
        start_ms, rules = self._test.start_ms, self._rules
        while self._coming and self._coming[0].at_ms <= at_ms:
            event = self._coming.pop(0)
            instant = start_ms + event.at_ms
            if event.message["type"] in UNTIMED:
                self.explainer.advance(instant)
            key = (rules.user_ids.user_in(event.message) or "").encode()
            value = value_of(event.message, rules, at_ms=instant)
            self.explainer.play([FileRecord(self._offset, instant, key, value)])
            self._offset += 1
            if len(told) < EVENTS_SHOWN_MAX:
                told.append(str(event.message.get("event") or event.message.get("name") or event.message["type"]))
        self.explainer.advance(start_ms + at_ms)
        return told


def _turns(
    catalog: Catalog, segment: Segment, test: TestCase, rules: TimeRules, *, user: str, until_ms: int
) -> set[int]:
    """The instants of changes, after the start of the test."""
    player = _Player(catalog, segment, test, rules, user)
    player.play_until(until_ms)
    explained = player.explainer.explain(test.start_ms + until_ms)
    turns = {instant_ms(change.at) - test.start_ms for change in explained.last}
    return {at_ms for at_ms in turns if 0 <= at_ms <= until_ms}


def _moment(explainer: Explainer, explained: Explanation, at_ms: int, came: list[str], test: TestCase) -> Moment:
    following = explained.next
    by_value = [explainer.explain(explained.at_ms, each.value) for each in explained.values[:VALUES_SHOWN_MAX]]
    return Moment(
        at=format_duration(at_ms),
        events=came,
        known=explained.known,
        inside=explained.inside,
        by=[written(each.value) for each in explained.values if each.inside][:VALUES_IN_MAX],
        atoms=[
            atom
            for each in (explained, *by_value)
            for role, part in each.conditions.items()
            for atom in _atoms(part, 0, test.start_ms, (_before(each, role), _said_before(each, role)))
        ],
        waits=[
            _said_before(each) + say(f"said_mark_{mark.key}", time=format_duration(mark.until_ms - test.start_ms))
            for each in (explained, *by_value)
            for mark in each.marks
        ],
        next=None if following is None else following.change,
        next_at=None if following is None else format_duration(instant_ms(following.at) - test.start_ms),
    )


def _before(explained: Explanation, role: Role = "when") -> str:
    """The beginning of a line: the value that it is about, and the condition if there are two."""
    value = "" if explained.value is None else f"{written(explained.value)}: "
    return value if role == "when" else f"{value}{role}: "


def _said_before(explained: Explanation, role: Role = "when") -> str:
    """The same in the language of whoever asks."""
    value = "" if explained.value is None else f"{written(explained.value)}: "
    return value if role == "when" else value + say(f"said_before_{role}")


def _atoms(part: Part, depth: int, start_ms: int, before: tuple[str, str]) -> Iterator[Atom]:
    """The lines of a condition. `before`: the beginning of the first one as written, and in words."""
    since = format_duration(max(0, part.since_ms - start_ms))
    written, said = before
    if part.way == "atom":
        yield Atom(written + part.text, said + words_of(part.text), part.holds, part.value, depth, since)
        return
    text = {"all": "all of these", "any": "at least one of these", "not": "not"}[part.way]
    yield Atom(written + text, said + say(f"said_{part.way}"), part.holds, None, depth, since)
    for inner in part.parts:
        yield from _atoms(inner, depth + 1, start_ms, ("", ""))
