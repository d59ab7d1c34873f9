"""Delivery with transactions: everything a micro-batch brings about becomes visible together, or not at all.

One transaction a commit, one transactional id an input partition: a new owner of the partition fences an earlier one
when it opens, and ends what that one had begun. Readers with `isolation.level=read_committed` see every change once.
The order of the groups does not matter here. The position goes into the changelog like the profiles, so both are
read back in one pass and cannot disagree; the group's offsets are for lag tools and are told outside.
"""

from aiokafka.errors import KafkaError

from app.runtime.delivery.delivery import Commit, FencedError, TopicRows
from app.runtime.kafka.log_writer import LogWriter, is_fenced


class ExactlyOnce:
    """See `Delivery`."""

    committed_only = True

    def __init__(self, writer: LogWriter, *, changelog: str) -> None:
        self._writer = writer
        self._changelog = changelog

    async def open(self) -> None:
        await self._writer.open()

    async def commit(self, commit: Commit) -> None:
        groups: list[TopicRows] = [*commit.announced, *commit.changes]
        if changelog := [*commit.profiles, *commit.position]:
            groups.append((self._changelog, changelog))
        producer = self._writer.producer
        try:
            await producer.begin_transaction()
            # Every delivery is awaited before the end: a failed batch alone does not make the transaction fail.
            await self._writer.write(groups, elsewhere=commit.links)
            await producer.commit_transaction()
        except KafkaError as error:
            if is_fenced(error):
                raise FencedError from error
            raise

    def end_of(self, topic: str, default: int) -> int:
        return self._writer.ends.get(topic, default)

    async def close(self) -> None:
        await self._writer.close()

    async def abandon(self) -> None:
        await self._writer.abandon()
