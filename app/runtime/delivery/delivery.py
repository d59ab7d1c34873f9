"""Delivery strategies: everything that one step of a partition writes, written as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from aiokafka.structs import TopicPartition

from app.runtime.kafka.record_batch import Row

TopicRows: TypeAlias = tuple[str, Sequence[Row]]
PartitionRows: TypeAlias = tuple[TopicPartition, Sequence[Row]]


@dataclass(slots=True)
class Commit:
    """Everything one micro-batch (or idle move) writes, in five groups, and the input offset it reaches.

    announced: results of claims, dead letters, late events, then journal entries: safe in this order.
    profiles: the changed profiles, each with its user's own changes, for the changelog.
    changes: for the topics that others read.
    links: link records for other partitions of the input topic, steps of erasures, counts of a census, by partition.
    position: the position record and tombstones, for the changelog; must not become visible before the others.
    """

    next_offset: int
    announced: list[TopicRows] = field(default_factory=list)
    profiles: list[Row] = field(default_factory=list)
    changes: list[TopicRows] = field(default_factory=list)
    links: list[PartitionRows] = field(default_factory=list)
    position: list[Row] = field(default_factory=list)


class FencedError(Exception):
    """Another worker has opened the partition: this one must not write any more."""

    def __init__(self) -> None:
        super().__init__("another worker has this partition now")


class Delivery(Protocol):
    """One partition's way of writing commits. After an exception it is good for nothing but `abandon`."""

    @property
    def committed_only(self) -> bool:
        """True if the changelog, journal and input are to be read without what was never committed."""

    async def open(self) -> None:
        """Connects. When it returns, no earlier owner of the partition can write any more, as far as the strategy
        can see to that."""

    async def commit(self, commit: Commit) -> None:
        """Writes all of it; returns when all of it is written for good. An exception leaves it in doubt."""

    def end_of(self, topic: str, default: int) -> int:
        """The offset behind the last record of a topic written here; `default` if none was."""

    async def close(self) -> None:
        """The end, when nothing is in doubt."""

    async def abandon(self) -> None:
        """The end otherwise: what is under way is not completed. Never raises, and does not take long."""
