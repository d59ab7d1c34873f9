"""Partition of a key as Kafka's clients choose it."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """As Java's client does it."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
