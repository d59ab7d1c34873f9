"""Segments by value: the limit of values, other catalogs, and what is kept between batches."""

from functools import partial
from typing import Any

import msgspec
import pytest

from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.merging.values import merge_values
from app.segments.partition.partition import Batch, Partition
from app.segments.review.scenario import PipedRecord
from tables.by_value import LATEST, VALUES_MAX, State
from tables.profile import decode
from tests.support.restored import changes_in_any_batches

RULES = TimeRules()
START_MS = 1_767_600_000_000
MINUTE_MS = 60_000
VIEWED = "segment: viewed\neach: product_id\nwhen: exists('Product Viewed' within 1h)\n"


def program(*definitions: str) -> Program:
    return compile_catalog(load_catalog({f"{n}.yaml": text for n, text in enumerate(definitions)}), RULES)


def view(number: int, product: Any, event: str = "Product Viewed", *, at_ms: int | None = None) -> PipedRecord:
    """The view of a product, a minute after the one before."""
    message = {"type": "track", "event": event, "userId": "u", "properties": {"product_id": product}}
    at_ms = START_MS + number * 1_000 if at_ms is None else at_ms
    return PipedRecord(number, at_ms, b"u", msgspec.json.encode(message))


def told(batch: Batch) -> list[tuple[Any, str, int, str]]:
    return [(change.value, change.change, change.times, change.cause.kind) for change in batch.changes]


def test_beyond_the_limit_the_value_with_the_oldest_event_leaves() -> None:
    partition = Partition(program(VIEWED), RULES)
    partition.process([view(number, f"p{number:03}") for number in range(VALUES_MAX)])
    batch = partition.process([view(VALUES_MAX, "new")])
    assert told(batch) == [("p000", "exited", 1, "limit"), ("new", "entered", 1, "event")]
    assert partition.members() == {"viewed": 1}


def test_beyond_the_limit_a_value_by_which_nobody_is_in_goes_without_a_word() -> None:
    partition = Partition(
        program(VIEWED.replace("exists('Product Viewed' within 1h)", "count('Product Viewed' within 1h) >= 2")), RULES
    )
    partition.process(
        [view(0, "a"), view(1, "a"), *(view(2 + number, f"p{number:03}") for number in range(VALUES_MAX - 1))]
    )
    assert told(partition.process([view(200, "new")])) == []
    state = next(iter(decode(partition.encoded["u"]).aggregates.values()))
    assert len(state) == VALUES_MAX
    assert ("a" in state, "p000" in state, "new" in state) == (True, False, True)


def test_a_segment_waits_for_the_windows_of_one_by_value_that_it_reads() -> None:
    waiting = "segment: any\nwarmup: wait\nwhen: not segment('viewed')\n"
    partition = Partition(program(VIEWED, waiting), RULES)
    assert told(partition.process([view(0, "other", "Product Added")])) == []
    assert told(partition.advance(START_MS + 59 * MINUTE_MS)) == []
    (entered,) = partition.advance(START_MS + 61 * MINUTE_MS).changes
    assert (entered.segment, entered.change, entered.cause.kind) == ("any", "entered", "time")


def test_a_profile_without_values_is_written_as_before() -> None:
    """So that a catalog without `each` has the same profiles as in versions that do not know it."""
    partition = Partition(program(VIEWED), RULES)
    plain = Partition(program(), RULES)
    records = [view(0, None), view(1, ["x", None][1:]), view(2, {"a": 1})]
    assert partition.process(records).profiles["u"] == plain.process(records).profiles["u"]


def test_values_of_other_types_are_other_values() -> None:
    partition = Partition(program(VIEWED), RULES)
    batch = partition.process([view(0, 5), view(1, "5"), view(2, 5.0), view(3, True), view(4, ["b", 5, "a"])])
    assert told(batch) == [
        (5, "entered", 1, "event"),
        ("5", "entered", 1, "event"),
        (True, "entered", 1, "event"),
        ("a", "entered", 1, "event"),
        ("b", "entered", 1, "event"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (VIEWED, VIEWED.replace("each: product_id", "each: category")),
        (VIEWED, VIEWED.replace("each: product_id\n", "")),
        (VIEWED, "segment: other\nwhen: exists(page)\n"),
    ],
)
def test_who_is_in_by_values_that_are_no_more_leaves_by_each_of_them(before: str, after: str) -> None:
    partition = Partition(program(before), RULES)
    partition.process([view(0, "b"), view(1, "a")])
    partition.adopt(program(after), clock_ms=partition.clock_ms)
    left = [change for change in partition.sweep(10).changes if change.change == "exited"]
    assert [(change.segment, change.value, change.cause.kind) for change in left] == [
        ("viewed", "a", "catalog"),
        ("viewed", "b", "catalog"),
    ]
    assert partition.members().get("viewed", 0) == 0
    assert not any(own >= 1 << 32 for own in decode(partition.encoded["u"]).aggregates)


