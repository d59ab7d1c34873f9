"""A record of the input topic, before it is written, and the partition it belongs to."""

from typing import NamedTuple

from app.runtime.kafka.partitioner import partition_of
from app.simulation.wire import Delivery


class Record(NamedTuple):
    """Record to be written: `timestamp_ms` becomes the Kafka record's timestamp."""

    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class Homes:
    """Partitions of keys, each computed once; the memory has a limit, at which it begins anew."""

    _KEYS_MAX = 1_000_000

    def __init__(self, partitions: int) -> None:
        assert partitions > 0, partitions
        self._partitions = partitions
        self._homes: dict[bytes, int] = {}

    def __getitem__(self, key: bytes) -> int:
        home = self._homes.get(key)
        if home is None:
            if len(self._homes) >= self._KEYS_MAX:
                self._homes.clear()
            home = self._homes[key] = partition_of(key, self._partitions)
        return home

    def record(self, delivery: Delivery) -> Record:
        """A delivery as a record; without a key it goes to partition 0."""
        partition = 0 if delivery.key is None else self[delivery.key]
        return Record(partition, delivery.key, delivery.value, delivery.arrival_ms)
