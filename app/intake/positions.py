"""The positions of intake in their topic: how far each source was read, as the last transaction of each left it."""

from typing import Final

from app.runtime.kafka.log_reader import LogReader

POSITION_PARTITION: Final = 0
READ_RECORDS: Final = 10_000
WAIT_MS: Final = 100


class Positions:
    """The values of all keys with a prefix, as of the last refresh."""

    def __init__(self, reader: LogReader, prefix: bytes) -> None:
        self._reader = reader
        self._prefix = prefix
        self._begun = False
        self.values: dict[bytes, bytes] = {}
        """Key without the prefix -> value."""

    async def refresh(self) -> None:
        """Reads up to the end that the log has now.

        All sources share one partition. An open transaction of one source hides from readers what the others have
        committed behind its first record. So this waits until everything up to the end is committed or aborted: a
        position that was missed would make events come twice.
        """
        if not self._begun:
            self._reader.seek(await self._reader.earliest())
            self._begun = True
        end: int | None = None
        while True:
            fetched = await self._reader.read(records_max=READ_RECORDS, wait_ms=1 if end is None else WAIT_MS)
            if end is None:
                end = self._reader.log_end
            for record in fetched.records:
                self._take(record.key or b"", record.value)
            if fetched.next_offset >= end:
                return

    def _take(self, key: bytes, value: bytes | None) -> None:
        if not key.startswith(self._prefix):
            return
        name = key.removeprefix(self._prefix)
        if value is None:
            self.values.pop(name, None)
        else:
            self.values[name] = value
