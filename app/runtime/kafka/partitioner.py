"""Partition of a user: every writer and reader of a topic must agree with the Java client."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Java's client chooses for a key.

    >>> [partition_of(user, 24) for user in (b"u-1", b"u-2", b"u-42")]
    [7, 22, 1]
    """
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
