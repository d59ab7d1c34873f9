"""The ids of messages that intake remembers: the last ones, in whole batches."""

from typing import Any

from app.intake.pubsub_task import KeptIds


class Stored:
    """Positions as they were read."""

    def __init__(self, **values: bytes) -> None:
        self.values = {name.removeprefix("_").encode(): value for name, value in values.items()}


def kept(stored: Any) -> KeptIds:
    return KeptIds(stored)


def test_ids_are_found_again_and_the_oldest_batches_make_room() -> None:
    ids = kept(Stored(_0000000000000002=b'["c"]', _0000000000000001=b'["a","b"]'))
    assert all(each in ids for each in "abc")
    assert ids.after(["d"], 4) == (3, [])
    assert ids.after(["d"], 3) == (3, [1])
    assert ids.after(["d", "e", "f"], 3) == (3, [1, 2])
    ids.add(3, ["d"], [1])
    assert [each for each in "abcd" if each in ids] == ["c", "d"]


def test_more_ids_at_once_than_are_remembered_are_remembered_all_the_same() -> None:
    ids = kept(Stored())
    assert ids.after(["a", "b"], 1) == (1, [])
    ids.add(1, ["a", "b"], [])
    assert "b" in ids
