"""A profile given to another: under which catalog, at which instant, what is left of it, what is counted."""

import json
from typing import Any

import pytest

from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.merging.profiles import left_of, merge_instant, merge_profiles
from app.segments.review.scenario import PipedRecord
from tables.profile import OUT_AT, TRUE_SINCE, Profile, new_profile, waiting_profile
from tests.support.merging_partition import MergingPartition

START_MS = 1_767_600_000_000
HOUR_MS = 3_600_000
RULES = TimeRules()


def program(*definitions: str) -> Program:
    files = {f"{number}.yaml": text for number, text in enumerate(definitions)}
    return compile_catalog(load_catalog(files), RULES)


def segment(name: str, when: str, **more: str) -> str:
    return "\n".join(
        [f"segment: {name}", f"when: {json.dumps(when)}", *(f"{key}: {text}" for key, text in more.items())]
    )


def event(at_ms: int, user: str, name: str = "V", **properties: Any) -> PipedRecord:
    said = {"type": "track", "event": name, "anonymousId": user, "properties": properties}
    return PipedRecord(0, START_MS + at_ms, user.encode(), json.dumps(said).encode())


def profile_of(partition: MergingPartition, user: str) -> Profile:
    found = partition.profile(user)
    assert found is not None
    return found


def told(partition: MergingPartition, user: str, given: str) -> list[tuple[str, str, str]]:
    return [(change.user, change.change, change.segment) for change in partition.merge(user, given).changes]


# ---- catalogs


def test_what_the_given_profile_has_not_counted_is_empty_and_what_nobody_asks_for_is_left_behind() -> None:
    old = program(segment("views", "count('V' within 1d) + 0 >= 3"), segment("gone", "sum(x of 'V') + 0 > 0"))
    new = program(segment("views", "count('V' within 1d) + 0 >= 3"), segment("new", "distinct(x of 'V') >= 1"))
    before, now_here = MergingPartition(old, RULES), MergingPartition(new, RULES)
    before.process([event(1, "a", x=1), event(2, "a", x=2)])
    now_here.process([event(3, "u", x=3)])
    given, profile = profile_of(before, "a"), profile_of(now_here, "u")
    merge_profiles(profile, given, new, now=START_MS + 3)
    assert set(profile.aggregates) == set(new.remembered)
    assert sorted(profile.aggregates.values(), key=str) == [
        [START_MS + 1, START_MS + 2, START_MS + 3],
        {"\x003": START_MS + 3},
    ]


def test_a_profile_of_a_newer_catalog_is_given_to_one_of_an_older() -> None:
    old, new = program(segment("views", "exists('V')")), program(segment("views", "exists('V') or exists('W')"))
    given, profile = new_profile(START_MS, START_MS), new_profile(START_MS, START_MS)
    given.aggregates = dict.fromkeys(new.remembered, START_MS)
    given.members = {new.segments[0].id: [1, START_MS, 1, None, None, None], 7: [1, START_MS, 1, None, START_MS, None]}
    merge_profiles(profile, given, old, now=START_MS)
    assert profile.aggregates == dict.fromkeys(old.remembered, START_MS)
    assert profile.members == {}


# ---- instants


def test_the_instant_is_the_highest_of_all_that_either_has_seen_and_of_the_clock() -> None:
    given, profile = new_profile(5, 5), new_profile(3, 3)
    assert merge_instant(None, given, clock_ms=1) == 5
    assert merge_instant(profile, given, clock_ms=9) == 9
    profile.fired_ms = 20
    assert merge_instant(profile, given, clock_ms=9) == 20
    given.fired_ms = 30
    assert merge_instant(profile, given, clock_ms=9) == 30


