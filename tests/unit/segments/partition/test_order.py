"""`order: {wait}`: events that overtake each other give what they would have given in order."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import pytest

from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Batch, Partition
from app.segments.review.scenario import PipedRecord, run_test
from tables import waiting
from tables.counted import WAITING_TAKEN
from tests.model.plain import instant_text

RULES = TimeRules()
START_MS = 1_767_600_000_000
WAIT_MS = 5_000
DEFINITIONS = {
    "turned.yaml": "segment: turned\nwhen: count(sequence('A' then 'B' within 10s) within 1h) >= 1\n",
    "last.yaml": "segment: last\nwhen: exists('A' within 1h)\nattach: {p: last(p of 'A')}\nupdates: [p]\n",
    "idle.yaml": "segment: idle\nwhen: exists('A' within 1h) and user.idle >= 8s\n",
    "patient.yaml": "segment: patient\nwhen: exists('B' within 1m)\nwarmup: wait\n",
}


def program(wait: str = "5s", files: dict[str, str] = DEFINITIONS) -> Program:
    settings = {SETTINGS_FILE: f"order: {{wait: {wait}}}\n"} if wait else {}
    return compile_catalog(load_catalog(files | settings), RULES)


def record(offset: int, t: int, event: str = "A", user: str = "ann", **more: Any) -> PipedRecord:
    said = {"type": "track", "event": event, "userId": user, "timestamp": instant_text(START_MS + t), **more}
    return PipedRecord(offset, -1, user.encode(), json.dumps(said).encode())


def watermark(offset: int, t: int) -> PipedRecord:
    said = {"type": "watermark", "timestamp": instant_text(START_MS + t)}
    return PipedRecord(offset, -1, None, json.dumps(said).encode())


def told(batches: Iterable[Batch]) -> list[tuple[str, str, str]]:
    return [(change.segment, change.change, change.at) for batch in batches for change in batch.changes]


# ---- a sample, shuffled


def sample() -> list[tuple[int, str, str]]:
    """Instant, user and event; no two of a user at one instant, for these have no order in time."""
    chance = Random(7)
    at_ms, events = 0, []
    for _ in range(3_000):
        at_ms += chance.choice((1, 300, 1_000, 2_500, 9_000))
        events.append((at_ms, chance.choice("abcdef"), chance.choice("AAB")))
    return events


def changes_of(events: Sequence[tuple[int, str, str]], wait: str, batch_records: int = 100) -> dict[str, list[bytes]]:
    partition = Partition(program(wait), RULES)
    records = [
        record(offset, t, event, user, messageId=f"m{t}", properties={"p": f"{t}"})
        for offset, (t, user, event) in enumerate(events)
    ]
    found: dict[str, list[bytes]] = defaultdict(list)
    batches = [partition.process(records[n : n + batch_records]) for n in range(0, len(records), batch_records)]
    batches.append(partition.advance(START_MS + max(t for t, _, _ in events) + 3_600_000))
    for batch in batches:
        for change in batch.changes:
            found[change.user].append(change.encode())
    return found


def shuffled(events: list[tuple[int, str, str]], by_ms: int, seed: int) -> list[tuple[int, str, str]]:
    chance = Random(seed)
    return sorted(events, key=lambda event: event[0] + chance.uniform(0, by_ms))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("batch_records", [1, 100, 3_000])
def test_shuffled_events_give_what_they_would_have_given_in_order(seed: int, batch_records: int) -> None:
    in_order = changes_of(sample(), "")
    assert changes_of(shuffled(sample(), WAIT_MS, seed), "5s", batch_records) == in_order
    assert changes_of(shuffled(sample(), WAIT_MS, seed), "", batch_records) != in_order


def test_a_longer_wait_than_the_disorder_bears_longer_delays() -> None:
    in_order = changes_of(sample(), "")
    assert changes_of(shuffled(sample(), 20_000, 1), "20s") == in_order
    assert changes_of(shuffled(sample(), 20_000, 1), "5s") != in_order


def test_events_in_order_change_nothing_by_waiting() -> None:
    assert changes_of(sample(), "5s") == changes_of(sample(), "")


# ---- one by one


def test_an_event_is_taken_when_the_clock_has_passed_it() -> None:
    partition = Partition(program(), RULES)
    assert told([partition.process([record(0, 0, properties={"p": "x"})])]) == []
    assert partition.profile("ann") is None
    assert partition.users == 1
    assert told([partition.process([watermark(1, WAIT_MS - 1)])]) == []
    assert partition.has_due(START_MS)
    assert told([partition.process([watermark(2, WAIT_MS)])]) == [("last", "entered", instant_text(START_MS))]


def test_who_waits_is_restored_with_his_turn() -> None:
    partition = Partition(program(), RULES)
    batch = partition.process([record(0, 1_000, "B"), record(1, 0, "A", properties={"p": "x"})])
    again = Partition(program(), RULES)
    again.restore_position(partition.position())
    for user, profile in batch.profiles.items():
        again.restore(user, profile, offset=batch.next_offset)
    expected = [("last", "entered", instant_text(START_MS)), ("turned", "entered", instant_text(START_MS + 1_000))]
    assert told([again.advance(START_MS + 1_000)]) == expected


def test_a_repeated_event_counts_once_while_it_waits_and_after() -> None:
    partition = Partition(program(), RULES)
    batches = [
        partition.process([record(0, 0, messageId="m"), record(1, 0, messageId="m")]),
        partition.advance(START_MS),
        partition.process([record(2, 1, messageId="m")]),
        partition.advance(START_MS + 1),
    ]
    assert sum(batch.accepted for batch in batches) == 1
    assert sum(batch.duplicates for batch in batches) == 2


def test_the_first_of_too_many_is_taken_and_counted() -> None:
    partition = Partition(program(), RULES)
    batch = partition.process([record(n, 1_000_000 - n) for n in range(waiting.EVENTS_MAX + 3)])
    assert batch.counted[WAITING_TAKEN] == 3
    assert batch.accepted == 3


def test_the_first_of_too_large_ones_are_taken_and_counted() -> None:
    partition = Partition(program(), RULES)
    batch = partition.process([record(n, n, properties={"p": "x" * 30_000}) for n in range(20)])
    assert batch.counted[WAITING_TAKEN] == batch.accepted == 12
    encoded = batch.profiles["ann"]
    assert encoded is not None
    assert len(encoded) < waiting.BYTES_MAX + 10_000


def test_who_is_forgotten_while_an_event_waits_begins_anew() -> None:
    rules = TimeRules(retention_ms=2 * 86_400_000)
    partition = Partition(program(), rules)
    partition.process([record(0, 0)])
    partition.process([record(1, rules.retention_ms + 10, "B")])
    batch = partition.advance(START_MS + rules.retention_ms + 10)
    profile = partition.profile("ann")
    assert profile is not None
    assert profile.first_seen_ms == START_MS + rules.retention_ms + 10
    assert batch.profiles["ann"] is not None


# ---- another wait takes effect


def test_without_order_what_waits_is_taken_with_the_new_catalog() -> None:
    partition = Partition(program(), RULES)
    partition.process([record(0, 1_000, "B"), record(1, 0, properties={"p": "x"})])
    partition.adopt(program(""), clock_ms=partition.clock_ms)
    batch = partition.sweep(100)
    assert [change for _, change, _ in told([batch])] == ["entered", "entered"]
    assert told([partition.process([record(2, 2_000, properties={"p": "y"})])]) == [
        ("last", "updated", instant_text(START_MS + 2_000))
    ]


def test_a_longer_wait_holds_for_what_waits_already() -> None:
    partition = Partition(program(), RULES)
    partition.process([record(0, 0, properties={"p": "x"})])
    partition.adopt(program("30s"), clock_ms=partition.clock_ms)
    partition.sweep(100)
    assert told([partition.process([watermark(1, 29_999)])]) == []
    assert told([partition.process([watermark(2, 30_000)])]) == [("last", "entered", instant_text(START_MS))]


# ---- batches and slices make no difference


def test_since_when_aggregates_are_fed_does_not_depend_on_the_batches() -> None:
    """An early event of one user is due when a late one of another comes, of whom nobody has heard."""
    rules = TimeRules(disorder_ms=10_000)
    early = compile_catalog(load_catalog(DEFINITIONS | {SETTINGS_FILE: "order: {wait: 5s}\n"}), rules)
    records = [record(0, 25_000), watermark(1, 30_000), record(2, 3_000, "B", "bob"), record(3, 50_000, "B", "bob")]
    found = []
    for size in (1, 2, 4):
        partition = Partition(early, rules)
        batches = [partition.process(records[n : n + size]) for n in range(0, len(records), size)]
        found.append(told([*batches, partition.advance(START_MS + 100_000)]))
    assert ("patient", "entered", instant_text(START_MS + 85_000)) in found[0]
    assert found[1] == found[2] == found[0]


def test_of_many_events_whose_turn_has_come_a_batch_takes_no_more_instants_than_timers() -> None:
    records = [record(n, n, properties={"p": f"{n}"}, user="abc"[n % 3]) for n in range(30)]
    partition, whole = Partition(program(), RULES, timers_max=4), Partition(program(), RULES)
    partition.process(records)
    whole.process(records)
    sliced = [partition.advance(START_MS + 60_000)]
    while partition.overdue:
        sliced.append(partition.advance(partition.clock_ms))
        assert len(sliced) < 100
    assert max(batch.accepted for batch in sliced) == 4
    assert sum(batch.accepted for batch in sliced) == 30
    assert sorted(told(sliced)) == sorted(told([whole.advance(START_MS + 60_000)]))


def test_events_of_one_instant_are_taken_in_one_batch() -> None:
    partition = Partition(program(), RULES, timers_max=1)
    partition.process([record(n, 1_000) for n in range(5)])
    assert partition.advance(START_MS + 1_000).accepted == 5


# ---- the settings


def test_settings_change_the_version_of_the_catalog_and_an_empty_file_does_not() -> None:
    plain = load_catalog(DEFINITIONS)
    assert load_catalog(DEFINITIONS | {SETTINGS_FILE: "# nothing yet\n"}).version == plain.version
    versions = {load_catalog(DEFINITIONS | {SETTINGS_FILE: f"order: {{wait: {w}}}"}).version for w in ("5s", "6s")}
    assert len(versions | {plain.version}) == 3


def test_a_time_travel_test_knows_what_came_in_time() -> None:
    text = """segment: turned
when: count(sequence('A' then 'B' within 10s) within 1h) >= 1
tests:
  - name: overtaken
    events:
      - {at: 1s, event: B}
      - {at: 4s, time: 0s, event: A}
    expect:
      - {at: 2s, in: true}
"""
    for settings, failures in (({SETTINGS_FILE: "order: {wait: 5s}"}, 0), ({}, 1)):
        catalog = load_catalog({"turned.yaml": text} | settings)
        segment = catalog.segment("turned")
        assert len(run_test(catalog, segment, segment.tests[0])) == failures
