"""Changes ordered by user and sequence, in memory or by way of the disk."""

import random
from contextlib import closing

import msgspec
import pytest

from app.offline.change_sorter import RUN_BYTES_MAX, ChangeSorter
from app.segments.evaluation.change import Cause, Change

USERS = ("anna", "bert", "Ünal", "用户", "😀", "\ufffd", "a", "")


def change(user: str, sequence: int) -> Change:
    return Change(
        id="",
        user=user,
        segment="s",
        version="",
        change="entered",
        times=1,
        at="",
        sequence=sequence,
        cause=Cause("time"),
        evidence=[],
        attach={},
        valid_until=None,
    )


@pytest.mark.parametrize("run_bytes_max", [1, 1_000, RUN_BYTES_MAX])
def test_changes_come_back_by_user_and_sequence(run_bytes_max: int) -> None:
    rng = random.Random(7)
    sequences = dict.fromkeys(USERS, 0)
    with closing(ChangeSorter(run_bytes_max)) as sorter:
        for _ in range(300):
            user = rng.choice(USERS)
            sequences[user] += 1
            sorter.add(change(user, sequences[user]))
        found = [msgspec.json.decode(line) for line in sorter.lines()]
    wanted = sorted((user, number + 1) for user in USERS for number in range(sequences[user]))
    assert [(each["user"], each["sequence"]) for each in found] == wanted


def test_without_changes_there_are_no_lines() -> None:
    with closing(ChangeSorter()) as sorter:
        assert list(sorter.lines()) == []
