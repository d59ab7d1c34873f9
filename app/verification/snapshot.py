"""Taking a snapshot: reads profiles and positions of all partitions at a committed place, while workers go on.

Theory of operation. With transactions, the committed part of a changelog ends between two commits, so what is read to
that end is what some commit has left. Without, profiles may be ahead of the position; their envelopes say so, and who
restores them skips for each user what their profile has seen.

The ends of the other topics are read before and after. What was visible before belongs to the snapshot, since its
commit is awaited in every changelog; what is written after the second look does not. Between the two ends only the
numbers of a user's changes tell.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from app.console.running import reporting
from app.errors import UserError
from app.runtime.records.envelope import POSITION_KEY, Reached, decode_position, decode_profile, is_further
from app.runtime.records.journal import encode_entry
from app.segments.partition.position import CATALOG_KEY, read_catalog_entry
from app.settings import Settings
from app.verification.snapshot_file import FORMAT, Ends, Head, Place, Snapshot, Span, writing
from app.verification.topic_contents import Cluster

TOPICS: Final = ("clickstream", "profiles", "changes", "journal")


@dataclass(slots=True)
class SnapshotJob:
    """One snapshot; the numbers are there after `run`."""

    settings: Settings
    path: Path
    timeout_s: float
    doing: str = "looking for the topics"
    partitions: int = 0
    users: int = 0
    file_bytes: int = 0

    async def run(self, console: Console) -> None:
        """Reads and writes the file. UserError if the topics are not there, or the file cannot be written."""
        async with Cluster(self.settings) as cluster:
            self.partitions = cluster.partitions
            await reporting(self._run(cluster), console, lambda: self.doing)

    async def _run(self, cluster: Cluster) -> None:
        topics = cluster.topics
        partitions = range(cluster.partitions)
        self.doing = "reading the ends of the topics"
        inputs = [await cluster.end_offset(topics.clickstream, each) for each in partitions]
        changes = [await cluster.end_offset(topics.changes, each) for each in partitions]
        for partition in partitions:
            await self._settled(cluster, topics.profiles, partition)
        head = Head(FORMAT, self.settings.app_id, int(time.time() * 1000), cluster.partitions, origin(self.settings))
        try:
            with writing(self.path, head) as writer:
                for partition in partitions:
                    self.doing = f"reading {topics.profiles}: partition {partition + 1} of {cluster.partitions}"
                    values = await _newest_values(cluster, partition)
                    place = await self._place(cluster, partition, values)
                    writer.add(place, values.items())
                    self.users += len(values) - (place.version is not None)
                writer.finish(
                    Ends(
                        await self._spans(cluster, topics.clickstream, inputs),
                        await self._spans(cluster, topics.changes, changes),
                    )
                )
        except OSError as error:
            raise UserError(f"cannot write the snapshot {self.path}: {error.strerror}") from None
        self.file_bytes = self.path.stat().st_size

    async def _place(self, cluster: Cluster, partition: int, values: dict[bytes, bytes]) -> Place:
        """The place of a partition; takes the position out of the values."""
        topics = cluster.topics
        encoded = values.pop(POSITION_KEY, None)
        stored = None if encoded is None else decode_position(encoded)
        await self._settled(cluster, topics.journal, partition)
        journal_end = await cluster.end_offset(topics.journal, partition)
        journal = await cluster.journal(partition, begin=None if stored is None else stored.journal_offset)
        catalog = values.get(CATALOG_KEY.encode())
        entry = None if catalog is None else decode_profile(catalog).profile
        return Place(
            partition=partition,
            offset=await cluster.earliest(topics.clickstream, partition) if stored is None else stored.reached.offset,
            position=encoded,
            version=None if entry is None else read_catalog_entry(entry).version,
            entries=tuple(map(encode_entry, journal)),
            journal_end=journal_end,
        )

    async def _spans(self, cluster: Cluster, topic: str, first: Sequence[int]) -> tuple[Span, ...]:
        return tuple(
            [
                Span(begin, await cluster.end_offset(topic, partition, open_too=True))
                for partition, begin in enumerate(first)
            ]
        )

    async def _settled(self, cluster: Cluster, topic: str, partition: int) -> None:
        if not await cluster.settled(topic, partition, wait_s=self.timeout_s):
            raise UserError(
                f"{topic} partition {partition} has had an open transaction for {self.timeout_s:g} s",
                hint="does its worker still live? The broker ends the transaction of a dead one; try again then",
            )


def origin(settings: Settings) -> tuple[str, ...]:
    """The topics that a snapshot belongs to."""
    topics = settings.topics
    return topics.clickstream, topics.profiles, topics.changes, topics.journal


def check_origin(snapshot: Snapshot, settings: Settings, *, partitions: int) -> None:
    """UserError if a snapshot is of another deployment."""
    head = snapshot.head
    ours = ("app_id", settings.app_id), *zip(TOPICS, origin(settings), strict=True), ("partitions", str(partitions))
    theirs = (head.app_id, *head.topics, str(head.partitions))
    other = [f"{name}: {found}, here {own}" for (name, own), found in zip(ours, theirs, strict=True) if own != found]
    if other:
        raise UserError(
            f"the snapshot {snapshot.path} is of another deployment",
            detail="\n".join(other),
            hint="SHOAL_APP_ID, SHOAL_TOPIC_PREFIX and --broker say which deployment is verified",
        )


def check_place(snapshot: Snapshot, certain: Sequence[Reached]) -> None:
    """UserError if workers have not come as far as a snapshot."""
    for place, reached in zip(snapshot.places, certain, strict=True):
        if reached.offset < place.offset:
            raise UserError(
                f"the snapshot {snapshot.path} is at offset {place.offset:,} of partition {place.partition}, "
                f"the workers are at {max(reached.offset, 0):,}",
                hint="it is of another Kafka, or the topics were deleted after it was taken: take a new one",
            )


async def _newest_values(cluster: Cluster, partition: int) -> dict[bytes, bytes]:
    """Of each key of a changelog the value that has come furthest, as a worker restores it."""
    topic = cluster.topics.profiles
    values: dict[bytes, bytes] = {}
    async for records in cluster.read(topic, partition):
        for record in records:
            known = values.get(record.key)
            if record.value is None:
                values.pop(record.key, None)
            elif known is None or is_further(record.value, known):
                values[record.key] = record.value
    return values
