"""Delivery without transactions: state exactly once, changes at least once, by the order of writes alone.

1. Results of claims, dead letters, late events, then journal entries. A restart repeats an announced move instead of
   making another one; and no record is skipped as seen before its dead letter or late event is safe.
2. Profiles, each with the input offset it has reached, its user's own changes and link records.
   From here on these records are never processed again for these users.
3. The changes, then the link records.
4. The position. A restart sends the changes and link records of profiles beyond it once more, from the profiles: it
   cannot know whether 3 had happened.

Each group is acknowledged before the next is sent. An earlier owner that wakes up late is not fenced; its profiles
lose against those that came further, since a restore takes the furthest and not the latest.
"""

from app.runtime.delivery.delivery import Commit
from app.runtime.kafka.log_writer import LogWriter


class AtLeastOnce:
    """See `Delivery`."""

    committed_only = False

    def __init__(self, writer: LogWriter, *, changelog: str) -> None:
        self._writer = writer
        self._changelog = changelog

    async def open(self) -> None:
        await self._writer.open()

    async def commit(self, commit: Commit) -> None:
        write = self._writer.write
        for group in commit.announced:
            await write([group])
        if commit.profiles:
            await write([(self._changelog, commit.profiles)])
        if commit.changes:
            await write(commit.changes)
        if commit.links:
            await write([], elsewhere=commit.links)
        if commit.position:
            await write([(self._changelog, commit.position)])

    def end_of(self, topic: str, default: int) -> int:
        return self._writer.ends.get(topic, default)

    async def close(self) -> None:
        await self._writer.close()

    async def abandon(self) -> None:
        await self._writer.abandon()
