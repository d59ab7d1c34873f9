"""Export of one partition: its records become rows, its position moves when all of them are in files."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.errors import UserError
from app.settings import Settings
from app.warehouse.day_files import DayFiles, Written
from app.warehouse.rows import Row, day_of
from app.warehouse.store import Store
from app.warehouse.tables import Table

FORMAT: Final = 1


class _Position(msgspec.Struct, frozen=True):
    """Content of a position's file. Records of the topic before `offset` are in files."""

    topic: str
    offset: int
    format: int = FORMAT


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Position).decode


class PartitionExport:
    """One partition of a table. Every method blocks.

    A position that is lost, or behind, costs time and nothing else: files know what they have.
    """

    def __init__(self, store: Store, table: Table, partition: int, settings: Settings) -> None:
        self._store = store
        self._table = table
        self._files = DayFiles(store, table, partition, bytes_max=settings.warehouse_file_bytes_max)
        self._path = f"_shoal/{table.name}/p{partition:04d}.json"

    def position(self) -> int | None:
        """Returns the offset to read next; None if nothing was exported. Raises UserError for another topic's files."""
        found = self._store.read(self._path)
        if found is None:
            return None
        try:
            position = _decode(found.data)
        except msgspec.DecodeError as error:
            raise UserError(
                f"{self._path} cannot be read: {error}", hint="delete it: the export then compares all files anew"
            ) from None
        if position.topic != self._table.topic:
            raise UserError(
                f"{self._table.name} holds records of the topic {position.topic}, not of {self._table.topic}",
                hint="another deployment needs another folder: SHOAL_WAREHOUSE or --to",
            )
        return position.offset

    def write(self, records: Sequence[Any], next_offset: int) -> Written:
        """Writes records to the files of their days, then the position. Raises ConflictError."""
        by_day: dict[str, list[Row]] = {}
        for record in records:
            row = self._table.read(record)
            by_day.setdefault(day_of(row), []).append(row)
        written = Written()
        for day, rows in sorted(by_day.items()):
            written.add(self._files.add(day, rows))
        self._store.overwrite(self._path, _encode(_Position(self._table.topic, next_offset)))
        return written
