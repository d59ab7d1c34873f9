"""Rows with one label, as numbers for training."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from app.errors import UserError
from app.learning.points import Numbers, read_rows
from app.offline.row_files import RowsMetadata
from app.segments.definitions.model_file import Column
from app.segments.definitions.model_forecast import numbers_of

CATEGORIES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Rows in order of time. numbers: rows x `names`; label: 1 or 0, with classes the place of the row's class;
    ahead_ms: the label's window."""

    name: str
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    numbers: Numbers
    label: Any
    users: Any
    at_ms: Any
    ahead_ms: int
    metadata: RowsMetadata
    classes: tuple[str, ...] = ()


def read_label_rows(path: Path, label: str | None) -> LabelRows:
    """Rows of a file with a label: true or false, a number (true above 0), or one of several classes. UserError."""
    table, metadata = read_rows(path)
    name = _label_of(label, metadata)
    values = table.column(name).to_pylist()
    table = table.filter(pa.array([value is not None for value in values], type=pa.bool_()))
    if not len(table):
        raise UserError(f"no row of {path} has the label {name}")
    columns = tuple(
        _column(table, each, expression) for each, expression in metadata.values.items() if each not in metadata.mixed
    )
    classes = metadata.classes.get(name, ())
    rows = table.select([column.name for column in columns]).to_pylist()
    return LabelRows(
        name=name,
        columns=columns,
        names=tuple(each for column in columns for each in _names(column)),
        numbers=np.array([numbers_of(row, columns) for row in rows], dtype=np.float64),
        label=_numbers_of_label(table.column(name).to_pylist(), classes),
        users=np.array(table.column("user").to_pylist(), dtype=object),
        at_ms=np.array([datetime.fromisoformat(at).timestamp() * 1000 for at in table.column("at").to_pylist()]),
        ahead_ms=metadata.ahead_ms[name],
        metadata=metadata,
        classes=classes,
    )


def _numbers_of_label(values: list[Any], classes: tuple[str, ...]) -> Any:
    if classes:
        return np.array([classes.index(value) for value in values], dtype=np.int64)
    return np.array([float(value or 0) > 0 for value in values], dtype=np.float64)


def _label_of(label: str | None, metadata: RowsMetadata) -> str:
    if label is None and len(metadata.labels) == 1:
        return metadata.labels[0]
    if label is None or label not in metadata.labels:
        told = ", ".join(metadata.labels) or "none"
        raise UserError(f"--label {label or 'is needed'}: the rows have {told}", hint="name one of the labels")
    return label


def _column(table: pa.Table, name: str, expression: str) -> Column:
    if not pa.types.is_string(table.schema.field(name).type):
        return Column(name=name, expression=expression)
    counted = Counter(value for value in table.column(name).to_pylist() if value is not None)
    categories = sorted(counted, key=lambda value: (-counted[value], value))[:CATEGORIES_MAX]
    return Column(name=name, expression=expression, categories=tuple(categories))


def _names(column: Column) -> list[str]:
    if column.categories is None:
        return [column.name]
    return [f"{column.name} {category}" for category in column.categories]
