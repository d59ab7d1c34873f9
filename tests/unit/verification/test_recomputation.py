"""A partition's changes computed again: from its records and its journal, whatever the slices."""

import json
from dataclasses import dataclass

from app.runtime.records.journal import CatalogChange, IdleMove, JournalEntry, Poisoned, unfired_entries
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.verification.recomputation import Recomputation

RULES = TimeRules()
PROGRAM = compile_catalog(
    load_catalog({"a.yaml": "segment: cart-abandoned\nwhen: cart.items > 0 and cart.idle >= 30m\n"}), RULES
)
START = "2026-01-05T00:{minute:02d}:00Z"
START_MS = 1_767_571_200_000
HALF_HOUR_MS = 1_800_000


@dataclass(frozen=True)
class Row:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def added(offset: int, user: str = "u", minute: int = 0) -> Row:
    message = {"type": "track", "event": "Product Added", "userId": user, "properties": {"product_id": "A"}}
    at = START.format(minute=minute)
    return Row(offset, -1, user.encode(), json.dumps({**message, "timestamp": at}).encode())


def recompute(*entries: JournalEntry) -> Recomputation:
    return Recomputation(PROGRAM, RULES, entries)


def told(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.user, change.at[11:19]) for change in changes]


def test_records_alone_move_time() -> None:
    again = recompute()
    assert told(again.take([added(0), added(1, "v", 40)])) == [("u", "00:30:00")]
    assert (again.records, again.users) == (2, 2)


def test_a_move_at_the_end_fires_what_is_due() -> None:
    again = recompute(IdleMove(offset=1, clock_ms=START_MS + HALF_HOUR_MS))
    assert again.take([added(0)]) == []
    assert told(again.move(1)) == [("u", "00:30:00")]


def test_a_move_stands_before_the_record_at_its_offset() -> None:
    again = recompute(IdleMove(offset=1, clock_ms=START_MS + HALF_HOUR_MS))
    changes = again.take([added(0), added(1, minute=29)])
    assert [change.change for change in changes] == ["entered", "exited"]
    assert told(changes) == [("u", "00:30:00")] * 2


def test_a_move_that_was_repeated_counts_once() -> None:
    move = IdleMove(offset=1, clock_ms=START_MS + HALF_HOUR_MS)
    again = recompute(move, move)
    again.take([added(0)])
    assert len(again.move(1)) == 1
    assert again.moves == 1


def test_moves_beyond_a_clock_wait() -> None:
    again = recompute(IdleMove(offset=1, clock_ms=START_MS + HALF_HOUR_MS))
    again.take([added(0)])
    assert again.move(1, START_MS + HALF_HOUR_MS - 1) == []
    assert len(again.move(1)) == 1


def test_a_poisoned_record_is_skipped() -> None:
    again = recompute(Poisoned(offset=0, reason="too much"))
    again.take([added(0), added(1, "v")])
    assert (again.records, again.users) == (1, 1)


def test_slices_change_nothing() -> None:
    rows = [added(number, f"u{number}", number) for number in range(50)]
    moves = (IdleMove(offset=3, clock_ms=START_MS + 60_000), IdleMove(offset=20, clock_ms=START_MS + HALF_HOUR_MS))
    whole = recompute(*moves).take(rows)
    sliced = recompute(*moves)
    parts = [change for row in rows for change in sliced.take([row])]
    by_user = [sorted(told(changes)) for changes in (whole, parts)]
    assert by_user[0] == by_user[1]
    assert by_user[0]


CARTS = "segment: carts\nwhen: cart.items > 0\n"
FULL_CARTS = "segment: carts\nwhen: cart.items > 1\n"
PROGRAMS = {
    each.version: each
    for each in (compile_catalog(load_catalog({"a.yaml": text}), RULES) for text in (CARTS, FULL_CARTS))
}
CARTS_VERSION, FULL_VERSION = PROGRAMS


def with_catalogs(*entries: JournalEntry) -> Recomputation:
    return Recomputation(PROGRAM, RULES, entries, PROGRAMS)


def test_the_journal_tells_under_which_catalog_the_first_user_came() -> None:
    again = with_catalogs(CatalogChange(0, -1, CARTS_VERSION, 1))
    assert [change.segment for change in again.take([added(0)])] == ["carts"]
    assert again.catalogs == 0


def test_a_catalog_that_was_only_announced_changes_nothing() -> None:
    first = CatalogChange(0, -1, CARTS_VERSION, 1)
    given_up, second = CatalogChange(1, 0, FULL_VERSION, 2), CatalogChange(2, 0, CARTS_VERSION, 2)
    again = with_catalogs(first, given_up, second)
    assert [change.change for change in again.take([added(0), added(1, "v")]) + again.move(2)] == ["entered"] * 2
    assert again.catalogs == 1


