"""Parquet files of one partition of a topic: in a folder for each day, each file with rows in order of their offsets.

There is no separate compaction: the last file of a day is written again with the new rows at its end, until it is
large enough, and then the next one begins. Each file says how far it has come, so rows that it has are not added again.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.errors import UserError, install_command
from app.warehouse.rows import Row
from app.warehouse.store import ConflictError, Store
from app.warehouse.tables import Table

END: Final = b"shoal.end"
"""Key in the metadata of a file: the offset after its last row."""


@dataclass(slots=True)
class Written:
    """Amounts that were written."""

    rows: int = 0
    files: int = 0
    bytes: int = 0

    def add(self, other: "Written") -> None:
        """Adds the amounts of another."""
        self.rows += other.rows
        self.files += other.files
        self.bytes += other.bytes


@dataclass(frozen=True, slots=True)
class _LastFile:
    path: str
    version: str
    bytes: int
    end: int


class DayFiles:
    """The files of one partition of a table. `bytes_max`: a file of this size grows no more."""

    def __init__(self, store: Store, table: Table, partition: int, *, bytes_max: int) -> None:
        self._store = store
        self._table = table
        self._partition = partition
        self._bytes_max = bytes_max
        self._schema = make_schema(table)
        self._last_by_day: dict[str, _LastFile | None] = {}

    def add(self, day: str, rows: Sequence[Row]) -> Written:
        """Writes what the files of a day do not have yet; rows come in order of their offsets. Raises ConflictError."""
        if day not in self._last_by_day:
            self._last_by_day[day] = self._look(day)
        last = self._last_by_day[day]
        if last is not None:
            rows = [row for row in rows if row["kafka_offset"] >= last.end]
        if not rows:
            return Written()
        new = self._columns(rows)
        if last is not None and last.bytes < self._bytes_max:
            path, replaces = last.path, last.version
            new = self._together(last, new)
        else:
            path, replaces = f"{self._folder(day)}/{self._prefix}{rows[0]['kafka_offset']:019d}.parquet", None
        end = rows[-1]["kafka_offset"] + 1
        data = self._encode(new, end)
        del self._last_by_day[day]  # if the next line fails, the file is looked at again
        version = self._store.write(path, data, replaces=replaces)
        self._last_by_day[day] = _LastFile(path, version, len(data), end)
        return Written(rows=len(rows), files=1, bytes=len(data))

    @property
    def _prefix(self) -> str:
        return f"p{self._partition:04d}-"

    def _folder(self, day: str) -> str:
        return f"{self._table.name}/date={day}"

    def _look(self, day: str) -> _LastFile | None:
        import pyarrow.parquet

        path = self._store.last(self._folder(day), self._prefix)
        found = None if path is None else self._store.read(path)
        if path is None or found is None:
            return None
        try:
            metadata = pyarrow.parquet.read_schema(io.BytesIO(found.data)).metadata or {}
            end = int(metadata[END])
        except (KeyError, ValueError, pyarrow.ArrowException) as error:
            raise UserError(
                f"{path} is not a file of Shoal: {str(error) or type(error).__name__}",
                hint="move it away; the folders of the warehouse are for Shoal's files only",
            ) from None
        return _LastFile(path, found.version, len(found.data), end)

    def _columns(self, rows: Sequence[Row]) -> Any:
        import pyarrow

        columns = [
            pyarrow.array(
                [self._partition] * len(rows) if name == "kafka_partition" else [row.get(name) for row in rows],
                field.type,
            )
            for name, field in zip(self._schema.names, self._schema, strict=True)
        ]
        return pyarrow.Table.from_arrays(columns, schema=self._schema)

    def _together(self, last: _LastFile, new: Any) -> Any:
        """The rows of a file, and new ones. A column that only one of both has is null in the other."""
        import pyarrow.parquet

        found = self._store.read(last.path)
        if found is None or found.version != last.version:
            raise ConflictError(f"{last.path} was written by another process")
        old = pyarrow.parquet.read_table(io.BytesIO(found.data), partitioning=None).replace_schema_metadata(None)
        try:
            return pyarrow.concat_tables([old, new], promote_options="default")
        except pyarrow.ArrowException as error:
            raise UserError(
                f"{last.path} has other columns than this version of Shoal writes: {error}",
                hint="use another folder (SHOAL_WAREHOUSE), or the version of Shoal that wrote it",
            ) from None

    def _encode(self, columns: Any, end: int) -> bytes:
        import pyarrow.parquet

        sink = io.BytesIO()
        metadata = {
            END: str(end).encode(),
            b"shoal.table": self._table.name.encode(),
            b"shoal.topic": self._table.topic.encode(),
        }
        pyarrow.parquet.write_table(columns.replace_schema_metadata(metadata), sink, compression="zstd")
        return sink.getvalue()


def make_schema(table: Table) -> Any:
    """The columns of a table as Parquet has them. Raises UserError if pyarrow is not installed."""
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise UserError("writing Parquet files needs pyarrow", hint=install_command("warehouse")) from None
    types = {
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "small": pyarrow.int32(),
        "time": pyarrow.timestamp("ms", tz="UTC"),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in table.columns.items()])