def test_of_one_who_is_forgotten_by_now_only_events_that_wait_are_left() -> None:
    given = new_profile(100, 100)
    assert left_of(given, 1_099, retention_ms=1_000) is given
    assert left_of(given, 1_100, retention_ms=1_000) is None
    given.waiting = [1, [[2_000, 7, -1, b"x"]]]
    left = left_of(given, 1_100, retention_ms=1_000)
    assert left is not None
    assert (left.begun, left.waiting) == (False, given.waiting)
    unbegun = waiting_profile(given.waiting)
    assert left_of(unbegun, 10**15, retention_ms=1_000) is unbegun


def test_marks_of_the_other_by_a_clock_further_on_lie_at_now_at_the_latest() -> None:
    code = program(segment("s", "exists('V')", **{"for": "1h", "cooldown": "1h"}))
    own = code.segments[0].id
    given, profile = new_profile(START_MS, START_MS), new_profile(START_MS, START_MS)
    given.members = {own: [0, 0, 0, START_MS + 50, START_MS + 60, None]}
    merge_profiles(profile, given, code, now=START_MS + 10)
    assert (profile.members[own][TRUE_SINCE], profile.members[own][OUT_AT]) == (START_MS + 10, START_MS + 10)


# ---- results


def test_who_is_given_leaves_everything_in_settlement_order_and_then_the_user_enters() -> None:
    definitions = [
        segment("zebra", "exists('V')"),
        segment("apes", "segment('zebra')"),
        segment("bears", "exists('W')"),
    ]
    partition = MergingPartition(program(*definitions), RULES)
    partition.process([event(1, "a"), event(2, "u", "X")])
    assert told(partition, "u", "a") == [
        ("a", "exited", "zebra"),
        ("a", "exited", "apes"),
        ("u", "entered", "zebra"),
        ("u", "entered", "apes"),
    ]
    assert partition.members() == {"zebra": 1, "apes": 1, "bears": 0}
    assert partition.profile("a") is None


def test_exits_of_a_merge_have_no_bound_and_entries_have() -> None:
    partition = MergingPartition(program(segment("s", "exists('V' within 1h)")), RULES)
    partition.process([event(1, "a"), event(2, "u", "X")])
    left, entered = partition.merge("u", "a").changes
    assert (left.valid_until, left.evidence, left.cause.kind) == (None, [], "merged")
    assert (entered.valid_until, entered.cause.kind) == ("2026-01-05T09:00:00.001Z", "merged")


def test_a_timer_of_what_came_fires_without_another_event() -> None:
    partition = MergingPartition(program(segment("s", "exists('V' within 1h)")), RULES)
    partition.process([event(0, "a"), event(2, "u", "X")])
    partition.merge("u", "a")
    (change,) = partition.advance(START_MS + HOUR_MS).changes
    assert (change.user, change.change, change.at) == ("u", "exited", "2026-01-05T09:00:00.000Z")


def test_a_merge_that_changes_nothing_says_nothing_of_the_user() -> None:
    partition = MergingPartition(program(segment("s", "exists('V')")), RULES)
    partition.process([event(1, "a", "X"), event(2, "u")])
    assert told(partition, "u", "a") == []
    assert told(partition, "u", "nobody") == []


# ---- what is counted


@pytest.mark.parametrize(
    ("expression", "counted"),
    [
        ("sum(x of 'V' once per o)", 1),
        ("max(x of 'V' once per o)", 1),
        ("distinct(x of 'V' once per o)", 1),
        ("count('V' once per o per x)", 1),
        ("sum(x of 'V' once per o within 1d)", 0),
        ("count('V' once per o)", 0),
        ("count('V' once per o per x within 1d)", 0),
    ],
)
def test_an_event_that_counts_for_both_is_counted(expression: str, counted: int) -> None:
    partition = MergingPartition(program(segment("s", f"{expression} + 0 > 1000")), RULES)
    partition.process([event(1, "a", o=1, x=5), event(2, "a", o=2, x=6), event(3, "u", o=1, x=5)])
    assert partition.merge("u", "a").counted == ({"merge_inexact": counted} if counted else {})
