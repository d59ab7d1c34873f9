"""Shards that may be read, and records that a producer has put together."""

from hashlib import md5

import pytest

from app.intake.aggregated import MAGIC, hash_key_of, records_of
from app.intake.kinesis_shards import Shard, ShardPosition, readable
from app.intake.kinesis_task import _records


def position(*, ended: bool) -> ShardPosition:
    return ShardPosition(created_ms=1, sequence="5", ended=ended)


def names(shards: list[Shard], positions: dict[str, ShardPosition]) -> list[str]:
    return [each.id for each in readable(shards, positions, share=0, partitions=1)]


def test_a_child_is_read_when_all_its_parents_are_at_their_ends() -> None:
    shards = [Shard(id="a"), Shard(id="b"), Shard(id="c", parents=("a", "b"))]
    assert names(shards, {}) == ["a", "b"]
    assert names(shards, {"a": position(ended=True)}) == ["b"]
    assert names(shards, {"a": position(ended=True), "b": position(ended=False)}) == ["b"]
    assert names(shards, {"a": position(ended=True), "b": position(ended=True)}) == ["c"]


def test_a_parent_that_nobody_knows_any_more_is_not_waited_for() -> None:
    assert names([Shard(id="c", parents=("gone",))], {}) == ["c"]
    assert names([Shard(id="c", parents=("gone",))], {"gone": position(ended=False)}) == ["gone"]


def test_each_shard_is_in_one_share() -> None:
    shards = [Shard(id=f"shardId-{number:012}") for number in range(50)]
    found = [[each.id for each in readable(shards, {}, share=share, partitions=4)] for share in range(4)]
    assert sorted(name for some in found for name in some) == [each.id for each in shards]
    assert all(found)


def field(number: int, value: bytes | int) -> bytes:
    """A field of protobuf with a short value."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def aggregated(*records: tuple[str, bytes]) -> bytes:
    message = b"".join(field(1, key.encode()) for key, _ in records)
    message += b"".join(field(3, field(1, index) + field(3, data)) for index, (_, data) in enumerate(records))
    return MAGIC + message + md5(message, usedforsecurity=False).digest()


def told(data: bytes) -> list[dict[str, object]]:
    from datetime import UTC, datetime

    arrival = datetime.fromtimestamp(1_767_225_600, UTC)
    return [{"Data": data, "SequenceNumber": "9", "PartitionKey": "k", "ApproximateArrivalTimestamp": arrival}]


def test_records_that_were_put_together_are_taken_apart_with_a_place_each() -> None:
    data = aggregated(("ann", b"one"), ("ben", b"two"))
    found = list(_records(Shard(id="s"), told(data)))
    assert [(each.key, each.value, each.offset) for each in found] == [(b"ann", b"one", "9.0"), (b"ben", b"two", "9.1")]


def test_a_record_inside_that_belongs_to_another_shard_is_left_to_it() -> None:
    data = aggregated(("ann", b"one"), ("ben", b"two"))
    hash_key = hash_key_of("ann")
    shard = Shard(id="s", hash_keys=range(hash_key, hash_key + 1))
    assert [each.value for each in _records(shard, told(data))] == [b"one"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", MAGIC, MAGIC + b"x" * 20, aggregated(("ann", b"one"))[:-1], aggregated()[:4] + b"\x0b" * 16]
)
def test_anything_else_is_one_plain_record(data: bytes) -> None:
    assert records_of(data) is None
    (found,) = _records(Shard(id="s"), told(data))
    assert found.value == data
    assert found.offset == "9"


def test_a_message_that_is_cut_off_inside_is_a_plain_record() -> None:
    message = field(1, b"ann") + b"\x1a\x7fx"
    assert records_of(MAGIC + message + md5(message, usedforsecurity=False).digest()) is None