def test_a_segment_that_is_by_value_from_now_on_is_left_first() -> None:
    partition = Partition(program(VIEWED.replace("each: product_id\n", "")), RULES)
    partition.process([view(0, "a")])
    partition.adopt(program(VIEWED), clock_ms=partition.clock_ms)
    assert told(partition.sweep(10)) == [(None, "exited", 1, "catalog")]
    assert told(partition.process([view(1, "a")])) == [("a", "entered", 1, "event")]
    assert partition.members() == {"viewed": 1}


def test_another_condition_keeps_the_memberships_and_what_both_ask_for() -> None:
    partition = Partition(program(VIEWED), RULES)
    partition.process([view(0, "a"), view(1, "b"), view(2, "b")])
    more = VIEWED.replace("within 1h)", "within 1h) and not exists('Order Completed' within 1h)")
    partition.adopt(program(more), clock_ms=partition.clock_ms)
    assert told(partition.sweep(10)) == []
    assert told(partition.process([view(3, "a", "Order Completed")])) == [("a", "exited", 1, "event")]


def test_changes_are_the_same_whatever_the_batches_and_restores_are() -> None:
    definitions = (
        f"{VIEWED}for: 2m\ncooldown: 5m\nattach: {{n: count('Product Viewed' within 1h) + 0}}\nupdates: [n]\n",
        "segment: any\nwhen: segment('viewed')\n",
        "segment: bought\neach: product_id\nwhen: exists('Order Completed') and segment('viewed')\n",
    )
    records = [
        view(
            n,
            [["a", "b"], "a", "c", 5][n % 4],
            "Order Completed" if n % 7 == 0 else "Product Viewed",
            at_ms=START_MS + n * n * 7_000,
        )
        for n in range(60)
    ]
    new = partial(Partition, program(*definitions), RULES)
    assert changes_in_any_batches(new, records, "u") > 20


def test_a_value_is_remembered_while_its_cooldown_lasts_and_begins_anew_afterwards() -> None:
    text = VIEWED.replace("within 1h", "within 1m") + "cooldown: 10m\n"
    partition = Partition(program(text), RULES)
    batch = partition.process([view(0, "a"), view(1, "a", at_ms=START_MS + 2 * MINUTE_MS)])
    assert told(batch) == [("a", "entered", 1, "event"), ("a", "exited", 1, "time")]
    again = partition.process([view(2, "a", at_ms=START_MS + 11 * MINUTE_MS)])
    assert told(again) == [("a", "entered", 1, "event")]
    state = next(iter(decode(partition.encoded["u"]).aggregates.values()))
    assert state["a"][0] == START_MS + 11 * MINUTE_MS


def test_a_value_by_which_the_user_is_in_is_remembered() -> None:
    text = VIEWED.replace("within 1h", "within 1m") + "hold: 10m\n"
    partition = Partition(program(text), RULES)
    batch = partition.process([view(0, "a"), view(1, "b", at_ms=START_MS + 2 * MINUTE_MS)])
    assert told(batch) == [("a", "entered", 1, "event"), ("b", "entered", 1, "event")]
    partition.advance(START_MS + 2 * MINUTE_MS)
    assert told(partition.advance(START_MS + 10 * MINUTE_MS)) == [("a", "exited", 1, "time")]


@pytest.mark.parametrize(("after_ms", "known"), [(MINUTE_MS - 1, {"a", "b"}), (MINUTE_MS, {"b"})])
def test_a_value_is_forgotten_when_its_longest_window_is_over(after_ms: int, known: set[str]) -> None:
    partition = Partition(program(VIEWED.replace("within 1h", "within 1m")), RULES)
    partition.process([view(0, "a"), view(1, "b", at_ms=START_MS + after_ms)])
    assert set(state_of(partition)) == known


def test_the_latest_event_of_a_value_is_the_one_with_the_highest_time() -> None:
    partition = Partition(program(VIEWED), RULES)
    partition.process([view(0, "a", at_ms=START_MS + MINUTE_MS), view(1, "a", at_ms=START_MS)])
    assert state_of(partition)["a"][LATEST] == START_MS + MINUTE_MS


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_users_who_are_one_the_later_event_of_a_value_counts(order: tuple[int, int]) -> None:
    made = program(VIEWED)
    profiles = []
    for number in (0, 1):
        partition = Partition(made, RULES)
        partition.process([view(0, "a", at_ms=START_MS + number * MINUTE_MS)])
        profiles.append(decode(partition.encoded["u"]))
    own, given = (profiles[number] for number in order)
    (values,) = made.by_value
    merge_values(own, given, values, START_MS + 2 * MINUTE_MS)
    assert own.aggregates[values.state_id]["a"][LATEST] == START_MS + MINUTE_MS


def state_of(partition: Partition) -> State:
    """The values of the user."""
    state: State = next(iter(decode(partition.encoded["u"]).aggregates.values()))
    return state


def test_one_timer_of_a_user_is_that_of_the_earliest_value() -> None:
    partition = Partition(program(VIEWED), RULES)
    partition.process([view(0, "b"), view(1, "a"), view(2, "c")])
    profile = partition.profile("u")
    assert profile is not None
    assert list(profile.due.values()) == [START_MS + 60 * MINUTE_MS]
