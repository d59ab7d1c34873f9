"""Counts and numbers of censuses against what partitions must have counted: every way in which they may differ."""

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from app.population.census import Ledger
from app.runtime.records.population_events import (
    Begun,
    Counted,
    Measured,
    PopulationEvent,
    Result,
    counted_of,
    encode_population,
)
from app.segments.evaluation.batch import UserCount
from app.segments.evaluation.population_histogram import bucket_of
from app.segments.evaluation.population_numbers import census_record, numbers_record
from app.verification.censuses import Censuses
from app.verification.comparison import Comparison

TEXT = "count('A')"
TOP = f"top(50%) of {TEXT}"
SIZE = "segment_size('vip')"
USERS = f"users of {TEXT}: 2; users in vip: 2"
BEGUN = Begun(app="shop", census=7, at_ms=7, partitions=2)


def count(*values: int, census: int = 7, clock_ms: int = 100) -> UserCount:
    users: dict[int, int] = {}
    for value in values:
        bucket = bucket_of(value)
        assert bucket is not None
        users[bucket] = users.get(bucket, 0) + 1
    return UserCount(
        app="shop",
        census=census,
        clock_ms=clock_ms,
        version="v",
        measures={TEXT: ({TOP: 5_000}, users)},
        members={"vip": len(values)},
    )


COUNTS = (count(1, 2), count(3, 4))
FIRST, SECOND = (counted_of(each, partition=number) for number, each in enumerate(COUNTS))
RESULT = Result(app="shop", census=7, at_ms=7, numbers={SIZE: 4, TOP: 3}, users={TEXT: 4}, members={"vip": 4})
TOLD = (dict(RESULT.numbers), dict(RESULT.numbers))
TOPIC = (BEGUN, FIRST, SECOND, RESULT)


def compare(
    topic: Sequence[PopulationEvent],
    *,
    told: Sequence[Mapping[str, int | float | None] | None] = TOLD,
    expected: Sequence[UserCount | None] = COUNTS,
    once: bool = True,
    certain: bool = True,
    since_ms: Sequence[int] | None = None,
    is_whole: bool = True,
) -> list[str]:
    """The differences, in words."""
    censuses = Censuses("shop", once=once, since_ms=since_ms)
    censuses.is_whole = is_whole
    for event in topic:
        censuses.find(encode_population(event))
    for partition, (each, numbers) in enumerate(zip(expected, told, strict=True)):
        if each is not None:
            censuses.expect(partition, [each], certain=certain)
        if numbers is not None:
            censuses.read(partition, numbers_record("shop", 7, numbers), certain=certain)
    result = Comparison()
    censuses.compare(result)
    return [f"{each.place} {each.kind}: {each.said}" for each in result.shown]


def miscounted(found: Counted, users: Mapping[int, int]) -> Counted:
    shares = found.measures[TEXT].shares
    return replace(found, measures={TEXT: Measured(shares=shares, users=dict(users))})


WRONG = miscounted(SECOND, {300: 2})
"""The same number of users, but elsewhere."""


def test_the_result_of_the_examples_is_that_of_the_coordinator() -> None:
    ledger = Ledger("shop")
    for event in TOPIC[:3]:
        ledger.take(event)
    assert ledger.publish().event == RESULT


def test_equal_is_equal() -> None:
    assert compare(TOPIC) == []


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        (
            (BEGUN, FIRST, replace(SECOND, members={"vip": 3}), RESULT),
            ["partition 1 in census 7 different: the count is wrong: users in vip: expected 2, found 3"],
        ),
        (
            (BEGUN, FIRST, replace(SECOND, clock_ms=99), RESULT),
            ["partition 1 in census 7 different: the count is wrong: clock_ms: expected 100, found 99"],
        ),
        (
            (BEGUN, replace(FIRST, measures={}), SECOND, RESULT),
            [f"partition 0 in census 7 different: the count is wrong: {TEXT}: expected, but not found"],
        ),
        (
            (BEGUN, FIRST, RESULT),
            [f"partition 1 in census 7 missing: the count is not there: {USERS}"],
        ),
        (
            (*TOPIC[:3], SECOND, RESULT),
            [f"partition 1 in census 7 extra: a count that no record of a census demands: {USERS}"],
        ),
        ((*TOPIC, RESULT), ["census 7 extra: the result is there more than once"]),
        (
            (*TOPIC[:3], replace(RESULT, numbers={**RESULT.numbers, TOP: 4})),
            [f"census 7 different: the result is wrong: {TOP}: expected 3, found 4"],
        ),
        (
            (*TOPIC[:3], replace(RESULT, members={"vip": 5})),
            ["census 7 different: the result is wrong: users in vip: expected 4, found 5"],
        ),
        ((FIRST, SECOND, RESULT), ["census 7 extra: numbers of a census that has not begun"]),
    ],
)
def test_each_difference_is_found(topic: Sequence[PopulationEvent], said: list[str]) -> None:
    assert compare(topic) == said


