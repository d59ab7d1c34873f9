"""Journal entries are applied at their place, once."""

import pytest

from app.runtime.records.journal import (
    CatalogChange,
    IdleMove,
    JournalEntry,
    Poisoned,
    Replay,
    Unfired,
    catalogs_of,
    decode_entry,
    encode_entry,
    unfired_entries,
    unfired_of,
)

ENTRIES = [
    IdleMove(offset=7, clock_ms=99),
    Poisoned(offset=3, reason="ValueError: no"),
    CatalogChange(offset=0, clock_ms=-1, version="f00", epoch=1),
    CatalogChange(offset=9, clock_ms=99, version="f00", epoch=3, swept="u-17"),
    CatalogChange(offset=9, clock_ms=99, version="f00", epoch=4, unfired=2),
    Unfired(offset=9, epoch=4, part=0, timers=(("u-1", 98), ("ü", 99))),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_entries_survive_their_encoding(entry: JournalEntry) -> None:
    assert decode_entry(encode_entry(entry)) == entry


def test_a_move_comes_before_the_record_at_its_offset() -> None:
    replay = Replay([IdleMove(5, 100), IdleMove(2, 50)])
    assert replay.next_stop(0) == 2
    assert replay.due(1) is None
    assert replay.due(2) == IdleMove(2, 50)
    assert replay.due(2) is None
    assert replay.next_stop(2) == 5
    assert replay.due(5) == IdleMove(5, 100)
    assert replay.finished


def test_moves_of_one_offset_come_in_order_of_their_clocks() -> None:
    replay = Replay([IdleMove(2, 70), IdleMove(2, 50), IdleMove(2, 60)])
    assert [replay.due(2), replay.due(2), replay.due(2)] == [IdleMove(2, 50), IdleMove(2, 60), IdleMove(2, 70)]


def test_what_lies_before_the_position_is_done_with() -> None:
    replay = Replay([IdleMove(2, 50), IdleMove(4, 80), IdleMove(4, 90), Poisoned(1, "x")], offset=4, clock_ms=80)
    assert replay.due(4) == IdleMove(4, 90)
    assert replay.finished


def test_an_entry_that_was_announced_twice_counts_once() -> None:
    replay = Replay([IdleMove(2, 50), IdleMove(2, 50)])
    assert replay.due(2) == IdleMove(2, 50)
    assert replay.due(2) is None


def test_a_batch_ends_before_a_poisoned_record() -> None:
    replay = Replay([Poisoned(6, "boom")])
    assert replay.next_stop(3) == 6
    assert replay.poisoned == {6: "boom"}
    assert not replay.finished


def test_of_the_catalogs_of_one_epoch_the_last_counts() -> None:
    first, given_up = CatalogChange(0, -1, "a", 1), CatalogChange(4, 9, "b", 2)
    second = CatalogChange(6, 20, "c", 2, "m")
    assert catalogs_of([first, IdleMove(3, 5), given_up, second, second]) == {1: first, 2: second}
    replay = Replay([first, given_up, second], offset=4)
    assert replay.catalogs == {2: second}
    assert replay.epoch == 2
    assert Replay([first], offset=4).epoch == 0


def test_of_several_announcements_of_timers_that_never_fired_the_last_counts() -> None:
    many = {f"u{number:04}": number for number in range(2_500)}
    first: list[JournalEntry] = [*unfired_entries(3, 2, many), CatalogChange(3, 50, "f00", 2, None, len(many))]
    assert [len(entry.timers) for entry in first if isinstance(entry, Unfired)] == [1_000, 1_000, 500]
    assert unfired_of(first) == {2: many}
    second: list[JournalEntry] = [*unfired_entries(3, 2, {"v": 7}), CatalogChange(3, 50, "f00", 2, None, 1)]
    assert unfired_of([*first, *second]) == {2: {"v": 7}}
    assert unfired_of([*first, CatalogChange(3, 50, "f00", 2)]) == {2: {}}
    assert Replay([*first, *second], offset=3).unfired == {2: {"v": 7}}
