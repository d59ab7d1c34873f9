"""A census begins, is counted and gets its numbers: whatever dies, none has two results."""

from collections.abc import Iterator
from random import Random

import pytest

from app.events.control_record import read_control
from app.population.census import CensusStep, Ledger
from app.runtime.records.population_events import (
    Begun,
    Counted,
    Measured,
    PopulationEvent,
    Result,
    encode_population,
    read_population,
)
from app.segments.evaluation.population_histogram import bucket_of

DAY_MS = 86_400_000
NAME = "top(50%) of count('A')"


def counted(census: int, partition: int, *values: int, app: str = "shop", measure: str = "count('A')") -> Counted:
    users: dict[int, int] = {}
    for value in values:
        bucket = bucket_of(value)
        assert bucket is not None
        users[bucket] = users.get(bucket, 0) + 1
    return Counted(
        app=app,
        census=census,
        partition=partition,
        clock_ms=0,
        version="v",
        measures={measure: Measured(shares={f"top(50%) of {measure}": 5_000}, users=users)},
        members={"vip": len(values)},
    )


def ledger(*events: PopulationEvent) -> Ledger:
    found = Ledger("shop")
    for event in events:
        found.take(read_population(encode_population(event)))
    return found


def begun(census: int, partitions: int = 2) -> Begun:
    return Begun(app="shop", census=census, at_ms=census, partitions=partitions)


def result_of(step: CensusStep | None) -> Result:
    assert step is not None
    assert isinstance(step.event, Result)
    return step.event


def test_the_first_census_begins_at_once_in_all_partitions() -> None:
    step = ledger().next_step(7, DAY_MS, 2)
    assert step is not None
    assert step.event == begun(7)
    control = read_control(step.control)
    assert (control.deed, control.app, control.n) == ("census", "shop", 7)


def test_nothing_is_written_while_a_partition_has_not_counted() -> None:
    known = ledger(begun(7), counted(7, 1, 3))
    assert known.next_step(7 + 2 * DAY_MS - 1, DAY_MS, 2) is None
    assert known.missing == [0]


def test_a_census_whose_record_a_partition_has_given_up_makes_room_for_the_next_one() -> None:
    known = ledger(begun(7), counted(7, 1, 3))
    step = known.next_step(7 + 2 * DAY_MS, DAY_MS, 2)
    assert step is not None
    assert step.event == begun(7 + 2 * DAY_MS)
    known.take(step.event)
    assert known.missing == [0, 1]


def test_the_numbers_are_those_of_all_partitions_together() -> None:
    step = ledger(begun(7), counted(7, 1, 3, 4), counted(7, 0, 1, 2)).next_step(8, DAY_MS, 2)
    result = result_of(step)
    assert result.numbers == {NAME: 3, "segment_size('vip')": 4}
    assert result.users == {"count('A')": 4}
    assert result.members == {"vip": 4}
    assert step is not None
    control = read_control(step.control)
    assert (control.deed, control.n, control.numbers) == ("publish", 7, result.numbers)


def test_the_next_census_begins_when_the_interval_is_over_and_has_a_higher_number() -> None:
    known = ledger(begun(7), counted(7, 0, 1), counted(7, 1, 1))
    known.take(result_of(known.next_step(8, DAY_MS, 2)))
    assert known.next_step(7 + DAY_MS - 1, DAY_MS, 2) is None
    step = known.next_step(7 + DAY_MS, DAY_MS, 2)
    assert step is not None
    assert step.event == begun(7 + DAY_MS)
    early = known.begin(3, 2)
    assert isinstance(early.event, Begun)
    assert (early.event.census, early.event.at_ms) == (8, 3), "the clock of the machine was put back"


def test_what_a_partition_does_not_know_yet_has_no_number() -> None:
    known = ledger(begun(7), counted(7, 0, 1, 2), counted(7, 1, 1, measure="count('B')"))
    assert result_of(known.next_step(8, DAY_MS, 2)).numbers == {"segment_size('vip')": 3}


def test_a_number_that_nobody_reaches_is_none() -> None:
    known = ledger(begun(7, partitions=1), counted(7, 0))
    assert result_of(known.next_step(8, DAY_MS, 1)).numbers == {NAME: None, "segment_size('vip')": 0}


def test_counts_of_another_app_of_an_older_census_and_of_a_second_time_do_not_count() -> None:
    known = ledger(
        begun(7), counted(7, 0, 9), begun(8), counted(7, 1, 9), counted(8, 0, 1, app="other"), counted(8, 0, 2)
    )
    assert known.missing == [1]
    known.take(counted(8, 0, 50))
    known.take(counted(8, 1, 4))
    assert result_of(known.next_step(9, DAY_MS, 2)).numbers[NAME] == 4


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"kind":"other"}', b"\xff", b'{"kind":"begun","app":1}'])
def test_what_is_no_event_of_a_census_is_passed_over(value: bytes | None) -> None:
    known = ledger(begun(7))
    known.take(read_population(value))
    assert known.begun == begun(7)


def histories(chance: Random, *, transactions: bool) -> Iterator[tuple[list[PopulationEvent], list[bytes]]]:
    """The topic and the control records of a deployment whose coordinator dies again and again, and whose partitions
    count when they like: without transactions also between a record and its event."""
    topic: list[PopulationEvent] = []
    logs: list[list[bytes]] = [[], []]
    read = [0, 0]
    known = Ledger("shop")
    is_new = True
    for now_ms in range(0, 60 * 400, 400):
        for number in chance.sample((0, 1), 2):
            if read[number] < len(logs[number]) and chance.random() < 0.5:
                control = read_control(logs[number][read[number]])
                read[number] += 1
                if control.deed == "census":
                    values = [chance.randrange(1, 99) for _ in range(3)]
                    topic.append(counted(control.n, number, *values))
        if chance.random() < 0.3:
            known, is_new = Ledger("shop"), True
            for event in topic:
                known.take(event)
        for event in topic:
            known.take(event)
        step = known.next_step(now_ms, 1_000, 2)
        if step is None and is_new and not transactions:
            step = known.again()
        is_new = False
        if step is None:
            continue
        reached = 3 if transactions else chance.randrange(4)
        if isinstance(step.event, Begun):
            topic += [step.event] if reached else []
            for number in range(min(2, max(0, reached - 1))):
                logs[number].append(step.control)
        else:
            for number in range(min(2, reached)):
                logs[number].append(step.control)
            topic += [step.event] if reached == 3 else []
        is_new = is_new or reached < 3
        if reached < 3:
            known = Ledger("shop")
    yield topic, [value for own in logs for value in own]


@pytest.mark.parametrize("transactions", [True, False])
def test_no_census_has_two_results_whenever_the_coordinator_dies(transactions: bool) -> None:
    published = 0
    for seed in range(60):
        for topic, controls in histories(Random(seed), transactions=transactions):
            numbers: dict[int, list[object]] = {}
            for value in controls:
                control = read_control(value)
                if control.deed == "publish":
                    numbers.setdefault(control.n, []).append(control.numbers)
            for census, found in numbers.items():
                assert all(each == found[0] for each in found), f"seed {seed}: two results of census {census}"
                if transactions:
                    assert len(found) == 2, f"seed {seed}: one publication in each partition"
            published += len(numbers)
            assert numbers, f"seed {seed}: no census comes to its end: {topic}"
    assert published > 200
