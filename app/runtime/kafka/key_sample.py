"""Are keys where they belong? A producer that chooses partitions in another way makes two users of one. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.events.message import WATERMARK
from app.runtime.kafka.partitioner import partition_of

MISPLACED: Final = (
    "partition %d: the key at offset %d belongs to partition %d; a producer chooses partitions in another way than the "
    "Java client (murmur2), which makes two users of one"
)


class _Typed(msgspec.Struct):
    type: str = ""


_decode = msgspec.json.Decoder(_Typed).decode


class KeySample:
    """Looks at one key of each fetch of a partition of the input."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self.misplaced = 0

    def look(self, records: Sequence[Any]) -> int | None:
        """The partition where Java's client puts the first key, if that is another; one without a key says nothing."""
        key = records[0].key if records else None
        if key is None:
            return None
        home = partition_of(key, self._partitions)
        if home == self._partition or _is_watermark(records[0].value):
            return None
        self.misplaced += 1
        return home


def _is_watermark(value: bytes | None) -> bool:
    """True if a record only moves the clock of its partition: such records are written to each one, under any key."""
    try:
        return _decode(value or b"").type == WATERMARK
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
