"""Are keys where they belong? A producer that chooses partitions in another way makes two users of one. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from app.runtime.kafka.partitioner import partition_of

MISPLACED: Final = (
    "partition %d: the key at offset %d belongs to partition %d; a producer chooses partitions in another way than the "
    "Java client (murmur2), which makes two users of one"
)


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
        if home == self._partition:
            return None
        self.misplaced += 1
        return home
