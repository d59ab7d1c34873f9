"""Changes as a worker writes them, for the tests of those who read them."""

from collections import Counter
from collections.abc import Iterable

from app.events.instants import iso
from app.runtime.kafka.clients import connect
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.segments.evaluation.change import Atom, Cause, Change, ChangeKind, change_id
from app.settings import Settings
from tests.support.partitions import partition_of

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SEQUENCE = 1_767_225_600_000


class ChangesOnKafka:
    """Writes changes to the topic of changes of a deployment, each user's sequence growing by one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._writers: dict[int, LogWriter] = {}
        self._sequences: Counter[str] = Counter()

    async def open(self) -> None:
        """Makes the topics."""
        client = await connect(self.settings)
        await ensure_topics(self.settings, client, topic_specs(self.settings, ()))
        await client.close()

    async def close(self) -> None:
        """Disconnects."""
        for writer in self._writers.values():
            await writer.close()

    def change(self, user: str, kind: ChangeKind, segment: str = "viewers", **attach: object) -> Change:
        """The user's next change."""
        self._sequences[user] += 1
        sequence = SEQUENCE + self._sequences[user]
        return Change(
            id=change_id(user, sequence),
            user=user,
            segment=segment,
            version="abc123",
            change=kind,
            times=1,
            at=iso(START_MS + 1_000 * self._sequences[user]),
            sequence=sequence,
            cause=Cause("event", "m-1"),
            evidence=[Atom("count('Product Viewed') >= 2", 2)],
            attach=attach,
            valid_until=None,
        )

    async def write(self, changes: Iterable[Change]) -> None:
        """Appends them, in order."""
        await self.write_raw(
            (change.user.encode(), change.encode(), change.headers("/shoal/test")) for change in changes
        )

    async def write_raw(self, records: Iterable[Row]) -> None:
        """Appends records, each to the partition of its key."""
        rows: dict[int, list[Row]] = {}
        for row in records:
            rows.setdefault(partition_of(row[0] or b"", self.settings.partitions), []).append(row)
        for partition, some in rows.items():
            await self.write_to(partition, self.settings.topics.changes, some)

    async def write_to(self, partition: int, topic: str, rows: list[Row]) -> None:
        """Appends records to a partition of a topic."""
        writer = self._writers.get(partition)
        if writer is None:
            writer = self._writers[partition] = LogWriter(self.settings, partition=partition)
            await writer.open()
        await writer.write([(topic, rows)])
