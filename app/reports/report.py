"""A report: tables of figures with notes, apart from how they are shown."""

from typing import Any, Final, Literal

import msgspec

from app.events.instants import iso
from app.reports.notes import Note

Kind = Literal["text", "count", "share", "number", "span", "instant"]
"""The meaning of a column. Shares are from 0 to 1, spans and instants are milliseconds."""
FIGURES: Final = 6


class Column(msgspec.Struct, frozen=True):
    """A column: its title, and the meaning of its values."""

    name: str
    kind: Kind


class Chart(msgspec.Struct, frozen=True):
    """A picture of a table. bars: one for each row; lines: a line for each label over the values of `across`."""

    form: Literal["bars", "lines"]
    label: str
    value: str
    across: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `name` is that of its CSV file, too. `rows`: None where a figure is not known."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]
    notes: tuple[Note, ...] = ()
    chart: Chart | None = None

    def place(self, column: str) -> int:
        """The place of a column, by its title."""
        return next(place for place, each in enumerate(self.columns) if each.name == column)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of one kind of report."""

    kind: str
    tables: list[Table]


def columns(*named: tuple[str, Kind]) -> tuple[Column, ...]:
    """Columns out of titles and meanings."""
    return tuple(Column(name, kind) for name, kind in named)


def ratio(part: float | None, whole: float | None) -> float | None:
    """A quotient with six figures; None where nothing is divided by.

    >>> ratio(1, 3), ratio(1, 0)
    (0.333333, None)
    """
    return None if not whole or part is None else float(f"{part / whole:.{FIGURES}g}")


def document(reports: list[Report], since_ms: int, until_ms: int) -> dict[str, Any]:
    """The reports as JSON: every row is an object by column; instants are texts, spans milliseconds."""
    return {
        "since": iso(since_ms),
        "until": iso(until_ms),
        "reports": [
            {
                "report": report.kind,
                "tables": [
                    {
                        "name": table.name,
                        "title": table.title,
                        "notes": [str(each) for each in table.notes],
                        "rows": _objects(table),
                    }
                    for table in report.tables
                ],
            }
            for report in reports
        ],
    }


def _objects(table: Table) -> list[dict[str, Any]]:
    return [
        {column.name: plain(value, column.kind) for column, value in zip(table.columns, row, strict=True)}
        for row in table.rows
    ]


def plain(value: Any, kind: Kind) -> Any:
    """A value as JSON and CSV have it."""
    return iso(value) if kind == "instant" and value is not None else value
