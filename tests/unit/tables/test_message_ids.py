"""Message ids: what was accepted in the last day is known, exactly as long, and in 14 bytes."""

import pytest

from tables.counted import MESSAGE_ID_DROPPED, Counted
from tables.message_ids import ENTRY_BYTES, IDS_MAX, KEPT_MS, entry_hash, known, merge, remember

T = 1_767_600_000_000


def remembered(*ids: tuple[str, int]) -> bytearray:
    blob = bytearray()
    for message_id, now in ids:
        remember(blob, entry_hash(message_id), now, Counted())
    return blob


def test_an_id_is_known_for_a_day_and_at_exactly_its_end() -> None:
    ids = remembered(("a", T))
    assert known(ids, entry_hash("a"), T)
    assert known(ids, entry_hash("a"), T + KEPT_MS)
    assert not known(ids, entry_hash("a"), T + KEPT_MS + 1)


def test_another_id_is_not_known() -> None:
    assert not known(remembered(("a", T)), entry_hash("b"), T)
    assert not known(bytearray(), entry_hash("a"), T)


def test_an_id_accepted_again_after_a_day_is_known_from_then() -> None:
    ids = remembered(("a", T), ("b", T + KEPT_MS), ("a", T + KEPT_MS + 1))
    assert known(ids, entry_hash("a"), T + 2 * KEPT_MS + 1)


def test_what_is_older_than_a_day_goes_with_one_of_the_next_eight() -> None:
    later = T + KEPT_MS + 1
    ids = remembered(("a", T), ("b", T + 1), *((str(number), later) for number in range(8)))
    assert len(ids) == 9 * ENTRY_BYTES
    assert known(ids, entry_hash("b"), later)
    assert not known(ids, entry_hash("a"), later)


def test_the_last_thousand_stay_and_one_that_was_still_valid_is_counted() -> None:
    ids, counted = bytearray(), Counted()
    for number in range(IDS_MAX + 2):
        remember(ids, entry_hash(str(number)), T + number, counted)
    assert len(ids) == IDS_MAX * ENTRY_BYTES
    assert counted == {MESSAGE_ID_DROPPED: 2}
    assert not known(ids, entry_hash("1"), T + IDS_MAX)
    assert known(ids, entry_hash("2"), T + IDS_MAX)


def test_one_that_was_not_valid_any_more_is_not_counted() -> None:
    ids, counted = bytearray(), Counted()
    for number in range(IDS_MAX):
        remember(ids, entry_hash(str(number)), T, counted)
    remember(ids, entry_hash("new"), T + KEPT_MS + 1, counted)
    assert len(ids) == ENTRY_BYTES
    assert not counted


@pytest.mark.parametrize("shift", range(1, ENTRY_BYTES))
def test_bytes_that_only_look_like_an_id_across_entries_are_none(shift: int) -> None:
    ids = remembered(("a", T), ("b", T + 1), ("c", T + 2))
    assert not known(ids, bytes(ids[shift : shift + 8]), T + 2)


def test_the_entry_of_an_id_behind_bytes_that_look_like_it_is_found() -> None:
    ids = remembered(("a", T))
    digest = bytes(ids[3:11])
    ids = bytearray(digest + T.to_bytes(6, "big")) + ids
    assert known(ids, digest, T)


def test_ids_of_any_text_have_a_hash() -> None:
    assert len(entry_hash("")) == len(entry_hash("ü\ud800")) == 8


# ---- two users who are one


def test_the_ids_of_both_are_known_in_the_order_of_their_acceptance_and_none_is_there_twice() -> None:
    merged = merge(remembered(("a", T), ("b", T + 5)), remembered(("c", T + 3), ("a", T + 4)), T + 9, Counted())
    assert merged == remembered(("c", T + 3), ("a", T + 4), ("b", T + 5))


def test_an_id_that_the_other_accepted_by_a_clock_further_on_is_known_for_a_day_from_the_merge() -> None:
    merged = merge(remembered(("a", T)), remembered(("b", T + 60_000)), T + 10, Counted())
    assert merged == remembered(("a", T), ("b", T + 10))


def test_of_the_ids_of_both_the_thousand_latest_stay_and_none_older_than_a_day() -> None:
    half, counted = IDS_MAX // 2, Counted()
    one = remembered(*((f"u{number}", T + 2 * number) for number in range(half + 10)))
    other = remembered(*((f"a{number}", T + 2 * number + 1) for number in range(half)))
    merged = merge(one, other, T + IDS_MAX, counted)
    assert len(merged) == IDS_MAX * ENTRY_BYTES
    assert counted == {MESSAGE_ID_DROPPED: 10}
    assert not known(merged, entry_hash("u4"), T + IDS_MAX)
    assert known(merged, entry_hash("a5"), T + IDS_MAX)
    assert merge(one, other, T + KEPT_MS * 2, counted) == b""
    assert counted == {MESSAGE_ID_DROPPED: 10}


def test_no_ids_of_either_are_none() -> None:
    assert merge(bytearray(), bytearray(), T, Counted()) == b""
