"""Mistakes that a runtime could make with link records, planted one at a time."""

from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka.structs import TopicPartition

from app.runtime.delivery.at_least_once import AtLeastOnce
from app.runtime.delivery.commit import OutputTopics
from app.runtime.delivery.delivery import Commit, PartitionRows
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.partition.environment import Log
from app.runtime.partition.partition_task import PartitionTask
from app.runtime.partition.restore import Restored
from app.runtime.records.journal import JournalEntry
from app.segments.partition.partition import Batch
from tests.simulation.planted import WithDelivery, WithRestore, WithTask, planted
from tests.simulation.run import Run


class WithPeople(Run):
    """A run in which users have several keys."""

    def __post_init__(self) -> None:
        self.people = True
        super().__post_init__()


class Sooner(ExactlyOnce):
    """Two transactions."""

    async def commit(self, commit: Commit) -> None:
        links, commit.links = commit.links, []
        if links:
            await super().commit(Commit(next_offset=commit.next_offset, links=links))
        await super().commit(commit)


@planted("links-sooner", "link records are written before the batch, in a transaction of their own")
class LinksSooner(WithPeople, WithDelivery):
    """See its meaning."""

    delivery = Sooner


class Later(ExactlyOnce):
    """Two transactions."""

    async def commit(self, commit: Commit) -> None:
        links, commit.links = commit.links, []
        await super().commit(commit)
        if links:
            await super().commit(Commit(next_offset=commit.next_offset, links=links))


@planted("links-later", "link records are written after the batch, in a transaction of their own")
class LinksLater(WithPeople, WithDelivery):
    """See its meaning."""

    delivery = Later


class Outside(ExactlyOnce):
    """Writes the link records by another producer, which has no transactions."""

    async def commit(self, commit: Commit) -> None:
        links, commit.links = commit.links, []
        writer: Any = self._writer
        owner, writer._owner = writer._owner, None
        await writer.write([], elsewhere=links)
        writer._owner = owner
        await super().commit(commit)


@planted("links-outside", "link records are written outside of the transaction")
class LinksOutside(WithPeople, WithDelivery):
    """See its meaning."""

    delivery = Outside


@planted("links-at-home", "link records are written into the partition of the worker that sends them")
class LinksAtHome(WithPeople):
    """See its meaning."""

    def layout(self, partition: int) -> OutputTopics:
        """Returns the output topics with the planted bug."""

        class AtHome(OutputTopics):
            def link_rows(self, links: Iterable[tuple[str, bytes]]) -> list[PartitionRows]:
                rows = [row for _, rows in super().link_rows(links) for row in rows]
                return [(TopicPartition(self.topics.clickstream, self.partition), rows)] if rows else []

        right = super().layout(partition)
        return AtHome(
            topics=right.topics,
            partition=partition,
            partitions=right.partitions,
            own_topics=right.own_topics,
            source=right.source,
        )


class OnePartition(ExactlyOnce):
    """Writes to one of the other partitions."""

    async def commit(self, commit: Commit) -> None:
        commit.links = commit.links[:1]
        await super().commit(commit)


@planted("links-to-one-partition", "of link records for several partitions only those of the first are written")
class LinksToOnePartition(WithPeople, WithDelivery):
    """See its meaning."""

    delivery = OnePartition


@planted("links-of-time-forgotten", "link records that time brings about, without a record, are not written")
class LinksOfTimeForgotten(WithPeople, WithTask):
    """See its meaning."""

    class task(PartitionTask):  # noqa: N801  # an attribute of the run
        """Writes the links of records."""

        async def _commit(
            self, outcome: Batch, entries: Sequence[JournalEntry], *, records: int, began_s: float
        ) -> None:
            if not records:
                outcome.links = []
            await super()._commit(outcome, entries, records=records, began_s=began_s)


class LinksLast(AtLeastOnce):
    """Another order."""

    async def commit(self, commit: Commit) -> None:
        links, commit.links = commit.links, []
        await super().commit(commit)
        if links:
            await self._writer.write([], elsewhere=links)


@planted("without: links-last", "without transactions, link records are written after the position", transactions=False)
class WithoutLinksLast(WithPeople, WithDelivery):
    """See its meaning."""

    delivery = LinksLast


@planted(
    "without: no-link-sent-again", "link records of profiles beyond the position are not sent again", transactions=False
)
class NoLinkSentAgain(WithPeople, WithRestore):
    """See its meaning."""

    async def restore(self, changelog: Log, journal: Log, *given: Any) -> Restored:
        """Restores with the planted bug."""
        restored = await super().restore(changelog, journal, *given)
        restored.resend_links = []
        return restored
