"""The time-travel tests of definitions, run; of those that fail, what happened instead."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from app.offline.backtest import FileRecord
from app.offline.explainer import Explainer, needed_of
from app.offline.explanation import Explanation, Heard
from app.offline.value_census import Unusable, ValueCensus
from app.segments.definitions.definition import Catalog, Segment, TestCase
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.scenario import UNTIMED, Failure, arrived, run_test, value_of
from tables.values import Scalar

FAILURES_EXPLAINED_MAX: Final = 3
"""Of one test; those after them are told without reasons."""

Failed: TypeAlias = tuple[int, Scalar | None]
"""An instant, and the value that an expectation is about, of a segment by value."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One expectation that does not hold; the user and the segment at that instant, if they were looked at."""

    failure: Failure
    told: Explanation | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One test that was run. `changes`: all that happened in the segment, `heard`: what became of the events,
    `unusable`: values in them that the segment could not use."""

    segment: Segment
    test: TestCase
    failures: tuple[Explained, ...] = ()
    changes: tuple[Change, ...] = ()
    heard: Heard | None = None
    unusable: tuple[Unusable, ...] = ()

    @property
    def unplayed(self) -> int:
        """Events after the last expectation; nobody asks what they do."""
        end_ms = self.test.expect[-1].at_ms if self.test.expect else -1
        return sum(event.at_ms > end_ms for event in self.test.events)


def run_trials(catalog: Catalog, only: frozenset[str] | None = None, rules: TimeRules | None = None) -> Iterator[Trial]:
    """Runs the tests of all segments, or of those in `only`, in order of names."""
    for segment in sorted(catalog.segments, key=lambda segment: segment.name):
        if only is None or segment.name in only:
            for test in segment.tests:
                yield _run(catalog, segment, test, rules or TimeRules())


def _run(catalog: Catalog, segment: Segment, test: TestCase, rules: TimeRules) -> Trial:
    failures = run_test(catalog, segment, test, rules)
    unusable = _unusable(catalog, segment, test)
    if not failures:
        return Trial(segment, test, unusable=unusable)
    failed = list(dict.fromkeys((failure.at_ms, failure.value) for failure in failures))[:FAILURES_EXPLAINED_MAX]
    told, explainer = _relive(catalog, segment, test, failed, rules)
    return Trial(
        segment,
        test,
        failures=tuple(Explained(failure, told.get((failure.at_ms, failure.value))) for failure in failures),
        changes=explainer.explain(test.start_ms + test.expect[-1].at_ms).last,
        heard=explainer.heard,
        unusable=unusable,
    )


def _unusable(catalog: Catalog, segment: Segment, test: TestCase) -> tuple[Unusable, ...]:
    values = ValueCensus(needed_of(catalog, segment))
    for number, event in enumerate(test.events, 1):
        values.hear(msgspec.json.encode(event.message), f"event {number:,}")
    return tuple(values.unusable())


def _relive(
    catalog: Catalog, segment: Segment, test: TestCase, failed: Collection[Failed], rules: TimeRules
) -> tuple[dict[Failed, Explanation], Explainer]:
    """Plays a test once more and looks at the instants at which it failed."""
    user = "" if not test.events else rules.user_ids.user_in(test.events[0].message) or ""
    explainer = Explainer(catalog, segment.name, user, rules)
    told: dict[Failed, Explanation] = {}
    coming = list(test.events)
    offset = 0
    for expectation in test.expect:
        for event in arrived(coming, expectation, test, catalog.settings.order_wait_ms):
            at_ms = test.start_ms + event.at_ms
            if event.message["type"] in UNTIMED:
                explainer.advance(at_ms)
            key = (rules.user_ids.user_in(event.message) or "").encode()
            explainer.play([FileRecord(offset, at_ms, key, value_of(event.message, rules, at_ms=at_ms))])
            offset += 1
        explainer.advance(test.start_ms + expectation.at_ms)
        asked = expectation.at_ms, expectation.value
        if asked in failed:
            told[asked] = explainer.explain(test.start_ms + expectation.at_ms, expectation.value)
    return told, explainer


def untested(catalog: Catalog, only: frozenset[str] | None = None) -> list[Segment]:
    """Segments that no test says anything about; retired ones need none."""
    return [
        segment
        for segment in sorted(catalog.segments, key=lambda segment: segment.name)
        if not segment.tests and segment.status != "retired" and (only is None or segment.name in only)
    ]
