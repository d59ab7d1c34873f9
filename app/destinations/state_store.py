"""Stored states of users at a destination: a compacted topic with the partitions of the changes."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_readers import whole
from app.runtime.kafka.record_batch import Row

READ_RECORDS: Final = 20_000

WriteRows = Callable[[Sequence[Row]], Awaitable[None]]
"""Writes rows to the topic of states; they are there once it has returned."""


class PartitionStates:
    """States of one destination in one partition. The contract: `app.destinations.kind.StateStore`."""

    def __init__(self, destination: str, partition: int, write: WriteRows) -> None:
        self.partition = partition
        self._destination = destination
        self._write = write
        self._rows: dict[str, bytes] = {}

    @property
    def rows(self) -> Mapping[str, bytes]:
        """The states by user."""
        return self._rows

    def take(self, user: str, value: bytes | None) -> None:
        """A record of the topic."""
        if value is None:
            self._rows.pop(user, None)
        else:
            self._rows[user] = value

    async def put(self, rows: Mapping[str, bytes | None]) -> None:
        """See `StateStore`."""
        if rows:
            await self._write([(state_key(self._destination, user), value, []) for user, value in rows.items()])
        for user, value in rows.items():
            self.take(user, value)


def state_key(destination: str, user: str) -> bytes:
    """Key of a record; no name of a destination has a colon."""
    return f"{destination}:{user}".encode()


async def read_partition_states(
    reader: LogReader, names: Collection[str], *, partition: int, write: WriteRows
) -> dict[str, PartitionStates]:
    """The states of these destinations."""
    found = {name: PartitionStates(name, partition, write) for name in names}
    async for records in whole(reader, records_max=READ_RECORDS):
        for record in records:
            name, _, user = (record.key or b"").decode(errors="replace").partition(":")
            if name in found:
                found[name].take(user, record.value)
    return found