def test_a_count_in_the_wrong_bucket_is_found_with_both_buckets() -> None:
    (said,) = compare((BEGUN, FIRST, WRONG, RESULT))
    assert said.startswith("partition 1 in census 7 different: the count is wrong: users of count('A') in bucket ")
    assert said.endswith("in bucket 300: expected 0, found 2")


def test_a_count_of_a_partition_that_has_no_record_of_the_census_is_found() -> None:
    (said,) = compare((BEGUN, FIRST, SECOND), expected=(COUNTS[0], None), told=(None, None))
    assert said.startswith("partition 1 in census 7 extra")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            (TOLD[0], {**TOLD[1], TOP: 2}),
            [f"partition 1 in census 7 different: the numbers told are wrong: {TOP}: expected 3, found 2"],
        ),
        ((TOLD[0], None), ["partition 1 in census 7 missing: the numbers of the result were not told"]),
    ],
)
def test_numbers_that_were_told_otherwise_are_found(
    told: Sequence[Mapping[str, int | float | None] | None], said: list[str]
) -> None:
    assert compare(TOPIC, told=told) == said


def test_numbers_of_a_census_that_a_partition_has_not_counted_are_found() -> None:
    said = compare((BEGUN, FIRST, RESULT), expected=(COUNTS[0], None))
    assert said == ["census 7 extra: numbers, but not all of 2 partitions have counted"]


def test_what_may_still_be_coming_may_be_missing() -> None:
    for some in range(len(TOPIC)):
        assert compare(TOPIC[:some], certain=False) == []
    assert compare((BEGUN, FIRST, WRONG), certain=False), "but it may not be wrong"


def test_records_of_others_do_not_count() -> None:
    topic = (*TOPIC, replace(WRONG, app="other"), replace(RESULT, app="other", at_ms=3))
    assert compare(topic) == []
    censuses = Censuses("shop", once=True)
    cut_off = numbers_record("shop", 7, {})[:9]
    for value in (None, b"{}", census_record("shop", 7), numbers_record("other", 7, {}), cut_off):
        censuses.read(0, value, certain=True)
    result = Comparison()
    censuses.compare(result)
    assert result.equal


def test_without_transactions_one_count_must_be_right_and_the_first_ones_give_the_result() -> None:
    assert compare((*TOPIC[:3], SECOND, RESULT, RESULT), once=False) == []
    assert compare((BEGUN, FIRST, SECOND, WRONG, RESULT), once=False) == []
    assert compare((BEGUN, FIRST, WRONG, SECOND, RESULT), once=False)[0].startswith("census 7 different: the result")
    assert compare((BEGUN, FIRST, WRONG, RESULT), once=False)[0].startswith("partition 1 in census 7 different")


def test_a_topic_that_has_lost_its_beginning_is_compared_from_its_first_census_on() -> None:
    assert compare((SECOND, RESULT), is_whole=False) == []
    assert compare((BEGUN, FIRST, WRONG, RESULT), is_whole=False)


def test_counts_from_before_a_snapshot_are_taken_as_they_are() -> None:
    assert compare(TOPIC, expected=(COUNTS[0], None), since_ms=(99, 100), told=(TOLD[0], None)) == []
    assert compare(TOPIC, expected=(COUNTS[0], None), since_ms=(99, 99)), "a count from behind it"
    said = compare((*TOPIC[:3], replace(RESULT, numbers={})), expected=(None, None), since_ms=(200, 200))
    assert any("the result is wrong" in each for each in said)


def test_a_topic_that_is_not_there_is_told_once_a_census() -> None:
    censuses = Censuses("shop", once=True)
    censuses.has_topic = False
    for partition, each in enumerate(COUNTS):
        censuses.expect(partition, [each], certain=True)
    censuses.expect(0, [count(1, census=8)], certain=False)
    result = Comparison()
    censuses.compare(result)
    (difference,) = result.shown
    assert difference.place == "census 7"
    assert "is not there, or may not be read" in difference.said