def test_of_a_sweep_that_was_cut_off_only_the_part_that_was_done_counts() -> None:
    first, at = CatalogChange(0, -1, CARTS_VERSION, 1), START_MS - 5_000
    second = CatalogChange(3, at, FULL_VERSION, 2)
    rows = [added(0, "a"), added(1, "b"), added(2, "c")]
    whole = with_catalogs(first, second, CatalogChange(4, at, CARTS_VERSION, 3))
    whole.take(rows)
    assert [(each.user, each.change) for each in whole.take([added(3, "d")])] == [
        *((user, "exited") for user in "cba"),
    ]
    assert sorted((each.user, each.change) for each in whole.move(4)) == [(user, "entered") for user in "abcd"]
    part = with_catalogs(first, second, CatalogChange(4, at, CARTS_VERSION, 3, swept="b"))
    part.take(rows)
    # b is reached by their own event, though the sweep did not come so far; c goes from the first to the third.
    assert [(each.user, each.change) for each in part.take([added(3, "b", 1)])] == [("a", "exited"), ("b", "exited")]
    assert sorted((each.user, each.change) for each in part.move(4)) == [("a", "entered"), ("b", "entered")]


OTHER = compile_catalog(
    load_catalog({"a.yaml": "segment: cart-abandoned\nwhen: cart.items > 0 and cart.idle >= 40m\n"}), RULES
)


def test_timers_of_a_catalog_that_was_cut_off_stay_unfired_where_the_journal_names_them() -> None:
    """The clock jumps, one of three timers fires, the worker dies, and the next one knows another catalog."""
    rows, clock_ms = [added(n, user) for n, user in enumerate("uvw")], START_MS + HALF_HOUR_MS
    worker = Partition(PROGRAM, RULES, timers_max=1)
    batches = [worker.process(rows), worker.advance(clock_ms)]
    assert told(batches[-1].changes) == [("u", "00:30:00")]
    following = Partition(OTHER, RULES, timers_max=1)
    following.restore_position(worker.position())
    kept = {user: profile for batch in batches for user, profile in batch.profiles.items()}
    for user, profile in kept.items():
        following.restore(user, profile, offset=3)
    assert following.stale
    left = following.overdue_timers()
    assert left == {"v": clock_ms, "w": clock_ms}
    following.adopt(OTHER, clock_ms=clock_ms)
    batches += [following.sweep(9), following.advance(START_MS + 2 * HALF_HOUR_MS)]
    while following.overdue:
        batches.append(following.advance(following.clock_ms))
    found = [change for batch in batches for change in batch.changes]
    assert sorted(told(found)) == [
        ("u", "00:30:00"),  # entered
        ("u", "00:30:00"),  # left, under the other catalog
        ("u", "00:40:00"),
        ("v", "00:40:00"),
        ("w", "00:40:00"),
    ]

    cut_off = CatalogChange(3, clock_ms, OTHER.version, 2, None, len(left))
    moves = IdleMove(3, clock_ms), IdleMove(3, START_MS + 2 * HALF_HOUR_MS)
    journal: list[JournalEntry] = [moves[0], *unfired_entries(3, 2, left), cut_off, moves[1]]
    again = Recomputation(PROGRAM, RULES, journal, {OTHER.version: OTHER, PROGRAM.version: PROGRAM})
    computed = again.take(rows) + again.move(3)
    assert sorted(change.encode() for change in computed) == sorted(change.encode() for change in found)


def test_who_was_to_be_forgotten_when_a_catalog_was_cut_off_is_not_evaluated_again() -> None:
    rules = TimeRules(retention_ms=2 * HALF_HOUR_MS)
    program, other = compile_both(rules)
    worker = Partition(program, rules, timers_max=1)
    rows = [added(n, user) for n, user in enumerate("uv")]
    batches = [worker.process(rows), worker.advance(START_MS + 10 * HALF_HOUR_MS)]
    following = Partition(other, rules, timers_max=1)
    following.restore_position(worker.position())
    for user, profile in {user: profile for batch in batches for user, profile in batch.profiles.items()}.items():
        following.restore(user, profile, offset=2)
    following.adopt(other, clock_ms=following.clock_ms)
    later = [following.sweep(9)]
    while following.overdue:
        later.append(following.advance(following.clock_ms))
    changes = [change for batch in later for change in batch.changes]
    assert [(change.user, change.change, change.cause.kind, change.at[11:19]) for change in changes] == [
        ("u", "exited", "forgotten", "01:00:00")
    ]
    assert following.users == 0


def compile_both(rules: TimeRules) -> tuple[Program, Program]:
    texts = ("cart.items > 0 and cart.idle >= 30m", "cart.items > 0 and cart.idle >= 40m")
    first, second = (
        compile_catalog(load_catalog({"a.yaml": f"segment: cart-abandoned\nwhen: {text}\n"}), rules) for text in texts
    )
    return first, second
