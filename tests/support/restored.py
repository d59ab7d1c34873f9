"""Changes of records that are read one at a time, each by a partition that was restored."""

from collections.abc import Callable, Sequence

from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord


def changes_in_any_batches(new: Callable[..., Partition], records: Sequence[PipedRecord], user: str) -> int:
    """Asserts that changes, and what is held of a user, are the same in one batch, off the fast path, and one at a time
    by restored partitions. `new`: makes an empty partition, with the settings of `Partition`. Returns their number."""
    whole = new()
    expected = [change.encode() for change in whole.process(records).changes]
    assert [change.encode() for change in new(fast=False).process(records).changes] == expected
    found: list[bytes] = []
    held: dict[str, bytes | None] = {}
    position = None
    partition = whole
    for record in records:
        partition = new()
        for key, profile in held.items():
            partition.restore(key, profile, offset=record.offset)
        if position is not None:
            partition.restore_position(position)
        batch = partition.process([record])
        held |= batch.profiles
        position = partition.position()
        found += [change.encode() for change in batch.changes]
    assert found == expected
    assert partition.encoded[user] == whole.encoded[user]
    return len(expected)
