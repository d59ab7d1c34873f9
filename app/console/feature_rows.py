"""Summary of the rows that `shoal rows` has written, for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from app.console.output import counted
from app.offline.backtest import Summary
from app.offline.row_files import Column
from app.segments.definitions.features_file import Features


def show_rows(
    console: Console, summary: Summary, features: Features, columns: Sequence[Column], *, rows: int, left_out: int
) -> None:
    """Shows how many rows there are, and for each column how often it is missing, its mean and its extremes."""
    users = len(set(columns[0].values))
    console.print(
        f"{counted(rows, 'row')} of {counted(users, 'user')}, out of {counted(summary.accepted, 'event')}; "
        f"features {features.name} {features.version}"
    )
    if left_out:
        console.print(f"{counted(left_out, 'row')} left out: labels look beyond the last event")
    table = Table(box=None, pad_edge=False)
    for name in ("column", "type", "missing", "mean", "least", "most"):
        table.add_column(name, justify="left" if name in ("column", "type") else "right")
    for column in columns[2:]:
        table.add_row(column.name, column.type, _share(column.missing, rows), *_spread(column))
    console.print(table)


def _share(part: int, whole: int) -> str:
    return "" if not part else f"{100 * part / whole:.1f} %"


def _spread(column: Column) -> tuple[str, str, str]:
    known = [value for value in column.values if value is not None]
    if not known:
        return "", "", ""
    if column.type == "boolean":
        return f"{100 * sum(known) / len(known):.2f} %", "", ""
    if column.type == "number":
        return f"{sum(known) / len(known):,.2f}", f"{min(known):,.2f}", f"{max(known):,.2f}"
    return f"{len(set(known)):,} different", "", ""
