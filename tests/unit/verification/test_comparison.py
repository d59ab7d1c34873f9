"""Two lists of changes, user by user: every way in which they may differ is found."""

import json
from typing import Any

import pytest

from app.verification.comparison import SHOWN_MAX, Changes, Comparison


def change(user: str = "u", sequence: int = 1, **more: Any) -> bytes:
    body = {"id": f"{user}-{sequence}", "user": user, "segment": "s", "change": "entered", "sequence": sequence}
    return json.dumps({**body, "at": "2026-01-05T00:00:00.000Z", **more}).encode()


def compare(expected: list[bytes], found: list[bytes], *, possible: tuple[bytes, ...] = ()) -> Comparison:
    changes = Changes()
    changes.expect(expected, certain=True)
    changes.expect(possible, certain=False)
    for value in found:
        changes.find(json.loads(value)["user"].encode(), value)
    return changes.compare()


THREE = [change(sequence=7), change(sequence=8), change(sequence=9)]


def test_equal_is_equal() -> None:
    result = compare([*THREE, change("v")], [change("v"), *THREE])
    assert result.equal
    assert (result.users, result.expected, result.found, result.repeated) == (2, 4, 4, 0)


def test_repeated_changes_are_dropped_and_counted() -> None:
    result = compare(THREE, [*THREE, *THREE[1:]])
    assert result.equal
    assert (result.found, result.repeated) == (3, 2)


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (THREE[:2], {"missing": 1}),
        (THREE[1:], {"missing": 1}),
        ([], {"missing": 3}),
        ([THREE[0], THREE[2]], {"missing": 1, "gap": 1}),
        ([*THREE, change(sequence=10)], {"extra": 1}),
        ([*THREE, change("w")], {"extra": 1}),
        ([THREE[0], change(sequence=8, segment="t"), THREE[2]], {"different": 1}),
        ([THREE[1], THREE[0], THREE[2]], {"out of order": 1, "gap": 1}),
    ],
)
def test_each_difference_is_found(found: list[bytes], counts: dict[str, int]) -> None:
    result = compare(THREE, found)
    assert not result.equal
    assert dict(result.counts) == counts


def test_a_repeated_id_with_another_content_is_a_difference() -> None:
    result = compare(THREE, [*THREE, change(sequence=9, segment="t")])
    assert dict(result.counts) == {"different": 1}
    assert "repeated" in result.shown[0].said


def test_a_difference_names_the_field_and_both_values() -> None:
    result = compare([change(times=1)], [change(times=2)])
    assert result.shown[0].said == "times: expected 1, found 2"


def test_changes_that_may_still_be_coming_are_neither_missing_nor_extra() -> None:
    for sent in range(3):
        assert compare(THREE[:1], THREE[: 1 + sent], possible=tuple(THREE[1:])).equal
    assert dict(compare(THREE[:2], THREE[:1], possible=tuple(THREE[2:])).counts) == {"missing": 1}


def test_a_jump_that_should_be_is_no_gap() -> None:
    jump = [change(sequence=7), change(sequence=900)]
    result = compare(jump, [*jump, change(sequence=901)])
    assert dict(result.counts) == {"extra": 1}


def test_a_wrong_key_and_an_unreadable_record_are_differences() -> None:
    changes = Changes()
    changes.expect([change()], certain=True)
    changes.find(b"somebody", change())
    changes.find(b"u", b"{")
    changes.find(None, None)
    assert dict(changes.compare().counts) == {"different": 1, "unreadable": 2}


def test_only_the_first_differences_are_kept() -> None:
    result = compare([], [change(sequence=number) for number in range(50)])
    assert result.counts["extra"] == 50
    assert len(result.shown) == SHOWN_MAX
