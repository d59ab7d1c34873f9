"""Shards of a stream of Kinesis: which of them may be read now. Pure.

A shard that is split or merged ends, and others begin where it ended. The records of a key go on in a child, so a child
is read only when all its parents were read to their ends.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

HASH_KEYS: Final = 1 << 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard as the stream lists it, with the shards that it came from and the hash keys that it holds."""

    id: str
    parents: tuple[str, ...] = ()
    hash_keys: range = range(HASH_KEYS)


class ShardPosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """Progress in a shard, as it is kept: `sequence` is the last number that was read, "" before the first.

    `created_ms`: the creation of the stream. A stream of the same name that is created later is another one.
    """

    created_ms: int
    sequence: str = ""
    ended: bool = False


def share_of(shard_id: str, partitions: int) -> int:
    """The control partition whose owner reads a shard."""
    return zlib.crc32(shard_id.encode()) % partitions


def readable(
    shards: Sequence[Shard], positions: Mapping[str, ShardPosition], *, share: int, partitions: int
) -> Iterable[Shard]:
    """Yields the shards of a share that are to be read now, in the order of the list.

    A parent that is neither listed nor known has no records left. A shard of which some was read, but which is listed
    no more, is yielded all the same: the stream says if it is gone.
    """
    listed = {shard.id for shard in shards}
    known = listed | positions.keys()
    ended = {name for name, position in positions.items() if position.ended}
    unlisted = (Shard(id=name) for name in positions if name not in listed)
    for shard in (*shards, *unlisted):
        mine = share_of(shard.id, partitions) == share
        if mine and shard.id not in ended and all(each in ended or each not in known for each in shard.parents):
            yield shard
