"""Files of rows: Parquet, CSV or JSON lines, by the end of their name. One column a value, one line or row a moment.

A column has one type, found in its values: a number is a float, whatever it looks like, so that a file of another week
has the same types. What is neither a number, a boolean nor a text is JSON. Parquet says in its metadata (key `shoal`)
which features made it.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from app.errors import UserError, need_packages
from app.events.instants import iso_text
from app.offline.feature_rows import Row
from app.segments.definitions.features_file import Features
from app.segments.language import canonical

METADATA: Final = b"shoal"
ENDS: Final = (".parquet", ".csv", ".jsonl")
ROWS_A_GROUP: Final = 50_000

ColumnType = Literal["number", "boolean", "text", "json"]


class RowsMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Origin of the rows of a file.

    version: that of the features. values: column -> its expression. ahead_ms: windows of the labels. moments, warmup:
    as in the features file; empty in files of earlier versions. mixed: columns of lists, or of values of several types.
    classes: of a label of the next segment its values.
    """

    features: str
    version: str
    values: dict[str, str]
    labels: tuple[str, ...]
    ahead_ms: dict[str, int]
    moments: str = ""
    warmup: Literal["none", "wait"] = "none"
    mixed: tuple[str, ...] = ()
    classes: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of rows. `missing`: rows without a value."""

    name: str
    type: ColumnType
    values: list[Any]
    missing: int


def metadata_of(features: Features, columns: Sequence[Column]) -> RowsMetadata:
    """The metadata of rows of these features."""
    assert features.moments.when is not None, "features without moments"
    return RowsMetadata(
        features=features.name,
        version=features.version,
        values=features.expressions,
        labels=tuple(label.name for label in features.labels),
        ahead_ms={label.name: label.ahead_ms for label in features.labels},
        moments=canonical.text(features.moments.when),
        warmup=features.moments.warmup,
        mixed=tuple(column.name for column in columns if column.type == "json"),
        classes={label.name: label.classes for label in features.labels if label.classes},
    )


def check_rows_file(path: Path) -> None:
    """UserError for a file whose name does not say one of the formats, or that needs a package that is missing."""
    if path.suffix not in ENDS:
        raise UserError(
            f"--output {path} does not say its format", hint=f"give a name that ends with {', '.join(ENDS)}"
        )
    if path.suffix == ".parquet":
        need_packages(f"writing {path}", "learn", "pyarrow")


def columns_of(features: Features, rows: Sequence[Row]) -> list[Column]:
    """The columns of rows: user, at, the values and the labels."""
    made = [
        Column("user", "text", [row.user for row in rows], 0),
        Column("at", "text", [iso_text(row.at_ms) for row in rows], 0),
    ]
    for number, name in enumerate(features.columns):
        made.append(_column(name, [row.values[number] for row in rows]))
    for number, label in enumerate(features.labels):
        made.append(_column(label.name, [row.labels[number] for row in rows]))
    return made


def _column(name: str, values: list[Any]) -> Column:
    kinds = {type(value) for value in values if value is not None}
    missing = sum(value is None for value in values)
    if kinds <= {int, float}:
        return Column(name, "number", [None if value is None else float(value) for value in values], missing)
    if kinds == {bool}:
        return Column(name, "boolean", values, missing)
    if kinds == {str}:
        return Column(name, "text", values, missing)
    return Column(
        name, "json", [None if value is None else msgspec.json.encode(value).decode() for value in values], missing
    )


def write_parquet(path: Path, columns: Sequence[Column], metadata: RowsMetadata) -> None:
    """Writes the file. OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"number": pa.float64(), "boolean": pa.bool_(), "text": pa.string(), "json": pa.string()}
    arrays = [pa.array(column.values, type=types[column.type]) for column in columns]
    fields = [pa.field(column.name, types[column.type], nullable=bool(column.missing)) for column in columns]
    schema = pa.schema(fields, metadata={METADATA: msgspec.json.encode(metadata)})
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, row_group_size=ROWS_A_GROUP)


def lines_of(path: Path, columns: Sequence[Column]) -> Iterator[bytes]:
    """The lines of a CSV or JSON lines file, without line ends."""
    rows: Iterable[tuple[Any, ...]] = zip(*(column.values for column in columns), strict=True)
    if path.suffix == ".csv":
        return _csv_lines([column.name for column in columns], rows)
    return _json_lines([column.name for column in columns], rows)


def _json_lines(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[bytes]:
    for row in rows:
        yield msgspec.json.encode(dict(zip(names, row, strict=True)))


def _csv_lines(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[bytes]:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="")
    for row in chain([names], rows):
        writer.writerow(["true" if each is True else "false" if each is False else each for each in row])
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()
