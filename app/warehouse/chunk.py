"""Records that were read and are not written yet."""

from collections.abc import Sequence
from typing import Any, Final

ROWS_MAX: Final = 50_000
BYTES_MAX: Final = 8 << 20


class Chunk:
    """`next_offset`: where reading goes on after the last of them."""

    def __init__(self, next_offset: int) -> None:
        self.records: list[Any] = []
        self.next_offset = next_offset
        self._bytes = 0

    def take(self, records: Sequence[Any], next_offset: int) -> None:
        """Adds what was read."""
        self.records += records
        self.next_offset = next_offset
        self._bytes += sum(len(record.value or b"") for record in records)

    @property
    def full(self) -> bool:
        """True if it should be written before more is read."""
        return len(self.records) >= ROWS_MAX or self._bytes >= BYTES_MAX
