"""Points out of a Parquet file of rows: the latest row of each user, as numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.errors import UserError
from app.offline.row_files import METADATA, RowsMetadata

WRITTEN_BY: Final = "shoal rows EVENTS --features FILE --output rows.parquet"
Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Points:
    """One point a user. values: users x columns, NaN where a value is missing; labels: name -> an outcome a user."""

    columns: tuple[str, ...]
    values: Numbers
    labels: dict[str, Numbers]
    left_out: tuple[str, ...] = ()


def read_rows(path: Path) -> tuple[pa.Table, RowsMetadata]:
    """The rows of a file, and what made them. UserError for what cannot be read."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"cannot read {path}: {str(error).splitlines()[0]}", hint=WRITTEN_BY) from None
    encoded = (table.schema.metadata or {}).get(METADATA)
    if encoded is None:
        raise UserError(f"{path} was not written by shoal rows", hint=WRITTEN_BY)
    try:
        metadata = msgspec.json.decode(encoded, type=RowsMetadata)
    except msgspec.MsgspecError as error:
        raise UserError(f"the metadata of {path} cannot be read: {error}") from None
    return table, metadata


def read_points(path: Path) -> tuple[Points, RowsMetadata, frozenset[str]]:
    """The points, what made the rows, and the columns that are true or false. UserError for what cannot be read.

    Columns of texts are left out, and those in which all users have the same value.
    """
    table, metadata = read_rows(path)
    latest = latest_rows(table)
    booleans = frozenset(name for name in table.schema.names if pa.types.is_boolean(table.schema.field(name).type))
    columns, values, left_out = [], [], []
    for name in metadata.values:
        numbers = numbers_of_column(latest, name)
        if numbers is None or len(np.unique(numbers[~np.isnan(numbers)])) < 2:
            left_out.append(name)
        else:
            columns.append(name)
            values.append(numbers)
    if not columns:
        raise UserError(f"no value of {path} differs between users", hint="clusters need values that are numbers")
    labels = {name: found for name in metadata.labels if (found := numbers_of_column(latest, name)) is not None}
    return Points(tuple(columns), np.column_stack(values), labels, tuple(left_out)), metadata, booleans


def latest_rows(table: pa.Table) -> pa.Table:
    """The last row of each user; rows are in order of time."""
    last: dict[Any, int] = {user: number for number, user in enumerate(table.column("user").to_pylist())}
    return table.take(pa.array(sorted(last.values()), type=pa.int64()))


def numbers_of_column(table: pa.Table, name: str) -> Any:
    """A column as floats, NaN where nothing is; None for texts."""
    column = table.column(name)
    if not (pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        return None
    return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], dtype=np.float64)
